"""lungio simulate: the same seed gives the same patients."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import Result

from pipeline.artifacts import load_cohort, load_run, table_digest

from .calling import lungio, refused

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def test_the_same_seed_gives_the_same_patients(here: Path) -> None:
    results = [
        lungio("simulate", "KEYNOTE-189", "--n", 120, "--out", name, "--seed", seed)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert [r.exit_code for r in results] == [0, 0, 0], results[0].output
    a, b, c = (load_cohort(here / name) for name in "abc")
    assert table_digest(a.observed) == table_digest(b.observed) != table_digest(c.observed)
    assert f"sha256  {table_digest(a.observed)}" in results[0].output
    assert "published and reproduced" in results[0].output
    assert len(a) == 120
    assert a.manifest["seed"] == 1
    assert (here / "a" / "fidelity.csv").is_file()
    assert (here / "a" / "observed.parquet").read_bytes() == (here / "b" / "observed.parquet").read_bytes()


def test_a_simulated_cohort_is_the_training_cohort_of_the_run_with_its_seed(
    simulated: tuple[Path, Result], here: Path
) -> None:
    lungio("simulate", "keynote_189", "--n", 200, "--seed", 1, "--out", "cohort")
    facts = load_run(simulated[0] / "run").facts
    assert table_digest(load_cohort(here / "cohort").observed) == facts["cohorts"]["train"]["sha256"]
    assert facts["cohorts"]["external"]["sha256"] != facts["cohorts"]["train"]["sha256"]


def test_a_real_cohort_cannot_be_simulated(here: Path) -> None:
    refused(lungio("simulate", "poplar", "--n", 10, "--out", "cohort"), "there is nothing to simulate")
