"""Benefit predicted for patients not learnt from, and how well, in a randomised comparison."""

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
    """Benefit predicted for patients of a randomised comparison, none of whom was learnt from.

    Attributes
    ----------
    cohort : Cohort
        The judged patients.
    question : Question
    benefit : dict of array, shape (n,)
        Predicted by each learner; `truth` where it is known, and `control_risk`, the risk under control,
        which tells prognosis and not benefit.
    rank : dict of array, shape (n,)
        Of the same within the patients predicted by one fit, 0 to 1.
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


def sequential_benefit(
    cohort: Cohort,
    question: Question,
    learners: Sequence[str],
    n_folds: int,
    rng: np.random.Generator,
    progress: Progress = silent,
) -> BenefitScores:
    """Predict patients' benefit, fold after fold, by learners taught on the folds before.

    The first half of the folds (rounded down) is taught on alone and not judged. In ordinary
    cross-validation each fold is judged by learners that saw the others, and so twice for the same chance
    agreement of two folds: where nobody gains more than others, 95 % intervals then hold in 89 to
    90 % of trials (T-learner, two folds of 400 patients). Learnt from the past alone, errors of
    successive folds are martingale differences and the usual interval holds. Source: Wager, Sequential
    Validation of Treatment Heterogeneity, arXiv:2405.05534.

    Returns
    -------
    BenefitScores
        Of the judged patients, in the order of the cohort.
    """
    both = randomised(cohort, question)
    folds_rng, fits_rng = rng.spawn(2)
    parts = folds(both, question.endpoint, n_folds, 1, folds_rng)
    number = np.empty(len(both), dtype=np.intp)
    for part in parts:
        number[both.observed.index.get_indexer(part.test)] = part.fold
    names = [*learners, PROGNOSIS]
    found = {name: np.full(len(both), np.nan) for name in names}
    judged = range(n_folds // 2, n_folds)
    for done, (fold, child) in enumerate(zip(judged, fits_rng.spawn(len(judged)), strict=True), start=1):
        train, test = both.take(both.observed.index[number < fold]), both.observed[number == fold]
        for name, draws in zip(names, child.spawn(len(names)), strict=True):
            if name == PROGNOSIS:
                found[name][number == fold] = predict_risk(train, test, question, draws)
            else:
                found[name][number == fold] = predict_benefit(name, train, test, question, draws)
        progress("learn benefit", done, len(judged))
    rows = number >= n_folds // 2
    if both.truth is not None:
        found[TRUTH] = true_benefit(both.truth, both.observed.index, question)
    benefit = {name: values[rows] for name, values in found.items()}
    ranks = {name: ranks_within(values, number[rows]) for name, values in benefit.items()}
    return BenefitScores(both.take(both.observed.index[rows]), question, benefit, ranks)


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
