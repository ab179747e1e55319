"""lungio compare: scores of several runs side by side, printed and drawn without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from experiments.conventions import AsJson, Quiet

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from pipeline.artifacts import RunView

METRICS_SHOWN: Final = ("uno_c", "auc", "brier", "ici")
MOST_RUNS: Final = 8
SAME = (
    "All runs were judged on the same patients; a difference within one run has a paired test in its report."
)
DIFFERENT = (
    "The runs were judged on different patients: intervals that do not overlap differ by more than chance, "
    "but whether models or patients made the difference cannot be told."
)


def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN RUN ...", help="two to eight run folders")],
    metric: Annotated[
        list[str] | None,
        typer.Option(help=f"repeat for more [default: {', '.join(METRICS_SHOWN)}, those there are]"),
    ] = None,
    months: Annotated[
        float | None, typer.Option(help="horizon of scores by horizon [default: the middle one]")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="figure to make (.png, .svg beside) [default: comparison.png, or "
                     "comparison_2.png and so on; with --json none]"),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Set the scores of runs side by side, with intervals, as a table, a forest plot or JSON."""
    from experiments.output import Output

    figure = None if as_json and out is None else (out or free_name("comparison"))
    compare_runs(folders, metric, months, figure, Output(as_json, quiet))


def free_name(stem: str) -> Path:
    """Return the first of stem.png, stem_2.png, ... in the working directory that is not taken."""
    from itertools import count

    names = (stem if k == 1 else f"{stem}_{k}" for k in count(1))
    return next(Path(f"{n}.png") for n in names if not any(Path(n + s).exists() for s in (".png", ".svg")))


def compare_runs(
    folders: list[Path],
    metrics: list[str] | None,
    months: float | None,
    figure: Path | None,
    console: Console,
) -> None:
    """Print and draw the comparison.

    Raises
    ------
    InputError
        Naming every reason why the runs cannot be compared, or when the figure is there already.
    """
    from experiments.output import show
    from pipeline.artifacts import RESEARCH_USE
    from pipeline.schema import InputError

    if figure is not None:
        if figure.suffix != ".png":
            raise InputError(f"--out {figure}: give a name that ends in .png")
        if taken := [p for p in (figure, figure.with_suffix(".svg")) if p.exists()]:
            raise InputError(f"{taken[0]} exists and is not overwritten; give another --out")
        if not figure.parent.is_dir():
            raise InputError(f"--out {figure}: the folder {figure.parent} does not exist; make it first")
    views = open_runs(folders)
    data, scores = side_by_side(views, metrics, months)
    same = len({judged_patients(view, data) for view in views.values()}) == 1
    if figure is not None:
        from pipeline.figures.comparison import comparison_figure
        from pipeline.figures.style import save_figure

        title = f"{data.capitalize()} scores with intervals; {'the same' if same else 'different'} patients"
        save_figure(
            comparison_figure(scores, list(dict.fromkeys(scores["metric"])), title), figure.with_suffix("")
        )
    runs = [run_facts(name, view, data) for name, view in views.items()]
    document = {"research_use": RESEARCH_USE, "data": data, "same_patients": same, "runs": runs,
                "figure": figure, "scores": scores.to_dict("records")}  # fmt: skip

    def draw() -> None:
        for facts in runs:
            origin = "simulated" if facts["simulated"] else "real"
            console.print(
                f"{facts['run']}: {facts['cohort']}, {facts['patients']:,} {origin}, seed {facts['seed']}",
                highlight=False, soft_wrap=True,
            )  # fmt: skip
        console.print(comparison_table(scores, list(views), data))
        console.print(SAME if same else DIFFERENT, soft_wrap=True)
        console.print(RESEARCH_USE, style="bold")
        console.print(f"figure  {figure}", highlight=False, soft_wrap=True)

    show(console, document, draw)


def open_runs(folders: list[Path]) -> dict[str, RunView]:
    """Return the runs by a name that tells them apart, or raise every reason why they cannot be compared."""
    from pipeline.artifacts import load_run
    from pipeline.schema import InputError

    if not 2 <= len(folders) <= MOST_RUNS:
        raise InputError(f"give two to {MOST_RUNS} run folders. Got {len(folders)} instead")
    faults: list[str] = []
    places = [folder.resolve() for folder in folders]
    faults += [f"{f} is given twice" for f in dict.fromkeys(folders) if places.count(f.resolve()) > 1]
    views: list[RunView] = []
    for folder in folders:
        try:
            view = load_run(folder)
            if "scores" not in view.tables or "analysis" not in view.facts:
                kind = view.facts.get("kind", "study")
                raise InputError(f"{folder} is a {kind} study and holds no models' scores to compare")
            views.append(view)
        except (InputError, ValueError) as error:
            faults.append(str(error) if isinstance(error, InputError) else f"{folder}/run.json: {error}")
    endpoints = {view.facts["analysis"]["endpoint"] for view in views}
    if len(endpoints) > 1:
        faults.append(
            f"the runs have different endpoints ({', '.join(sorted(endpoints))}); compare those of one"
        )
    if faults:
        raise InputError("the runs cannot be compared:\n  " + "\n  ".join(faults))
    plain = [view.folder.resolve().name for view in views]
    unique = len(set(plain)) == len(plain)
    return {name if unique else str(view.folder): view for name, view in zip(plain, views, strict=True)}


def side_by_side(
    views: dict[str, RunView], metrics: list[str] | None, months: float | None
) -> tuple[str, pd.DataFrame]:
    """Return which patients' scores are compared, and all runs' scores at one horizon.

    External scores where every run has them, else cross-validation; of scores by horizon, those at
    `months`, else at the middle one of the horizons that all runs share.
    """
    import numpy as np
    import pandas as pd

    from pipeline.schema import InputError

    tables = {name: view.table("scores") for name, view in views.items()}
    tables = {name: table[table["group"] == "all"] for name, table in tables.items()}
    external = all((table["data"] == "external").any() for table in tables.values())
    data = "external" if external else "cross-validation"
    rows = pd.concat([t[t["data"] == data].assign(run=name) for name, t in tables.items()], ignore_index=True)
    lacking = [name for name in tables if not (rows["run"] == name).any()]
    if lacking:
        raise InputError(f"{', '.join(lacking)}: no {data} scores, and not every run has external ones")
    shared = set.intersection(
        *({float(m) for m in rows.loc[rows["run"] == name, "horizon_months"].dropna()} for name in tables)
    )
    horizons = sorted(shared)
    if months is not None and months not in shared:
        listed = ", ".join(f"{h:g}" for h in horizons) or "none"
        raise InputError(f"--months {months:g} is no horizon of every run; those shared are {listed}")
    horizon = months if months is not None else (horizons[len(horizons) // 2] if horizons else np.nan)
    rows = rows[rows["horizon_months"].isna() | (rows["horizon_months"] == horizon)]
    there = list(dict.fromkeys(rows["metric"]))
    wanted = metrics or [m for m in METRICS_SHOWN if m in there] or there[:4]
    if unknown := [m for m in wanted if m not in there]:
        raise InputError(
            f"--metric {', '.join(unknown)}: no score of these runs; there are {', '.join(there)}"
        )
    rows = rows[rows["metric"].isin(wanted)]
    rows = rows.assign(metric=pd.Categorical(rows["metric"], list(dict.fromkeys(wanted)), ordered=True))
    rows = rows.sort_values("metric", kind="stable").astype({"metric": str})
    kept = ["run", "model", "metric", "horizon_months", "value", "low", "high", "patients", "events"]
    return data, rows[kept].reset_index(drop=True)


def judged_patients(view: RunView, data: str) -> str:
    """Return the SHA-256 of the patients that scores of `data` were computed on."""
    return str(view.facts["cohorts"]["external" if data == "external" else "train"]["sha256"])


def run_facts(name: str, view: RunView, data: str) -> dict[str, Any]:
    """Return what identifies a run in a comparison."""
    cohort = view.facts["cohorts"]["external" if data == "external" else "train"]
    return {
        "run": name,
        "folder": str(view.folder),
        "seed": view.facts["seed"],
        "endpoint": view.facts["analysis"]["endpoint"],
        "simulated": cohort["simulated"],
        "cohort": cohort["name"],
        "patients": cohort["patients"],
        "patients_sha256": cohort["sha256"],
        "config_sha256": view.facts["config_sha256"],
    }


def comparison_table(scores: pd.DataFrame, runs: list[str], data: str) -> Any:
    """Return a table of the terminal: a row a metric and model, a column a run."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from experiments.output import estimate_words
    from pipeline.metrics import METRICS

    table = Table(box=SIMPLE_HEAD, title=f"{data.capitalize()} scores", title_justify="left")
    for heading in ("", "model", *runs):
        table.add_column(heading)
    cells = {(r["metric"], r["model"], r["run"]): r for r in scores.to_dict("records")}
    said = ""
    for metric, model in dict.fromkeys((m, k) for m, k, _ in cells):
        found = [cells.get((metric, model, run)) for run in runs]
        months = next((c["horizon_months"] for c in found if c is not None), float("nan"))
        label = METRICS[metric].label + ("" if months != months else f" at {months:g} months")
        texts = ["-" if c is None else estimate_words(c) for c in found]
        table.add_row("" if label == said else label, model, *texts)
        said = label
    return table
