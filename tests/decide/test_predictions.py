"""Predictions for policies: other patients learnt from, nothing seen of the future, and the true risk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from experiments.cohorts import resolve_simulated
from experiments.decide_predictions import PolicyPredictions, predicted, true_risk
from pipeline.decide import Policy, Series
from pipeline.schema import Cohort, InputError, silent

from .made_world import CONTROL, HAZARD, made_world

SPEC = PolicyPredictions.model_validate(
    {
        "train": {"cohort": "keynote_189_visits", "patients": 500},
        "landmarks_months": [3, 6],
        "models": {"supermodel": {"penalties": [0.3]}},
    }
)
LANDMARK = 3.0


@pytest.fixture(scope="module")
def cohorts() -> dict[str, Cohort]:
    source = resolve_simulated("keynote_189_visits", 500).solved()
    rngs = np.random.default_rng(4).spawn(2)
    return {name: source.cohort(r, name) for name, r in zip(("others", "played"), rngs, strict=True)}


def of(cohorts: Mapping[str, Cohort], played: Cohort) -> dict[tuple[str, str], Series]:
    rng = np.random.default_rng(0)
    return predicted(SPEC, cohorts["others"], played, "pembrolizumab_chemo", rng, silent)


def test_shifting_what_comes_after_a_landmark_changes_no_prediction_at_it(cohorts: dict[str, Cohort]) -> None:
    played = cohorts["played"]
    assert played.visits is not None
    visits = played.visits.copy()
    later = visits["months"] > LANDMARK
    visits.loc[later, ["nlr", "target_lesions_mm"]] *= 3.0
    observed = played.observed.copy()
    beyond = observed["pfs_months"] > LANDMARK
    observed.loc[beyond, "pfs_months"] += 5.0
    observed.loc[beyond, "os_months"] += 5.0
    observed.loc[beyond, "progressed_or_died"] = ~observed.loc[beyond, "progressed_or_died"]
    shifted = replace(played, visits=visits, observed=observed)
    before, after = (of(cohorts, c)["risk", "supermodel"].until(LANDMARK) for c in (played, shifted))
    np.testing.assert_array_equal(before.values[:, 0], after.values[:, 0])
    earlier = played.visits.copy()  # the twin: what is known by the landmark does change it
    earlier.loc[~later, "target_lesions_mm"] *= 3.0
    moved = of(cohorts, replace(played, visits=earlier))["risk", "supermodel"].until(LANDMARK)
    assert not np.array_equal(before.values[:, 0], moved.values[:, 0], equal_nan=True)


def test_a_patient_both_learnt_from_and_played_is_refused(cohorts: dict[str, Cohort]) -> None:
    with pytest.raises(InputError, match="500 patients are both learnt from and played"):
        of(cohorts, cohorts["others"])


def test_the_oracle_s_risk_is_that_of_the_true_hazard() -> None:
    cohort = made_world(40, seed=1)
    assert cohort.truth is not None
    rows = pd.DataFrame({"patient": cohort.observed.index, "landmark_months": 3.0, "risk": 0.0, "model": "x"})
    table = true_risk(cohort.truth, rows, SPEC.model_copy(update={"endpoint": "os"}), CONTROL)
    hazard = HAZARD * np.exp(cohort.truth.patients[f"os_log_hazard[{CONTROL}]"].to_numpy())
    np.testing.assert_allclose(table["risk"], 1 - np.exp(-6 * hazard), rtol=1e-9)


def test_predictions_that_nobody_makes_are_named() -> None:
    policy = Policy.model_validate(
        {"label": "x", "rules": [
            {"name": "a", "action": "go", "when": [{"kind": "risk", "name": "magic", "at_least": 0.5},
                                                   {"kind": "mechanism", "name": "antigen_scarcity",
                                                    "below": 1}]},
        ]}
    )  # fmt: skip
    faults = " ".join(SPEC.faults({"mine": policy}))
    assert "no risk 'magic' is predicted; there is supermodel, oracle" in faults
    assert "set `predictions.mechanism`" in faults
    unknown = SPEC.model_copy(update={"models": {"wand": {}}})
    assert any("wand" in fault for fault in unknown.faults({}))
