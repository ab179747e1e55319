"""The survival forest as a scikit-learn estimator, in the dialect of scikit-survival."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from pipeline.schema import Floats
from pipeline.survival_forest.growing import Growth, grow_forest
from pipeline.survival_forest.inputs import check_survival, check_weights, resolve_growth, threads_meant
from pipeline.survival_forest.nodes import Drawn, ForestNodes
from pipeline.survival_forest.out_of_bag import harrell

Features = Any  # array or DataFrame, shape (n, p)


class SurvivalForest(BaseEstimator):  # type: ignore[misc]
    """Random survival forest on binned features and times; log-rank scores in every node.

    One cause or several: with whole-number causes in place of the event indicator, splits maximise the
    sum of the causes' standardised cause-specific log-rank statistics, and leaves give cumulative
    incidence.

    Parameters
    ----------
    n_estimators : int
    min_samples_leaf : int or "auto"
        Fewest distinct training rows of a leaf; "auto" for as many as hold six events on average, up to 30.
    min_samples_split : int
    max_depth : int, optional
    max_features : {"auto", "third", "sqrt", "log2"}, int, float or None
        Features tried in each node: that function of their number, that many, that share, or all. "third" is
        a third, but no fewer than the square root; "auto" is the same up to 16, and beyond the square root.
    splitter : {"best", "random"}
        The best cut of each feature tried, or one at random (extremely randomised trees).
    bootstrap : bool
        Whether rows are drawn with replacement.
    max_samples : int or float, optional
        Rows drawn for each tree, or their share; all when left out.
    max_bins : int
        Most bins of a feature, up to 255.
    max_times : int
        Most knots of the curves, up to 254: event times, or quantiles of them where there are more.
    prior_patients : float
        Patients with the leaf's rate and everybody's shape of hazard that each leaf is given beside its own;
        0 leaves Nelson-Aalen and Kaplan-Meier curves.
    monotonic_cst : sequence of {-1, 0, 1} or dict of feature name to it, optional
        1 where the hazard may not fall as the feature grows at equal values of the others, -1 where it may
        not rise. Leaf curves are then the training patients' curve at the leaf's rate, which never cross.
    oob_score : bool
        Whether to predict each training row by the trees that did not draw it.
    n_jobs : int, optional
        Threads; -1 for one a core. Results do not depend on it.
    random_state : int, RandomState or None

    Attributes
    ----------
    nodes_ : ForestNodes
    causes_ : int
    seeds_ : array of uint64
        What each tree was drawn and grown by.
    oob_risk_ : array, shape (n,)
        With `oob_score`: risk from the trees that did not draw the row; NaN where all did.
    oob_score_ : float
        Harrell's C of `oob_risk_`.
    n_features_in_, feature_names_in_

    References
    ----------
    Ishwaran et al., Ann Appl Stat 2008;2:841 (survival forests, ensemble mortality, out-of-bag error);
    Hothorn and Lausen, Comput Stat Data Anal 2003;43:121 (log-rank scores);
    Peto and Pike, Biometrics 1973;29:579 (what a split maximises);
    Geurts et al., Mach Learn 2006;63:3 (random cuts).
    """

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        min_samples_leaf: int | Literal["auto"] = "auto",
        min_samples_split: int = 6,
        max_depth: int | None = None,
        max_features: Literal["auto", "third", "sqrt", "log2"] | float | None = "auto",
        splitter: Literal["best", "random"] = "best",
        bootstrap: bool = True,
        max_samples: float | None = None,
        max_bins: int = 128,
        max_times: int = 128,
        prior_patients: float = 0.0,
        monotonic_cst: Any = None,
        oob_score: bool = False,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.min_samples_split = min_samples_split
        self.max_depth = max_depth
        self.max_features = max_features
        self.splitter = splitter
        self.bootstrap = bootstrap
        self.max_samples = max_samples
        self.max_bins = max_bins
        self.max_times = max_times
        self.prior_patients = prior_patients
        self.monotonic_cst = monotonic_cst
        self.oob_score = oob_score
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Features, y: NDArray[np.void], sample_weight: Any = None) -> Self:
        """Grow the forest.

        Parameters
        ----------
        X : array or DataFrame, shape (n, p)
            Features; NaN is missing, infinity is refused. Compared as float32.
        y : structured array, shape (n,)
            First field the event (bool, or causes 1, 2, ... with 0 for censored), second the time.
        sample_weight : array, shape (n,), optional
            Non-negative; rows of weight 0 are left out.

        Raises
        ------
        ValueError
            Naming the first thing that cannot be used: shape, infinity, a faulty time, no event, an option.
        """
        x = validate_data(self, X, dtype=np.float32, ensure_all_finite="allow-nan")
        time, cause = check_survival(y, len(x))
        weight = check_weights(sample_weight, cause)
        growth = resolve_growth(self, x.shape[1], cause)
        generator = check_random_state(self.random_state)
        self.seeds_ = generator.randint(0, 2**63 - 1, size=self.n_estimators, dtype=np.int64).astype(
            np.uint64
        )
        self.causes_ = int(cause.max())
        self.nodes_ = grow_forest(x, time, cause, weight, self.seeds_, growth)
        self.rows_in_ = len(x)
        if self.oob_score:
            self.oob_risk_ = self.nodes_.risk(x, growth.n_jobs, self._drawn(growth))
            known = np.isfinite(self.oob_risk_)
            self.oob_score_ = float(harrell(time[known], cause[known] > 0, self.oob_risk_[known])[0])
        return self

    @property
    def unique_times_(self) -> Floats:
        """Knots of the curves."""
        check_is_fitted(self)
        return self.nodes_.grid.months

    def predict(self, X: Features) -> Floats:
        """Return ensemble mortality, shape (n,): events expected, had all training patients this hazard."""
        x = self._checked(X)
        return self.nodes_.risk(x, self.threads())

    def predict_survival_function(
        self, X: Features, return_array: bool = False, times: Floats | None = None
    ) -> Any:
        """Return survival of each row.

        Parameters
        ----------
        X : array or DataFrame, shape (n, p)
        return_array : bool
            An array of shape (n, m) at `times`, in place of one step function a row.
        times : array, shape (m,), optional
            Increasing; the forest's `unique_times_` when left out. An array is returned when given.
        """
        check_is_fitted(self)
        return self._curves(self.nodes_.survival, 1.0, X, return_array, times)

    def predict_cumulative_hazard_function(
        self, X: Features, return_array: bool = False, times: Floats | None = None
    ) -> Any:
        """Return the cumulative hazard of any event of each row, as `predict_survival_function` does."""
        check_is_fitted(self)
        return self._curves(self.nodes_.cumulative_hazard, 0.0, X, return_array, times)

    def predict_cumulative_incidence(self, X: Features, times: Floats | None = None) -> Floats:
        """Return the probability of an event of each cause by `times`, shape (n, causes, m)."""
        x = self._checked(X)
        at = self.unique_times_ if times is None else np.asarray(times, dtype=float)
        return self.nodes_.incidence(x, at, self.threads())

    def score(self, X: Features, y: NDArray[np.void]) -> float:
        """Return Harrell's C of `predict`."""
        risk = self.predict(X)
        time, cause = check_survival(y, len(risk))
        return float(harrell(time, cause > 0, risk)[0])

    def _checked(self, X: Features) -> NDArray[np.float32]:
        check_is_fitted(self)
        return np.ascontiguousarray(
            validate_data(self, X, dtype=np.float32, ensure_all_finite="allow-nan", reset=False)
        )

    def _curves(
        self, curves: Any, first: float, X: Features, return_array: bool, times: Floats | None
    ) -> Any:
        x = self._checked(X)
        months = self.unique_times_ if times is None else np.asarray(times, dtype=float)
        values = curves(x, months, self.threads())
        if return_array or times is not None:
            return values
        from sksurv.functions import StepFunction

        knots = np.concatenate([[0.0], months])
        return np.array([StepFunction(knots, np.concatenate([[first], row])) for row in values])

    def threads(self) -> int:
        """Return the number of threads that `n_jobs` means here."""
        return threads_meant(self.n_jobs)

    def out_of_bag_survival(self, X: Features, y: NDArray[np.void], times: Floats) -> Floats:
        """Return survival of the training rows from the trees that did not draw them, shape (n, m)."""
        x, _, _, drawn = self.training_set(X, y)
        return self.nodes_.survival(x, np.asarray(times, dtype=float), self.threads(), drawn)

    def training_set(
        self, X: Features, y: NDArray[np.void]
    ) -> tuple[NDArray[np.float32], Floats, NDArray[np.bool_], Drawn]:
        """Return features, times, events and who was drawn for each tree, of the set that was fitted.

        Raises
        ------
        ValueError
            When X is of another size, or every tree drew every row.
        """
        x = self._checked(X)
        time, cause = check_survival(y, len(x))
        if len(x) != self.rows_in_:
            raise ValueError(
                f"out-of-bag predictions are for the {self.rows_in_} training rows. Got {len(x)} instead."
            )
        growth = resolve_growth(self, x.shape[1], cause)
        return x, time, cause > 0, self._drawn(growth)

    def _drawn(self, growth: Growth) -> Drawn:
        if not growth.replace and growth.draws >= self.rows_in_:
            raise ValueError("no row is out of bag: set bootstrap=True, or max_samples below all rows.")
        return growth.drawn(self.seeds_, self.rows_in_)

    def __sklearn_tags__(self) -> Any:
        """Say that missing values are taken and that an outcome is needed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Return the state as plain values and arrays, which pickle and skops can both write."""
        state = dict(super().__getstate__())
        if "nodes_" in state:
            state["nodes_"] = state["nodes_"].to_arrays()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state of `__getstate__`."""
        if "nodes_" in state:
            state = state | {"nodes_": ForestNodes.from_arrays(state["nodes_"])}
        super().__setstate__(state)
