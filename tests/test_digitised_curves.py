"""Digitised curves: how a file is read, and what is said when it cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.schema import InputError
from synthetic_data.digitised_curves import compare, digitised_curves, plain_curve
from synthetic_data.evidence import load_register
from synthetic_data.survival_curves import inverse


@pytest.fixture(scope="module")
def register():
    return load_register()


def written(tmp_path, rows: str, head: str = "trial,arm,os_months,event"):
    (tmp_path / "curves.csv").write_text(f"{head}\n{rows}")
    return tmp_path / "curves.csv"


def test_the_registers_names_and_those_of_bomze_are_both_known(tmp_path, register) -> None:
    file = written(tmp_path, "impower133,placebo,3,1\nimpower133,placebo,5,0\nOAK,docetaxel,2,1\n")
    first, second = digitised_curves(file, register)
    assert (first.trial, first.arm, first.until_follow_up_months) == ("IMpower133", "placebo_ce", 15.0)
    assert (second.trial, second.arm) == ("OAK", "docetaxel")
    assert first.time.tolist() == [3.0, 5.0]


@pytest.mark.parametrize(
    ("rows", "head", "said"),
    [
        ("a,b,1\n", "trial,arm,os_months", "no column event; wanted are trial, arm, os_months, event"),
        ("OAK,placebo,1,1\n", "trial,arm,os_months,event", r"has no arm 'placebo'; it has atezolizumab"),
        ("OAK,docetaxel,soon,1\n", "trial,arm,os_months,event", "cannot be read"),
        ("NOTRIAL,a,1,1\n", "trial,arm,os_months,event", "NOTRIAL"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, register, rows, head, said) -> None:
    with pytest.raises(InputError, match=said):
        digitised_curves(written(tmp_path, rows, head), register)
    with pytest.raises(InputError, match="cannot be read"):
        digitised_curves(tmp_path / "none.csv", register)


def test_a_sample_of_the_plain_curve_is_nearer_to_it_than_to_the_drawn_one(tmp_path, register) -> None:
    rng = np.random.default_rng(3)
    arms = []
    for arm in ("placebo_ce", "atezo_ce"):
        (known,) = digitised_curves(written(tmp_path, f"IMpower133,{arm},1,1\n"), register)
        curve = plain_curve(register, known)
        time = inverse(curve.months, curve.cumulative_hazard, rng.exponential(size=4_000))
        seen = np.minimum(time, 20.0)
        arms += [f"IMpower133,{arm},{t:.4f},{int(e)}" for t, e in zip(seen, time <= 20.0, strict=True)]
    for row in compare(register, digitised_curves(written(tmp_path, "\n".join(arms)), register)):
        assert abs(row[2].largest) < 0.03
        assert abs(row[1].largest) > abs(row[2].largest)
