"""Pieces of a page: tables, figures, cards and notices as HTML; every text is escaped here."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

SVG_BYTES = 400_000  # a larger drawing goes in as PNG: thousands of dots slow the page down


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    caption: str = "",
    numbers_from: int = 1,
    shaded: Sequence[str] = (),
    row_classes: Sequence[str] = (),
    kind: str = "",
) -> str:
    """Return a table; columns from `numbers_from` on hold numbers, those named in `shaded` are tinted.

    Pressing a head sorts the rows, unless they belong together in groups ("group" among `row_classes`).
    """
    tint = ["shaded" if name in shaded else "" for name in head]

    def cells(tag: str, values: Sequence[object]) -> str:
        made = []
        scope = ' scope="col"' if tag == "th" else ""
        for position, value in enumerate(values):
            classes = f"{'number' if position >= numbers_from else ''} {tint[position]}".strip()
            made.append(
                f'<{tag}{scope} class="{classes}">{text(value)}</{tag}>'
                if classes
                else f"<{tag}{scope}>{text(value)}</{tag}>"
            )
        return "".join(made)

    body = []
    for index, row in enumerate(rows):
        of = row_classes[index] if index < len(row_classes) else ""
        body.append(f'<tr class="{of}">{cells("td", row)}</tr>' if of else f"<tr>{cells('td', row)}</tr>")
    kinds = kind if "group" in row_classes or len(body) < 2 else f"{kind} sortable".strip()
    # Beside the table rather than in it, so that a caption is not as wide as a table that scrolls.
    said = f'<p class="caption">{text(caption)}</p>' if caption else ""
    return (
        f'{said}<div class="scroll" tabindex="0" role="region" aria-label="{text(caption or "Table")}">'
        f'<table class="{escape(kinds)}">'
        f"<thead><tr>{cells('th', head)}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


class Markup(str):
    """HTML made here, not to be escaped again."""

    __slots__ = ()


def text(value: object) -> str:
    """Return `value` as escaped text; nothing for what is missing."""
    if isinstance(value, Markup):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return escape(str(value))


def estimate(value: float, low: float, high: float, digits: int = 3, best: bool = False) -> Markup:
    """Return a figure with its interval beneath."""
    if not math.isfinite(value):
        return Markup("–")
    shown = f"<b>{value:.{digits}f}</b>" if best else f"{value:.{digits}f}"
    if not (math.isfinite(low) and math.isfinite(high)):
        return Markup(shown)
    return Markup(f'{shown}<span class="interval">{low:.{digits}f} to {high:.{digits}f}</span>')


def figure(png: Path, caption: str, *, wide: bool = True, alt: str = "") -> str:
    """Return a figure with its picture in the page itself: the SVG beside `png`, or the PNG if lighter.

    `alt` stands for the picture where it cannot be seen, when the caption does not say what is in it.
    """
    svg = png.with_suffix(".svg")
    if svg.is_file() and svg.stat().st_size <= SVG_BYTES:
        kind, content = "svg+xml", svg.read_bytes()
    else:
        kind, content = "png", png.read_bytes()
    data = base64.b64encode(content).decode()
    said, instead = text(caption), text(alt or caption)
    return (
        f'<figure class="{"wide" if wide else "narrow"}"><div class="picture" tabindex="0" role="group" '
        f'aria-label="{said}"><img alt="{instead}" src="data:image/{kind};base64,{data}"></div>'
        f"<figcaption>{said}</figcaption></figure>"
    )


def figures(pngs: Iterable[Path], caption: str, *, wide: bool = True) -> str:
    """Return every figure there is, one beneath the other; nothing when there is none."""
    return "".join(figure(png, caption, wide=wide) for png in pngs)


def cards(facts: Sequence[tuple[str, str, str]]) -> str:
    """Return a row of cards: a small heading, a large figure, a line beneath."""
    made = [
        f'<div class="card"><span class="what">{text(what)}</span><span class="figure">{text(main)}</span>'
        f'<span class="detail">{text(detail)}</span></div>'
        for what, main, detail in facts
    ]
    return f'<div class="cards">{"".join(made)}</div>'


def notice(kind: str, title: str, lines: Sequence[str]) -> str:
    """Return a framed notice; `kind` is one of caution, passed, failed."""
    said = "".join(f"<p>{text(line)}</p>" for line in lines)
    return f'<div class="notice {escape(kind)}"><strong>{text(title)}</strong>{said}</div>'


def pairs(facts: Mapping[str, object]) -> str:
    """Return names and values as a list of definitions."""
    rows = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in facts.items())
    return f'<dl class="pairs">{rows}</dl>'


def bullets(lines: Iterable[object]) -> str:
    """Return a bulleted list."""
    return f"<ul>{''.join(f'<li>{text(line)}</li>' for line in lines)}</ul>"


def folded(title: str, content: str) -> str:
    """Return content that opens when its title is pressed."""
    return f"<details><summary>{text(title)}</summary>{content}</details>"
