"""From differences to a verdict: none, look, or do not use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.drift.rules import DriftRules, Limits
from pipeline.evaluate import holm
from pipeline.realism import Separation

LEVELS: Final = ("none", "look", "do not use")
COLUMNS: Final = ["what", "subject", "size", "look", "stop", "p", "relevant", "words"]


@dataclass(frozen=True)
class Drift:
    """What was found between old and new patients.

    Attributes
    ----------
    verdict : str
        One of LEVELS: the worst of the findings.
    findings : DataFrame
        Everything that was judged, worst first: `what`, `subject` (a column or a model), `size` of the
        difference, `look` and `stop`, its limits, `p`, `p_holm` over all rows, `finding` (one of LEVELS) and
        `words`.
    """

    verdict: str
    findings: pd.DataFrame

    @property
    def alarms(self) -> pd.DataFrame:
        """The findings that are not "none"."""
        return self.findings[self.findings["finding"] != LEVELS[0]]


def judge_drift(
    shift: pd.DataFrame,
    separation: Separation | None,
    outcomes: pd.DataFrame | None,
    rules: DriftRules,
    importance: Mapping[str, float] | None = None,
) -> Drift:
    """Judge every difference by the rules.

    Parameters
    ----------
    shift : DataFrame
        From `marker_shift`.
    separation : Separation, optional
        How well a classifier tells old and new patients apart.
    outcomes : DataFrame, optional
        From `outcome_drift`, where the new patients' outcomes are known.
    rules : DriftRules
    importance : mapping, optional
        Each column's share of what the models' explanations hold (the largest of the models). The shift of a
        column below `relevant_importance` is worth a look and no more. All columns count when left out.

    Notes
    -----
    The arm is what somebody chose to give: its mix raises no alarm, an arm nobody was trained on does.
    """
    rows = [row for record in shift.to_dict("records") for row in _of_column(record, rules, importance)]
    if separation is not None:
        said = f"a classifier tells old from new patients with AUC {separation.auc:.3f}"
        rows.append(_row("separation", "all columns", separation.auc, rules.separation, separation.p, said))
    for record in () if outcomes is None else outcomes.to_dict("records"):
        loss = -record["change"] if record["metric"] == "uno_c" else abs(record["change"])
        said = (
            f"{record['metric'].replace('_', ' ')} at {record['horizon_months']:g} months went from "
            f"{record['old']:.2f} to {record['new']:.2f}"
        )
        limits: Limits = getattr(rules, record["rule"])
        rows.append(_row(record["metric"], record["model"], loss, limits, record["p"], said))
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["p_holm"] = _adjusted(table["p"].to_numpy(dtype=float))
    table["finding"] = [_finding(record, rules.error_rate) for record in table.to_dict("records")]
    rank = table["finding"].map(LEVELS.index).astype(int)
    order = np.lexsort((-(table["size"] / table["stop"]).fillna(0.0).to_numpy(), -rank.to_numpy()))
    return Drift(LEVELS[int(rank.max()) if len(rank) else 0], table.iloc[order].reset_index(drop=True))


def _of_column(
    record: Mapping[Any, Any], rules: DriftRules, importance: Mapping[str, float] | None
) -> list[dict[str, Any]]:
    name, label = record["column"], record["label"]
    relevant = importance is None or importance.get(name, 0.0) >= rules.relevant_importance
    rows = []
    if record["unseen"] > 0:  # a fact about the new patients, not an estimate: no test
        said = f"{record['unseen']:.0%} of the new patients are in a category of {label} unseen in training"
        rows.append(_row("unseen category", name, record["unseen"], rules.unseen_share, 0.0, said))
    if record["role"] == "arm":
        return rows
    said = f"values of {label} differ (PSI {record['psi']:.2f}, {record['test']} p {record['p']:.1g})"
    rows.append(_row("values", name, record["psi"], rules.population_stability, record["p"], said, relevant))
    change = record["missing_new"] - record["missing_old"]
    said = f"{label} is missing in {record['missing_new']:.0%}, {record['missing_old']:.0%} in training"
    rows.append(_row("missing", name, abs(change), rules.missing_share, record["missing_p"], said, relevant))
    return rows


def _row(
    what: str, subject: str, size: float, limits: Limits, p: float, words: str, relevant: bool = True
) -> dict[str, Any]:
    if not relevant:
        words += "; no model rests on it"
    return {
        "what": what, "subject": subject, "size": float(size), "look": limits.look, "stop": limits.stop,
        "p": p, "relevant": relevant, "words": words,
    }  # fmt: skip


def _adjusted(p: np.ndarray) -> np.ndarray:
    """Holm's correction over what could be tested; what could not stays NaN."""
    adjusted = np.full(len(p), np.nan)
    tested = np.isfinite(p)
    adjusted[tested] = holm(p[tested])
    return adjusted


def _finding(record: Mapping[Any, Any], error_rate: float) -> str:
    if not record["p_holm"] <= error_rate or not record["size"] >= record["look"]:
        return LEVELS[0]
    return LEVELS[2] if record["size"] >= record["stop"] and record["relevant"] else LEVELS[1]
