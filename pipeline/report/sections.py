"""Sections of the report: each takes a run and returns HTML; nothing is fitted, all is read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.report import blocks
from pipeline.report.blocks import Markup, text

MODEL_NAMES: Final = {
    "cox": "Cox",
    "rsf": "Survival forest",
    "pdl1": "PD-L1 rule",
    "oracle": "Oracle (ceiling)",
}
DATA_NAMES: Final = {"cross-validation": "cross-validation", "external": "external test"}
SECTION_NAMES: Final = {"ctdna": "Circulating tumour DNA", "outcome": "Outcome", "": "All"}
BETTER: Final = {"higher": "higher is better", "lower": "lower is better", "one": "1 is right"}


def opening(run: RunView) -> str:
    """Return title, what the patients are, what the numbers do not show, and the run in four figures."""
    facts = run.facts
    endpoint = str(run.table("endpoint")["label"].iloc[0])
    train = facts["cohorts"]["train"]
    kind = "simulated" if facts["simulated"] else "real" if not _any_simulated(facts) else "partly simulated"
    lead = f"{endpoint}, {train['patients']:,} patients, {kind}; run {facts['name']}, seed {facts['seed']}"
    notes = f"<p>{text(facts['report_notes'])}</p>" if facts.get("report_notes") else ""
    return (
        f'<h1>{text(facts["title"])}</h1><p class="lead">{text(lead)}</p>'
        + blocks.notice("caution", _origin(facts), _limits(facts))
        + notes
        + blocks.cards(_headlines(run))
        + checks(run)
    )


def _any_simulated(facts: Mapping[str, Any]) -> bool:
    return any(c["simulated"] for c in facts["cohorts"].values())


def _origin(facts: Mapping[str, Any]) -> str:
    if facts["simulated"]:
        return "Every patient in this report is simulated."
    if not _any_simulated(facts):
        return "The patients in this report are real."
    real = [role for role, c in facts["cohorts"].items() if not c["simulated"]]
    return f"The {' and '.join(real)} patients are real; the others are simulated."


def _limits(facts: Mapping[str, Any]) -> list[str]:
    lines = [facts["research_use"]]
    if _any_simulated(facts):
        lines.append(
            "Simulated patients repeat what was published: survival and response of each arm, and effects and "
            "correlations of markers one paper at a time. Scores on them show whether a method finds what was "
            "put in, not how well it would predict for patients of a clinic."
        )
    if not facts["simulated"]:
        lines.append(
            "One cohort shows how models do on patients like these. It does not show how they do elsewhere, "
            "and what a model rests on is not shown to be a cause."
        )
    return lines


def _headlines(run: RunView) -> list[tuple[str, str, str]]:
    scores, facts = run.table("scores"), run.facts
    found = []
    data = "external" if "external" in set(scores["data"]) else "cross-validation"
    rows = scores[(scores["data"] == data) & (scores["group"] == "all") & (scores["metric"] == "uno_c")]
    learnt = rows[rows["model"] != "oracle"].sort_values("value", ascending=False)
    if len(learnt):
        best = learnt.iloc[0]
        found.append((
            f"Best Uno's C, {DATA_NAMES[data]}",
            f"{best['value']:.3f}",
            f"{model_name(best['model'])}, {best['low']:.3f} to {best['high']:.3f}",
        ))
    ceiling = rows[rows["model"] == "oracle"]
    if len(ceiling):
        found.append((
            "Ceiling: the truth itself", f"{ceiling['value'].iloc[0]:.3f}", "no model can be expected to beat it"
        ))  # fmt: skip
    arms = run.table("arms")
    treated = arms[arms["hazard_ratio"].notna()]
    if len(treated):
        arm = treated.iloc[0]
        against = facts["cohorts"]["train"]["control_arm"]
        found.append((
            f"Hazard ratio, {_words(arm['arm'])} v {_words(against)}",
            f"{arm['hazard_ratio']:.2f}",
            f"{arm['low']:.2f} to {arm['high']:.2f}, unadjusted",
        ))
    events = int(arms["events"].sum())
    found.append(("Events learnt from", f"{events:,}", f"of {facts['cohorts']['train']['patients']:,} patients"))
    return found


def checks(run: RunView) -> str:
    """Return the run's own checks: what must hold of every run, and whether it did."""
    listed = run.facts["checks"]
    failed = [c for c in listed if not c["passed"]]
    if failed:
        return blocks.notice(
            "failed", "This run failed a check; do not rely on it.", [f"{c['name']}: {c['detail']}" for c in failed]
        )
    details = blocks.bullets(f"{_words(c['name'])}: {c['detail']}" for c in listed)
    return blocks.folded(f"All {len(listed)} checks of the run passed", details)


def scores(run: RunView) -> str:
    """Return the overall scores, a table for each set of patients, best model first in bold, oracle shaded."""
    table = run.table("scores")
    overall = table[table["group"] == "all"]
    return "".join(_score_table(run, part, str(data)) for data, part in overall.groupby("data", sort=False))


def _score_table(run: RunView, part: pd.DataFrame, data: str) -> str:
    models = sorted(dict.fromkeys(part["model"]), key=lambda m: m == "oracle")
    about = run.facts["metrics"]
    rows = []
    for (metric, months), line in part.groupby(["metric", "horizon_months"], sort=False, dropna=False):
        direction = about.get(metric, {}).get("better", "")
        label = about.get(metric, {}).get("label", metric)
        at = "" if math.isnan(months) else f" at {months:g} months"
        by_model = line.set_index("model")
        best = _best(by_model["value"].drop("oracle", errors="ignore"), direction)
        cells = [
            blocks.estimate(*by_model.loc[m, ["value", "low", "high"]].astype(float), best=m == best)
            if m in by_model.index
            else ""
            for m in models
        ]
        words = Markup(f'{text(label + at)} <span class="arrow">{text(BETTER.get(direction, ""))}</span>')
        rows.append([words, *cells])
    first = part.iloc[0]
    caption = (
        f"{DATA_NAMES.get(data, data).capitalize()}: {int(first['patients']):,} patients, "
        f"{int(first['events']):,} events. Small figures: bootstrap intervals at "
        f"{run.facts['analysis']['bootstrap']['level']:.0%}. Bold: best of the models that learnt."
    )
    shaded = [model_name("oracle")] if "oracle" in models else []
    return blocks.table(["Score", *map(model_name, models)], rows, caption=caption, shaded=shaded)


def _best(values: pd.Series, direction: str) -> str | None:
    values = values.dropna()
    if not len(values):
        return None
    distance = {"higher": -values, "lower": values, "one": (values - 1).abs()}.get(direction)
    return None if distance is None else str(distance.idxmin())


def differences(run: RunView) -> str:
    """Return paired differences between models, when the run holds them."""
    if "differences" not in run.tables:
        return ""
    table = run.table("differences")
    table = table[(table["group"] == "all") & (table["model"] != "oracle")]
    if not len(table):
        return ""
    rows = [
        [
            DATA_NAMES.get(row["data"], row["data"]),
            f"{model_name(row['model'])} – {model_name(row['reference'])}",
            run.facts["metrics"].get(row["metric"], {}).get("label", row["metric"]),
            "" if math.isnan(row["horizon_months"]) else f"{row['horizon_months']:g}",
            blocks.estimate(row["value"], row["low"], row["high"]),
        ]
        for row in table.to_dict("records")
    ]
    head = ["Patients", "Models", "Score", "Months", "Difference"]
    return blocks.folded(
        "Differences between models, on the same patients", blocks.table(head, rows, numbers_from=3)
    )


def subgroups(run: RunView) -> str:
    """Return Uno's C of every model by subgroup."""
    table = run.table("scores")
    rows = table[(table["metric"] == "uno_c") & (table["data"] == table["data"].iloc[-1])]
    if set(rows["group"]) <= {"all"}:
        return "<p>No subgroups were asked for.</p>"
    models = sorted(dict.fromkeys(rows["model"]), key=lambda m: m == "oracle")
    made = []
    for group, part in rows.groupby("group", sort=False):
        by_model = part.set_index("model")
        cells = [
            blocks.estimate(*by_model.loc[m, ["value", "low", "high"]].astype(float)) if m in by_model.index else ""
            for m in models
        ]
        label = "All patients" if group == "all" else _words(str(group).replace("=", ": "))
        made.append([label, int(part["patients"].iloc[0]), int(part["events"].iloc[0]), *cells])
    head = ["Subgroup", "Patients", "Events", *map(model_name, models)]
    shaded = [model_name("oracle")] if "oracle" in models else []
    caption = f"Uno's C, {DATA_NAMES.get(str(rows['data'].iloc[0]), '')}. Intervals that overlap are no evidence of a difference."
    return blocks.table(head, made, caption=caption, shaded=shaded)


def arms(run: RunView) -> str:
    """Return patients, events, median and hazard ratio of each arm, and the Kaplan-Meier figure."""
    rows = [
        [
            _words(row["arm"]),
            f"{int(row['patients']):,}",
            f"{int(row['events']):,}",
            blocks.estimate(row["median_months"], row["median_low"], row["median_high"], digits=1),
            blocks.estimate(row["hazard_ratio"], row["low"], row["high"], digits=2),
        ]
        for row in run.table("arms").to_dict("records")
    ]
    table = blocks.table(["Arm", "Patients", "Events", "Median, months", "Hazard ratio"], rows)
    said = "Kaplan-Meier estimates by arm with pointwise intervals, censored patients as ticks, numbers at risk below"
    if run.figures("fidelity"):
        said += "; marks are the published medians and rates"
    return table + blocks.figures(run.figures("kaplan_meier"), f"{said}.")


def fidelity(run: RunView) -> str:
    """Return how the drawn patients compare with the publications; nothing for a real cohort."""
    if "fidelity" not in run.tables:
        return "<p>The training cohort is real: there is nothing to reproduce.</p>"
    table = run.table("fidelity")
    built, within = table[table["built_on"]], table[table["built_on"] & table["within"]]
    rows, kinds = [], []
    for row in table.to_dict("records"):
        digits = {"median": 1, "landmark": 3, "hazard_ratio": 2}.get(row["kind"], 3)
        at = f" at {row['months']:g} months" if row["kind"] == "landmark" else ""
        name = str(row["endpoint"])
        rows.append([
            _words(row["arm"]),
            f"{name.upper() if name in ('os', 'pfs') else name.capitalize()}, {_words(row['kind']).lower()}{at}",
            blocks.estimate(*(_number(row[c]) for c in ("published", "low", "high")), digits=digits),
            f"{row['reproduced']:.{digits}f}",
            ("within" if row["within"] else "outside") if row["built_on"] else "predicted",
            row["source"],
        ])
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
    rows: list[list[object]] = []
    kinds: list[str] = []
    section = label = ""
    for row in table.to_dict("records"):
        if row["section"] != section:
            section = row["section"]
            rows.append([SECTION_NAMES.get(section, _words(section)), *[""] * (len(groups) + 2)])
            kinds.append("group")
        unit = Markup(f' <span class="unit">{text(row["statistic"])}</span>')
        again = row["label"] == label and row["level"]
        label = row["label"]
        name = row["level"] if again else f"{label}: {row['level']}" if row["level"] else label
        rows.append([Markup(text(name) + unit), *(row[g] for g in groups), row["missing"], row["smd"]])
        kinds.append("level" if again else "")
    head = ["", *map(_words, groups), "Missing", "Difference"]
    caption = "Difference: standardised mean difference between arms; below 0.1 is usually taken as balanced."
    return blocks.table(head, rows, row_classes=kinds, caption=caption)


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

    said = listed(serious) if len(serious) else "<p>The checks of the cohorts found no fault and nothing to warn of.</p>"
    return (
        said
        + (blocks.folded(f"{len(notes)} notes", listed(notes)) if len(notes) else "")
        + blocks.figures(run.figures("missing"), "Share of patients without each value, training cohort.")
        + "".join(
            blocks.folded("How the markers go together", blocks.figure(f, "Rank correlations, training cohort."))
            for f in run.figures("correlations")
        )
    )


def performance_figures(run: RunView) -> str:
    """Return all scores with their intervals as one figure."""
    return blocks.figures(
        run.figures("scores"), "Scores with intervals, open marks cross-validation, filled marks external test."
    )


def calibration(run: RunView) -> str:
    """Return the calibration figures: one open, the others folded."""
    pngs = run.figures("calibration_external_*") or run.figures("calibration_*")
    pngs = sorted(pngs, key=lambda p: [float(w) for w in p.stem.split("_") if w.replace(".", "").isdigit()])
    if not pngs:
        return "<p>No calibration figures.</p>"
    wanted = f"_{run.facts['analysis']['explanation']['horizon_months']:g}_months"
    shown = next((p for p in pngs if p.stem.endswith(wanted)), pngs[0])
    caption = "Observed against predicted probability of being event-free; bars below count the predictions."
    others = [blocks.figure(p, caption) for p in pngs if p != shown]
    return blocks.figure(shown, caption) + (blocks.folded("Other horizons", "".join(others)) if others else "")


def roc(run: RunView) -> str:
    """Return the figures of discrimination over time."""
    pngs = run.figures("roc_external") or run.figures("roc_*")
    return blocks.figures(pngs, "ROC curves at each horizon, weighted for censoring, and the area over time.")


def explanations(run: RunView) -> str:
    """Return, model by model, what predictions rest on."""
    facts = run.facts
    months = facts["analysis"]["explanation"]["horizon_months"]
    parts = []
    for model, about in facts["models"].items():
        if not about["explained"]:
            continue
        scale = (
            f"probability of being event-free at {months:g} months" if model != "cox" else "log relative hazard"
        )
        parts.append(f"<h3>{text(model_name(model))}</h3><p>On the scale of the {text(scale)}.</p>")
        parts.append(
            blocks.figures(run.figures(f"importance_{model}"), "Mean size of each column's contribution, with intervals over patients, and its sum by modality.")
            + blocks.figures(run.figures(f"beeswarm_{model}"), "One dot a patient: contribution of a column, coloured by the patient's value.")
            + blocks.figures(run.figures(f"importance_over_time_{model}"), "Contributions at each horizon.")
        )
        stories = blocks.figures(
            run.figures(f"waterfall_{model}_*"), "How one prediction comes about, step by step from the average patient."
        )
        parts.append(blocks.folded("Single patients, from low to high risk", stories) if stories else "")
    return "".join(parts) or "<p>None of the models has an exact explanation.</p>"


def agreement(run: RunView) -> str:
    """Return how the explanations compare with what the simulation was drawn from."""
    if "agreement_summary" not in run.tables:
        return "<p>What truly drives the outcome is known of simulated patients only.</p>"
    rows = [
        [
            model_name(row["model"]),
            "all" if math.isnan(row["horizon_months"]) else f"{row['horizon_months']:g}",
            f"{row['importance_correlation']:.2f}",
            f"{row['patient_correlation']:.2f}",
            f"{row['sign_agreement']:.0%}",
        ]
        for row in run.table("agreement_summary").to_dict("records")
    ]
    head = ["Model", "Months", "Ranking of columns", "Within a patient (median)", "Right direction"]
    caption = "Spearman correlations with the contributions the patients were drawn with, and the share of these by size whose direction is right."
    return blocks.table(head, rows, caption=caption) + blocks.figures(
        run.figures("agreement"), "Importance in the explanation against importance in the truth."
    )


def methods(run: RunView) -> str:
    """Return what is needed to repeat the run: config, seed, versions, hashes, timings."""
    facts = run.facts
    git = facts.get("git") or {}
    commit = f"{git['commit']}{' with uncommitted changes' if git['changed'] else ''}" if git else "not in a checkout"
    identity: dict[str, object] = {"Seed": facts["seed"], "Started": facts["started"]}
    for role, cohort in facts["cohorts"].items():
        identity[f"{role.capitalize()} cohort"] = f"{cohort['name']}, {cohort['patients']:,} patients"
        identity[f"{role.capitalize()} cohort, SHA-256"] = cohort["sha256"]
    identity |= {
        "Configuration, SHA-256": facts["config_sha256"],
        "Evidence, SHA-256": f"{facts['evidence']['sha256']} ({facts['evidence']['files']} files)",
        "Commit": commit,
    }
    again = "lungio run experiment.yaml" + ("" if facts["simulated"] else " --data FILE")
    parameters = [
        [model_name(name), _words(key), str(value)]
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
        + blocks.folded("Models' parameters", blocks.table(["Model", "Parameter", "Value"], parameters, numbers_from=9))
        + blocks.folded("Versions", blocks.pairs(facts["versions"]))
        + blocks.folded("Seconds a stage, until the folder was written", blocks.table(["Stage", "Seconds"], seconds))
    )


def sources(run: RunView) -> str:
    """Return where the figures behind the cohort were published."""
    manifest = run.facts["cohorts"]["train"]["manifest"]
    cited: list[object] = [manifest["citation"]] if manifest.get("citation") else []
    if "fidelity" in run.tables:
        cited += [s for s in dict.fromkeys(run.table("fidelity")["source"]) if s]
    notes = manifest.get("notes") or manifest.get("warnings") or []
    return (
        (blocks.bullets(cited) if cited else "<p>No published source is on record.</p>")
        + (blocks.folded(f"{len(notes)} notes on how the cohort was made", blocks.bullets(notes)) if notes else "")
    )


def model_name(name: str) -> str:
    """Return a model's name as it stands in the report."""
    return MODEL_NAMES.get(str(name), str(name).replace("_", " "))


def _words(name: Any) -> str:
    said = str(name).replace("_", " ")
    return said[:1].upper() + said[1:]
