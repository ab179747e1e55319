"""lungio subgroups: subgroup hazard ratios, predicted and published; everything heavy is imported on use."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from synthetic_data.subgroup_readouts import Unused

Scores = Mapping[str, list[dict[str, Any]]]


def print_subgroups(
    trial: str | None, every: bool, labels: list[str], patients: int, seed: int, out: Console
) -> None:
    """Predict the subgroups of one trial, or of every trial, and print them beside what was published."""
    import numpy as np

    from experiments.output import chatty, show
    from pipeline.schema import InputError
    from synthetic_data.evidence import load_register
    from synthetic_data.subgroup_readouts import all_subgroup_readouts
    from synthetic_data.subgroups import Study, score, with_interval

    if every is (trial is not None):
        raise InputError("name a trial, or give --all; `lungio evidence list` names the trials")
    if every and labels:
        raise InputError("--subgroup asks about one trial; name it instead of giving --all")
    register = load_register()
    wanted = None if trial is None else register.trial(trial).id
    trials = register.trials.values() if wanted is None else [register.trials[wanted]]
    published, unused = all_subgroup_readouts(trials)
    if not published and not labels:
        reasons = "; ".join(f"{u.label}: {u.reason}" for u in unused) or "none is in the register"
        raise InputError(
            f"{wanted} has no published subgroup to compare with ({reasons}). "
            "Ask for a prediction with --subgroup, for example --subgroup 'PD-L1 TPS >=50%'"
        )
    if chatty(out):
        print(f"drawing {patients:,} patients of every trial with subgroups; under a minute", file=sys.stderr)
    study = Study.of(register, patients, np.random.default_rng(seed))
    table = study.predict_all() if wanted is None else study.predict(wanted, labels)
    limited = with_interval(table)
    scores = {} if limited.empty else {"those with an interval": score(limited), "all": score(table)}
    show(out, _as_json(table, scores, unused), lambda: _print(out, table, scores, unused))


def _as_json(table: pd.DataFrame, scores: Scores, unused: list[Unused]) -> dict[str, Any]:
    return {
        "simulated": True,
        "subgroups": table.to_dict("records"),
        "scores": scores,
        "not_compared": [u.__dict__ for u in unused],
    }


def _print(out: Console, table: pd.DataFrame, scores: Scores, unused: list[Unused]) -> None:
    from experiments.evidence_tables import table as as_table

    def ratio(row: Any, name: str) -> str:
        return "" if math.isnan(getattr(row, name)) else f"{getattr(row, name):.2f}"

    def interval(row: Any, low: str, high: str) -> str:
        ends = f"{ratio(row, low)} to {ratio(row, high)}"
        return "" if ends == " to " else ends

    out.print("subgroup hazard ratios, predicted without the trial's own subgroup figures", style="bold")
    for (trial, experimental, control), group in table.groupby(
        ["trial", "experimental", "control"], sort=False
    ):
        rows = [
            {
                "endpoint": r.endpoint,
                "subgroup": r.subgroup,
                "share": f"{r.share:.0%}",
                "published": ratio(r, "published"),
                "interval": interval(r, "low", "high"),
                "whole trial": ratio(r, "whole"),
                "studies only": ratio(r, "studies"),
                "predicted": ratio(r, "learnt"),
                "of 95 %": interval(r, "learnt_low", "learnt_high"),
            }
            for r in group.itertuples()
        ]
        out.print(as_table(f"{trial}: {experimental} v {control}", rows))
    for name, rules in scores.items():
        out.print(
            as_table(f"rules held against the published ratios: {name}", [_score_row(s) for s in rules])
        )
    notes = sorted({n for text in table["notes"] for n in text.split("; ") if n})
    for note in notes:
        out.print(f"note: {note}", highlight=False, markup=False, soft_wrap=True)
    if unused:
        reasons: dict[str, list[str]] = {}
        for u in unused:
            reasons.setdefault(u.reason, []).append(u.label)
        counted = [
            {"reason": reason, "figures": len(labels), "of": ", ".join(dict.fromkeys(labels))}
            for reason, labels in sorted(reasons.items(), key=lambda item: -len(item[1]))
        ]
        out.print(as_table(f"{len(unused)} published subgroup ratios that are not compared", counted))


def _score_row(score: dict[str, Any]) -> dict[str, Any]:
    slope = f"{score['slope']:.2f} ({score['low']:.2f} to {score['high']:.2f})"
    return {
        "rule": score["rule"],
        "readouts": score["readouts"],
        "trials": score["trials"],
        "inside the interval": f"{score['inside']:.1%}",
        "mean squared z": f"{score['mean_squared_z']:.2f}",
        "below the first rule": f"{score['less_than_whole']:.0%}",
        "slope of departures": "" if math.isnan(score["slope"]) else slope,
    }
