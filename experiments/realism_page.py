"""What a comparison of real and simulated patients found: on the terminal, as a folder, and as one page."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console

STYLE: Final = """body{font:15px/1.5 sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#22262b}
img{max-width:100%}table{border-collapse:collapse;font-size:12px;margin:1em 0}
td,th{padding:2px 8px;border-bottom:1px solid #d9dde2;text-align:right}
td:first-child,th:first-child{text-align:left}.note{background:#fff4e5;padding:.6em 1em}"""
NOTE: Final = (
    "For research only. One side of every comparison is simulated; nothing here is for decisions about the "
    "care of any patient."
)


@dataclass
class Findings:
    """What a comparison found: tables and figures by name, and figures of merit."""

    title: str
    citation: str
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    figures: dict[str, Callable[[], Figure]] = field(default_factory=dict)
    account: dict[str, Any] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


def realism_page(
    title: str,
    citation: str,
    words: Sequence[str],
    tables: Mapping[str, pd.DataFrame],
    pictures: Mapping[str, Path],
) -> str:
    """Return the page: what was found in words, then figures, then tables.

    Parameters
    ----------
    title, citation : str
    words : sequence of str
        Findings, a sentence each.
    tables : mapping of name to DataFrame
    pictures : mapping of name to Path
        PNG files; their content becomes part of the page.
    """
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{html.escape(title)}</title>",
        f"<style>{STYLE}</style><h1>{html.escape(title)}</h1><p class='note'>{NOTE}</p>",
        f"<p>Real data: {html.escape(citation)}</p><ul>",
        *(f"<li>{html.escape(sentence)}</li>" for sentence in words),
        "</ul>",
    ]
    for name, picture in pictures.items():
        data = base64.b64encode(picture.read_bytes()).decode("ascii")
        parts.append(f"<h2>{html.escape(name.capitalize())}</h2>")
        parts.append(f"<img alt='{html.escape(name)}' src='data:image/png;base64,{data}'>")
    for name, table in tables.items():
        parts.append(f"<h2>Table: {html.escape(name)}</h2>")
        parts.append(table.round(3).to_html(index=False, border=0, na_rep=""))
    return "\n".join([*parts, "</html>\n"])


TABLE_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "margins": ("label", "real", "simulated", "missing_real", "missing_simulated", "ks", "ks_chance"),
    "coefficients": ("arm", "endpoint", "feature", "events_real", "real", "real_error", "simulated",
                     "simulated_error", "z"),
    "detection": ("columns", "classifier", "auc", "lowest", "highest", "control"),
}  # fmt: skip


def print_findings(found: Findings, console: Console) -> None:
    """Print the tables that fit a terminal, and the findings in words."""
    from experiments.evidence_tables import table as text_table

    console.print(found.title, style="bold")
    for name, columns in TABLE_COLUMNS.items():
        if name in found.tables:
            rows = found.tables[name][list(columns)].round(3)
            console.print(
                text_table(name, [{str(k): v for k, v in r.items()} for r in rows.to_dict("records")])
            )
    for words in found.words:
        console.print(words, highlight=False, soft_wrap=True)
    console.print(f"real data: {found.citation}", highlight=False, soft_wrap=True, style="dim")


def write_findings(found: Findings, out: Path) -> None:
    """Write everything into a new folder: CSV, JSON, figures and the page."""
    from pipeline.artifacts.folders import new_folder
    from pipeline.figures import save_figure

    with new_folder(out) as folder:
        for name, table in found.tables.items():
            table.to_csv(folder / f"{name}.csv", index=False)
        account = {"title": found.title, "real_data": found.citation} | found.account
        (folder / "realism.json").write_text(json.dumps(account, indent=2) + "\n", encoding="utf-8")
        pictures = {}
        for name, draw in found.figures.items():
            pictures[name] = save_figure(draw(), folder / name)[0]
        page = realism_page(found.title, found.citation, found.words, found.tables, pictures)
        (folder / "realism.html").write_text(page, encoding="utf-8")
