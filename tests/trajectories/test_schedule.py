"""The visits block of a cohort file, and what is said of a faulty one."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.schema import InputError
from synthetic_data.cohort_spec import read_cohort_spec
from synthetic_data.trajectories import (
    VisitSpec,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({}, "give either `months`"),
        ({"every_weeks": 6}, "give either `months`"),
        ({"months": (1.0,), "every_weeks": 6, "until_months": 12}, "give either `months`"),
        ({"months": (2.0, 1.0)}, "months must increase"),
        ({"months": (1.0, 1.001)}, "at least a day apart"),
        ({"every_weeks": 1, "until_months": 240}, "must plan 1 to 199 visits"),
        ({"months": (1.0,), "assays": ("csf",)}, "tumour_size"),
        ({"months": (1.0,), "missed_fraction": 1.0}, "less than 1"),
    ],
)
def test_a_faulty_block_says_why(block: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        VisitSpec.model_validate(block)


def test_a_faulty_block_of_a_file_names_its_field(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("trial: POPLAR\nvisits: {every_weeks: 6}\n")
    with pytest.raises(InputError, match=r"mine\.yaml: visits: .*give either `months`"):
        read_cohort_spec(path)


def test_the_shipped_example_has_visits() -> None:
    spec = read_cohort_spec(ROOT / "configs" / "cohorts" / "keynote_189_visits.yaml")
    assert spec.visits is not None
    plain = read_cohort_spec(ROOT / "configs" / "cohorts" / "keynote_189.yaml")
    assert spec.model_copy(update={"visits": None, "name": plain.name}) == plain
