"""Benefit predicted out of fold, and how well: for patients of a randomised comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from pipeline.benefit.interaction import benefit_by_score, treatment_interaction
from pipeline.benefit.learners import Question, predict_benefit, predict_risk, randomised, true_benefit
from pipeline.benefit.measures import c_for_benefit, gains, qini, ranks_within
from pipeline.benefit.pseudo_observations import pseudo_observations
from pipeline.schema import Cohort, Floats, Progress, outcome, silent
from pipeline.split import folds

MEASURES: Final[Mapping[str, str]] = {
    "qini": "Gain by treating in the predicted order over treating at random, averaged over shares treated",
    "c_for_benefit": "C-for-benefit: 0.5 says nothing of who gains",
    "interaction": "Hazard ratio of treatment multiplied per standard deviation of predicted benefit",
}
TRUTH: Final = "truth"
PROGNOSIS: Final = "control_risk"


@dataclass(frozen=True)
class BenefitScores:
    """Out-of-fold benefit for the patients of a randomised comparison.

    Attributes
    ----------
    cohort : Cohort
        The patients of both arms alone.
    question : Question
    benefit : dict of array, shape (n,)
        Predicted by each learner, averaged over repeats; `truth` where it is known, and `control_risk`, the
        risk under control, which tells prognosis and not benefit.
    rank : dict of array, shape (n,)
        Of the same within the patients predicted by one fit, 0 to 1, averaged over repeats.
    """

    cohort: Cohort
    question: Question
    benefit: Mapping[str, Floats]
    rank: Mapping[str, Floats]

    @property
    def treated(self) -> NDArray[np.bool_]:
        """Who was treated, shape (n,)."""
        return np.asarray(self.cohort.observed["arm"].astype(str) == self.question.treated)

    def values(self) -> Floats:
        """Pseudo-observations of the question's quantity within arms, shape (n,)."""
        y, treated = outcome(self.cohort.observed, self.question.endpoint), self.treated
        out = np.empty(len(y))
        for rows in (treated, ~treated):
            out[rows] = pseudo_observations(y[rows], self.question.horizon_months, self.question.quantity)
        return out


def cross_fitted(
    cohort: Cohort,
    question: Question,
    learners: Sequence[str],
    n_folds: int,
    repeats: int,
    rng: np.random.Generator,
    progress: Progress = silent,
) -> BenefitScores:
    """Predict every patient's benefit by learners that did not see the patient."""
    both = randomised(cohort, question)
    folds_rng, fits_rng = rng.spawn(2)
    parts = folds(both, question.endpoint, n_folds, repeats, folds_rng)
    names = [*learners, PROGNOSIS]
    found = {name: np.empty((repeats, len(both))) for name in names}
    number = np.empty((repeats, len(both)), dtype=np.intp)
    for done, (part, child) in enumerate(zip(parts, fits_rng.spawn(len(parts)), strict=True), start=1):
        train, rows = both.take(part.train), both.observed.index.get_indexer(part.test)
        test = both.observed.loc[part.test]
        number[part.repeat, rows] = part.fold
        for name, draws in zip(names, child.spawn(len(names)), strict=True):
            if name == PROGNOSIS:
                found[name][part.repeat, rows] = predict_risk(train, test, question, draws)
            else:
                found[name][part.repeat, rows] = predict_benefit(name, train, test, question, draws)
        progress("cross-fit benefit", done, len(parts))
    if both.truth is not None:
        found[TRUTH] = np.tile(true_benefit(both.truth, both.observed.index, question), (repeats, 1))
    return BenefitScores(
        both,
        question,
        {name: values.mean(axis=0) for name, values in found.items()},
        {
            name: np.mean([ranks_within(v, f) for v, f in zip(values, number, strict=True)], axis=0)
            for name, values in found.items()
        },
    )


def judge_benefit(scores: BenefitScores, level: float = 0.95) -> pd.DataFrame:
    """Return every measure of every learner, and how near each is to the truth where that is known.

    Returns
    -------
    DataFrame
        `learner`, `measure` (key of MEASURES), `value`, `low`, `high`; `correlation` (Spearman) with the true
        benefit, and `error`, the root mean squared error in the question's unit, NaN without the truth.
    """
    values, treated = scores.values(), scores.treated
    y = outcome(scores.cohort.observed, scores.question.endpoint)
    true = scores.benefit.get(TRUTH)
    lines = []
    for name, rank in scores.rank.items():
        near = {"correlation": np.nan, "error": np.nan}
        if true is not None:
            predicted = scores.benefit[name]
            if np.ptp(true) > 0 and np.ptp(predicted) > 0:
                near["correlation"] = float(spearmanr(predicted, true).statistic)
            if name != PROGNOSIS:
                near["error"] = float(np.sqrt(np.mean((predicted - true) ** 2)))
        for measure, function in (("qini", qini), ("c_for_benefit", c_for_benefit)):
            found = function(rank, treated, values, level)
            lines.append((name, measure, found.value, found.low, found.high, *near.values()))
        ratio = treatment_interaction(y, treated, rank, level)
        ends = [ratio.get(k, np.nan) for k in ("interaction", "interaction_low", "interaction_high")]
        lines.append((name, "interaction", *ends, *near.values()))
    columns = ["learner", "measure", "value", "low", "high", "correlation", "error"]
    return pd.DataFrame(lines, columns=columns)


def benefit_groups(
    scores: BenefitScores, groups: int, replicates: int, level: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the effect of treatment by quantile of each learner's predicted benefit, least first.

    Columns of ``benefit_by_score`` with `learner` and `predicted`, the mean predicted benefit of the group.
    """
    y, treated = outcome(scores.cohort.observed, scores.question.endpoint), scores.treated
    tables = []
    for (name, rank), child in zip(scores.rank.items(), rng.spawn(len(scores.rank)), strict=True):
        order = np.argsort(np.argsort(rank, kind="stable"), kind="stable")
        group = (order * groups // len(order)).astype(np.intp)
        table = benefit_by_score(y, treated, group, scores.question.horizon_months, replicates, level, child)
        predicted = [float(scores.benefit[name][group == k].mean()) for k in table["group"]]
        table.insert(0, "learner", name)
        tables.append(table.assign(predicted=predicted, group=table["group"] + 1))
    return pd.concat(tables, ignore_index=True)


def benefit_curve(scores: BenefitScores, shares: int = 20) -> pd.DataFrame:
    """Return the gain per patient by treating the `share` said to gain most: `learner`, `share`, `gain`."""
    gained = gains(scores.treated, scores.values())
    lines = []
    for name, rank in scores.rank.items():
        first = np.argsort(-rank, kind="stable")
        summed = np.concatenate([[0.0], np.cumsum(gained[first])]) / len(first)
        for share in np.linspace(0, 1, shares + 1):
            lines.append((name, share, float(summed[round(share * len(first))])))
    return pd.DataFrame(lines, columns=["learner", "share", "gain"])
