"""The probability of each deficit of a patient, calibrated, with "not enough data to say" as an answer."""

from __future__ import annotations

from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pipeline.config import Spec
from pipeline.features import FeatureBuilder
from pipeline.immune_mechanisms import deficit_of, deficits
from pipeline.schema import Column, Floats, InputError

CLASSES: Final = tuple(deficits())
UNKNOWN: Final = "not enough data to say"
LEAST_OF_A_CLASS: Final = 10


class MechanismOptions(Spec):
    """Penalties tried, folds, and when the model says nothing."""

    inverse_penalties: tuple[float, ...] = Field((0.003, 0.01, 0.03, 0.1, 0.3), min_length=1)
    inner_folds: int = Field(5, ge=2, le=20)
    answer_from: float = Field(0.35, gt=0, lt=1, description="least probability of the likeliest class")
    least_measured: float = Field(
        0.5, ge=0, le=1, description="least share of the deficits' markers measured"
    )


class MechanismModel:
    """Multinomial logistic regression with a ridge penalty, its probabilities sharpened or softened to fit.

    The penalty is chosen, and one temperature by which all logits are divided is learnt (Guo et al., ICML
    2017, arXiv:1706.04599), from predictions of training patients by models that had not seen them.
    What is asked is: should checkpoint inhibition fail this patient, why? Whether it will is another
    model's question, and the patients learnt from are those whom it failed.

    A patient gets the answer `UNKNOWN` when no class reaches `answer_from`, or when less than
    `least_measured` of the columns that speak of deficits were measured.
    """

    def __init__(self, columns: tuple[Column, ...], options: MechanismOptions | None = None) -> None:
        self.columns = columns
        self.options = options or MechanismOptions()

    def fit(self, frame: pd.DataFrame, cause: NDArray[np.object_], rng: np.random.Generator) -> Self:
        """Learn from training patients whose cause of failure is known.

        Parameters
        ----------
        frame : DataFrame, n rows
        cause : array of str, shape (n,)
            One of CLASSES.
        rng : Generator

        Raises
        ------
        InputError
            An unknown cause, or a deficit with fewer than 10 patients.
        """
        from sklearn.model_selection import StratifiedKFold

        unknown = sorted(set(cause) - set(CLASSES))
        if unknown:
            raise InputError(f"unknown causes {', '.join(unknown)}; known: {', '.join(CLASSES)}")
        few = [f"{c} ({int((cause == c).sum())})" for c in CLASSES if (cause == c).sum() < LEAST_OF_A_CLASS]
        if few:
            raise InputError(
                f"each cause needs {LEAST_OF_A_CLASS} patients to learn from; too few: {', '.join(few)}"
            )
        place = np.array([CLASSES.index(c) for c in cause])
        folds = StratifiedKFold(
            self.options.inner_folds, shuffle=True, random_state=int(rng.integers(2**31 - 1))
        )
        best: tuple[float, float, Floats] | None = None
        for strength in self.options.inverse_penalties:
            logits = np.empty((len(place), len(CLASSES)))
            for train, test in folds.split(place, place):
                features, model = self._fitted(frame.iloc[train], place[train], strength)
                logits[test] = model.decision_function(features.transform(frame.iloc[test]).to_numpy())
            loss = _log_loss(logits, place)
            if best is None or loss < best[0]:
                best = loss, strength, logits
        assert best is not None  # noqa: S101 - the options name at least one penalty
        _, self.inverse_penalty, out_of_fold = best
        self.temperature = _temperature(out_of_fold, place)
        self.features, self.model = self._fitted(frame, place, self.inverse_penalty)
        return self

    def _fitted(
        self, frame: pd.DataFrame, place: NDArray[np.intp], strength: float
    ) -> tuple[FeatureBuilder, Any]:
        from sklearn.linear_model import LogisticRegression

        features = FeatureBuilder(self.columns).fit(frame)
        model = LogisticRegression(C=strength, max_iter=1000)
        return features, model.fit(features.transform(frame).to_numpy(), place)

    def probabilities(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the probability of each class, a column each, rows as in `frame`."""
        logits = self.model.decision_function(self.features.transform(frame).to_numpy())
        return pd.DataFrame(_softmax(logits / self.temperature), index=frame.index, columns=list(CLASSES))

    def answers(self, frame: pd.DataFrame) -> pd.Series[str]:
        """Return each patient's likeliest class, or UNKNOWN."""
        probabilities = self.probabilities(frame)
        said = probabilities.idxmax(axis=1).where(
            probabilities.max(axis=1) >= self.options.answer_from, UNKNOWN
        )
        return said.where(self.measured(frame) >= self.options.least_measured, UNKNOWN)

    def measured(self, frame: pd.DataFrame) -> pd.Series[float]:
        """Return which share of the columns that speak of deficits was measured in each patient."""
        speaking = [c.name for c in self.columns if deficit_of(c.name) and "__" not in c.name]
        return frame[speaking].notna().mean(axis=1)

    def evidence(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return how much each group of markers speaks for the likeliest class against the average class.

        Exact for a model linear in its features: ``x (w_k - w̄)``, summed over the features of each deficit
        and, as "other", over all else; columns are deficits and "other".
        """
        x = self.features.transform(frame).to_numpy()
        weights = self.model.coef_ / self.temperature
        top = self.probabilities(frame).to_numpy().argmax(axis=1)
        parts = x * (weights - weights.mean(axis=0))[top]
        sources = self.features.sources
        group = np.array([deficit_of(c) or "other" for c in sources["column"]])
        return pd.DataFrame(
            {g: parts[:, group == g].sum(axis=1) for g in (*CLASSES, "other")}, index=frame.index
        )


def _softmax(logits: Floats) -> Floats:
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def _log_loss(logits: Floats, place: NDArray[np.intp]) -> float:
    return float(-np.log(_softmax(logits)[np.arange(len(place)), place]).mean())


def _temperature(logits: Floats, place: NDArray[np.intp]) -> float:
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda t: _log_loss(logits / np.exp(t), place), bounds=(-1.5, 1.5), method="bounded"
    )
    return float(np.exp(found.x))
