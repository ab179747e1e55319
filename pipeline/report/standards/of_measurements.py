"""What a run says of what was measured: predictors, outcome, preparation, gaps and censoring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pipeline.artifacts import RunView
from pipeline.features.rules import RARE_LEVEL, WINSOR
from pipeline.report.sections.patients import SECTION_NAMES
from pipeline.report.sections.wording import words
from pipeline.report.standards import known
from pipeline.report.standards.items import Said
from pipeline.schema import ENDPOINTS


def preparation(run: RunView) -> Said:
    """Return what was checked and prepared, and what the checks found."""
    severity = run.table("findings")["severity"].value_counts()
    found = [f"{int(n)} {name}{'s' if n != 1 else ''}" for name, n in severity.items()]
    return Said(
        "Every cohort was checked for impossible values and times, contradictory outcomes, leakage and "
        f"late columns before anything was fitted ({known.listed(found) or 'nothing found'}; all are in the "
        "report). Values are prepared by rules learnt on training rows and applied alike to everybody."
    )


def prepared_alike(run: RunView) -> Said:
    """Return that one rule holds for everybody."""
    text = (
        "One rule a column, learnt on training rows, is applied to every patient of every cohort and group."
    )
    return Said(text, "yes")


def predictor_handling(run: RunView) -> Said:
    """Return how numbers, facts and categories become features."""
    ratio = [
        c["label"] or c["name"] for c in known.predictors(run) if c["kind"] == "number" and c["positive"]
    ]
    low, high = (f"{100 * q:g}" for q in WINSOR)
    return Said(
        f"Numbers stay continuous: set to the {low}st and {high}th percentile where beyond them"
        + (f", log2 for {len(ratio)} on a ratio scale ({known.listed(ratio)})" if ratio else "")
        + ", then standardised. Facts are 0 or 1; categories one indicator a level, levels below "
        f"{RARE_LEVEL:.0%} pooled. Everything is learnt on training rows."
    )


def predictor_choice(run: RunView) -> Said:
    """Return how the predictors were chosen."""
    chosen = run.facts["analysis"]["features"]
    columns = known.predictors(run)
    how = "all baseline columns of the cohort" if chosen is None else "named in the configuration"
    return Said(
        f"{len(columns)} columns: {how}, and the arm where there is one. Nothing was chosen by its "
        "association with the outcome."
    )


def predictors(run: RunView) -> Said:
    """Return every predictor with its unit, by modality."""
    groups: dict[str, list[str]] = {}
    for column in known.predictors(run):
        unit = f" ({column['unit']})" if column["unit"] else ""
        named = f"{column['label'] or column['name']}{unit}"
        groups.setdefault(column["modality"] or column["role"], []).append(named)
    said = [
        f"{SECTION_NAMES.get(group, words(group))}: {known.listed(names)}." for group, names in groups.items()
    ]
    return Said(
        f"{len(known.predictors(run))} columns, all declared as known at the start of treatment. "
        + " ".join(said)
    )


def predictor_blinding(run: RunView) -> Said:
    """Return whether predictors could know the outcome."""
    if run.facts["simulated"]:
        return Said("Markers are drawn before any outcome is.", "yes")
    return Said("The file does not say. The cohort check looks for columns that know the outcome.")


def available_in_time(run: RunView) -> Said:
    """Return whether predictors are known at the moment of prediction."""
    late = [c["name"] for c in run.facts["cohorts"]["train"]["columns"] if c["role"] == "post_baseline"]
    held = f" {len(late)} later columns ({known.listed(late)}) are kept from the models." if late else ""
    return Said(f"Models see columns declared as baseline or arm, and nothing else.{held}", "yes")


def assessors(run: RunView) -> Said:
    """Return that nobody assessed simulated patients."""
    if run.facts["simulated"]:
        return Said("Not applicable: values are drawn, nobody assessed them.")
    return Said("The file does not say.")


def outcome(run: RunView) -> Said:
    """Return the outcome, its columns and horizons."""
    endpoint = ENDPOINTS[run.facts["analysis"]["endpoint"]]
    return Said(
        f"{endpoint.label}: months to the event or to the end of follow-up ({endpoint.months}), and whether "
        f"it came ({endpoint.event}); predicted at {known.months(run.facts['analysis']['horizons_months'])}."
    )


def outcome_alike(run: RunView) -> Said:
    """Return whether the outcome is the same for everybody."""
    if run.facts["simulated"]:
        return Said("One rule gives the outcome of every drawn patient.", "yes")
    return Said(
        "One pair of columns holds it for every patient; whether it was assessed alike the file does not say."
    )


def outcome_blinding(run: RunView) -> Said:
    """Return whether outcomes were determined without the predictors."""
    endpoint = run.facts["analysis"]["endpoint"]
    if run.facts["simulated"]:
        return Said(
            "Not applicable: outcomes are drawn from hazards, nobody assessed them.", "not applicable"
        )
    if endpoint == "os":
        return Said("Death asks for no judgement.", "yes")
    return Said("The file does not say.")


def horizons(run: RunView) -> Said:
    """Return the horizons beside the follow-up there is."""
    table = run.table("horizons")
    usable = float(table["usable_to_months"].min())
    shown = known.months(run.facts["analysis"]["horizons_months"])
    return Said(
        f"Predicted at {shown} after the start of treatment; every cohort and fold is followed far enough "
        f"to judge up to {usable:.1f} months."
    )


def missing_values(run: RunView) -> Said:
    """Return which predictors are missing how often, and what is done about it."""
    gaps = known.missing(run)
    shares = known.listed(
        [f"{known.column_label(run, str(name))} {share:.1%}" for name, share in gaps.items()], 12
    )
    complete = [f"{c.complete:,} of {c.patients:,} ({role})" for role, c in known.counts(run).items()]
    have = "has" if len(gaps) == 1 else "have"
    there = f"{len(gaps)} of the predictors {have} gaps in the training cohort: {shares}."
    return Said(
        (there if len(gaps) else "No predictor has gaps.")
        + f" Every value is there in {known.listed(complete)}. Nobody was left out for a gap in a predictor: "
        "a missing number becomes the median of training rows, a missing fact or level the most frequent, "
        "with an indicator where gaps are frequent enough to learn from."
    )


def gaps_and_censoring(run: RunView) -> Said:
    """Return how the analysis handles gaps and censoring."""
    rows = run.table("flow")
    censored = {str(role): int(part["censored"].sum()) for role, part in rows.groupby("role", sort=False)}
    said = known.listed(
        [f"{n:,} of {known.counts(run)[role].patients:,} ({role})" for role, n in censored.items()]
    )
    return Said(
        f"Censored: {said}; models use their time at risk, scores weight by the inverse probability of being "
        "uncensored. " + missing_values(run).text
    )


ANSWERS: Final[Mapping[str, Callable[[RunView], Said]]] = {
    answer.__name__: answer
    for answer in (
        assessors, available_in_time, gaps_and_censoring, horizons, missing_values, outcome, outcome_alike,
        outcome_blinding, predictor_blinding, predictor_choice, predictor_handling, predictors, preparation,
        prepared_alike,
    )
}  # fmt: skip
