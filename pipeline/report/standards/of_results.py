"""What a run says of its results: performance, groups, clusters, numbers, limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.models.labels import model_label
from pipeline.report.sections.wording import explained_horizon, limits, words
from pipeline.report.standards import known
from pipeline.report.standards.items import Said

CALIBRATION: Final = ("calibration_slope", "calibration_intercept", "ici", "e50", "e90", "d_calibration")
DISCRIMINATION: Final = ("harrell_c", "uno_c", "antolini_c", "auc", "median_auc")
QUOTED: Final = ("uno_c", "auc", "brier", "calibration_slope", "ici")


def abstract(run: RunView) -> Said:
    """Return the figures of an abstract."""
    count = known.counts(run)
    judged = f"; judging: {count['external']}" if "external" in count else ""
    name = known.best(run)
    found = f" Best by Uno's C: {model_label(name)}, {known.score(run, 'uno_c', name)}." if name else ""
    return Said(
        f"Making: {count['train']} of {known.endpoint_label(run)}{judged}. {len(known.predictors(run))} "
        f"predictors; {known.names(list(run.facts['models']))}; horizons "
        f"{known.months(run.facts['analysis']['horizons_months'])}.{found}"
    )


def measures(run: RunView) -> Said:
    """Return every measure and plot."""
    labels = [run.facts["metrics"][m]["label"] for m in run.facts["analysis"]["metrics"]]
    boot = run.facts["analysis"]["bootstrap"]
    return Said(
        f"{known.listed(labels)}; calibration curves, ROC curves, decision curves. Intervals: percentiles "
        f"of {boot['replicates']:,} resamples of the judged patients at {boot['level']:.0%}, the same "
        "resamples for every model, so that differences are paired; p-values of differences under Holm's "
        "correction."
    )


def judged_in_full(run: RunView) -> Said:
    """Return whether discrimination, calibration and net benefit were all judged."""
    asked = set(run.facts["analysis"]["metrics"])
    has = {
        "discrimination": bool(asked & set(DISCRIMINATION)),
        "calibration": bool(asked & set(CALIBRATION)),
        "net benefit": len(run.table("decisions")) > 0,
    }
    lacking = [name for name, there in has.items() if not there]
    said = (
        f"Not judged: {known.listed(lacking)}."
        if lacking
        else "Discrimination, calibration and net benefit, with intervals."
    )
    return Said(said, "no" if lacking else "yes")


def beyond_apparent(run: RunView) -> Said:
    """Return whether scores come from patients not learnt from."""
    where = [f"{words(data).lower()}" for data in dict.fromkeys(run.table("scores")["data"])]
    return Said(f"Every score is of patients the model had not seen: {known.listed(where)}.", "yes")


def leakage(run: RunView) -> Said:
    """Return whether anything could leak from training to test rows."""
    failed = [c["name"] for c in run.facts["checks"] if not c["passed"]]
    checks = {c["name"]: c["detail"] for c in run.facts["checks"]}
    tested = checks.get("shuffled_outcomes_teach_nothing", "")
    return Said(
        "Features, penalties and settings are learnt in training rows alone; the truth of simulated "
        f"patients lies in another table. {words(tested)}{'.' if tested else ''}"
        + (f" Failed checks: {known.listed(failed)}." if failed else ""),
        "no information" if failed else "yes",
    )


def all_steps_repeated(run: RunView) -> Said:
    """Return whether resampling repeats every step."""
    split = run.facts["analysis"]["cross_validation"]
    return Said(
        f"Each of the {split['folds'] * split['repeats']} fits of the cross-validation learns features, "
        "penalties and settings anew; the bootstrap of the intervals holds the fitted models fixed, and "
        "says so.",
        "yes",
    )


def performance(run: RunView) -> Said:
    """Return main scores of every model on the patients that count, and the groups of the best one."""
    near = explained_horizon(run)
    asked = run.facts["analysis"]["metrics"]
    lines = []
    for model in run.facts["models"]:
        said = []
        for metric in (m for m in QUOTED if m in asked):
            label = run.facts["metrics"][metric]["label"]
            for months, at in ((None, ""), (near, f" at {near:g} months")):
                if value := known.score(run, metric, model, months):
                    said.append(f"{label}{at} {value}")
        lines.append(f"{model_label(model)}: {'; '.join(said)}.")
    return Said(f"On {known.judged_on(run)} patients. {' '.join(lines)} {_by_group(run)}".strip())


def _by_group(run: RunView) -> str:
    name, table = known.best(run), run.table("scores")
    groups = [g for g in dict.fromkeys(table["group"]) if g != "all"]
    found = [
        f"{words(g.replace('=', ': '))} {value}"
        for g in groups
        if name and (value := known.score(run, "uno_c", name, group=g))
    ]
    return f"Uno's C of {model_label(str(name))} by group: {'; '.join(found)}." if found else ""


def fairness(run: RunView) -> Said:
    """Return which groups were judged apart."""
    groups = known.listed([words(g).lower() for g in run.facts["analysis"]["subgroups"]])
    return Said(
        f"Every score is also computed within {groups or 'no group'}, with intervals; nothing was changed "
        "to make groups "
        f"alike. {_by_group(run)}".strip()
    )


def clusters(run: RunView) -> Said:
    """Return whether performance was examined across clusters."""
    by = run.facts["analysis"]["cross_validation"]["by"]
    if by != "patient":
        return Said(
            f"Folds keep each {words(by).lower()} whole, so that every one is predicted by models that "
            "never saw it."
        )
    site = [g for g in run.facts["analysis"]["subgroups"] if g in ("site", "region")]
    if site:
        return Said(f"Scores are computed within each {known.listed(site)}; models have no term for it.")
    return Said("Not examined: neither folds nor groups of this run are formed by site or region.")


def numbers(run: RunView) -> Said:
    """Return patients and events of every analysis."""
    table = run.table("horizons")
    parts = []
    for kind, said in (("training", "fitted in cross-validation"), ("test", "judged in cross-validation")):
        rows = table[table["set"].str.startswith(f"{kind} patients")]
        if len(rows):
            parts.append(
                f"{said}: {len(rows)} times {_span(rows['patients'])} patients with {_span(rows['events'])} "
                "events"
            )
    count = known.counts(run)
    parts.insert(0, f"final models: {count['train']}")
    if "external" in count:
        parts.append(f"external test: {count['external']}")
    return Said(f"{words('; '.join(parts))}. Tuning happens inside the fitted patients.")


def _span(values: pd.Series[int]) -> str:
    low, high = int(values.min()), int(values.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def standing(run: RunView) -> Said:
    """Return the best model beside what is possible and beside what was there before."""
    name = known.best(run)
    if name is None:
        return Said("The run trained no model.")
    others = [m for m in run.facts["models"] if m != name]
    said = [f"{model_label(m)} {value}" for m in [name, *others] if (value := known.score(run, "uno_c", m))]
    ceiling = (
        " The oracle knows each simulated patient's true risk: nothing should rank better."
        if "oracle" in run.facts["models"]
        else ""
    )
    return Said(f"Uno's C on {known.judged_on(run)} patients: {'; '.join(said)}.{ceiling}")


def limitations(run: RunView) -> Said:
    """Return what the run knows it cannot show."""
    said = limits(run.facts)[1:]
    gaps = known.missing(run)
    if len(gaps):
        said.append(
            f"{known.column_label(run, str(gaps.index[0]))} is missing in {gaps.iloc[0]:.1%} of training "
            "patients, filled in and not imputed repeatedly."
        )
    dropped = len(run.table("dropped"))
    if dropped:
        said.append(f"{dropped} scores could not be judged; the notes of the run name each with its reason.")
    if "external" not in run.facts["cohorts"]:
        said.append("No external patients: performance elsewhere is not known.")
    failed = [c["name"] for c in run.facts["checks"] if not c["passed"]]
    if failed:
        said.append(f"This run failed {known.listed(failed)}; do not rely on it.")
    return Said(" ".join(said))


ANSWERS: Final[Mapping[str, Callable[[RunView], Said]]] = {
    answer.__name__: answer
    for answer in (
        abstract, all_steps_repeated, beyond_apparent, clusters, fairness, judged_in_full, leakage,
        limitations,
        measures, numbers, performance, standing,
    )
}  # fmt: skip
