"""Who the patients are: arms, fidelity, table one, what the checks found."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.report import blocks
from pipeline.report.blocks import Markup, text
from pipeline.report.sections.wording import words

SECTION_NAMES: Final = {"ctdna": "Circulating tumour DNA", "outcome": "Outcome", "": "All"}


def arms(run: RunView) -> str:
    """Return patients, events, median and hazard ratio of each arm, and the Kaplan-Meier figure."""
    rows = [
        [
            words(row["arm"]),
            f"{int(row['patients']):,}",
            f"{int(row['events']):,}",
            blocks.estimate(row["median_months"], row["median_low"], row["median_high"], digits=1),
            blocks.estimate(row["hazard_ratio"], row["low"], row["high"], digits=2),
        ]
        for row in run.table("arms").to_dict("records")
    ]
    head = ["Arm", "Patients", "Events", "Median, months", "Hazard ratio"]
    if len(rows) == 1:  # nothing to compare with
        head, rows = head[:-1], [row[:-1] for row in rows]
    table = blocks.table(head, rows)
    said = "Kaplan-Meier estimates by arm, pointwise intervals, censored patients as ticks, numbers at risk"
    if run.figures("fidelity"):
        said += "; marks are the published medians and rates"
    return table + blocks.figures(run.figures("kaplan_meier"), f"{said}.")


ROLES: Final = {"train": "Training cohort", "external": "External test cohort"}
USES: Final = {
    "train": "Models are trained on all of them and cross-validated among them",
    "external": "Models are judged on them; no fitting saw them",
}


def flow(run: RunView) -> str:
    """Return a flow diagram: where patients came from, who was left out, their arms, outcomes and use."""
    if "flow" not in run.tables:
        return ""
    table, facts = run.table("flow"), run.facts
    lanes: list[str] = []
    reading: list[str] = []  # what was changed or left out when a file was read
    for role, part in table.groupby("role", sort=False):
        about = facts["cohorts"][str(role)]
        manifest, patients = about["manifest"], about["patients"]
        if about["simulated"]:
            boxes = [
                _box(f"Drawn from {manifest.get('trial') or 'published figures'}", f"{patients:,} patients")
            ]
        else:
            rows = int(manifest.get("rows", patients))
            boxes = [
                _box("Rows of the file", f"{rows:,}"),
                _box("Left out, for stated reasons", f"{rows - patients:,}"),
            ]
            reading += map(str, manifest.get("warnings", ()))
        boxes.append(_box(ROLES.get(str(role), words(role)), f"{patients:,} patients"))
        arms = [
            _box(
                words(row["arm"]),
                f"{int(row['patients']):,} patients",
                f"{int(row['events']):,} with the event, {int(row['censored']):,} censored",
                f"{int(row['all_measured']):,} with every value measured",
                _followed(row["follow_up_months"]),
            )
            for row in part.to_dict("records")
        ]
        boxes.append(f'<div class="branches">{"".join(arms)}</div>')
        boxes.append(_box(USES.get(str(role), "Judged"), ""))
        steps = "".join(f"<li>{box}</li>" for box in boxes)
        lanes.append(f'<ol class="lane" aria-label="{text(ROLES.get(str(role), words(role)))}">{steps}</ol>')
    return f'<div class="flow">{"".join(lanes)}</div>' + (blocks.bullets(reading) if reading else "")


def _box(what: str, main: str, *details: str) -> str:
    said = "".join(f"<span>{text(line)}</span>" for line in details)
    return f'<div class="box"><span>{text(what)}</span>{f"<b>{text(main)}</b>" if main else ""}{said}</div>'


def _followed(months: float) -> str:
    return (
        "median follow-up not reached"
        if not months < float("inf")
        else f"followed {months:.1f} months (median)"
    )


def fidelity(run: RunView) -> str:
    """Return how the drawn patients compare with the publications; nothing for a real cohort."""
    if "fidelity" not in run.tables:
        return ""
    table = run.table("fidelity")
    built, within = table[table["built_on"]], table[table["built_on"] & table["within"]]
    rows, kinds = [], []
    for row in table.to_dict("records"):
        digits = {"median": 1, "landmark": 3, "hazard_ratio": 2}.get(row["kind"], 3)
        at = f" at {row['months']:g} months" if row["kind"] == "landmark" else ""
        name = str(row["endpoint"])
        name = name.upper() if name in ("os", "pfs") else name.capitalize()
        rows.append(
            [
                words(row["arm"]),
                f"{name}, {words(row['kind']).lower()}{at}",
                blocks.estimate(_number(row["published"]), _number(row["low"]), _number(row["high"]), digits),
                f"{row['reproduced']:.{digits}f}",
                ("within" if row["within"] else "outside") if row["built_on"] else "predicted",
                row["source"],
            ]
        )
        kinds.append("" if row["within"] or not row["built_on"] else "warning")
    head = ["Arm", "Figure", "Published", "Reproduced", "Agreement", "Source"]
    return (
        f"<p>{len(within)} of {len(built)} published figures that the curves were built on come back within "
        "their tolerance in this draw.</p>"
        + blocks.figures(run.figures("fidelity"), "Published figures and what the drawn patients show.")
        + blocks.folded(
            f"All {len(table)} figures with their sources",
            blocks.table(head, rows, numbers_from=2, row_classes=kinds),
        )
    )


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def table_one(run: RunView) -> str:
    """Return the cohort at baseline, grouped by modality."""
    table = run.table("table_one_layout")
    fixed = ("section", "label", "level", "statistic", "missing", "smd")
    groups = [c for c in table.columns if c not in fixed]
    compared = len(groups) > 2  # beside all patients, at least two arms
    last = ["Missing", "Difference"] if compared else ["Missing"]
    rows: list[list[object]] = []
    kinds: list[str] = []
    section = label = ""
    for row in table.to_dict("records"):
        if row["section"] != section:
            section = row["section"]
            rows.append([SECTION_NAMES.get(section, words(section)), *[""] * (len(groups) + len(last))])
            kinds.append("group")
        unit = Markup(f' <span class="unit">{text(row["statistic"])}</span>')
        again = row["label"] == label and row["level"]
        label = row["label"]
        name = row["level"] if again else f"{label}: {row['level']}" if row["level"] else label
        rest = ["", ""] if again else [row["missing"], row["smd"]]
        rows.append([Markup(text(name) + unit), *(row[g] for g in groups), *rest[: len(last)]])
        kinds.append("level" if again else "")
    said = "Difference: standardised mean difference between arms; below 0.1 is usually taken as balanced."
    head, caption = ["", *map(words, groups), *last], said if compared else ""
    return blocks.table(head, rows, row_classes=kinds, caption=caption, kind="dense")


def findings(run: RunView) -> str:
    """Return what the cohort checks found, faults first, and the figure of missing values."""
    table = run.table("findings")
    serious = table[table["severity"] != "note"]
    notes = table[table["severity"] == "note"]
    head = ["", "Cohort", "Column", "Found", "What to do"]

    def listed(part: pd.DataFrame) -> str:
        rows = [
            [r["severity"].capitalize(), r["cohort"], r["column"], r["message"], r["remedy"]]
            for r in part.to_dict("records")
        ]
        return blocks.table(head, rows, numbers_from=9, row_classes=list(part["severity"]))

    said = (
        listed(serious)
        if len(serious)
        else "<p>The checks of the cohorts found no fault and nothing to warn of.</p>"
    )
    return (
        said
        + (blocks.folded(f"{len(notes)} notes", listed(notes)) if len(notes) else "")
        + blocks.figures(run.figures("missing"), "Share of patients without each value, training cohort.")
        + "".join(
            blocks.folded(
                "How the markers go together", blocks.figure(f, "Rank correlations, training cohort.")
            )
            for f in run.figures("correlations")
        )
    )
