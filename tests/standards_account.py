"""What checklists must say of a run, computed from its patients and files, and where a document differs."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from pathlib import Path

import pandas as pd

from pipeline.artifacts import table_digest
from pipeline.run import RunPlan


def answers_of(markdown: str) -> dict[str, str]:
    """Text by item of a written document, escapes taken back."""
    parts = re.split(r"^\*\*(.+?)\*\* ", markdown, flags=re.MULTILINE)
    return {key: re.sub(r"\\(.)", r"\1", text) for key, text in zip(parts[1::2], parts[2::2], strict=True)}


def expected(plan: RunPlan, folder: Path) -> dict[str, list[str]]:
    """What items must say, computed from the patients and the files, not from the run's own tables."""
    assert plan.external is not None
    train, external = plan.train.observed, plan.external.observed
    facts = json.loads((folder / "run.json").read_text())
    sizes = [f"{len(f)} patients, {int(f['died'].sum())} events" for f in (train, external)]
    with (folder / "scores.csv").open() as file:
        scored = [r for r in csv.DictReader(file) if r["data"] == "external"]
    rows = [r for r in scored if r["group"] == "all"]
    uno = {r["model"]: r for r in rows if r["metric"] == "uno_c"}
    shown = {
        m: f"{float(r['value']):.3f} ({float(r['low']):.3f} to {float(r['high']):.3f})"
        for m, r in uno.items()
    }
    best = max(("cox", "rsf"), key=lambda m: float(uno[m]["value"]))
    gap = f"PD-L1 {train['pdl1_tps_percent'].isna().mean():.1%}"
    complete = [
        f"{int(f.drop(columns=['os_months', 'died']).notna().all(axis=1).sum())} of {len(f)}"
        for f in (train, external)
    ]
    of_groups = [r for r in scored if r["metric"] == "uno_c" and r["model"] == best and r["group"] != "all"]
    events = [f"{f['died'].mean():.1%} of {len(f)}" for f in (train, external)]
    by_arm = [
        f"{len(part)} patients, {part['died'].sum()} with the event, {(~part['died']).sum()} censored, "
        f"followed {median_follow_up(part):.1f} months"
        for f in (train, external)
        for _, part in f.groupby("arm")
    ]
    digests = [table_digest(f) for f in (train, external)]
    return {
        "1": ["A <small> run", "overall survival", "cohort made, simulated"],
        "2": [*sizes, "6 predictors", shown[best]],
        "5a": [*sizes, *(d[:12] for d in digests)],
        "3a": ["the same patients: PD-L1 rule."],
        "4": ["Cox and Survival forest made", "external patients"],
        "5b": [f"the longest {f['os_months'].max():.1f} months" for f in (train, external)],
        "6c": [f"{arm.capitalize()} ({n})" for arm, n in train["arm"].value_counts().items()],
        "8a": ["Overall survival", "os_months", "died", "6 and 12 months"],
        "9a": ["6 columns"],
        "9b": ["Age (years)", "PD-L1 (%)", "NLR", "Male", "Noise"],
        "10": [
            *sizes,
            *(f"{train['died'].sum() / facts['models'][m]['features']:.1f} events" for m in ("cox", "rsf")),
        ],
        "11": [gap, *complete],
        "12a": [f"All {len(train)} training", "2-fold", "once", f"The {len(external)} external"],
        "12b": ["log2 for 1 on a ratio scale (NLR)"],
        "12c": ["penalty 0.1", "n estimators 10"],
        "12e": ["20 resamples", "95%"],
        "14": [
            f"{float(r['value']):.3f} ({float(r['low']):.3f} to {float(r['high']):.3f})" for r in of_groups
        ],
        "15": ["6 and 12 months"],
        "16": events,
        "18c": [facts["config_sha256"]],
        "18e": [*digests, "seed 3"],
        "18f": ["a" * 40, "lungio 0.1.0", "BSD-3-Clause"],
        "20a": by_arm,
        "20b": [
            *by_arm,
            *(
                f"median {cells[1]:.6g} (quartiles {cells[0]:.6g} to {cells[2]:.6g})"
                for column in ("age_years", "pdl1_tps_percent", "nlr")
                for cells in [train[column].quantile([0.25, 0.5, 0.75]).to_list()]
            ),
        ],
        "20c": [*events, *by_arm],
        "21": [*sizes, "2 times 130 patients"],
        "22": [model_digest(folder / "models" / m)[:12] for m in ("cox", "rsf", "pdl1")],
        "23a": list(shown.values()),
        "25": list(shown.values()),
        "26": [
            "Simulated patients repeat what was published",
            f"{train['pdl1_tps_percent'].isna().mean():.1%}",
        ],
        "27b": ["6 columns"],
    }


def median_follow_up(patients: pd.DataFrame) -> float:
    """By reverse Kaplan-Meier, in the hands of another library."""
    from lifelines import KaplanMeierFitter

    return float(KaplanMeierFitter().fit(patients["os_months"], ~patients["died"]).median_survival_time_)


def model_digest(folder: Path) -> str:
    lines = [f"{p.name} {hashlib.sha256(p.read_bytes()).hexdigest()}\n" for p in sorted(folder.iterdir())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def disagreements(markdown: str, wanted: dict[str, list[str]]) -> list[str]:
    found = answers_of(markdown)
    return [
        f"{item}: {part!r}" for item, parts in wanted.items() for part in parts if part not in found[item]
    ]
