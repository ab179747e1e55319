"""The first screen: what the patients are, what the numbers do not show, the run in four figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.artifacts import RunView
from pipeline.models.labels import model_label
from pipeline.report import blocks
from pipeline.report.blocks import text
from pipeline.report.sections.wording import DATA_NAMES, any_simulated, limits, words
from pipeline.schema import HYPOTHETICAL


def opening(run: RunView) -> str:
    """Return title, what the patients are, what the numbers do not show, and the run in four figures."""
    facts = run.facts
    endpoint = str(run.table("endpoint")["label"].iloc[0])
    train = facts["cohorts"]["train"]
    kind = "simulated" if facts["simulated"] else "real" if not any_simulated(facts) else "partly simulated"
    lead = f"{endpoint}, {train['patients']:,} patients, {kind}; run {facts['name']}, seed {facts['seed']}"
    notes = f"<p>{text(facts['report_notes'])}</p>" if facts.get("report_notes") else ""
    return (
        f'<h1>{text(facts["title"])}</h1><p class="lead">{text(lead)}</p>'
        + blocks.notice("caution", _origin(facts), [*_hypothetical(run), *limits(facts)])
        + notes
        + blocks.cards(_headlines(run))
        + checks(run)
    )


def _origin(facts: Mapping[str, Any]) -> str:
    if facts["simulated"]:
        return "Every patient in this report is simulated."
    if not any_simulated(facts):
        return "The patients in this report are real."
    real = [role for role, c in facts["cohorts"].items() if not c["simulated"]]
    return f"The {' and '.join(real)} patients are real; the others are simulated."


def _hypothetical(run: RunView) -> list[str]:
    arms = [a for a in run.table("arms")["arm"].astype(str).unique() if a.startswith(HYPOTHETICAL)]
    return [
        f"Arm {words(arm)}: no patient has ever been treated so. It is composed of what other trials found "
        "and of assumptions, and what it shows is a hypothesis."
        for arm in arms
    ]


def _headlines(run: RunView) -> list[tuple[str, str, str]]:
    scores, facts = run.table("scores"), run.facts
    found = []
    data = "external" if "external" in set(scores["data"]) else "cross-validation"
    rows = scores[(scores["data"] == data) & (scores["group"] == "all") & (scores["metric"] == "uno_c")]
    learnt = rows[rows["model"] != "oracle"].sort_values("value", ascending=False)
    if len(learnt):
        best = learnt.iloc[0]
        found.append(
            (
                f"Best Uno's C, {DATA_NAMES[data]}",
                f"{best['value']:.3f}",
                f"{model_label(best['model'])}, {best['low']:.3f} to {best['high']:.3f}",
            )
        )
    ceiling = rows[rows["model"] == "oracle"]
    if len(ceiling):
        found.append((
            "Ceiling: the truth itself", f"{ceiling['value'].iloc[0]:.3f}", "what no model should beat"
        ))  # fmt: skip
    arms = run.table("arms")
    treated = arms[arms["hazard_ratio"].notna()]
    if len(treated):
        arm = treated.iloc[0]
        against = facts["cohorts"]["train"]["control_arm"]
        found.append(
            (
                f"Hazard ratio, {words(arm['arm'])} v {words(against)}",
                f"{arm['hazard_ratio']:.2f}",
                f"{arm['low']:.2f} to {arm['high']:.2f}, unadjusted",
            )
        )
    events = int(arms["events"].sum())
    found.append(
        ("Events learnt from", f"{events:,}", f"of {facts['cohorts']['train']['patients']:,} patients")
    )
    return found


def checks(run: RunView) -> str:
    """Return the run's own checks: what must hold of every run, and whether it did."""
    listed = run.facts["checks"]
    failed = [c for c in listed if not c["passed"]]
    if failed:
        return blocks.notice(
            "failed",
            "This run failed a check; do not rely on it.",
            [f"{c['name']}: {c['detail']}" for c in failed],
        )
    details = blocks.bullets(f"{words(c['name'])}: {c['detail']}" for c in listed)
    return blocks.folded(f"All {len(listed)} checks of the run passed", details)
