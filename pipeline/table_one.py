"""Table one: who the patients are, arm by arm, how alike the arms are and how it ended."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.cohort_check import median_follow_up
from pipeline.schema import ENDPOINTS, MODALITIES, Cohort, Column, Endpoint, InputError

OVERALL: Final = "overall"
OUTCOME: Final = "outcome"
NAMES: Final = (
    "section", "variable", "label", "level", "statistic", "group",
    "count", "value", "low", "high", "missing", "smd",
)  # fmt: skip
Groups = Mapping[str, NDArray[np.bool_]]


def table_one(cohort: Cohort, by: str = "arm") -> pd.DataFrame:
    """Describe the patients of each arm and of the whole cohort, one figure a row.

    Parameters
    ----------
    cohort : Cohort
    by : str
        Column whose levels are the groups; without an `arm` column there is only "overall".

    Returns
    -------
    DataFrame
        `section` (modality, or "outcome"), `variable`, `label`, `level` (of a category, else ""),
        `statistic`, `group` ("overall" first, then the control arm), and the figures:

        - "patients": `count`;
        - "median (IQR)": `value`, `low`, `high` are median and quartiles of the `count` known values;
        - "n (%)": `count` patients, `value` percent of those known;
        - "events (%)": likewise, of all patients;
        - "median follow-up (months)": `value`, by the reverse Kaplan-Meier method;
        - "median (months)": Kaplan-Meier median with the 95 % interval of Brookmeyer and Crowley on the
          log(-log) scale (Biometrics 1982;38:29-41), infinite where not reached.

        `missing` counts unknown values. `smd` is the standardised mean difference between groups, the
        largest of all pairs (Yang and Dalton, SAS Global Forum 2012, paper 335); numbers on a ratio
        scale are compared as logarithms.

    Raises
    ------
    InputError
        When the cohort has no column `by`.
    """
    frame = cohort.observed
    groups = _groups(cohort, by)
    rows: list[dict[str, Any]] = []
    for name, members in groups.items():
        rows.append(_row("", "patients", "Patients", "", "patients", name, count=int(members.sum())))
    order = {m: i for i, m in enumerate(MODALITIES)}
    described = [c for c in cohort.columns if c.role == "baseline" and c.name != by]
    for column in sorted(described, key=lambda c: order.get(c.modality or "", len(order))):
        rows += _baseline(frame[column.name], column, groups)
    for endpoint in cohort.endpoints():
        rows += _survival(frame, ENDPOINTS[endpoint], groups)
    if "best_response" in frame:
        response = cohort.column("best_response")
        rows += _levels(frame["best_response"], response, OUTCOME, groups, math.nan)
    return pd.DataFrame(rows, columns=list(NAMES))


def layout(table: pd.DataFrame) -> pd.DataFrame:
    """Set a table of `table_one` out for print: one line a figure, one text column a group.

    Returns
    -------
    DataFrame
        `section`, `label`, `level`, `statistic`, one column a group, `missing`, `smd`, all text.
    """
    keys = ["section", "variable", "label", "level", "statistic"]
    lines = []
    for key, rows in table.groupby(keys, sort=False):
        line = dict(zip(keys, key, strict=True))
        line |= {row["group"]: _text(row) for row in rows.to_dict("records")}
        overall = rows.iloc[0]
        line["missing"] = "" if pd.isna(overall["missing"]) else f"{int(overall['missing'])}"
        line["smd"] = "" if pd.isna(overall["smd"]) else f"{overall['smd']:.2f}"
        lines.append(line)
    groups = list(dict.fromkeys(table["group"]))
    names = ["section", "label", "level", "statistic", *groups, "missing", "smd"]
    return pd.DataFrame(lines, columns=names)


def _text(row: Mapping[Any, Any]) -> str:
    statistic = row["statistic"]
    if statistic == "patients":
        return f"{row['count']}"
    if statistic.endswith("(%)"):
        percent = f"{row['value']:.0f}" if row["value"] >= 0.5 else "<1"
        return f"{row['count']} ({percent} %)" if row["count"] else "0"
    if math.isnan(row["value"]):
        return "–"
    if math.isnan(row["low"]):
        return _number(row["value"])
    return f"{_number(row['value'])} ({_number(row['low'])}–{_number(row['high'])})"


def _number(value: float) -> str:
    if math.isinf(value) or math.isnan(value):
        return "NR"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _groups(cohort: Cohort, by: str) -> dict[str, NDArray[np.bool_]]:
    everyone = {OVERALL: np.ones(len(cohort), dtype=bool)}
    if by not in cohort.observed:
        if by == "arm":
            return everyone
        raise InputError(f"cohort {cohort.name!r} has no column {by!r}; it has {', '.join(cohort.names())}")
    values = cohort.observed[by].astype(str).to_numpy()
    names = sorted(set(values), key=lambda name: (name != cohort.control_arm, name))
    return everyone | {name: values == name for name in names}


def _row(
    section: str, variable: str, label: str, level: str, statistic: str, group: str, **figures: float
) -> dict[str, Any]:
    empty = {"count": 0, "value": math.nan, "low": math.nan, "high": math.nan,
             "missing": math.nan, "smd": math.nan}  # fmt: skip
    names = {"section": section, "variable": variable, "label": label, "level": level}
    return names | {"statistic": statistic, "group": group} | empty | figures


def _baseline(values: pd.Series[Any], column: Column, groups: Groups) -> Iterator[dict[str, Any]]:
    section = column.modality or "clinical"
    parts = [values[members] for name, members in groups.items() if name != OVERALL]
    difference = max((smd(a, b, column) for a, b in combinations(parts, 2)), default=math.nan)
    if column.kind == "number":
        for group, members in groups.items():
            known = values[members].dropna().to_numpy(dtype=float)
            low, middle, high = np.quantile(known, [0.25, 0.5, 0.75]) if len(known) else [math.nan] * 3
            yield _row(
                section, column.name, column.title, "", "median (IQR)", group,
                count=len(known), value=middle, low=low, high=high,
                missing=int(members.sum()) - len(known), smd=difference,
            )  # fmt: skip
    else:
        yield from _levels(values, column, section, groups, difference)


def _levels(
    values: pd.Series[Any], column: Column, section: str, groups: Groups, difference: float
) -> Iterator[dict[str, Any]]:
    if column.kind == "boolean":
        shown: list[tuple[str, Any]] = [("", True)]
    else:
        there = set(values.dropna().astype(str))
        order = [level for level in column.categories if level in there]
        shown = [(level, level) for level in (*order, *sorted(there - set(order)))]
    for level, wanted in shown:
        for group, members in groups.items():
            known = values[members].dropna()
            same = known.astype(bool) if column.kind == "boolean" else known.astype(str) == wanted
            count = int(same.sum())
            yield _row(
                section, column.name, column.label or column.name, level, "n (%)", group,
                count=count, value=100 * count / len(known) if len(known) else math.nan,
                missing=int(members.sum()) - len(known), smd=difference,
            )  # fmt: skip


def _survival(frame: pd.DataFrame, endpoint: Endpoint, groups: Groups) -> Iterator[dict[str, Any]]:
    from lifelines import KaplanMeierFitter
    from lifelines.utils import median_survival_times

    months = frame[endpoint.months].to_numpy(dtype=float)
    event = frame[endpoint.event].to_numpy(dtype=bool)
    for group, members in groups.items():
        n = int(event[members].sum())
        yield _row(
            OUTCOME, endpoint.name, endpoint.label, "", "events (%)", group,
            count=n, value=100 * n / members.sum(),
        )  # fmt: skip
    for group, members in groups.items():
        yield _row(
            OUTCOME, endpoint.name, endpoint.label, "", "median follow-up (months)", group,
            count=int(members.sum()), value=median_follow_up(months[members], event[members]),
        )  # fmt: skip
    for group, members in groups.items():
        curve = KaplanMeierFitter().fit(months[members], event[members])
        interval = median_survival_times(curve.confidence_interval_survival_function_)
        low, high = (float(v) for v in interval.to_numpy().ravel())
        yield _row(
            OUTCOME, endpoint.name, endpoint.label, "", "median (months)", group,
            count=int(members.sum()), value=float(curve.median_survival_time_), low=low, high=high,
        )  # fmt: skip


def smd(first: pd.Series[Any], second: pd.Series[Any], column: Column) -> float:
    """Return the standardised mean difference of a column between two groups, never negative.

    Zero when both groups are constant and equal, infinite when constant and different, NaN when one
    has no known value.
    """
    a, b = first.dropna(), second.dropna()
    if a.empty or b.empty:
        return math.nan
    if column.kind == "number":
        x, y = a.to_numpy(dtype=float), b.to_numpy(dtype=float)
        if column.positive:
            both = np.concatenate([x, y])
            above = both[both > 0]
            offset = 0.0 if both.min() > 0 or not len(above) else float(above.min()) / 2
            if both.min() + offset > 0:
                x, y = np.log2(x + offset), np.log2(y + offset)
        variances = [float(np.var(v, ddof=1)) if len(v) > 1 else 0.0 for v in (x, y)]
        return _ratio(abs(float(x.mean() - y.mean())), math.sqrt(sum(variances) / 2))
    levels = sorted({*a.astype(str), *b.astype(str)})
    shares = [s.astype(str).value_counts(normalize=True).reindex(levels, fill_value=0.0).to_numpy()[1:]
              for s in (a, b)]  # fmt: skip
    gap = shares[0] - shares[1]
    spread = sum(np.diag(p) - np.outer(p, p) for p in shares) / 2
    if not np.any(gap):
        return 0.0
    if np.linalg.matrix_rank(spread) < len(gap):
        return math.inf if not np.any(spread) else float(math.sqrt(gap @ np.linalg.pinv(spread) @ gap))
    return float(math.sqrt(gap @ np.linalg.solve(spread, gap)))


def _ratio(gap: float, spread: float) -> float:
    if spread > 0:
        return gap / spread
    return 0.0 if gap == 0 else math.inf
