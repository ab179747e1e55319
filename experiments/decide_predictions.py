"""Predictions that a policy may look at: models fitted on other patients than those it is played in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from pydantic import Field

from experiments.config import CohortChoice
from pipeline.config import Spec
from pipeline.decide import WEEK, PredictionTrigger, Series, prediction_series
from pipeline.dynamic import DynamicAnalysis, check_names, reached
from pipeline.mechanism import CLASSES, UNKNOWN, MechanismOptions
from pipeline.run.streams import stage_generator
from pipeline.schema import Cohort, Floats, InputError, Progress

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.decide import Policy
    from pipeline.schema import Truth

ORACLE: Final = "oracle"  # the true risk from the landmark on, as an upper bound; no model


class PolicyPredictions(Spec):
    """Which models a policy's risks and mechanisms come from, and on whom they are fitted."""

    train: CohortChoice = Field(description="patients drawn for fitting; none of them is played")
    endpoint: Literal["os", "pfs"] = "pfs"
    landmarks_months: tuple[float, ...] = Field((1.5, 3, 6), min_length=1)
    horizon_months: float = Field(6, gt=0, description="risks are of an event so long after the landmark")
    window_months: float = Field(12, gt=0)
    models: dict[str, dict[str, Any]] = Field(default={"supermodel": {}}, min_length=1)
    mechanism: MechanismOptions | None = Field(None, description="also tell the likeliest deficit")
    turnaround_weeks: float = Field(0, ge=0, le=52, description="from the landmark to its prediction")

    @property
    def analysis(self) -> DynamicAnalysis:
        """The same as settings of a dynamic analysis."""
        return DynamicAnalysis(
            endpoint=self.endpoint, landmarks_months=self.landmarks_months, window_months=self.window_months,
            horizons_months=(self.horizon_months,), models=self.models,
        )  # fmt: skip

    def faults(self, policies: Mapping[str, Policy]) -> list[str]:
        """Return which triggers name a prediction that is not made here."""
        found = []
        try:
            check_names(self.analysis)
        except (InputError, ValueError) as error:
            found.append(f"predictions: {' '.join(str(error).split())}")
        known = {"risk": [*self.models, ORACLE], "mechanism": list(CLASSES) if self.mechanism else []}
        for name, kind, wanted in wanted_predictions(policies):
            if wanted not in known[kind]:
                there = ", ".join(known[kind]) or "none; set `predictions.mechanism`"
                found.append(f"policy {name!r}: no {kind} {wanted!r} is predicted; there is {there}")
        return found


def wanted_predictions(policies: Mapping[str, Policy]) -> list[tuple[str, str, str]]:
    """Return policy, kind and name of every prediction that a rule looks at."""
    return [
        (name, trigger.kind, trigger.name)
        for name, policy in policies.items()
        for rule in policy.rules
        for trigger in rule.when
        if isinstance(trigger, PredictionTrigger)
    ]


def predicted(
    spec: PolicyPredictions,
    train: Cohort,
    played: Cohort,
    arm: str,
    rng: np.random.Generator,
    progress: Progress,
) -> dict[tuple[str, str], Series]:
    """Fit on `train` and return what is predicted of the patients played, as known at each landmark.

    A patient has a risk at each landmark at which he or she is at risk, from visits until then. The
    probabilities of deficits are those of a model fitted on failures of `train` at the same landmark; a
    patient of whom it says that there is not enough data has none. "oracle" is the true risk.

    Raises
    ------
    InputError
        When a patient is in both cohorts.
    """
    from pipeline.dynamic import fit_dynamic, predict_landmarks, risk_over_time

    both = train.observed.index.intersection(played.observed.index)
    if len(both):
        raise InputError(
            f"{len(both)} patients are both learnt from and played, {both[0]!r} among them: a policy would "
            "look at predictions of models that know the outcome; draw other patients"
        )
    analysis = spec.analysis
    fitted = fit_dynamic(train, analysis, stage_generator(rng, "risks"), progress)
    risk = risk_over_time(predict_landmarks({"train": fitted}, played, analysis), analysis)
    patients = played.observed.index
    found = {
        ("risk", str(name)): prediction_series(part, patients, "risk")
        for name, part in risk.groupby("model", sort=False)
    }
    if played.truth is not None:
        table = true_risk(played.truth, risk[risk["model"] == next(iter(spec.models))], spec, arm)
        found["risk", ORACLE] = prediction_series(table, patients, "risk")
    if spec.mechanism is not None:
        for name, table in _mechanisms(spec, train, played, fitted.features, rng, progress).items():
            found["mechanism", name] = prediction_series(table, patients, "probability")
    later = spec.turnaround_weeks * WEEK
    return {key: Series(series.known_months + later, series.values) for key, series in found.items()}


def true_risk(truth: Truth, rows: pd.DataFrame, spec: PolicyPredictions, arm: str) -> pd.DataFrame:
    """Return the true chance of the event within the horizon of each patient and landmark in `rows`."""
    import pandas as pd

    parts = []
    for landmark, part in rows.groupby("landmark_months", sort=True):
        months = np.array([float(landmark), float(landmark) + spec.horizon_months])  # type: ignore[arg-type]
        survival: Floats = truth.survival(spec.endpoint, months, pd.Index(part["patient"]), arm=arm)
        parts.append(part.assign(risk=1 - survival[:, 1] / survival[:, 0], model=ORACLE))
    return pd.concat(parts, ignore_index=True)


def _mechanisms(
    spec: PolicyPredictions,
    train: Cohort,
    played: Cohort,
    features: Any,
    rng: np.random.Generator,
    progress: Progress,
) -> dict[str, pd.DataFrame]:
    """Return, by deficit, `patient`, `landmark_months` and `probability` of those whom the model answers."""
    import pandas as pd

    from experiments.mechanism_command import model_at
    from pipeline.landmark import landmark_cohort

    assert spec.mechanism is not None  # noqa: S101 - asked by the caller
    parts, landmarks = [], reached(played, spec.analysis)
    for done, landmark in enumerate(landmarks, start=1):
        child = stage_generator(rng, f"mechanism {landmark:g}")
        model = model_at(train, spec.endpoint, landmark, features, spec.mechanism, child)
        at = landmark_cohort(played, spec.endpoint, landmark, features).observed
        said = model.probabilities(at)[(model.answers(at) != UNKNOWN).to_numpy()]
        parts.append(said.rename_axis("patient").reset_index().assign(landmark_months=landmark))
        progress("learn causes", done, len(landmarks))
    table = pd.concat(parts, ignore_index=True)
    return {
        name: table[["patient", "landmark_months", name]].rename(columns={name: "probability"})
        for name in CLASSES
    }
