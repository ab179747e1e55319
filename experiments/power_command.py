"""lungio power: how often a study of a given size would find what is there, evidence uncertainty included."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from experiments.cohorts import resolve_simulated
from experiments.output import estimate_words
from experiments.power_check import check_plan
from experiments.power_draw import SHOWN_PATIENTS, one_replicate
from experiments.power_plan import PowerStudy
from experiments.progress import StageProgress
from experiments.replicates import Backend, journal_file, run_tasks
from experiments.studies import Asked, Study, keep_study, print_study
from pipeline.schema import Cohort

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

WANTED: Final = 0.8  # chance of finding it, as studies are usually planned for


def run_power(asked: Asked, backend: Backend, jobs: int, scheduler: str | None, console: Console) -> Path:
    """Carry out a plan and return its folder; a journal beside it lets a killed one go on."""
    spec = asked.read(PowerStudy)
    examples = check_plan(spec, resolve_simulated(spec.cohort, SHOWN_PATIENTS))
    folder, started = asked.folder(spec.name)
    journal = journal_file(folder)
    tasks = _tasks(spec)
    with StageProgress(console) as progress:
        results = run_tasks(one_replicate, tasks, journal, backend, jobs, scheduler, progress)
        study = power_study(spec, tasks, results, examples)
        page = keep_study("power", spec, study, folder, started, progress, asked.report)
    journal.unlink()

    def scenario(row: Mapping[Any, Any]) -> str:
        return f"{row['scenario']:<28}" if "scenario" in row else ""

    def draw() -> None:
        for row in study.tables["power"].to_dict("records"):
            console.print(
                f"{row['question']:<28}{scenario(row)}{row['patients']:>7,} patients  {estimate_words(row)}",
                highlight=False,
            )

    print_study(console, folder, page, {"power": study.tables["power"]}, draw)
    return folder


def _tasks(spec: PowerStudy) -> list[dict[str, Any]]:
    """Return one task a drawn study, which answers under every scenario: its luck is the same in all."""
    asked = {name: q.model_dump(mode="json") for name, q in spec.questions.items()}
    scenarios = {name: s.model_dump(mode="json") for name, s in spec.scenarios.items()}
    return [
        {"cohort": spec.cohort, "evidence_draw": spec.evidence_draw, "patients": n, "seed": [spec.seed, n, k],
         "questions": asked, "scenarios": scenarios}
        for n in spec.sizes
        for k in range(spec.replicates)
    ]  # fmt: skip


def power_study(
    spec: PowerStudy,
    tasks: list[dict[str, Any]],
    results: list[dict[str, Any]],
    examples: Mapping[str, Cohort],
) -> Study:
    """Return the share of replicates that found it, by question, scenario and size, with intervals."""
    import pandas as pd

    from pipeline import figures

    compared = list(spec.compared())
    found = pd.DataFrame(
        [
            {name: answers[scenario].get(name) for name in spec.questions}
            | {"scenario": scenario, "patients": task["patients"]}
            for scenario in compared
            for task, answers in zip(tasks, results, strict=True)
        ]
    )
    table = _power_table(spec, found)
    if not spec.scenarios:
        found, table = found.drop(columns="scenario"), table.drop(columns="scenario")
    needed = needed_sizes(table)
    compares = [
        "Under every scenario the same patients are drawn, with the same luck: differences between scenarios "
        "are surer than the intervals of each tell."
    ] * (len(compared) > 1)
    return Study(
        title=spec.title or spec.name,
        lead=f"{spec.replicates:,} replicates of each size"
        + (f" under {len(compared)} scenarios" if spec.scenarios else "")
        + "; evidence "
        + (
            "drawn anew for each from its published intervals"
            if spec.evidence_draw == "sample"
            else "as published"
        ),
        tables={"power": table, "needed": needed, "replicates": found},
        figures={"power": partial(figures.power_figure, table)},
        cohorts={name or "example": cohort for name, cohort in examples.items()},
        limits=[
            "Power is that of studies of patients like the drawn ones, whose effects are those published.",
            *compares,
        ],
        cards=_cards(table),
        facts={
            "questions": {name: q.described() for name, q in spec.questions.items()},
            "scenarios": {name or "all draws": s.described() for name, s in spec.compared().items()},
        },
    )


def _power_table(spec: PowerStudy, found: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    from synthetic_data.safety_figures import wilson_interval

    rows = []
    for name in spec.questions:
        for scenario in spec.compared():
            if name not in spec.asked(scenario):
                continue
            for patients, part in found[found["scenario"] == scenario].groupby("patients")[name]:
                share, runs = float(part.astype(float).mean()), len(part)
                rows.append((name, scenario, patients, runs, share, *wilson_interval(share, runs)))
    columns = ["question", "scenario", "patients", "replicates", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def needed_sizes(power: pd.DataFrame) -> pd.DataFrame:
    """Return the smallest planned size from which on the chance is at least WANTED, for each question.

    From that size on every larger one has to reach it too: one lucky size is not enough.

    Parameters
    ----------
    power : DataFrame
        `question`, `patients`, `value`, `low`; `scenario` where they are compared.

    Returns
    -------
    DataFrame
        `question`, `scenario` where there is one, `patients` by the estimate and `patients_surely` by the
        lower end of its Monte-Carlo interval; missing where no planned size is large enough.
    """
    import pandas as pd

    keys = [key for key in ("question", "scenario") if key in power]
    rows = []
    for names, part in power.groupby(keys, sort=False):
        largest_first = part.sort_values("patients", ascending=False)
        reached = [
            largest_first["patients"][(largest_first[column] >= WANTED).cummin()].min()
            for column in ("value", "low")
        ]
        rows.append((*names, *reached))
    table = pd.DataFrame(rows, columns=[*keys, "patients", "patients_surely"])
    return table.astype({"patients": "Int64", "patients_surely": "Int64"})


def _cards(table: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return how likely the largest study is to find each thing, from the worst scenario to the best."""
    cards = []
    for name, part in table.groupby("question", sort=False):
        largest = part[part["patients"] == part["patients"].max()]
        low, high = largest["value"].min(), largest["value"].max()
        figure = f"{low:.0%}" if low == high else f"{low:.0%} to {high:.0%}"
        by = f", by {len(largest)} scenarios" if len(largest) > 1 else ""
        cards.append((str(name), figure, f"at {int(largest['patients'].iloc[0]):,} patients{by}"))
    return cards
