"""A run's checklists and model card: each item with what the run says and what a person must write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from pipeline.artifacts import RunView
from pipeline.report import blocks
from pipeline.report.blocks import Markup, text
from pipeline.report.standards import of_measurements, of_models, of_patients, of_results
from pipeline.report.standards.items import STANDARDS, Item, Said, Standard, standard
from pipeline.report.standards.known import is_documented

ANSWERS: Final[Mapping[str, Callable[[RunView], Said]]] = {
    **of_patients.ANSWERS, **of_measurements.ANSWERS, **of_models.ANSWERS, **of_results.ANSWERS,
}  # fmt: skip
TO_WRITE: Final = "To be written by a person"


@dataclass(frozen=True)
class Filled:
    """One item of a document, filled as far as the run can.

    Attributes
    ----------
    item : Item
    said, suggests : str
        What the run says, and the answer it suggests to a question; empty where it knows nothing.
    person : str
        What a person must write; empty where nothing is left to write.
    """

    item: Item
    said: str
    suggests: str
    person: str

    @property
    def state(self) -> str:
        """Who fills the item: ``run``, ``both`` or ``person``."""
        return "both" if self.said and self.person else "run" if self.said else "person"


def fill(document: Standard, run: RunView) -> list[Filled]:
    """Return every item of `document` with what `run` says to it."""
    found = []
    for item in document.items:
        said = Said("") if item.run is None else ANSWERS[item.run](run)
        asked = item.person if item.person_if == "always" or not run.facts["simulated"] else ""
        found.append(Filled(item, said.text, said.suggests if document.questions else "", asked))
    return found


def markdown_documents(run: RunView) -> dict[str, str]:
    """Return the documents of a run as Markdown, by file name; none for a study."""
    if not is_documented(run):
        return {}
    return {document.file: as_markdown(document, run) for document in map(standard, STANDARDS)}


def as_markdown(document: Standard, run: RunView) -> str:
    """Return one document as Markdown: what the run says as text, what a person must write as open boxes."""
    filled = fill(document, run)
    lines = [
        f"# {document.title}: {run.facts['title']}", "", f"> {run.facts['research_use']}", "",
        f"Run {run.facts['name']}, seed {run.facts['seed']}. {document.source}. {document.note}",
        f"{summary(filled)}",
    ]  # fmt: skip
    for section, items in _sections(filled):
        lines += ["", f"## {section}"]
        for one in items:
            lines += ["", f"**{one.item.id}** {one.item.asks}"]
            if one.said:
                lines += ["", _marked_down(one.said)]
            if one.suggests:
                lines += ["", f"Suggested answer: {one.suggests}"]
            if one.person:
                lines += ["", f"- [ ] {TO_WRITE}: {one.person}"]
    return "\n".join(lines) + "\n"


def _marked_down(said: str) -> str:
    """Keep names from a file from acting as Markdown or HTML; what stands between backticks is left."""
    parts = said.split("`")
    paired = len(parts) % 2 == 1
    shown = [part if paired and place % 2 else _escaped(part) for place, part in enumerate(parts)]
    return ("`" if paired else "\\`").join(shown)


def _escaped(part: str) -> str:
    for letter in "\\<>*_[]#|":
        part = part.replace(letter, f"\\{letter}")
    return part


def summary(filled: list[Filled]) -> str:
    """Return how many items the run filled, and how many wait for a person."""
    states = Counter(one.state for one in filled)
    return (
        f"{len(filled)} items: {states['run']} filled from the run, {states['both']} filled in part, "
        f"{states['person']} for a person to write."
    )


def section(run: RunView) -> str:
    """Return the documents as HTML, each folded; empty for a run that holds too little."""
    if not is_documented(run):
        return ""
    filled = [(document, fill(document, run)) for document in map(standard, STANDARDS)]
    return "".join(
        blocks.folded(f"{document.title}: {summary(items)}", _as_table(document, items))
        for document, items in filled
    )


def as_html(document: Standard, run: RunView) -> str:
    """Return one document as a table: item, what it asks, what the run says, what a person must write."""
    return _as_table(document, fill(document, run))


def _as_table(document: Standard, filled: list[Filled]) -> str:
    rows: list[list[object]] = []
    kinds: list[str] = []
    for name, items in _sections(filled):
        rows.append([name, "", ""])
        kinds.append("group")
        for one in items:
            rows.append([one.item.id, one.item.asks, _answer(one)])
            kinds.append(one.state)
    caption = f"{document.source}. {document.note} The same as {document.file} in the run folder."
    return blocks.table(
        ["Item", "Asks", "Answer"], rows, numbers_from=9, row_classes=kinds, caption=caption, kind="items"
    )


def _answer(one: Filled) -> Markup:
    parts = [text(one.said)] if one.said else []
    if one.suggests:
        parts.append(f"Suggested answer: <b>{text(one.suggests)}</b>")
    if one.person:
        parts.append(f'<span class="person">{TO_WRITE}: {text(one.person)}</span>')
    return Markup("<br>".join(parts))


def _sections(filled: list[Filled]) -> Iterator[tuple[str, list[Filled]]]:
    for name, items in groupby(filled, key=lambda one: one.item.section):
        yield name, list(items)
