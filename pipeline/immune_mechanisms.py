"""Which immune mechanism each column speaks of, which of them fail patients, and what is meant to help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from pipeline.yaml_file import read_yaml

DECLARED: Final = Path(__file__).with_suffix(".yaml")


@dataclass(frozen=True)
class Mechanism:
    """A group of columns that speak of the same thing.

    Attributes
    ----------
    label : str
        Of the sum of their contributions.
    columns : tuple of str
        And series of the visits; each stands in one mechanism.
    deficit : str
        What it is called as a reason of failure; "" where it is none.
    classes : tuple of str
        Classes of agents in the evidence register that are meant to address the deficit.
    """

    label: str
    columns: tuple[str, ...]
    deficit: str = ""
    classes: tuple[str, ...] = ()


@cache
def mechanisms() -> Mapping[str, Mechanism]:
    """Return every mechanism by name, as immune_mechanisms.yaml declares them."""
    declared = read_yaml(DECLARED)
    return {
        name: Mechanism(
            about["label"], tuple(about["columns"]), about.get("deficit", ""), tuple(about.get("classes", ()))
        )
        for name, about in declared.items()
    }


@cache
def deficits() -> Mapping[str, Mechanism]:
    """Return the mechanisms that are reasons of failure, by name."""
    return {name: m for name, m in mechanisms().items() if m.deficit}


@cache
def _owner() -> Mapping[str, str]:
    return {column: name for name, m in mechanisms().items() for column in m.columns}


def mechanism_of(column: str) -> str:
    """Return the mechanism that a column or a feature ``<series>__<feature>`` speaks of; "" if none."""
    return _owner().get(column.partition("__")[0], "")


def deficit_of(column: str) -> str:
    """Return the deficit that a column or a feature ``<series>__<feature>`` speaks of; "" if none."""
    name = mechanism_of(column)
    return name if name in deficits() else ""
