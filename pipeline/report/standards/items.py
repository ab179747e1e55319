"""The items of a document: what each asks, what fills it from a run, what a person must write."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final, Literal, NamedTuple

from pydantic import Field, model_validator

from pipeline.config import Spec
from pipeline.yaml_file import read_yaml

HERE: Final = Path(__file__).parent
STANDARDS: Final = ("tripod_ai", "probast_ai", "model_card")


class Said(NamedTuple):
    """What a run says to an item, and the answer it suggests to a question, where it can."""

    text: str
    suggests: str = ""


class Item(Spec):
    """One item.

    `run` is a key of the answers a run can give, `person` what a person must write; with `person_if: real`
    only where a cohort of the run is real.
    """

    id: str
    section: str
    asks: str
    run: str | None = None
    person: str = ""
    person_if: Literal["always", "real"] = "always"

    @model_validator(mode="after")
    def _somebody_fills_it(self) -> Item:
        if self.run is None and (not self.person or self.person_if != "always"):
            raise ValueError(
                f"item {self.id}: name what fills it from a run, or say what a person always writes"
            )
        return self


class Standard(Spec):
    """A checklist or card: its items in order, where it was published, and the file it is written to."""

    name: str
    file: str
    title: str
    source: str
    note: str
    questions: bool = Field(False, description="whether items ask for an answer, which a run may suggest")
    items: tuple[Item, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _no_item_stands_twice(self) -> Standard:
        ids = [item.id for item in self.items]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"items stand twice: {', '.join(twice)}")
        return self


@cache
def standard(name: str) -> Standard:
    """Return the document called `name`, one of `STANDARDS`."""
    return Standard.model_validate(read_yaml(HERE / f"{name}.yaml"))
