"""Learners of a patient's benefit: what is expected under one arm less what is expected under the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.benefit.pseudo_observations import Quantity, pseudo_observations
from pipeline.features import FeatureBuilder
from pipeline.metrics.rmst import predicted_mean
from pipeline.models import ModelContext, SurvivalModel, build_model
from pipeline.schema import Cohort, Column, Floats, InputError, Prediction, Truth, lookup, outcome

STEPS = 48  # of the grid under which restricted means are taken
RIDGE_PENALTIES: Final = tuple(10.0**k for k in range(-1, 5))


@dataclass(frozen=True)
class Question:
    """Benefit of which arm over which, in what.

    Attributes
    ----------
    endpoint, treated, control : str
    horizon_months : float
    quantity : {"survival", "rmst"}
        The difference in the chance of being event-free past the horizon, or in months event-free up to it.
    base : str
        Key of ``pipeline.models.MODELS``: the model that the learners are built on.
    options : mapping
        Of that model.
    """

    endpoint: str
    treated: str
    control: str
    horizon_months: float
    quantity: Quantity = "survival"
    base: str = "cox"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def months(self) -> Floats:
        """Months at which curves are asked for."""
        return np.linspace(0, self.horizon_months, STEPS + 1)[1:]

    def expected(self, prediction: Prediction) -> Floats:
        """Return the quantity that curves predict, shape (n,)."""
        if self.quantity == "survival":
            return prediction.at(self.horizon_months)
        return predicted_mean(prediction, self.horizon_months)


def randomised(cohort: Cohort, question: Question) -> Cohort:
    """Return the patients of the two arms alone.

    Raises
    ------
    InputError
        When the cohort lacks an arm or the endpoint.
    """
    if "arm" not in cohort.observed:
        raise InputError(f"cohort {cohort.name!r} has no arms: benefit needs a randomised comparison")
    arms = cohort.observed["arm"].astype(str)
    known = sorted(arms.unique())
    lacking = [a for a in (question.treated, question.control) if a not in known]
    if lacking or question.treated == question.control:
        raise InputError(
            f"cohort {cohort.name!r}: treated and control must be two of its arms ({', '.join(known)}). "
            f"Got {question.treated!r} and {question.control!r} instead"
        )
    if question.endpoint not in cohort.endpoints():
        raise InputError(
            f"endpoint: cohort {cohort.name!r} does not hold {question.endpoint!r}; it has "
            f"{', '.join(cohort.endpoints()) or 'none'}"
        )
    return cohort.take(cohort.observed.index[arms.isin([question.treated, question.control])])


def _fitted(
    cohort: Cohort, question: Question, columns: tuple[Column, ...], rng: np.random.Generator
) -> SurvivalModel:
    y = outcome(cohort.observed, question.endpoint)
    context = ModelContext(
        columns=columns,
        endpoint=question.endpoint,
        horizons_months=(question.horizon_months,),
        max_months=float(y["time"].max()),
        control_arm=question.control,
        measured=cohort.columns,
    )
    return build_model(question.base, context, question.options).fit(cohort.observed, y, rng)


def _baseline(cohort: Cohort) -> tuple[Column, ...]:
    return tuple(c for c in cohort.columns if c.role == "baseline")


def _of_arm(cohort: Cohort, arm: str) -> Cohort:
    return cohort.take(cohort.observed.index[cohort.observed["arm"].astype(str) == arm])


def s_learner(train: Cohort, frame: pd.DataFrame, question: Question, rng: np.random.Generator) -> Floats:
    """One model for all with the arm among its features; asked about each patient under either arm.

    On a Cox model the arm's hazard ratio is the same for all, so benefit differs by risk alone.
    """
    arm = next(c for c in train.columns if c.role == "arm")
    model = _fitted(train, question, (arm, *_baseline(train)), rng)
    under = [
        question.expected(model.predict(_under(frame, a), question.months))
        for a in (question.treated, question.control)
    ]
    return under[0] - under[1]


def _under(frame: pd.DataFrame, arm: str) -> pd.DataFrame:
    values = frame["arm"]
    if isinstance(values.dtype, pd.CategoricalDtype):
        return frame.assign(arm=pd.Categorical([arm] * len(frame), dtype=values.dtype))
    return frame.assign(arm=arm)


def t_learner(train: Cohort, frame: pd.DataFrame, question: Question, rng: np.random.Generator) -> Floats:
    """One model an arm; the difference of what they expect."""
    treated, control = _by_arm(train, frame, question, rng)
    return treated - control


def _by_arm(
    train: Cohort, frame: pd.DataFrame, question: Question, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    found = []
    for arm, child in zip((question.treated, question.control), rng.spawn(2), strict=True):
        model = _fitted(_of_arm(train, arm), question, _baseline(train), child)
        found.append(question.expected(model.predict(frame, question.months)))
    return found[0], found[1]


def x_learner(train: Cohort, frame: pd.DataFrame, question: Question, rng: np.random.Generator) -> Floats:
    """Regress on features how far each arm's patients did better than the other arm's model expects.

    Outcomes are pseudo-observations within the arm, the regressions ridge with the penalty by generalised
    cross-validation; the two are averaged with the arms' shares (Künzel et al., PNAS 2019;116:4156).
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    treated, control = _by_arm(train, train.observed, question, rng)
    mine = train.observed["arm"].astype(str).to_numpy() == question.treated
    y = outcome(train.observed, question.endpoint)
    gained = np.empty(len(y))
    gained[mine] = pseudo_observations(y[mine], question.horizon_months, question.quantity) - control[mine]
    gained[~mine] = treated[~mine] - pseudo_observations(y[~mine], question.horizon_months, question.quantity)
    builder = FeatureBuilder(_baseline(train), question.control).fit(train.observed)
    x, asked = (builder.transform(f).to_numpy() for f in (train.observed, frame))
    by_treated, by_control = (
        make_pipeline(StandardScaler(), RidgeCV(RIDGE_PENALTIES)).fit(x[rows], gained[rows]).predict(asked)
        for rows in (mine, ~mine)
    )
    share = float(mine.mean())
    return np.asarray(share * by_control + (1 - share) * by_treated, dtype=float)


Learner = Callable[[Cohort, pd.DataFrame, Question, np.random.Generator], Floats]
LEARNERS: Final[Mapping[str, Learner]] = {
    "s_learner": s_learner,
    "t_learner": t_learner,
    "x_learner": x_learner,
}


def predict_benefit(
    name: str, train: Cohort, frame: pd.DataFrame, question: Question, rng: np.random.Generator
) -> Floats:
    """Return what learner `name`, taught on the randomised patients of `train`, expects for `frame`, (n,)."""
    return lookup(LEARNERS, name, "learner")(randomised(train, question), frame, question, rng)


def predict_risk(train: Cohort, frame: pd.DataFrame, question: Question, rng: np.random.Generator) -> Floats:
    """Return prognosis under control: the risk by a model of the control patients of `train`, (n,)."""
    model = _fitted(_of_arm(train, question.control), question, _baseline(train), rng)
    return 1 - replace(question, quantity="survival").expected(model.predict(frame, question.months))


def true_benefit(truth: Truth, patients: pd.Index, question: Question) -> Floats:
    """Return the benefit that a simulation gave each patient, shape (n,)."""
    under = [
        question.expected(
            Prediction(
                np.zeros(len(patients)),
                question.months,
                truth.survival(question.endpoint, question.months, patients, arm),
            )
        )
        for arm in (question.treated, question.control)
    ]
    return under[0] - under[1]
