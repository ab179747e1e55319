"""Tables filled block by block, and cohorts too large for the machine refused before any is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.schema import InputError
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_memory import (
    GrowingTable,
    check_disk,
    check_memory,
    free_memory,
    patient_bytes,
)
from synthetic_data.cohort_spec import CohortSpec, plan_cohort
from synthetic_data.evidence import load_register
from synthetic_data.population import Population, prepare


@pytest.fixture(scope="module")
def population() -> Population:
    spec = CohortSpec(name="small", trial="KEYNOTE-189", markers=("pdl1_tps", "nlr", "sex"))
    return prepare(plan_cohort(spec), load_register())


def test_a_growing_table_is_the_tables_one_under_the_other() -> None:
    whole = pd.DataFrame(
        {"x": np.arange(9.0), "sex": pd.Categorical(list("mfmfmfmfm")), "died": np.arange(9) % 2 == 0},
        index=pd.Index([f"p{i}" for i in range(9)], name="patient"),
    )
    growing = GrowingTable(12)  # three of whom are not in the table
    for part in (whole[:4], whole[4:8], whole[8:]):
        growing.add(part)
    pd.testing.assert_frame_equal(growing.table(), whole, check_exact=True)
    one = GrowingTable(9)
    one.add(whole)
    assert one.table() is whole


def test_what_a_patient_takes_is_what_the_tables_take(population: Population) -> None:
    cohort = simulate_cohort(population, 5_000, np.random.default_rng(0))
    assert cohort.truth is not None
    tables = (
        cohort.observed.memory_usage(index=False).sum()
        + cohort.truth.patients.memory_usage(index=False).sum()
    )
    assert patient_bytes(population) == pytest.approx(tables / 5_000, abs=120)


def test_more_patients_than_memory_holds_are_refused_with_the_estimate(population: Population) -> None:
    check_memory(population, 100_000)
    assert free_memory() > 2**20
    with pytest.raises(InputError, match=r"1,000,000,000,000 patients need about [\d,]+ GiB of memory, and"):
        simulate_cohort(population, 10**12, np.random.default_rng(0))


def test_more_patients_than_the_disk_holds_are_refused(population: Population, tmp_path: Path) -> None:
    check_disk(population, 100_000, tmp_path / "deep" / "made")
    with pytest.raises(InputError, match=r"need up to [\d,]+ GiB of disk space at .*made.*--out"):
        check_disk(population, 10**12, tmp_path / "deep" / "made")
