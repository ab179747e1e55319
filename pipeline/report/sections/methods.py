"""How the run was made and how to repeat it, and where its figures were published."""

from __future__ import annotations

from pipeline.artifacts import RunView
from pipeline.artifacts.lineage import in_words
from pipeline.models.labels import model_label
from pipeline.report import blocks
from pipeline.report.blocks import text
from pipeline.report.sections.wording import words


def methods(run: RunView) -> str:
    """Return what is needed to repeat the run: config, seed, versions, hashes, timings."""
    facts = run.facts
    git = facts.get("git") or {}
    commit = (
        f"{git['commit']}{' with uncommitted changes' if git['changed'] else ''}"
        if git
        else "not in a checkout"
    )
    identity: dict[str, object] = {"Seed": facts["seed"], "Started": facts["started"]}
    for role, cohort in facts["cohorts"].items():
        identity[f"{role.capitalize()} cohort"] = f"{cohort['name']}, {cohort['patients']:,} patients"
        identity[f"{role.capitalize()} cohort, SHA-256"] = cohort["sha256"]
    split = facts["analysis"]["cross_validation"]
    identity |= {
        "Cross-validation": f"{split['folds']} folds by {split['by']}, repeats: {split['repeats']}; "
        "features, penalties and whatever is tuned are found anew within each fold",
        "Configuration, SHA-256": facts["config_sha256"],
        "Evidence, SHA-256": f"{facts['evidence']['sha256']} ({facts['evidence']['files']} files)",
        "Commit": commit,
    }
    again = "lungio run experiment.yaml" + ("" if facts["simulated"] else " --data FILE")
    parameters = [
        [model_label(name), words(key), str(value)]
        for name, about in facts["models"].items()
        for key, value in about["parameters"].items()
    ]
    seconds = [[stage.capitalize(), f"{spent:.1f}"] for stage, spent in facts["seconds"].items()]
    notes = [*facts["notes"]]
    return (
        blocks.pairs(identity)
        + "<p>To run it again, with the file that lies beside this page:</p>"
        + f"<pre>{text(again)}</pre>"
        + (blocks.folded(f"{len(notes)} notes on this run", blocks.bullets(notes)) if notes else "")
        + blocks.folded(
            "Models' parameters", blocks.table(["Model", "Parameter", "Value"], parameters, numbers_from=9)
        )
        + _follow_up(run)
        + blocks.folded("Versions", blocks.pairs(facts["versions"]))
        + blocks.folded(
            "Seconds a stage, until the folder was written", blocks.table(["Stage", "Seconds"], seconds)
        )
    )


def _follow_up(run: RunView) -> str:
    if "horizons" not in run.tables:
        return ""
    rows = [
        [
            words(r["set"]), r["patients"], r["events"], f"{r['usable_to_months']:.1f}",
            "decides" if r["decides"] else "",
        ]
        for r in run.table("horizons").to_dict("records")
    ]  # fmt: skip
    head = ["Patients learnt from or judged together", "Patients", "Events", "Usable to, months", ""]
    return blocks.folded("Follow-up, which decides tau and the horizons", blocks.table(head, rows))


def lineage(run: RunView) -> str:
    """Return the graph from evidence to report with fingerprints; the same in words where it is not seen."""
    caption = "Each box with the fingerprint of what it holds; arrows lead to what was made of it."
    return "".join(blocks.figure(png, caption, alt=in_words(run.facts)) for png in run.figures("lineage"))


def sources(run: RunView) -> str:
    """Return where the figures behind the cohort were published."""
    manifest = run.facts["cohorts"]["train"]["manifest"]
    cited: list[object] = [manifest["citation"]] if manifest.get("citation") else []
    if "fidelity" in run.tables:
        cited += [s for s in dict.fromkeys(run.table("fidelity")["source"]) if s]
    notes = manifest.get("notes") or manifest.get("warnings") or []
    return (blocks.bullets(cited) if cited else "<p>No published source is on record.</p>") + (
        blocks.folded(f"{len(notes)} notes on how the cohort was made", blocks.bullets(notes))
        if notes
        else ""
    )
