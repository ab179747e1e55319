"""Enrichment by a signature: gains by threshold, the threshold needed, and published groups."""

from __future__ import annotations

from typing import Final

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.report import blocks

SHOWN_PERCENTILES: Final = (0, 25, 50, 75, 90)


def enrich_groups(run: RunView) -> str:
    """Return published hazard ratios of groups beside those assumed, a column an assumption."""
    if "groups" not in run.tables:
        return ""
    table = run.table("groups")
    ratios = list(dict.fromkeys(table["ratio_per_sd"]))
    rows: list[list[object]] = []
    for group, part in table.groupby("group", sort=False):
        first, assumed = part.iloc[0], part.set_index("ratio_per_sd")["assumed"]
        published = blocks.estimate(float(first["published"]), float(first["low"]), float(first["high"]), 2)
        rows.append([group, published, *(f"{assumed[r]:.2f}" for r in ratios)])
    by_ratio = table.drop_duplicates("ratio_per_sd").set_index("ratio_per_sd")["p"]
    rows.append(["p of all groups together", "", *(f"{by_ratio[r]:.2f}" for r in ratios)])
    head = ["Group", "Published", *(f"Hypothetical, {r:g} per SD" for r in ratios)]
    return blocks.table(head, rows, caption="Hazard ratios, published and hypothetical.", numbers_from=1)


def enrich_gains(run: RunView) -> str:
    """Return months gained on either side of some thresholds, under the concentration of each cohort."""
    table, facts = run.table("value"), run.facts
    table = table[_own(table, facts["own"]) & table["percentile"].isin(SHOWN_PERCENTILES)]
    table = table[table["signature"] == facts["first"]]
    rows = [
        [facts["arms"][arm], "all" if not percentile else f"{percentile:g}", *_sides(part)]
        for (arm, percentile), part in table.groupby(["arm", "percentile"], sort=False)
    ]
    head = ["Hypothetical addition", "Threshold (percentile)", "Gain at or above", "Worse off, at or above",
            "Gain below", "Worse off, below"]  # fmt: skip
    said = f"Months gained of {facts['horizon_months']:g} ({facts['endpoint']}); hypothetical. "
    said += "Worse off: patients whose true expected months are fewer with the addition."
    return blocks.table(head, rows, caption=said, numbers_from=2)


def _own(table: pd.DataFrame, own: dict[str, float]) -> pd.Series:
    return table["ratio_per_sd"] == table["arm"].map(own)


def _sides(part: pd.DataFrame) -> list[object]:
    rows = {row["side"]: row for row in part.to_dict("records")}
    cells: list[object] = []
    for side in ("at or above", "below"):
        row = rows.get(side)
        if row is None:
            cells += ["", ""]
            continue
        cells += [blocks.estimate(row["value"], row["low"], row["high"], 2), f"{row['worse_off']:.0%}"]
    return cells


def enrich_needed(run: RunView) -> str:
    """Return the lowest threshold with the power wanted, by assumption, and by signature under one."""
    facts, table, power = run.facts, run.table("needed"), run.table("power")
    made = []
    everybody = power[power["percentile"] == power["percentile"].min()]
    keys = ["arm", "ratio_per_sd", "signature"]
    table = table.merge(everybody[[*keys, "power", "assurance"]], on=keys, suffixes=("", "_all"))
    for said, part, column in (
        ("by assumed concentration, whole signature", table[table["signature"] == facts["first"]],
         "ratio_per_sd"),
        ("by signature, concentration of the cohort", table[_own(table, facts["own"])], "signature"),
    ):  # fmt: skip
        rows = [
            [
                facts["arms"][r["arm"]],
                f"{r[column]:g}" if column == "ratio_per_sd" else facts["labels"][r[column]],
                r["said"],
                f"{r['hazard_ratio']:.2f}",
                "" if pd.isna(r["marker_value"]) else f"{r['marker_value']:.3g}",
                f"{r['power_all']:.0%}",
                f"{r['assurance']:.0%}",
            ]
            for r in part.to_dict("records")
        ]
        head = ["Hypothetical addition",
                "Ratio per SD" if column == "ratio_per_sd" else "Signature",
                f"Lowest threshold with {facts['power']:.0%} power", "Hazard ratio there",
                "In units of the marker", "Power, all", "Averaged over the interval, all"]  # fmt: skip
        caption = f"A trial of the published size, {said}; hypothetical."
        made.append(blocks.table(head, rows, caption=caption, numbers_from=3))
    return "".join(made)


def enrich_drawn(run: RunView) -> str:
    """Return the share of drawn trials that are positive beside the power by formula."""
    facts = run.facts
    rows = [
        [
            facts["arms"][r["arm"]], f"{r['percentile']:g}", f"{r['replicates']:,}",
            blocks.estimate(100 * r["value"], 100 * r["low"], 100 * r["high"], 1),
            "" if pd.isna(r["formula"]) else f"{100 * r['formula']:.1f}",
        ]
        for r in run.table("drawn").to_dict("records")
    ]  # fmt: skip
    head = [
        "Hypothetical addition",
        "Threshold (percentile)",
        "Trials drawn",
        "Positive (%)",
        "By formula (%)",
    ]
    return blocks.table(head, rows, caption="Drawn trials of the published size; hypothetical.",
                        numbers_from=1)  # fmt: skip
