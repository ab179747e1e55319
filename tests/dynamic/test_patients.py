"""Patients shown: the stated rule, deficits told or not told, and what has been tried against them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from experiments.cohorts import resolve_simulated
from experiments.dynamic_patients import mechanisms, moved, patients_shown
from pipeline.dynamic import DynamicAnalysis, FittedDynamic, fit_dynamic
from pipeline.mechanism import CLASSES, UNKNOWN, MechanismOptions
from pipeline.schema import Cohort

ANALYSIS = DynamicAnalysis.model_validate(
    {"landmarks_months": [3, 6], "models": {"supermodel": {"penalties": [0.3]}}, "patient_pages": 4}
)
FEW = {"inverse_penalties": [0.03], "inner_folds": 3}


@pytest.fixture(scope="module")
def fitted() -> tuple[FittedDynamic, Cohort]:
    source = resolve_simulated("keynote_189_visits", 1500).solved()
    train, shown = (source.cohort(r, n) for r, n in zip(np.random.default_rng(2).spawn(2), "ab", strict=True))
    few = shown.take(shown.observed.index[:60])
    return fit_dynamic(train, ANALYSIS, np.random.default_rng(0)), few


def told(fitted: tuple[FittedDynamic, Cohort], **options: object) -> dict[str, pd.DataFrame]:
    model, shown = fitted
    chosen = MechanismOptions.model_validate(FEW | options)
    everybody = list(shown.observed.index)
    return mechanisms(model, shown, ANALYSIS, chosen, everybody, np.random.default_rng(1))


def test_those_whose_risk_rose_and_fell_most_are_shown_in_turn() -> None:
    spans = {"a": 0.1, "b": 0.5, "c": -0.3, "d": -0.05}
    risk = pd.DataFrame(
        [(p, m, "supermodel", 0.4 + s * (m == 6)) for p, s in spans.items() for m in (3.0, 6.0)],
        columns=["patient", "landmark_months", "model", "risk"],
    )
    assert patients_shown(risk, ANALYSIS) == ["b", "c", "a", "d"]


def test_deficits_are_probabilities_told_at_the_last_landmark_reached(
    fitted: tuple[FittedDynamic, Cohort],
) -> None:
    table = told(fitted, answer_from=0.3, least_measured=0.1)["mechanisms"]
    months = fitted[1].observed["pfs_months"]
    for patient, part in table.groupby("patient"):
        assert part["landmark_months"].iloc[0] == (6.0 if months[patient] > 6 else 3.0)
        assert part["probability"].sum() == pytest.approx(1)
        best = part.loc[part["probability"].idxmax()]
        assert part["answer"].iloc[0] == (best["deficit"] if best["probability"] >= 0.3 else UNKNOWN)
    assert set(table["patient"]) == set(months.index[months > 3])
    assert not set(table["patient"]) & set(fitted[0].train.observed.index)


def test_what_was_tried_against_the_deficits_answered_holds_negative_trials(
    fitted: tuple[FittedDynamic, Cohort],
) -> None:
    found = told(fitted, answer_from=0.2, least_measured=0.1)
    answered = set(found["mechanisms"]["answer"]) - {UNKNOWN}
    assert answered <= set(CLASSES)
    assert set(found["options"]["deficit"]) == answered
    assert (found["options"]["reading"] == "no difference shown").any()


def test_nothing_is_said_where_too_little_is_known(fitted: tuple[FittedDynamic, Cohort]) -> None:
    silent = told(fitted, least_measured=1.0)
    assert (silent["mechanisms"]["answer"] == UNKNOWN).all()
    assert silent["mechanisms"]["why"].str.contains("of the markers of deficits were measured").all()
    assert silent["options"].empty
    model, shown = fitted
    small = FittedDynamic(model.models, model.features, model.train.take(model.train.observed.index[:80]))
    table = told((small, shown))["mechanisms"]
    assert (table["answer"] == UNKNOWN).all()
    assert table["why"].str.contains("too few").all()


def test_what_moved_adds_up_to_the_change_of_the_log_hazard(fitted: tuple[FittedDynamic, Cohort]) -> None:
    model, shown = fitted
    months = shown.observed["pfs_months"]
    patients = list(months.index[months > 6][:5])
    tables = moved(model, shown, ANALYSIS, patients)
    total = tables["contributions"].pivot_table(
        index="patient", columns="landmark_months", values="contribution", aggfunc="sum"
    )
    change = tables["moved"].groupby("patient")["change"].sum()
    np.testing.assert_allclose(change, (total[6.0] - total[3.0]).loc[change.index], atol=1e-10)
