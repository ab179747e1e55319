"""lungio toxicity: drawn and real adverse events, the trap found and closed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.artifacts import load_run

from .calling import lungio

COH = Path(__file__).parents[3] / "shared" / "realdata" / "sayer2023_coh_nsclc_irae.csv"


def small(folder: Path, **changes: object) -> str:
    spec = {
        "name": "small",
        "seed": 3,
        "train": {"cohort": "keynote_189_toxicity", "patients": 600},
        "horizons_months": [6],
        "bootstrap": {"replicates": 20},
    }
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(spec | changes))
    return str(path)


def test_drawn_events_say_nothing_of_survival_unless_asked_wrongly(here: Path) -> None:
    result = lungio("toxicity", small(here), "--out", "made")
    assert result.exit_code == 0, result.output
    run = load_run(here / "made")
    table = run.table("contrasts").set_index("method")
    assert table.loc["ever_v_never", "hazard_ratio"] < table.loc["time_dependent", "hazard_ratio"]
    right = table.loc["time_dependent"]
    assert right["hazard_ratio_low"] < 1 < right["hazard_ratio_high"]
    page = (here / "made" / "report.html").read_text()
    assert "the true hazard ratio is 1" in page
    assert {p.stem for p in run.figures()} == {"contrasts", "incidence"}


@pytest.mark.skipif(not COH.is_file(), reason="City of Hope's table is not here (shared/realdata)")
def test_city_of_hope_repeats_the_published_ratio_and_closes_the_trap(here: Path) -> None:
    result = lungio("toxicity", "city_of_hope_toxicity", "--data", COH, "--out", "made", "--no-report")
    assert result.exit_code == 0, result.output
    table = load_run(here / "made").table("contrasts").set_index("method")
    naive = table.loc["ever_v_never"]
    # Sayer et al., Front Oncol 2023;13:1064169: 0.51 (0.39 to 0.68)
    assert [round(naive[c], 2) for c in ("hazard_ratio", "hazard_ratio_low", "hazard_ratio_high")] == [
        0.51,
        0.39,
        0.68,
    ]
    assert (
        table.loc["time_dependent", "hazard_ratio_low"] < 1 < table.loc["time_dependent", "hazard_ratio_high"]
    )


def test_an_event_nobody_had_is_refused(here: Path) -> None:
    result = lungio("toxicity", small(here, kinds=["hiccups"]), "--out", "made")
    assert result.exit_code == 2
    assert "no adverse event 'hiccups'; it has" in result.stderr
    assert not (here / "made").exists()
    real = lungio("toxicity", "city_of_hope_toxicity", "--out", "made")
    assert real.exit_code == 2
    assert "name their file" in real.stderr
