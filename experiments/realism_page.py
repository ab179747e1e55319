"""A comparison of real and simulated patients as one page that needs no network."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pandas as pd

STYLE: Final = """body{font:15px/1.5 sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#22262b}
img{max-width:100%}table{border-collapse:collapse;font-size:12px;margin:1em 0}
td,th{padding:2px 8px;border-bottom:1px solid #d9dde2;text-align:right}
td:first-child,th:first-child{text-align:left}.note{background:#fff4e5;padding:.6em 1em}"""
NOTE: Final = (
    "For research only. One side of every comparison is simulated; nothing here is for decisions about the "
    "care of any patient."
)


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
