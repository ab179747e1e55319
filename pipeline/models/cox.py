"""Cox regression by lifelines with a ridge penalty chosen inside the training rows."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pipeline.config import Spec
from pipeline.models.contract import Arrays, ModelContext, Outcome, steps_at
from pipeline.models.on_features import FeatureModel
from pipeline.models.partial_likelihood import cross_validated_likelihood, standardised
from pipeline.schema import Floats, InputError, Prediction

# One Newton step past lifelines' default, after which its coefficients agree with R's to six digits.
PRECISION = {"precision": 1e-10, "r_precision": 1e-12}

ARRAYS = ("coefficients", "feature_means", "baseline_months", "baseline_cumulative_hazard")


class CoxOptions(Spec):
    """Penalties tried, per patient and for standardised features, and the folds that choose between them."""

    penalties: tuple[float, ...] = Field((0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0), min_length=1)
    inner_folds: int = Field(5, ge=2, le=20)


class RidgeCox(FeatureModel):
    """Proportional hazards with a ridge penalty; ties by Efron, baseline hazard by Breslow.

    The penalty is for what may be noise, a hundred markers; the arm, one effect known to matter, is not
    shrunk with them.

    Attributes
    ----------
    feature_names : tuple of str
    coefficients : array, shape (p,)
        Log hazard ratios per unit of each (standardised) feature.
    feature_means : array, shape (p,)
        Training means; the log relative hazard is ``(x - feature_means) @ coefficients``.
    baseline_months, baseline_cumulative_hazard : array, shape (k,)
        Steps of the cumulative hazard of a patient at the means.
    notes : tuple of str
        What lifelines warned of while fitting.
    """

    name = "cox"
    Options = CoxOptions

    def __init__(self, context: ModelContext, **options: Any) -> None:
        super().__init__(context, **options)
        self.check_penalties()
        self.notes: tuple[str, ...] = ()

    def fit(self, frame: pd.DataFrame, y: Outcome, rng: np.random.Generator) -> RidgeCox:
        """Choose the penalty by cross-validated partial likelihood, then fit on all rows of `frame`."""
        x = self.learn_features(frame, y)
        scaled, _ = standardised(x.to_numpy())
        relative = self.penalty_shares()
        penalties = self.options.penalties
        folds = min(self.options.inner_folds, int(y["event"].sum()))
        self.cross_validated: dict[float, float] = {}
        self.penalty = max(penalties)  # with a single event there is nothing to choose by
        if folds > 1 and len(penalties) > 1:
            scores = cross_validated_likelihood(
                scaled, y["time"], y["event"], penalties, folds, rng, relative=relative
            )
            self.cross_validated = dict(zip(penalties, scores.tolist(), strict=True))
            self.penalty = penalties[int(np.argmax(scores))]
        self._fit_lifelines(x, y, self.penalty * relative)
        return self

    def _fit_lifelines(self, x: pd.DataFrame, y: Outcome, penalty: float | Floats) -> None:
        from lifelines.exceptions import ConvergenceError
        from lifelines.fitters.coxph_fitter import SemiParametricPHFitter

        class Fitter(SemiParametricPHFitter):  # type: ignore[misc]
            # Medians and modes of the training data, for plots that nobody here draws, take half of a fit.
            def _compute_central_values_of_raw_training_data(self, df: Any, *_: Any, **__: Any) -> Any:
                return df.iloc[:1]

        table = x.assign(**{"(months)": y["time"], "(event)": y["event"]})
        fitter = Fitter(penalizer=penalty, l1_ratio=0.0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                fitter.fit(table, duration_col="(months)", event_col="(event)", fit_options=PRECISION)
            except (ConvergenceError, np.linalg.LinAlgError, ValueError) as error:
                raise InputError(
                    f"models: cox did not converge with penalty {self.penalty:g} ({_first_sentence(error)}); "
                    f"features likely at fault: {', '.join(_suspects(x, y)) or 'none stands out'}. Leave "
                    "them out (analysis: features) or try stronger penalties (models: cox: penalties)"
                ) from error
        self.notes = tuple(dict.fromkeys(_first_sentence(w.message) for w in caught))
        baseline = fitter.baseline_cumulative_hazard_.iloc[:, 0]
        hazard = baseline.to_numpy(dtype=float)
        rises = np.diff(hazard, prepend=0.0) > 0
        self.coefficients: Floats = fitter.params_.to_numpy(dtype=float)
        self.feature_means: Floats = x.to_numpy().mean(axis=0)
        self.baseline_months: Floats = baseline.index.to_numpy(dtype=float)[rises]
        self.baseline_cumulative_hazard: Floats = hazard[rises]

    def log_relative_hazard(self, frame: pd.DataFrame) -> Floats:
        """Return ``(x - feature_means) @ coefficients``, shape (n,)."""
        return np.asarray((self.inputs(frame) - self.feature_means) @ self.coefficients, dtype=float)

    def predict(self, frame: pd.DataFrame, months: Floats) -> Prediction:
        """Return survival ``exp(-H0(t) exp(risk))``; risk is the log relative hazard."""
        risk = self.log_relative_hazard(frame)
        months = np.asarray(months, dtype=float)
        hazard = steps_at(months, self.baseline_months, self.baseline_cumulative_hazard, before=0.0)
        return Prediction(risk, months, np.exp(-np.outer(np.exp(risk), hazard)))

    def parameters(self) -> dict[str, Any]:
        """Return the penalty chosen and the cross-validated likelihood of each one tried."""
        scores = {f"cv_log_likelihood[{p:g}]": score for p, score in self.cross_validated.items()}
        return {"penalty": self.penalty, "inner_folds": self.options.inner_folds, "ties": "efron",
                "features": len(self.feature_names)} | scores  # fmt: skip

    def learnt(self) -> tuple[dict[str, Any], Arrays]:
        """Return coefficients, means and baseline steps."""
        document = {
            "penalty": self.penalty,
            "cross_validated": [[p, score] for p, score in self.cross_validated.items()],
            "notes": list(self.notes),
        }
        return document, {name: getattr(self, name) for name in ARRAYS}

    def take(self, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Set what `learnt` returned; nothing but numpy and the feature table is needed to predict."""
        self.penalty = document["penalty"]
        self.cross_validated = dict(document["cross_validated"])
        self.notes = tuple(document["notes"])
        for name in ARRAYS:
            setattr(self, name, arrays[name])


def _suspects(x: pd.DataFrame, y: Outcome) -> list[str]:
    """Features that barely vary among the patients with or without the event, or that repeat another."""
    values = x.to_numpy()
    flat = np.zeros(values.shape[1], dtype=bool)
    for rows in (y["event"], ~y["event"]):
        if rows.any():
            flat |= values[rows].std(axis=0) < 1e-3 * np.maximum(values.std(axis=0), 1e-12)
    varying = np.flatnonzero(values.std(axis=0) > 0)
    correlation = np.corrcoef(values[:, varying], rowvar=False).reshape(len(varying), len(varying))
    first, second = np.nonzero(np.triu(np.abs(correlation) > 0.999, k=1))
    repeated = {int(varying[k]) for k in (*first, *second)}
    return [str(n) for k, n in enumerate(x.columns) if flat[k] or k in repeated]


def _first_sentence(fault: object) -> str:
    return " ".join(str(fault).split()).split(". ")[0].rstrip(".")
