"""Whether new patients are still those a model learnt from: the verdict, its reasons and its rules."""

from __future__ import annotations

from typing import Final

from pipeline.artifacts import RunView
from pipeline.report import blocks
from pipeline.report.sections.wording import words

MEANING: Final = {
    "none": ("passed", "No drift was found.", "Nothing of a size that matters differs significantly."),
    "look": ("caution", "Look before you rely on the model.", "Something differs that may matter."),
    "do not use": ("failed", "Do not use the model for these patients.", "They differ too far."),
}
THOUSAND: Final = 1000  # from which numbers are written out, not as powers of ten


def drift_verdict(run: RunView) -> str:
    """Return the verdict and every alarm behind it."""
    account = run.facts["drift"]
    kind, title, said = MEANING[account["verdict"]]
    listed = [f"{words(a['finding'])}: {a['words']} (Holm p {a['p_holm']:.1g})." for a in account["alarms"]]
    return blocks.notice(kind, title, [said, *account["notes"]]) + (blocks.bullets(listed) if listed else "")


def drift_markers(run: RunView) -> str:
    """Return the shift of every column, those that cannot be compared first, then the largest index."""
    table, findings = run.table("shift"), run.table("findings")
    worst = findings[findings["what"].isin(["values", "missing", "unseen category"])]
    finding = worst.drop_duplicates("subject").set_index("subject")["finding"].to_dict()
    rows, kinds = [], []
    for row in sorted(table.to_dict("records"), key=lambda r: -abs(r["psi"] if r["psi"] == r["psi"] else 9)):
        found = str(finding.get(row["column"], "arm, not judged"))
        rows.append([
            row["label"], found, _number(row["old"]), _number(row["new"]), _number(row["smd"]),
            _number(row["psi"]), _number(row["psi_chance"]), row["test"], f"{row['p']:.1g}",
            f"{row['missing_old']:.0%}", f"{row['missing_new']:.0%}", f"{row['missing_p']:.1g}",
        ])  # fmt: skip
        kinds.append({"look": "warning", "do not use": "fault"}.get(found, ""))
    head = ["Column", "Finding", "Trained on", "New", "SMD", "PSI", "PSI by chance", "Test", "p",
            "Missing then", "now", "p missing"]  # fmt: skip
    caption = (
        "Medians of numbers, shares of facts. SMD: standardised mean difference. PSI: population stability "
        "index. p values before correction."
    )
    return blocks.table(head, rows, caption=caption, numbers_from=2, row_classes=kinds, kind="dense")


def _number(value: float) -> str:
    if value != value:
        return ""
    return f"{value:,.0f}" if abs(value) >= THOUSAND else f"{value:.3g}"


def drift_rules(run: RunView) -> str:
    """Return the thresholds of the verdict."""
    rules = run.facts["drift"]["rules"]
    rows = [
        [words(name), f"{limits['look']:.3g}", f"{limits['stop']:.3g}"]
        for name, limits in rules.items()
        if isinstance(limits, dict)
    ]
    said = (
        f"All comparisons together raise a false alarm in at most {rules['error_rate']:.0%} of new cohorts "
        f"that do not differ (Holm). Columns with less than {rules['relevant_importance']:.1%} of every "
        "model's explanations are worth a look and no more."
    )
    return blocks.table(["Difference", "Look from", "Do not use from"], rows, caption=said)
