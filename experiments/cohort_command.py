"""lungio cohort: check a file of real patients under its map, and draft a map from its header."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from experiments.conventions import MISSED, AsJson

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from pipeline.real_cohort.draft import KnownColumn

STYLES: Final = {"error": "bold red", "warning": "yellow", "note": "dim"}

cohort_app = typer.Typer(no_args_is_help=True)


@cohort_app.command("check")
def check(
    data: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, TSV, Excel or Parquet")],
    map_: Annotated[str, typer.Option("--map", help="a shipped map (poplar) or a YAML file")],
    as_json: AsJson = False,
) -> None:
    """Report everything wrong or odd about a file, with counts and remedies; code 1 when there are errors."""
    from experiments.config import find_config
    from experiments.output import Output, show
    from pipeline.real_cohort import read_map
    from pipeline.real_cohort.file_check import check_file, check_table_of
    from pipeline.schema import InputError
    from pipeline.yaml_file import read_yaml

    path = find_config("cohorts", map_)
    if read_yaml(path).get("kind") != "file":
        raise InputError(f"--map {map_}: is not the map of a file; it has no `kind: file`")
    table = check_table_of(check_file(read_map(path), data))
    console = Output(as_json)
    show(console, table.to_dict("records"), lambda: _print(table, data.name, console))
    if (table["severity"] == "error").any():
        raise typer.Exit(MISSED)


@cohort_app.command("map")
def draft(
    data: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, TSV, Excel or Parquet")],
    out: Annotated[Path | None, typer.Option(help="YAML file to make [default: print it]")] = None,
    sheet: Annotated[str | None, typer.Option(help="of an Excel workbook with several")] = None,
) -> None:
    """Draft a map from a file's header, with the names the register knows; correct it, then check."""
    from pipeline.real_cohort.draft import draft_map
    from pipeline.schema import InputError

    if out is not None and out.exists():
        raise InputError(f"--out {out}: exists already; nothing is overwritten")
    text = draft_map(data, known_columns(), sheet)
    if out is None:
        sys.stdout.write(text)
        return
    if not out.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.parent}")
    part = out.with_name(f".{out.name}.part")
    part.write_text(text, encoding="utf-8")
    part.rename(out)
    print(f"map: {out}", file=sys.stderr)


def known_columns() -> list[KnownColumn]:
    """Return the columns the register can draw, with the names by which tables head them."""
    from pipeline.real_cohort.draft import KnownColumn, bare
    from pipeline.schema import Column
    from synthetic_data.evidence import load_register

    known = []
    for marker in load_register().markers.values():
        s = marker.simulate
        if s is not None:
            names = tuple(dict.fromkeys(map(bare, (*marker.synonyms, s.column, marker.name, s.label))))
            column = Column(s.column, "baseline", s.kind, s.label, s.unit, s.modality or marker.modality,
                            positive=s.positive)  # fmt: skip
            known.append(KnownColumn(column, names))
    return known


def _print(table: pd.DataFrame, name: str, out: Console) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown = Table(title=f"Findings in {name}", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("severity", "check", "column", "count", "what was found", "remedy"):
        shown.add_column(heading, justify="right" if heading == "count" else "left")
    for row in table.to_dict("records"):
        cells = [str(row[k]) for k in ("severity", "check", "column", "count", "message", "remedy")]
        shown.add_row(*cells, style=STYLES[row["severity"]])
    out.print(shown)
    counts = table["severity"].value_counts()
    out.print(", ".join(f"{counts.get(s, 0)} {s}{'' if counts.get(s, 0) == 1 else 's'}" for s in STYLES))
