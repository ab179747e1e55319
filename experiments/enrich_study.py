"""What a study of enrichment computes: value by threshold, power, the threshold needed, and the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from experiments.cohorts import CohortSource
from experiments.enrich_command import EnrichStudy
from experiments.enrich_evidence import evidence_table, groups_table
from experiments.enrich_scenario import by_threshold, scenario
from experiments.studies import Study
from pipeline.enrich import ORACLE
from pipeline.schema import ENDPOINTS, Cohort, Progress

if TYPE_CHECKING:
    import pandas as pd

KEYS: Final = ("arm", "ratio_per_sd", "signature", "percentile")
ORACLE_LABEL: Final = "The true state (no test shows it)"


def enrich_study(
    spec: EnrichStudy,
    sources: Mapping[str, CohortSource],
    tasks: Sequence[Mapping[str, Any]],
    drawn: Sequence[Mapping[str, Any]],
    progress: Progress,
) -> Study:
    """Put together what is true at each threshold under each assumption, and what drawn trials found."""
    import pandas as pd

    from synthetic_data.evidence import load_register

    register = load_register()
    rows, groups, own, words = [], [], {}, []
    cohorts: dict[str, Cohort] = {}
    done, total = 0, len(sources) * len(spec.ratios_per_sd)
    for name, source in sources.items():
        declared = source.spec.hypothetical_arms[0]
        own[declared.name] = declared.ratio_per_sd
        said = declared.words()
        words.append(said[:1].upper() + said[1:])
        for ratio in sorted({*spec.ratios_per_sd, declared.ratio_per_sd}, reverse=True):
            made = scenario(spec.additions[name].cohort, ratio, spec.patients, spec.seed)
            rows += list(by_threshold(spec, made))
            if spec.published_groups is not None and spec.published_groups.addition == name:
                groups += groups_table(spec, spec.published_groups, made, register)
            if ratio == declared.ratio_per_sd:
                cohorts[name] = made.cohort
            done += 1
            progress("value by threshold", done, max(total, done))
    everything = pd.DataFrame(rows)
    value = everything[everything["kind"] == "value"]
    value = value[[*KEYS, "marker_value", "side", "patients", "value", "low", "high", "worse_off"]]
    power = everything[everything["kind"] == "power"]
    power = power[[*KEYS, "marker_value", "hazard_ratio", "trial_patients", "screened", "events", "power",
                   "assurance", "patients_needed"]]  # fmt: skip
    tables = {
        "value": value.reset_index(drop=True),
        "power": power.reset_index(drop=True),
        "needed": needed(power, spec.power),
        "drawn": drawn_power(spec, tasks, drawn, power),
        "evidence": evidence_table(spec.evidence_classes, register),
    }
    if groups:
        tables["groups"] = pd.DataFrame(groups)
    return _described(spec, tables, cohorts, own, words)


def needed(power: pd.DataFrame, target: float) -> pd.DataFrame:
    """Return the lowest threshold at which a trial of the published size has the power wanted.

    Returns
    -------
    DataFrame
        `arm`, `ratio_per_sd`, `signature`; `percentile` (NaN where no threshold does), its `marker_value`,
        `hazard_ratio`, `power` and patients to be `screened`, of the best threshold where none does;
        `patients_needed` there, and `said`: all of it in words.
    """
    import pandas as pd

    rows = []
    for keys, part in power.groupby(["arm", "ratio_per_sd", "signature"], sort=False):
        enough = part[part["power"] >= target]
        row = enough.iloc[0] if len(enough) else part.iloc[int(part["power"].argmax())]
        percentile, size = float(row["percentile"]), int(row["trial_patients"])
        whom = "all patients" if percentile == 0 else f"percentile {percentile:g} and above"
        least = row["patients_needed"]
        larger = f"; {least:,.0f} patients would do" if np.isfinite(least) else ""
        said = (
            f"{whom}: {row['power']:.0%} power of {size} patients, {row['screened']:,.0f} screened"
            if len(enough)
            else f"at no threshold: at best {row['power']:.0%} ({whom}){larger}"
        )
        rows.append((*keys, percentile if len(enough) else float("nan"), row["marker_value"],
                     row["hazard_ratio"], row["power"], row["screened"], least, said))  # fmt: skip
    names = ["arm", "ratio_per_sd", "signature", "percentile", "marker_value", "hazard_ratio", "power",
             "screened", "patients_needed", "said"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def drawn_power(
    spec: EnrichStudy,
    tasks: Sequence[Mapping[str, Any]],
    drawn: Sequence[Mapping[str, Any]],
    power: pd.DataFrame,
) -> pd.DataFrame:
    """Return the share of drawn trials that are positive at each threshold, beside the formula's power.

    Returns
    -------
    DataFrame
        `arm`, `ratio_per_sd`, `signature`, `percentile`, `replicates`, `value`, `low`, `high` (Wilson), and
        `formula` where that threshold is among the study's.
    """
    import pandas as pd

    from synthetic_data.safety_figures import wilson_interval

    arms = dict(zip(spec.additions, dict.fromkeys(power["arm"]), strict=True))
    first = next(iter(spec.signatures))
    rows = []
    for name, arm in arms.items():
        mine = [(t, r) for t, r in zip(tasks, drawn, strict=True) if t["addition"] == name]
        runs = sum(t["trials"] for t, _ in mine)
        ratio = mine[0][0]["ratio_per_sd"]
        for place, percentile in enumerate(spec.drawn_percentiles):
            share = sum(r["positive"][place] for _, r in mine) / runs
            low, high = wilson_interval(share, runs)
            said = power[(power["arm"] == arm) & (power["ratio_per_sd"] == ratio)
                         & (power["signature"] == first) & (power["percentile"] == percentile)]  # fmt: skip
            formula = float(said["power"].iloc[0]) if len(said) else float("nan")
            rows.append((arm, ratio, first, percentile, runs, share, low, high, formula))
    names = [*KEYS, "replicates", "value", "low", "high", "formula"]
    return pd.DataFrame(rows, columns=names)


def _readings(evidence: pd.DataFrame) -> str:
    """Return how the published trials came out, counted."""
    count = evidence["reading"].value_counts()
    said = ", ".join(f"{n} with {reading!r}" for reading, n in count.items())
    return f"The register holds {len(evidence)} trials of lung cancer with such an agent: {said}."


def _described(
    spec: EnrichStudy,
    tables: dict[str, pd.DataFrame],
    cohorts: dict[str, Cohort],
    own: Mapping[str, float],
    words: Sequence[str],
) -> Study:
    from pipeline import figures

    first = next(iter(spec.signatures))
    labels = {name: s.label for name, s in spec.signatures.items()} | {ORACLE: ORACLE_LABEL}
    arms = dict(zip(own, (a.label for a in spec.additions.values()), strict=True))
    above = tables["value"][tables["value"]["side"] == "at or above"]
    endpoint, horizon = ENDPOINTS[spec.endpoint].label.lower(), spec.horizon_months
    gained = f"Months gained of {horizon:g}, {endpoint}"
    mine = {arm: (above["arm"] == arm) & (above["ratio_per_sd"] == ratio) for arm, ratio in own.items()}
    at_own = above[np.logical_or.reduce(list(mine.values()))]
    drawn = {
        "value": partial(
            figures.threshold_figure, above[above["signature"] == first], "value", gained, arms,
            "ratio_per_sd",
        ),
        "signatures": partial(
            figures.threshold_figure, at_own.replace({"signature": labels}), "value", gained, arms,
            "signature",
        ),
        "power": partial(
            figures.threshold_figure, tables["power"][tables["power"]["signature"] == first], "power",
            "Chance of a positive trial", arms, "ratio_per_sd", tables["drawn"],
        ),
        "evidence": partial(figures.trials_figure, tables["evidence"]),
    }  # fmt: skip
    if "groups" in tables:
        drawn["groups"] = partial(figures.groups_figure, tables["groups"])
    return Study(
        title=spec.title or spec.name,
        lead=f"Hypothetical effects: {endpoint} to {horizon:g} months, {spec.patients:,} simulated patients "
        "under each assumption",
        tables=tables,
        figures=drawn,
        cohorts=cohorts,
        limits=[
            "Effects beyond the register are hypothetical: that a benefit is concentrated at all, how "
            "strongly, and wherever an agent is put beside another backbone.",
            *words,
            _readings(tables["evidence"]),
            "Thresholds are percentiles among patients of the trial drawn; laboratories differ in what they "
            "measure, and an enriched trial takes longer to fill, which is not counted.",
        ],
        cards=_cards(tables, own, first, arms),
        facts={
            "labels": labels, "arms": arms, "own": dict(own), "first": first, "endpoint": endpoint,
            "horizon_months": horizon, "power": spec.power,
        },
    )  # fmt: skip


def _cards(
    tables: Mapping[str, pd.DataFrame], own: Mapping[str, float], first: str, arms: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    cards = []
    for arm, ratio in own.items():
        everybody, best = (
            next(
                row for row in tables[name].to_dict("records")
                if (row["arm"], row["ratio_per_sd"], row["signature"]) == (arm, ratio, first)
            )
            for name in ("power", "needed")
        )  # fmt: skip
        size = f"of {int(everybody['trial_patients'])} patients, hypothetical ratio {ratio:g} per SD"
        cards.append((f"{arms[arm]}: power without selection", f"{everybody['power']:.0%}", size))
        threshold = f"{best['percentile']:g}th percentile" if np.isfinite(best["percentile"]) else "none"
        cards.append((f"{arms[arm]}: threshold needed", threshold, f"hypothetical; {best['said']}"))
    return cards
