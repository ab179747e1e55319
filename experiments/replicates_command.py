"""lungio verify --replicates: published hazard ratios among those of the trial drawn again and again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.schema import InputError

if TYPE_CHECKING:
    from rich.console import Console


def verify_replicates(
    config: str | None, replicates: int, n: int | None, seed: int, out: Path | None, console: Console
) -> bool:
    """Draw a trial many times at its real size and print, and when `out` is given write, its hazard ratios.

    Returns whether every published ratio lies in the central 95 % of the drawn ones.
    """
    from experiments.cohorts import resolve_simulated
    from experiments.evidence_tables import table as text_table
    from experiments.output import show
    from experiments.progress import StageProgress
    from pipeline.artifacts import claim_folder
    from pipeline.run.streams import stage_generator
    from synthetic_data.evidence import load_register
    from synthetic_data.replicated_trials import replicated_ratios, summarised, trial_size

    if config is None:
        raise InputError(
            "--replicates is of one cohort; name it (lungio verify keynote_189 --replicates 500)"
        )
    if out is not None:
        claim_folder(out)
    plan = resolve_simulated(config, n or 1).plan
    assert plan is not None  # noqa: S101 - a source that resolved has a plan
    size = n or trial_size(plan)
    rng = stage_generator(np.random.default_rng(seed), "replicates")
    with StageProgress(console) as progress:
        drawn = replicated_ratios(plan, load_register(), replicates, rng, size, progress)
    table = summarised(plan, drawn)
    title = f"{plan.trial.id}: {replicates:,} replicates of {size:,} patients"
    rows = [
        {
            "endpoint": r["endpoint"].upper(),
            "comparison": r["comparison"],
            "follow-up (months)": round(r["months"], 1),
            "published": f"{r['published']:.2f} ({r['low']:.2f} to {r['high']:.2f})",
            "central 95 % of the drawn": f"{r['drawn_low']:.2f} to {r['drawn_high']:.2f}",
            "median": f"{r['drawn_median']:.2f}",
            "published is": "inside" if r["inside"] else "outside",
            "positive trials": f"{r['positive']:.1%}",
        }
        for r in table.to_dict("records")
    ]
    account = {
        "simulated": True,
        "replicates": replicates,
        "patients": size,
        "seed": seed,
        "evidence_draw": plan.spec.evidence_draw,
        "hazard_ratios": table.to_dict("records"),
    }
    if out is not None:
        from pipeline.artifacts import new_folder, write_json
        from pipeline.figures import replicates_figure, save_figure

        with new_folder(out) as folder:
            drawn.to_csv(folder / "replicates.csv", index=False)
            table.to_csv(folder / "hazard_ratios.csv", index=False)
            write_json(folder / "replicates.json", account)
            save_figure(replicates_figure(table, title), folder / "hazard_ratios")

    def draw() -> None:
        console.print(text_table(title, rows))
        if out is not None:
            console.print(f"folder  {out}", highlight=False, soft_wrap=True)

    show(console, {"cohort": config, "folder": out, **account}, draw)
    return bool(table["inside"].all())
