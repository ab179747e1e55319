"""The transformer from cohort table to features, learnt on training rows only."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from pipeline.features.derived import DERIVED, columns_of
from pipeline.features.rules import (
    LevelRule,
    NumberRule,
    Rule,
    learn_arms,
    learn_fact,
    learn_levels,
    learn_number,
    rule_from_dict,
    rule_to_dict,
    share_is_worth_an_indicator,
    to_levels,
    to_numbers,
)
from pipeline.schema import Column, Floats, InputError

TREATMENT: Final = "treatment"  # the arm's modality in `sources`
VERSION: Final = 1


@dataclass(frozen=True)
class _Feature:
    feature: str
    column: str
    modality: str
    label: str
    kind: str  # value, level, missing, arm or derived


class FeatureBuilder(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Baseline columns and arm of a cohort table as standardised numbers without gaps.

    Only declared baseline and arm columns are read, so no outcome and no truth can become a feature,
    whatever else the frame holds. Numbers are winsorised, taken as log2 on a ratio scale and
    standardised (`NumberRule`); facts are 0 or 1 (`FactRule`); categories and the arm are indicators
    against a reference (`LevelRule`). Missing values are filled from training rows, and a column with at
    least 5 % (and ten) of them missing in training also gives ``<column>__missing``; where two columns
    are missing in the very same training rows, the first speaks for both. What is constant in training
    is dropped. `pipeline.features.DERIVED` adds features of several columns.

    Parameters
    ----------
    columns : tuple of Column
        Those of role "baseline" and "arm" are used, the rest is passed over.
    control_arm : str, optional
        The arm without an indicator; the first by name when not given.
    derived : bool
        Whether to add derived features.

    Attributes
    ----------
    feature_names_ : list of str
        The order of the output's columns; that of `columns`, whatever the frame's.
    sources : DataFrame
        One row a feature: feature, column, modality ("treatment" for the arm), label, kind (value,
        level, missing, arm or derived). A derived feature is its own column.
    """

    def __init__(
        self, columns: tuple[Column, ...], control_arm: str | None = None, derived: bool = True
    ) -> None:
        self.columns = columns
        self.control_arm = control_arm
        self.derived = derived

    def fit(self, X: pd.DataFrame, y: ArrayLike | None = None) -> Self:
        """Learn from the training rows `X`; `y` is not used."""
        if not len(X):
            raise InputError("no rows to learn features from; give at least one patient")
        values = self._read(X, ())
        rules: list[Rule] = []
        missing: list[str] = []
        features: list[_Feature] = []
        patterns: set[bytes] = set()
        for column in self._used():
            data = values[column.name]
            rule = self._learn(column, data)
            if rule is not None:
                rules.append(rule)
                features += _described(column, rule)
            gone = pd.isna(data)
            pattern = np.packbits(gone).tobytes()
            if share_is_worth_an_indicator(gone) and pattern not in patterns:
                patterns.add(pattern)
                missing.append(column.name)
                features.append(
                    _Feature(
                        f"{column.name}__missing", column.name, column.modality or "",
                        f"{column.label or column.name} not measured", "missing",
                    )
                )  # fmt: skip
        self.rules_ = tuple(rules)
        self.missing_ = tuple(missing)
        self.derived_ = self._learn_derived(values, features)
        self._features = tuple(features)
        self.feature_names_ = [f.feature for f in features]
        self.n_features_in_ = len(self._used())
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the features of `X` as float64, indexed like it.

        Raises
        ------
        InputError
            When a declared column is missing or of another kind, or when an arm was not among the
            arms learnt from. Every fault is named.
        """
        check_is_fitted(self, "rules_")
        values = self._read(X, self.rules_)
        made: dict[str, Floats] = {}
        for rule in self.rules_:
            made.update(zip(rule.names(), rule.apply(values[rule.column]), strict=True))
        for name in self.missing_:
            made[f"{name}__missing"] = pd.isna(values[name]).astype(float)
        for rule in self.derived_:
            made[rule.column] = rule.apply(self._derive(rule.column, values))[0]
        out = np.empty((len(X), len(self.feature_names_)))
        for j, name in enumerate(self.feature_names_):
            out[:, j] = made[name]
        return pd.DataFrame(out, index=X.index, columns=list(self.feature_names_))

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:
        """Return the names of the features, as scikit-learn asks for them."""
        check_is_fitted(self, "rules_")
        return np.asarray(self.feature_names_, dtype=object)

    @property
    def sources(self) -> pd.DataFrame:
        """Which column, modality and label each feature comes from."""
        check_is_fitted(self, "rules_")
        names = ["feature", "column", "modality", "label", "kind"]
        return pd.DataFrame([asdict(f) for f in self._features], columns=names)

    @property
    def of_arm(self) -> NDArray[np.bool_]:
        """Which features are indicators of the arm, shape (p,)."""
        check_is_fitted(self, "rules_")
        return np.array([f.modality == TREATMENT for f in self._features], dtype=bool)

    def to_dict(self) -> dict[str, Any]:
        """Return everything learnt as plain JSON-ready values; `from_dict` restores it exactly."""
        check_is_fitted(self, "rules_")
        return {
            "version": VERSION,
            "columns": [_column_to_dict(c) for c in self.columns],
            "control_arm": self.control_arm,
            "derived": self.derived,
            "rules": [rule_to_dict(r) for r in self.rules_],
            "missing": list(self.missing_),
            "derived_rules": [rule_to_dict(r) for r in self.derived_],
            "features": [asdict(f) for f in self._features],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the builder that `to_dict` described."""
        if stored.get("version") != VERSION:
            raise InputError(
                f"stored features have version {stored.get('version')!r}; this program reads {VERSION}. "
                "Fit the model again"
            )
        columns = tuple(_column_from_dict(c) for c in stored["columns"])
        builder = cls(columns, stored["control_arm"], stored["derived"])
        builder.rules_ = tuple(rule_from_dict(r) for r in stored["rules"])
        builder.missing_ = tuple(stored["missing"])
        builder.derived_ = tuple(r for r in map(rule_from_dict, stored["derived_rules"])
                                 if isinstance(r, NumberRule))  # fmt: skip
        builder._features = tuple(_Feature(**f) for f in stored["features"])
        builder.feature_names_ = [f.feature for f in builder._features]
        builder.n_features_in_ = len(builder._used())
        return builder

    def _used(self) -> list[Column]:
        return [c for c in self.columns if c.role in {"baseline", "arm"}]

    def _read(self, X: pd.DataFrame, learnt: tuple[Rule, ...]) -> dict[str, NDArray[Any]]:
        """Return the used columns as arrays, or raise every reason why not."""
        values: dict[str, NDArray[Any]] = {}
        faults: list[str] = []
        for column in self._used():
            name = column.name
            if name not in X:
                near = difflib.get_close_matches(name, [str(c) for c in X.columns], 1)
                faults.append(f"column {name!r} is missing" + (f"; nearest is {near[0]!r}" if near else ""))
            elif column.kind == "category":
                values[name] = to_levels(X[name])
                if column.role == "arm":
                    faults += _arm_faults(values[name], name, learnt)
            else:
                values[name], wrong = to_numbers(X[name], column)
                faults += wrong
        if faults:
            raise InputError("features cannot be made:\n  " + "\n  ".join(faults))
        return values

    def _learn(self, column: Column, data: NDArray[Any]) -> Rule | None:
        if column.role == "arm":
            return learn_arms(column.name, data, self.control_arm)
        if column.kind == "category":
            return learn_levels(column.name, data)
        if column.kind == "boolean":
            return learn_fact(column.name, data)
        return learn_number(column.name, data, column.positive)

    def _learn_derived(
        self, values: Mapping[str, NDArray[Any]], features: list[_Feature]
    ) -> tuple[NumberRule, ...]:
        learnt = []
        for derived in DERIVED if self.derived else ():
            if not self._sources_of(derived.name):
                continue
            rule = learn_number(derived.name, self._derive(derived.name, values), derived.positive)
            if rule is not None:
                learnt.append(rule)
                features.append(
                    _Feature(derived.name, derived.name, derived.modality, derived.label, "derived")
                )
        return tuple(learnt)

    def _sources_of(self, name: str) -> dict[str, str]:
        derived = next(d for d in DERIVED if d.name == name)
        numbers = {r.column for r in self.rules_ if isinstance(r, NumberRule)}
        return columns_of(derived, frozenset(numbers))

    def _derive(self, name: str, values: Mapping[str, NDArray[Any]]) -> Floats:
        derived = next(d for d in DERIVED if d.name == name)
        rules = {r.column: r for r in self.rules_ if isinstance(r, NumberRule)}
        found = {
            source: rules[column].standardise(values[column]) if derived.standardised else values[column]
            for source, column in self._sources_of(name).items()
        }
        return derived.compute(found)


def _arm_faults(arms: NDArray[Any], name: str, learnt: tuple[Rule, ...]) -> list[str]:
    if (gone := int(pd.isna(arms).sum())) > 0:
        return [f"column {name!r} is missing for {gone} patients"]
    rule = next((r for r in learnt if r.column == name), None)
    if not isinstance(rule, LevelRule):
        return []
    known = sorted({rule.reference, *rule.levels})
    new = sorted(set(arms.tolist()) - set(known))
    return [f"arm {', '.join(map(repr, new))} was not learnt from; known arms are {known}"] if new else []


def _described(column: Column, rule: Rule) -> list[_Feature]:
    label = column.label or column.name
    if isinstance(rule, LevelRule):
        arm = column.role == "arm"
        modality, kind = (TREATMENT, "arm") if arm else (column.modality or "", "level")
        return [
            _Feature(name, column.name, modality, f"{label}: {name.partition('=')[2]}", kind)
            for name in rule.names()
        ]
    return [_Feature(rule.column, column.name, column.modality or "", column.title, "value")]


def _column_to_dict(column: Column) -> dict[str, Any]:
    stored = asdict(column)
    for bound in ("low", "high"):
        if math.isinf(stored[bound]):
            stored[bound] = None
    return {**stored, "categories": list(column.categories)}


def _column_from_dict(stored: Mapping[str, Any]) -> Column:
    fields = {k: v for k, v in stored.items() if not (k in {"low", "high"} and v is None)}
    return Column(**{**fields, "categories": tuple(stored["categories"])})
