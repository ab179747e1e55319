"""The doors through which somebody else's bytes come in: specs, tables, requests.

A door is a strategy of cases and what is done with each. A case may be taken or refused in plain words;
anything else is a fault of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from benchmarks.fuzz_requests import enter_served_rows, served_rows
from benchmarks.fuzz_specs import (
    CONFIGS,
    enter_cohort,
    enter_evidence,
    enter_experiment,
    enter_map,
    enter_measurements,
    enter_rules,
    enter_study,
    enter_sweep,
    spec_cases,
    study_kinds,
    threshold_cases,
)
from benchmarks.fuzz_tables import (
    delimited_cases,
    enter_table,
    packed_cases,
    parquet_bytes,
    tables,
    workbook_bytes,
)


@dataclass(frozen=True)
class Door:
    """One way in.

    Attributes
    ----------
    name : str
    cases : hypothesis strategy
        Of whatever `enter` takes; `dataclass` cases show as they are when one is found.
    enter : callable
        Takes a case and an empty folder, and raises what a user would see.
    """

    name: str
    cases: st.SearchStrategy[Any]
    enter: Callable[[Any, Path], None]


def doors() -> list[Door]:
    """Every way in that needs no trained model."""
    every = sorted((CONFIGS / "cohorts").glob("*.yaml"))
    files = [p for p in every if b"kind: file" in p.read_bytes()]
    trials = [p for p in every if p not in files]
    register = CONFIGS / "evidence"
    evidence = sorted([*register.glob("trials/*.yaml"), *register.glob("biomarkers/*.yaml")])
    studies = [CONFIGS / "studies" / name for name in study_kinds()]

    def of(kind: str) -> list[Path]:
        return sorted((CONFIGS / kind).glob("*.yaml"))

    return [
        Door("experiments", spec_cases(of("experiments")), enter_experiment),
        Door("cohorts", spec_cases(trials), enter_cohort),
        Door("studies", spec_cases(studies), enter_study),
        Door("sweeps", spec_cases(of("sweeps")), enter_sweep),
        Door("maps", spec_cases(files), enter_map),
        Door("measurements", spec_cases(of("measurements")), enter_measurements),
        Door("thresholds", threshold_cases(), enter_rules),
        Door("evidence", spec_cases(evidence), enter_evidence),
        Door("delimited", delimited_cases(), enter_table),
        Door("parquet", packed_cases(parquet_bytes(), ".parquet"), enter_table),
        Door("workbook", packed_cases(tables().map(workbook_bytes), ".xlsx"), enter_table),
        Door("served rows", served_rows(), enter_served_rows),
    ]
