"""Checklists of reporting and of bias, and a model card, filled from a run as far as it knows."""

from pipeline.report.standards.documents import (
    ANSWERS,
    Filled,
    as_html,
    as_markdown,
    fill,
    markdown_documents,
    section,
    summary,
)
from pipeline.report.standards.items import STANDARDS, Item, Said, Standard, standard

__all__ = [
    "ANSWERS",
    "STANDARDS",
    "Filled",
    "Item",
    "Said",
    "Standard",
    "as_html",
    "as_markdown",
    "fill",
    "markdown_documents",
    "section",
    "standard",
    "summary",
]
