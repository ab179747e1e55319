"""lungio verify: draw a trial, estimate every published figure anew and say which it misses."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.output import chatty, show
from pipeline.schema import InputError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

ONE_TRIAL, EACH_TRIAL = 100_000, 20_000  # patients drawn where --n does not say
KIND_WORDS = {
    "median": ("medians", "within 2 % or half the published interval"),
    "duration_of_response": ("durations of response", "as near as progression-free survival allows"),
    "landmark": ("landmark rates", "within 0.5 points"),
    "objective_response": ("response rates", "within 0.5 points"),
    "hazard_ratio": ("hazard ratios", "inside the published interval"),
}


@dataclass(frozen=True)
class Verified:
    """What came of one trial: its fidelity table, or the reason why it cannot be drawn."""

    trial: str
    table: pd.DataFrame | None = None
    reason: str = ""
    progression: str = "PFS"
    assumed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def verify_cohort(
    config: str,
    n: int | None,
    seed: int,
    out: Path | None,
    console: Console,
    digitised: Path | None = None,
) -> bool:
    """Verify one cohort, print its table and, when `out` is given, write a folder; whether all is met."""
    from experiments.cohorts import resolve_simulated
    from experiments.score_table import fidelity_table
    from synthetic_data.verification import judged, missed

    _claim(out)
    source = resolve_simulated(config, n or ONE_TRIAL)
    found = _drawn(source, seed)
    assert found.table is not None  # noqa: S101 - a source that resolved has a plan
    table = judged(found.table)
    curves = _digitised(digitised, [found])
    account = _account(table, [found], n or ONE_TRIAL, seed)
    if out is not None:
        _write(out, table, account, f"{found.trial}: published and reproduced", curves)

    def draw() -> None:
        console.print(fidelity_table(table, source.name))
        for words in (*found.notes, *found.assumed):
            console.print(words, highlight=False, style="dim")
        _print_rest(table, curves, out, console)

    show(console, account | {"folder": out, "figures": table.to_dict("records")}, draw)
    return missed(table).empty


def verify_register(
    n: int | None,
    seed: int,
    jobs: int | None,
    out: Path | None,
    console: Console,
    trials: list[str] | None = None,
    digitised: Path | None = None,
) -> bool:
    """Verify every trial of the register (or those named in `trials`); whether all that is drawn is met."""
    import pandas as pd

    from experiments.progress import StageProgress
    from synthetic_data.evidence import load_register
    from synthetic_data.verification import judged, missed

    _claim(out)
    names = trials or list(load_register().trials)
    results: list[Verified] = []
    with StageProgress(console) as progress:
        for result in _each(names, n or EACH_TRIAL, seed, jobs):
            results.append(result)
            if chatty(console):
                console.print(_line(result), highlight=False, soft_wrap=True)
            progress("verify trials", len(results), len(names))
    tables = [r.table.assign(trial=r.trial) for r in results if r.table is not None]
    if not tables:
        raise InputError("no trial can be drawn; see the reasons above")
    table = judged(pd.concat(tables, ignore_index=True))
    curves = _digitised(digitised, results)
    account = _account(table, results, n or EACH_TRIAL, seed)
    if out is not None:
        _write(out, table, account, f"Published and reproduced: {len(tables)} trials", curves)

    def draw() -> None:
        console.print(f"\n{len(tables)} of {len(results)} trials drawn", style="bold")
        _print_rest(table, curves, out, console, missed(table).to_dict("records"))

    show(console, account | {"folder": out, "figures": table.to_dict("records")}, draw)
    return missed(table).empty


def _digitised(file: Path | None, results: list[Verified]) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    if file is None:
        return None
    from experiments.digitised_curves import digitised_table

    return digitised_table(file, [r.trial for r in results if r.table is not None])


def _print_rest(
    table: pd.DataFrame,
    curves: tuple[pd.DataFrame, pd.DataFrame] | None,
    out: Path | None,
    console: Console,
    off: Sequence[Mapping[Any, Any]] = (),
) -> None:
    _print_summary(table, console)
    for row in off:
        at = f" at {row['months']:g} months" if row["kind"] == "landmark" else ""
        console.print(
            f"missed  {row['trial']}, {row['arm']}: {row['endpoint'].upper()} {row['kind'].replace('_', ' ')}"
            f"{at}: published {row['published']:.3g}, reproduced {row['reproduced']:.3g}, "
            f"without the chance of the draw {row['expected']:.3g}",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
    if curves is not None:
        from experiments.digitised_curves import print_digitised

        print_digitised(curves[0], console)
    if out is not None:
        console.print(f"folder  {out}", highlight=False, soft_wrap=True)


def _claim(out: Path | None) -> None:
    if out is not None:
        from pipeline.artifacts import claim_folder

        claim_folder(out)


def _each(names: list[str], n: int, seed: int, jobs: int | None) -> Iterator[Verified]:
    """Verify the trials, in their order, on `jobs` processes; the results do not depend on how many."""
    jobs = jobs or os.cpu_count() or 1
    if jobs == 1:
        yield from (_verified(name, n, seed) for name in names)
        return
    from joblib import Parallel, delayed

    from experiments.replicates import end_with

    pool = Parallel(n_jobs=jobs, return_as="generator", initializer=end_with, initargs=(os.getpid(),))
    yield from pool(delayed(_verified)(x, n, seed) for x in names)


def _verified(trial: str, n: int, seed: int) -> Verified:
    from experiments.cohorts import resolve_trial

    try:
        return _drawn(resolve_trial(trial, n), seed, stage=trial)
    except InputError as error:
        return Verified(trial, reason=str(error))


def _drawn(source: Any, seed: int, stage: str = "") -> Verified:
    """Draw a source's patients and hold them against their trial.

    Without `stage` they are those of ``lungio simulate`` with this seed; trials verified together have
    a stream each, so that their chances are independent.
    """
    from pipeline.run.streams import stage_generator
    from synthetic_data.fidelity import fidelity

    plan = source.plan
    cohort = source.cohort(stage_generator(np.random.default_rng(seed), f"cohort {stage or 'train'}"))
    progression = plan.completed.progression_endpoint
    assumed = [c.words(progression) for c in plan.completed.assumed if c.arm in plan.arms]
    return Verified(
        plan.trial.id, fidelity(cohort, plan), "", progression, assumed, list(plan.completed.notes)
    )


def _line(result: Verified) -> str:
    if result.table is None:
        return f"{result.trial:<34} not drawn: {' '.join(result.reason.split())}"
    from synthetic_data.verification import judged, missed

    table = judged(result.table, figures=500)
    built, off = int(table["built_on"].sum()), len(missed(table))
    assumed = f", {len(result.assumed)} curves assumed" if result.assumed else ""
    instead = f", {result.progression} for PFS" if result.progression != "PFS" else ""
    return f"{result.trial:<34} {built - off:>3} of {built:>3} figures met{assumed}{instead}"


def _print_summary(table: pd.DataFrame, console: Console) -> None:
    from experiments.evidence_tables import table as text_table
    from synthetic_data.verification import summary

    rows = [
        {
            "figures": _words(r["kind"])[0] + ("" if r["built_on"] else ", not built on"),
            "number": r["figures"],
            "met in the draw": r["met"],
            "without the chance of a draw": f"{r['exact']} of {r['of']} "
            + (_words(r["kind"])[1] if r["built_on"] else "inside the published interval"),
            "root mean squared z": round(r["rms_z"], 2),
        }
        for r in summary(table)
    ]
    console.print(text_table("figures met", rows))


def _words(kind: str) -> tuple[str, str]:
    """Return what figures of a kind are called, and when one is met."""
    return KIND_WORDS.get(kind, (f"{kind.replace('_', ' ')} shares", "within 0.5 points"))


def _account(table: pd.DataFrame, results: list[Verified], n: int, seed: int) -> dict[str, Any]:
    from synthetic_data.verification import missed, summary

    return {
        "patients_per_trial": n,
        "seed": seed,
        "simulated": True,
        "trials_drawn": sum(r.table is not None for r in results),
        "figures_built_on": int(table["built_on"].sum()),
        "figures_missed": len(missed(table)),
        "summary": summary(table),
        "trials": [
            {
                "trial": r.trial,
                "drawn": r.table is not None,
                "reason": r.reason,
                "progression_endpoint": r.progression,
                "assumed": r.assumed,
                "notes": r.notes,
            }
            for r in results
        ],
    }


def _write(
    out: Path,
    table: pd.DataFrame,
    account: dict[str, Any],
    title: str,
    digitised: tuple[pd.DataFrame, pd.DataFrame] | None = None,
) -> None:
    from pipeline.artifacts.folders import new_folder
    from pipeline.figures import digitised_figure, fidelity_figure, save_figure, verification_figure

    with new_folder(out) as folder:
        table.to_csv(folder / "figures.csv", index=False)
        if digitised is not None:
            gaps, curves = digitised
            gaps.to_csv(folder / "digitised_gaps.csv", index=False)
            drawn = digitised_figure(curves, gaps, "Overall survival drawn, and as digitised")
            save_figure(drawn, folder / "digitised_curves")
        (folder / "verify.json").write_text(json.dumps(account, indent=2) + "\n", encoding="utf-8")
        save_figure(verification_figure(table, title), folder / "published_and_reproduced")
        if len(account["trials"]) == 1:
            save_figure(fidelity_figure(table, title), folder / "figure_by_figure")
