"""lungio realism: simulated patients beside real ones, and how well the two can be told apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from experiments.conventions import AsJson, Quiet

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from experiments.realism_page import Findings
    from pipeline.schema import Cohort, Column

AUC_LIMIT: Final = 0.65
SERIES_PATIENTS: Final = 3_000
DRAWS: Final = 4
OUTCOME_COLUMNS: Final = ("os_months", "died", "pfs_months", "progressed_or_died", "best_response")


def realism(
    config: Annotated[str, typer.Argument(metavar="COHORT", help="a cohort to draw, as for simulate")],
    real: Annotated[
        str,
        typer.Argument(metavar="MAP", help="map of the real table: poplar, khan2025, laleh2022 or a file"),
    ],
    data: Annotated[Path, typer.Option(help="the real table")],
    group: Annotated[str | None, typer.Option(help="only these patients, as the map names them")] = None,
    draws: Annotated[int, typer.Option(help="patients to draw, times the real ones")] = 4,
    seed: Annotated[int, typer.Option(help="same seed, same result")] = 2018,
    out: Annotated[Path | None, typer.Option(help="folder to make: page, CSV, JSON and figures")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Set simulated beside real patients: margins, correlations, effects, and what tells the two apart."""
    from experiments.cli import at_least
    from experiments.output import Output

    at_least("--draws", draws, 2)
    at_least("--seed", seed, 0)
    compare(config, real, data, group, draws, seed, out, Output(as_json, quiet))


def compare(
    config: str,
    real: str,
    data: Path,
    group: str | None,
    draws: int,
    seed: int,
    out: Path | None,
    console: Console,
) -> None:
    """Compare a simulated cohort with a real table and print, and when `out` is given write, what is found.

    Parameters
    ----------
    config : str
        The cohort to draw, as for ``simulate``.
    real : str
        The map of the real table: a cohort of a file, or a map under ``configs/measurements``.
    data : Path
    group : str, optional
        Of a map of measurements that names groups of patients.
    draws : int
        How many times as many patients as the real table has are drawn.
    seed : int
    out : Path, optional
        Folder to make.
    console : Console
    """
    from experiments.config import find_config
    from experiments.output import show
    from experiments.realism_page import print_findings, write_findings
    from pipeline.real_cohort import SeriesMap, read_measurement_map
    from pipeline.schema import InputError
    from pipeline.yaml_file import read_yaml

    if not data.is_file():
        raise InputError(f"--data {data}: there is no such file")
    if out is not None:
        from pipeline.artifacts import claim_folder

        claim_folder(out)
    try:
        path = find_config("cohorts", real)
    except InputError:
        path = find_config("measurements", real)
    if read_yaml(path).get("kind") == "file":
        found = _patients(config, path, data, draws, seed, console)
    else:
        spec = read_measurement_map(path)
        if isinstance(spec, SeriesMap):
            found = _series(config, spec, data, seed)
        else:
            found = _measurements(config, spec, data, group, draws, seed)
    if out is not None:
        write_findings(found, out)

    def draw() -> None:
        print_findings(found, console)
        if out is not None:
            console.print(f"folder  {out}", highlight=False, soft_wrap=True)

    tables = {name: table.to_dict("records") for name, table in found.tables.items()}
    account = {"title": found.title, "real_data": found.citation, "folder": out, "words": found.words}
    show(console, account | found.account | {"tables": tables}, draw)


def _draw(config: str, n: int, seed: int) -> Cohort:
    import numpy as np

    from experiments.cohorts import resolve_simulated
    from pipeline.run.streams import stage_generator

    return resolve_simulated(config, n).cohort(stage_generator(np.random.default_rng(seed), "cohort train"))


def _patients(config: str, path: Path, data: Path, draws: int, seed: int, console: Console) -> Findings:
    import numpy as np
    import pandas as pd

    from experiments.progress import StageProgress
    from experiments.realism_page import Findings
    from pipeline.figures.realism import agreement_figure_of, detection_figure
    from pipeline.real_cohort import read_cohort, read_map
    from pipeline.realism import (
        cox_coefficients,
        detect,
        shared_columns,
    )
    from pipeline.run.streams import stage_generator

    spec = read_map(path)
    real = read_cohort(spec, data)
    drawn = _draw(config, draws * len(real.observed), seed)
    columns = shared_columns(real.columns, drawn.columns)
    found = Findings(f"{spec.label or spec.name} and {drawn.name}, simulated", spec.citation)
    _margins(found, real.observed, drawn.observed, columns)
    baseline = [c for c in columns if c.name not in (*OUTCOME_COLUMNS, "arm")]
    _correlations(found, real.observed, drawn.observed, baseline)
    endpoints = [e for e in ("os", "pfs") if {f"{e}_months"} <= {c.name for c in columns}]
    coefficients = pd.concat(
        [cox_coefficients(real.observed, drawn.observed, baseline, e) for e in endpoints], ignore_index=True
    )
    found.tables["coefficients"] = coefficients
    inside = float((coefficients["z"].abs() < 1.96).mean())
    found.account["coefficients"] = {
        "compared": len(coefficients),
        "inside": inside,
        "mean_square_z": float((coefficients["z"] ** 2).mean()),
    }
    found.words.append(
        f"{len(coefficients)} Cox coefficients within arms: {inside:.0%} differ by no more than chance allows"
    )
    outcomes = [c.name for c in columns if c.name in OUTCOME_COLUMNS]
    sets = {
        "all shared columns": [c.name for c in columns],
        "baseline columns": [c.name for c in columns if c.name not in outcomes],
        "outcomes and arm": [*outcomes, "arm"],
    }
    rng = stage_generator(np.random.default_rng(seed), "realism")
    with StageProgress(console) as progress:
        told = detect(real.observed, drawn.observed, columns, sets, rng, progress)
    found.tables |= {"detection": told.scores, "importance": told.importance}
    best = told.scores[told.scores["columns"] == "all shared columns"].sort_values("auc").iloc[-1]
    found.account["detection"] = {
        "auc": float(best["auc"]),
        "classifier": str(best["classifier"]),
        "limit": AUC_LIMIT,
        "by_chance": float(best["control"]),
        "goes_by": told.importance.head(5).to_dict("records"),
    }
    names = ", ".join(f"{r.column} ({r.drop:.3f})" for r in told.importance.head(4).itertuples())
    found.words.append(
        f"a {best['classifier']} tells real from simulated patients with an AUC of {best['auc']:.3f} "
        f"(simulated from simulated: {best['control']:.3f}); it goes by {names}"
    )
    correlations, summary = found.tables["correlations"], found.account["correlations"]
    found.figures["agreement"] = lambda: agreement_figure_of(correlations, coefficients, summary, found.title)
    found.figures["detection"] = lambda: detection_figure(
        told.scores, told.importance, AUC_LIMIT, f"Told apart: {found.title}"
    )
    return found


def _measurements(config: str, spec: Any, data: Path, group: str | None, draws: int, seed: int) -> Findings:
    from experiments.realism_page import Findings
    from pipeline.figures.realism import agreement_figure_of
    from pipeline.real_cohort import read_measurements
    from pipeline.realism import shared_columns
    from pipeline.schema import InputError

    table = read_measurements(spec, data)
    if group is not None and group not in table.groups:
        raise InputError(f"--group {group}: the map {spec.name!r} knows {', '.join(table.groups) or 'none'}")
    real = table.observed if group is None else table.observed.loc[table.groups[group]]
    drawn = _draw(config, max(draws, 1) * max(len(real), 500), seed)
    columns = shared_columns(table.columns, drawn.columns)
    who = f"{spec.label or spec.name}" + (f" ({group})" if group else "")
    found = Findings(f"{who} and {drawn.name}, simulated", spec.citation)
    _margins(found, real, drawn.observed, columns)
    _correlations(found, real, drawn.observed, list(columns))
    correlations, summary = found.tables["correlations"], found.account["correlations"]
    found.figures["agreement"] = lambda: agreement_figure_of(correlations, None, summary, found.title)
    return found


def _series(config: str, spec: Any, data: Path, seed: int) -> Findings:
    import pandas as pd

    from experiments.realism_page import Findings
    from pipeline.figures.realism import changes_figure
    from pipeline.real_cohort import read_series
    from pipeline.real_cohort.column_map import DAYS_PER_MONTH
    from pipeline.realism import change_table, relative_changes
    from pipeline.schema import InputError

    table = read_series(spec, data)
    drawn = _draw(config, SERIES_PATIENTS, seed)
    visits = drawn.visits
    if visits is None or spec.column not in visits:
        raise InputError(
            f"cohort {config!r} has no visits with {spec.column!r}; give its file a `visits:` block "
            "(as keynote_189_visits has)"
        )
    seen = pd.DataFrame(
        {
            "patient": visits["patient"].to_numpy(),
            "day": visits["months"].to_numpy() * DAYS_PER_MONTH,
            "value": visits[spec.column].to_numpy(),
        }
    ).dropna()
    changes = [
        relative_changes(
            t, spec.weeks, spec.window_days, until, spec.smallest_baseline, spec.measurements_at_least
        )
        for t, until in ((table, spec.baseline_until_day), (seen, 0.0))
    ]
    compared = change_table(*changes)
    found = Findings(f"{spec.label or spec.name} and {drawn.name}, simulated", spec.citation)
    found.tables["changes"] = compared
    found.account["changes"] = compared.to_dict("records")
    for row in compared.to_dict("records"):
        found.words.append(
            f"week {row['week']:g}: median change {row['real_50%']:+.0%} real, {row['simulated_50%']:+.0%} "
            f"simulated; KS {row['ks']:.3f} (chance {row['ks_chance']:.3f}), Wasserstein "
            f"{row['wasserstein']:.3f} of baseline"
        )
    found.figures["changes"] = lambda: changes_figure(compared, found.title)
    return found


def _margins(found: Findings, real: pd.DataFrame, drawn: pd.DataFrame, columns: tuple[Column, ...]) -> None:
    from pipeline.figures.realism import margins_figure
    from pipeline.realism import margin_table

    margins = margin_table(real, drawn, columns)
    found.tables["margins"] = margins
    near = margins["ks"] <= margins["ks_chance"]
    found.account["patients"] = {"real": len(real), "simulated": len(drawn)}
    found.account["margins"] = {
        "compared": len(margins),
        "within_chance": int(near.sum()),
        "mean_ks": float(margins["ks"].mean()),
    }
    far = ", ".join(f"{r.feature} ({r.ks:.2f})" for r in margins[~near].itertuples())
    found.words.append(
        f"{int(near.sum())} of {len(margins)} margins are as near as two samples of one distribution"
        + (f"; not {far}" if far else "")
    )
    found.figures["margins"] = lambda: margins_figure(real, drawn, columns, margins, found.title)


def _correlations(found: Findings, real: pd.DataFrame, drawn: pd.DataFrame, columns: list[Column]) -> None:
    from pipeline.realism import correlation_summary, correlation_table

    table = correlation_table(real, drawn, columns)
    summary = correlation_summary(table)
    found.tables["correlations"], found.account["correlations"] = table, summary
    if len(table):
        found.words.append(
            f"{len(table)} rank correlations: root mean square difference "
            f"{summary['root_mean_square_difference']:.3f} (by chance {summary['by_chance']:.3f}); "
            f"{summary['inside']:.0%} differ by no more than chance allows"
        )
