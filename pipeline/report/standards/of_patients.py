"""What a run says of its patients: where they come from, who they are, how many, how they fared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.report.sections.wording import words
from pipeline.report.standards import known
from pipeline.report.standards.items import Said


def data_sources(run: RunView) -> Said:
    """Return where the patients come from, cohort by cohort."""
    return Said(" ".join(_source(run, role) for role in run.facts["cohorts"]))


def training_data(run: RunView) -> Said:
    """Return where the patients of the making come from."""
    return Said(_source(run, "train"))


def test_sources(run: RunView) -> Said:
    """Return where the patients of the judging come from."""
    if "external" in run.facts["cohorts"]:
        return Said(_source(run, "external"))
    return Said(f"Cross-validation among the patients of the making. {_source(run, 'train')}")


def _source(run: RunView, role: str) -> str:
    uses = {"train": "Making", "external": "Judging, no fitting saw them"}
    return f"{uses.get(role, words(role))}: {known.cohort_line(run, role)}."


def design(run: RunView) -> Said:
    """Return what kind of study the patients come from."""
    parts = []
    for role, cohort in run.facts["cohorts"].items():
        arms = cohort["arms"]
        kind = f"patients of {len(arms)} treatment arms" if len(arms) > 1 else "one group of patients"
        trial = cohort["manifest"].get("trial")
        made = f"drawn as in {trial}" if cohort["simulated"] and trial else known.origin(cohort)
        parts.append(f"{words(role)} cohort: {kind}, {made}, followed from the start of treatment on.")
    return Said(" ".join(parts))


def follow_up(run: RunView) -> Said:
    """Return how long patients were followed, and over how long a drawn cohort enrolled."""
    parts = []
    for role, rows in run.table("flow").groupby("role", sort=False):
        cohort = run.facts["cohorts"][str(role)]
        spec = cohort["manifest"].get("spec") or {}
        enrolled = (
            f"enrolled over {spec['accrual_months']:g} months of simulated calendar time, "
            if cohort["simulated"] and spec.get("accrual_months")
            else ""
        )
        medians = [f"{words(r['arm'])} {_months(r['follow_up_months'])}" for r in rows.to_dict("records")]
        longest = cohort.get("longest_months", {}).get(run.facts["analysis"]["endpoint"])
        last = "" if longest is None else f", the longest {longest:.1f} months"
        parts.append(
            f"{words(role)} cohort: {enrolled}median follow-up (reverse Kaplan-Meier) "
            f"{known.listed(medians)}{last}."
        )
    return Said(" ".join(parts))


def _months(value: float) -> str:
    return "not reached" if not value < float("inf") else f"{value:.1f} months"


def setting(run: RunView) -> Said:
    """Return setting and sites, as far as the cohort's account names them."""
    parts = []
    for role, cohort in run.facts["cohorts"].items():
        manifest = cohort["manifest"]
        said = [words(str(manifest["setting"]))] if manifest.get("setting") else []
        if manifest.get("population"):
            said.append(f"population {manifest['population']}")
        sites = any(c["role"] == "site" for c in cohort["columns"])
        said.append("sites are recorded" if sites else "no sites are recorded")
        if cohort["simulated"]:
            said.append("no centre took part, the patients are simulated")
        parts.append(f"{words(role)} cohort: {', '.join(said)}.")
    return Said(" ".join(parts))


def eligibility(run: RunView) -> Said:
    """Return who was drawn or left out."""
    parts = []
    for role, cohort in run.facts["cohorts"].items():
        manifest = cohort["manifest"]
        if cohort["simulated"]:
            asked = (manifest.get("spec") or {}).get("eligibility") or {}
            rules = [_rule(column, rule) for column, rule in asked.items()]
            said = (
                f"only patients with {known.listed(rules)} are drawn"
                if rules
                else "drawn as the trial enrolled"
            )
        else:
            rows = int(manifest.get("rows", cohort["patients"]))
            said = f"{rows:,} rows in the file, {rows - cohort['patients']:,} left out for stated reasons"
        parts.append(f"{words(role)} cohort: {said}.")
    return Said(" ".join(parts))


def _rule(column: str, rule: Mapping[str, Any]) -> str:
    given = {kind: value for kind, value in rule.items() if value not in (None, [])}
    if isinstance(given.get("equals"), bool):
        return f"{'' if given['equals'] else 'no '}{words(column).lower()}"
    asked = [f"{words(kind).lower()} {value}" for kind, value in given.items()]
    return f"{words(column).lower()} {' and '.join(asked)}"


def treatments(run: RunView) -> Said:
    """Return the arms, and what models make of them."""
    if not run.facts["cohorts"]["train"]["arms"]:
        return Said("Treatment is not recorded; models know nothing of it.")
    control = run.facts["cohorts"]["train"]["control_arm"]
    parts = [f"{words(role)} cohort: {known.arm_names(run, role)}." for role in run.facts["cohorts"]]
    against = f", against {words(control)}" if control else ""
    return Said(f"{' '.join(parts)} The arm is a predictor, one indicator an arm{against}.")


def sample_size(run: RunView) -> Said:
    """Return patients and events beside the number of features."""
    count = known.counts(run)
    train = count["train"]
    sizes = {m: int(run.facts["models"][m]["features"]) for m in known.learnt(run)}
    each = [f"{train.events / n:.1f} events a feature of {known.names([m])} ({n})" for m, n in sizes.items()]
    judged = f"; judging: {count['external']}" if "external" in count else ""
    return Said(f"Making: {train}{f', {known.listed(each)}' if each else ''}{judged}. {_why_this_size(run)}")


def test_size(run: RunView) -> Said:
    """Return patients and events of the judging."""
    count = known.counts(run)
    if "external" in count:
        return Said(f"{count['external']} that no fitting saw.")
    folds = run.facts["analysis"]["cross_validation"]["folds"]
    return Said(
        f"{count['train']}, each predicted once a repeat by models of the other {folds - 1} of {folds} folds."
    )


def _why_this_size(run: RunView) -> str:
    if run.facts["cohorts"]["train"]["simulated"]:
        return "The number of simulated patients was set in the configuration."
    return "The size is that of the file; no calculation is on record."


def data_differences(run: RunView) -> Said:
    """Return how the test patients differ from those learnt from, as far as the run recorded it."""
    if "external" not in run.facts["cohorts"]:
        return Said("The same patients: each is judged by models that were made without him or her.")
    train, external = (run.facts["cohorts"][role] for role in ("train", "external"))
    other = {c["name"] for c in train["columns"]} ^ {c["name"] for c in external["columns"]}
    columns = f"columns that only one has: {known.listed(sorted(other))}" if other else "the same columns"
    spec = [c["manifest"].get("spec") for c in (train, external)]
    same = train["simulated"] and external["simulated"] and spec[0] is not None and spec[0] == spec[1]
    drawn = (
        " Both are independent draws from the same evidence: the test is of new patients, not of a new place."
        if same
        else ""
    )
    return Said(f"{_rates(run)} {words(columns)}.{drawn}")


def _rates(run: RunView) -> str:
    rates = [
        f"{c.events / c.patients:.1%} of {c.patients:,} ({role})" for role, c in known.counts(run).items()
    ]
    return f"With the event: {known.listed(rates)}."


def cohorts_compared(run: RunView) -> Said:
    """Return arms, events, follow-up and complete records of each cohort side by side."""
    return Said(f"{_rates(run)} {_rows(run)}")


def flow(run: RunView) -> Said:
    """Return every arm of every cohort: patients, events, censored."""
    return Said(f"{_rows(run)} {eligibility(run).text}")


def _rows(run: RunView) -> str:
    rows = run.table("flow").to_dict("records")
    return " ".join(
        f"{words(r['role'])}, {words(r['arm'])}: {int(r['patients']):,} patients, {int(r['events']):,} with "
        f"the event, {int(r['censored']):,} censored, followed {_months(r['follow_up_months'])} (median)."
        for r in rows
    )


def characteristics(run: RunView) -> Said:
    """Return the main characteristics of the training cohort, from its Table 1."""
    table = run.table("table_one")
    rows = table[(table["group"] == "overall") & (table["statistic"] == "median (IQR)")].head(3)
    shown = [f"{r['label']} median {r['value']:g} (quartiles {r['low']:g} to {r['high']:g})"
             for r in rows.to_dict("records") if not pd.isna(r["low"])]  # fmt: skip
    said = f"{known.listed(shown)}. " if shown else ""
    return Said(
        "Table 1 of the report: all predictors, overall and by arm, with gaps and differences. "
        f"{said}{_rows(run)}"
    )


def ethics(run: RunView) -> Said:
    """Return whether any patient's data were used."""
    if run.facts["simulated"]:
        return Said("No patient's data were used: every row is simulated from published figures.")
    return Said("The run holds no approval; it keeps no patient's identifier and sends nothing anywhere.")


def data_availability(run: RunView) -> Said:
    """Return how others come by the same patients."""
    parts = []
    for role, cohort in run.facts["cohorts"].items():
        how = (
            f"drawn again bit by bit with seed {run.facts['seed']}"
            if cohort["simulated"]
            else "to be had from whoever keeps the file"
        )
        parts.append(f"{words(role)} cohort: {how}; table SHA-256 {cohort['sha256']}.")
    return Said(" ".join(parts))


ANSWERS: Final[Mapping[str, Callable[[RunView], Said]]] = {
    answer.__name__: answer
    for answer in (
        characteristics, cohorts_compared, data_availability, data_differences, data_sources, design,
        eligibility, ethics, flow, follow_up, sample_size, setting, test_size, test_sources, training_data,
        treatments,
    )
}  # fmt: skip
