"""How far a drawn study is from how its cohort file says it is run: crossover, gaps, loss, sites."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from pipeline.schema import SITE, Cohort
from synthetic_data.cohort_spec import Plan

CHANCE: Final = 2.6  # standard errors of the draw that are put down to chance (1 in 100)
TOLERANCE: Final = 0.01  # of a share: rounding, and integrals solved on a grid
CASE_MIX_TOLERANCE: Final = 0.05  # of a standard deviation: ties, and which patients are enrolled by the cut
LOSS_MONTHS: Final = 12.0  # at which the share lost is compared


def conduct_rows(cohort: Cohort, plan: Plan) -> list[dict[str, object]]:
    """Return a row for each thing that the cohort file asked for: asked (`published`) beside drawn."""
    account = cohort.manifest.get("conduct", {})
    rows = _crossover_rows(cohort, account) + _missing_rows(cohort, account) + _loss_rows(cohort, plan)
    return rows + _site_rows(cohort, plan, account)


def _row(
    kind: str, arm: str, asked: float, drawn: float, error: float, tolerance: float, source: str,
    months: float = float("nan"),
) -> dict[str, object]:  # fmt: skip
    return {
        "arm": arm,
        "endpoint": "conduct",
        "kind": kind,
        "months": months,
        "published": asked,
        "expected": asked,
        "reproduced": drawn,
        "gap": drawn - asked,
        "standard_error": error,
        "built_on": True,
        "within": abs(drawn - asked) <= max(tolerance, CHANCE * error),
        "reason": "",
        "source": source,
    }


def _share(asked: float, n: int) -> float:
    return float(np.sqrt(asked * (1 - asked) / max(n, 1)))


def _crossover_rows(cohort: Cohort, account: dict[str, Any]) -> list[dict[str, object]]:
    """Share of control patients who switch, seen at the median follow-up at which it was published."""
    stated = account.get("crossover")
    if stated is None or cohort.truth is None:
        return []
    truth = cohort.truth.patients
    truth = truth[truth["arm"] == stated["arm"]]
    accrual = float(cohort.manifest["spec"]["accrual_months"])
    cut = stated["follow_up_months"] + accrual / 2
    watched = np.minimum(truth["dropout_months"], cut - truth["enrolled_month"])
    enrolled = watched > 0
    switched = truth["crossover_event_months"] <= watched
    progressed = truth["pfs_event_months"] <= watched
    if stated["name"] == "of_those_with_pfs_event":
        counted = enrolled & progressed
    elif stated["name"] == "of_those_progressed":
        alive = truth["os_event_months"] > truth["pfs_event_months"]
        counted = enrolled & progressed & alive
    else:
        counted = enrolled
    asked, n = float(stated["value"]), int(counted.sum())
    drawn = float(switched[counted].mean())
    row = _row(
        f"crossover_{stated['name']}", stated["arm"], asked, drawn, _share(asked, n), TOLERANCE,
        stated["source"], float(stated["follow_up_months"]),
    )  # fmt: skip
    return [row]


def _missing_rows(cohort: Cohort, account: dict[str, Any]) -> list[dict[str, object]]:
    """Share missing by marker, among patients whose site has the test."""
    rows = []
    for column, stated in account.get("missing", {}).items():
        tested = _tested(cohort, account, column)
        asked, drawn = float(stated["share"]), float(cohort.observed.loc[tested, column].isna().mean())
        error = _share(asked, int(tested.sum()))
        rows.append(
            _row(f"missing_{column}", "all", asked, drawn, error, TOLERANCE, stated["mechanism"])
        )  # fmt: skip
    return rows


def _tested(cohort: Cohort, account: dict[str, Any], column: str) -> NDArray[np.bool_]:
    everyone = np.ones(len(cohort.observed), dtype=bool)
    test = account.get("needs_test", {}).get(column)
    if test is None or "sites" not in account:
        return everyone
    lacking = [s["site"] for s in account["sites"]["sites"] if test in s["lacks"]]
    return np.asarray(~cohort.observed[SITE.name].isin(lacking))


def _loss_rows(cohort: Cohort, plan: Plan) -> list[dict[str, object]]:
    """Share lost within a year, were nobody to die: it is the same however loss is distributed."""
    if plan.spec.informative_dropout is None or cohort.truth is None:
        return []
    asked = float(-np.expm1(-plan.spec.dropout_per_month * LOSS_MONTHS))
    lost = cohort.truth.patients["dropout_months"] <= LOSS_MONTHS
    error = _share(asked, len(lost))
    return [
        _row("lost", "all", asked, float(lost.mean()), error, TOLERANCE, "dropout_per_month", LOSS_MONTHS)
    ]


def _site_rows(cohort: Cohort, plan: Plan, account: dict[str, Any]) -> list[dict[str, object]]:
    """Each region's share of patients, and how far its stated case mix lies from the whole."""
    spec = plan.spec.sites
    if spec is None or "sites" not in account:
        return []
    n, region, rows = len(cohort.observed), cohort.observed["region"], []
    for name, stated in spec.regions.items():
        drawn = float((region == name).mean())
        rows.append(
            _row(
                f"share_of_{name}", "all", stated.share, drawn, _share(stated.share, n), TOLERANCE,
                "sites.regions",
            )
        )  # fmt: skip
    for column in sorted({c for r in spec.regions.values() for c in r.shift}):
        if cohort.column(column).kind != "number" or column in account.get("missing", {}):
            continue  # scores of a category or of values missing for a reason are not those of the patients
        values = cohort.observed[column].dropna()
        scores = pd.Series(ndtri((rankdata(values) - 0.5) / len(values)), index=values.index)
        mean = sum(r.share * r.shift.get(column, 0.0) for r in spec.regions.values())
        by_lab = 0.0 if spec.batch is None else spec.batch.shift_sd
        for name, stated in spec.regions.items():
            if column not in stated.shift:
                continue
            inside = scores[region.loc[scores.index] == name]
            shares = np.array(
                [s["expected_share"] for s in account["sites"]["sites"] if s["region"] == name]
            )
            labs = by_lab * np.sqrt((shares**2).sum()) / shares.sum()
            error = float(np.hypot(1 / np.sqrt(max(len(inside), 1)), labs))
            rows.append(
                _row(
                    f"case_mix_{name}_{column}", "all", stated.shift[column] - mean, float(inside.mean()),
                    error, CASE_MIX_TOLERANCE, "sites.regions",
                )
            )  # fmt: skip
    return rows
