"""Features of serial measurements at a landmark: level, change, slope, nadir, area, published responses."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from pipeline.landmark.series import (
    NEW_LESION,
    TOLERANCE_MONTHS,
    SerialValues,
    Series,
    measured_columns,
    series_of,
)
from pipeline.schema import Column, Floats, InputError

LONGEST_DOUBLING_MONTHS: Final = 60.0  # stands for "not rising"
LEAST_SPAN_MONTHS: Final = 0.25  # values nearer to each other than that tell no slope
FLARE_WITHIN_MONTHS: Final = 28 / 30.4375
SETTLED_WITHIN_MONTHS: Final = 84 / 30.4375
FIRST_SCANS_MONTHS: Final = 8 * 7 / 30.4375 + 0.25  # eight weeks, and a week's leave


@dataclass(frozen=True)
class _Known:
    """One series at the landmark: values, logs to base 2, and where each patient's first and last stand."""

    months: Floats
    values: Floats
    logs: Floats  # log2 of the value, of half the smallest positive one where it is 0
    rows: np.ndarray[Any, Any]
    last: np.ndarray[Any, Any]  # place of the last value; 0 where there is none
    landmark_months: float

    def at_last(self, table: Floats) -> Floats:
        return np.asarray(table[self.rows, self.last], dtype=float)

    @property
    def baseline(self) -> Floats:
        """Log of the value before or at the start of treatment; NaN where there is none."""
        return np.where(self.months[:, 0] <= TOLERANCE_MONTHS, self.logs[:, 0], np.nan)

    @property
    def relative(self) -> Floats:
        """Log change from the baseline, shape (n, v)."""
        return np.asarray(self.logs - self.baseline[:, None])


def _quiet(reduce: Callable[..., Any], table: Floats) -> Floats:
    """Reduce along patients' rows; a row of NaN gives NaN."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN|Mean of empty|Degrees of freedom", RuntimeWarning)
        return np.asarray(reduce(table, axis=1), dtype=float)


def _slope(months: Floats, logs: Floats) -> Floats:
    """Least-squares slope of each row, a month; NaN where values lie within a week."""
    x = months - _quiet(np.nanmean, months)[:, None]
    rise = np.nansum(x * (logs - _quiet(np.nanmean, logs)[:, None]), axis=1)
    span = _quiet(np.nanmax, months) - months[:, 0]
    return _over(rise, np.nansum(x * x, axis=1), span >= LEAST_SPAN_MONTHS)


def _over(above: Floats, below: Floats, told: np.ndarray[Any, Any]) -> Floats:
    """Return a ratio where it is `told`, else NaN."""
    return np.where(told, above / np.where(told, below, 1.0), np.nan)


def _general(k: _Known) -> dict[str, Floats]:
    relative, baseline = k.relative, k.baseline
    last = k.at_last(relative)
    nadir = _quiet(np.nanmin, k.logs)
    place = np.argmin(np.where(np.isnan(k.logs), np.inf, k.logs), axis=1)
    width = np.diff(k.months, axis=1)
    area = np.nansum(width * (relative[:, 1:] + relative[:, :-1]) / 2, axis=1)
    span = k.at_last(k.months) - k.months[:, 0]
    before = np.maximum(k.last - 1, 0)
    step = k.at_last(k.months) - k.months[k.rows, before]
    return {
        "level": k.at_last(k.values),
        "change": last,
        "slope": _slope(k.months, k.logs),
        "last_step": _over(k.at_last(k.logs) - k.logs[k.rows, before], step, step >= LEAST_SPAN_MONTHS),
        "nadir": nadir - baseline,
        "above_nadir": k.at_last(k.logs) - nadir,
        "months_since_nadir": k.landmark_months - k.months[k.rows, place],
        "area": _over(area, span, span >= LEAST_SPAN_MONTHS),
        "age": k.landmark_months - k.at_last(k.months),
    }  # fmt: skip


def _ctdna(k: _Known) -> dict[str, Floats]:
    start = np.where(np.isnan(k.baseline), np.nan, k.values[:, 0])
    last, later = k.at_last(k.values), k.last > 0
    evaluable = later & (start > 0)
    slope = _slope(k.months, k.logs)
    with np.errstate(divide="ignore", invalid="ignore"):
        doubling = np.clip(1 / slope, 0.0, LONGEST_DOUBLING_MONTHS)
    return {
        "detected": np.where(np.isnan(last), np.nan, last > 0),
        "cleared": np.where(evaluable, last == 0, np.nan),
        "halved": np.where(evaluable, last <= 0.5 * start, np.nan),
        "fell_90": np.where(evaluable, last <= 0.1 * start, np.nan),
        "doubling_months": np.where(
            np.isnan(slope), np.nan, np.where(slope > 0, doubling, LONGEST_DOUBLING_MONTHS)
        ),
    }


def _tumour(k: _Known) -> dict[str, Floats]:
    start = np.where(np.isnan(k.baseline), np.nan, k.values[:, 0])
    start = np.where(start > 0, start, np.nan)
    later = (k.months > TOLERANCE_MONTHS) & ~np.isnan(k.values)
    early = np.where(later & (k.months <= FIRST_SCANS_MONTHS), k.values, np.nan)
    smallest = _quiet(np.nanmin, np.where(later, k.values, np.nan))
    early_best = _quiet(np.nanmin, early) / start - 1
    return {
        "best_change": smallest / start - 1,
        "early_shrinkage": np.where(np.isnan(early_best), np.nan, early_best <= -0.1),
    }


def _crp(k: _Known) -> dict[str, Floats]:
    """CRP flare-response and response (Klümper et al.), as far as the landmark lets one see."""
    relative = k.relative
    early = (k.months > TOLERANCE_MONTHS) & (k.months <= SETTLED_WITHIN_MONTHS) & ~np.isnan(relative)
    doubled = early & (k.months <= FLARE_WITHIN_MONTHS) & (relative >= 1)
    flared_at = np.where(doubled, k.months, np.inf).min(axis=1)
    fell = (early & (relative < 0) & (k.months > flared_at[:, None])).any(axis=1)
    flared = np.isfinite(flared_at)
    responded = (early & (relative <= np.log2(0.7))).any(axis=1) & ~flared
    seen = early.any(axis=1)
    return {
        "flare_response": np.where(seen, flared & fell, np.nan),
        "response": np.where(seen, responded, np.nan),
    }  # fmt: skip


GENERAL: Final[Mapping[str, tuple[str, str]]] = {
    "level": ("last value", ""),
    "change": ("last value over baseline", "log2"),
    "slope": ("slope", "doublings a month"),
    "last_step": ("slope between the last two values", "doublings a month"),
    "nadir": ("lowest value over baseline", "log2"),
    "above_nadir": ("last value over the lowest", "log2"),
    "months_since_nadir": ("since the lowest value", "months"),
    "area": ("mean value over baseline", "log2"),
    "age": ("age of the last value", "months"),
}
SPECIAL: Final[Mapping[str, tuple[Callable[[_Known], dict[str, Floats]], Mapping[str, tuple[str, str]]]]] = {
    # molecular response: a fall by half (doi:10.1200/PO.20.00321) or by nine tenths, or clearance
    # (BR.36, doi:10.1038/s41591-023-02598-9); of patients with ctDNA before treatment
    "ctdna": (_ctdna, {
        "detected": ("detected", "bool"),
        "cleared": ("cleared since baseline", "bool"),
        "halved": ("fell by half or more", "bool"),
        "fell_90": ("fell by 90 % or more", "bool"),
        "doubling_months": ("doubling time, 60 where not rising", "months"),
    }),
    # below baseline in the first eight weeks (doi:10.1200/PO.20.00478), by 10 % or more
    # (doi:10.1186/s40425-019-0513-4)
    "tumour": (_tumour, {
        "best_change": ("best change from baseline", "fraction"),
        "early_shrinkage": ("smaller by 10 % within 8 weeks", "bool"),
    }),
    # doubled within 4 weeks and then below baseline by week 12; or 30 % below without that
    # (Klümper et al., J Immunother Cancer 2022, doi:10.1136/jitc-2021-004024)
    "crp": (_crp, {
        "flare_response": ("flare-response", "bool"),
        "response": ("response without flare", "bool"),
    }),
}  # fmt: skip


class LandmarkFeatures:
    """Features of serial measurements, from nothing measured after the landmark.

    Changes are logarithms to base 2. A value of 0 (below the detection limit) counts as half the
    smallest positive value among the training patients, so that its logarithm exists. Missed visits and
    failed assays leave no value, and how old the last one is, is a feature of its own.

    Attributes
    ----------
    floors : dict
        Series -> half its smallest positive training value.
    columns : tuple of Column
        Declares the features, named ``<series>__<feature>``.
    """

    def fit(self, visits: pd.DataFrame, patients: pd.Index) -> Self:
        """Learn from the visits of the training `patients` which series there are, and their floors.

        Raises
        ------
        InputError
            When nothing is measured at any visit.
        """
        mine = visits[visits["patient"].isin(patients)]
        names = measured_columns(visits)
        if not names and NEW_LESION not in visits:
            raise InputError(
                "visits: no column holds a measurement; there are only patient, visit, planned and months"
            )
        self.floors: dict[str, float] = {}
        for name in names:
            value = mine[name].to_numpy(dtype=float, na_value=np.nan)
            positive = value[value > 0]
            if len(positive):
                self.floors[name] = float(positive.min()) / 2
        self.new_lesion = NEW_LESION in visits
        self.columns = tuple(
            [c for name in self.floors for c in _declared(name)] + ([_NEW_LESION] if self.new_lesion else [])
        )
        return self

    def transform(self, visits: pd.DataFrame, patients: pd.Index, landmark_months: float) -> pd.DataFrame:
        """Return the features of `patients` at `landmark_months`, NaN where they are not known.

        Raises
        ------
        InputError
            When a series learnt from is missing.
        """
        lacking = [n for n in self.floors if n not in visits]
        if lacking:
            raise InputError(
                f"visits: {', '.join(map(repr, lacking))} is missing, which the features were learnt with"
            )
        made: dict[str, Floats] = {}
        for name, floor in self.floors.items():
            known = _known(SerialValues.of(visits, name, patients), floor, landmark_months)
            found = _general(known)
            special = series_of(name).special
            if special is not None:
                found |= SPECIAL[special][0](known)
            made |= {f"{name}__{feature}": value for feature, value in found.items()}
        if self.new_lesion:
            made[_NEW_LESION.name] = _ever_new_lesion(visits, patients, landmark_months)
        return pd.DataFrame({c.name: made[c.name] for c in self.columns}, index=patients)

    def to_dict(self) -> dict[str, Any]:
        """Return what was learnt, JSON-ready."""
        return {"floors": dict(self.floors), "new_lesion": self.new_lesion}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the features that `to_dict` described."""
        features = cls()
        features.floors = {str(k): float(v) for k, v in stored["floors"].items()}
        features.new_lesion = bool(stored["new_lesion"])
        features.columns = tuple(
            [c for name in features.floors for c in _declared(name)]
            + ([_NEW_LESION] if features.new_lesion else [])
        )
        return features


_NEW_LESION: Final = Column("new_lesion__seen", "baseline", "boolean", "New lesion seen", modality="imaging")


def _known(series: SerialValues, floor: float, landmark_months: float) -> _Known:
    seen = series.until(landmark_months)
    rows = np.arange(len(seen.values))
    last = np.maximum(seen.known.sum(axis=1) - 1, 0)
    logs = np.log2(np.where(seen.values > 0, seen.values, np.where(np.isnan(seen.values), np.nan, floor)))
    return _Known(seen.months, seen.values, logs, rows, last, landmark_months)


def _declared(name: str) -> list[Column]:
    series = series_of(name)
    declared = [
        _column(name, series, feature, label, unit, positive=feature == "level")
        for feature, (label, unit) in GENERAL.items()
    ]
    if series.special is not None:
        declared += [
            _column(name, series, feature, label, unit, positive=False)
            for feature, (label, unit) in SPECIAL[series.special][1].items()
        ]
    return declared


def _column(name: str, series: Series, feature: str, label: str, unit: str, *, positive: bool) -> Column:
    return Column(
        f"{name}__{feature}",
        "baseline",
        "boolean" if unit == "bool" else "number",
        f"{series.label}: {label}",
        "" if unit == "bool" else series.unit if feature == "level" else unit,
        series.modality,
        positive=positive,
    )


def _ever_new_lesion(visits: pd.DataFrame, patients: pd.Index, landmark_months: float) -> Floats:
    inside = visits[visits["months"].to_numpy(dtype=float) <= landmark_months + TOLERANCE_MONTHS]
    ever = inside.groupby("patient", observed=True)[NEW_LESION].max()
    return ever.reindex(patients).to_numpy(dtype=float, na_value=np.nan)
