"""What a command prints: tables for people, one JSON document for programs, or the result alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console

LEAST_WIDTH: Final = 140  # of tables in a file, where no terminal says how wide it is


class Output(Console):
    """A console that knows what was asked for.

    With `as_json` standard output is kept for the document that `show` prints; whatever else is printed here
    goes to standard error.

    Parameters
    ----------
    as_json, quiet : bool
        The options ``--json`` and ``--quiet``.
    """

    def __init__(self, as_json: bool = False, quiet: bool = False) -> None:
        super().__init__(stderr=as_json)
        self.as_json, self.without_bars, self.without_chatter = as_json, quiet, quiet or as_json
        if not self.is_terminal:
            self.width = max(self.width, LEAST_WIDTH)


def chatty(console: Console) -> bool:
    """Whether what is not the result is to be told."""
    return not (isinstance(console, Output) and console.without_chatter)


def estimate_words(row: Mapping[Any, Any]) -> str:
    """Return a row's `value` with its interval, `low` to `high`."""
    return f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"


def show(console: Console, document: Mapping[str, Any] | Sequence[Any], draw: Callable[[], object]) -> None:
    """Print a result: `document` to a program, and what `draw` prints to a person.

    Parameters
    ----------
    console : Console
        An `Output` that was asked for JSON prints the document, any other has `draw` called.
    document : mapping or sequence
        What `pipeline.artifacts.cohort_folder.json_text` takes; numbers that are not finite become null.
    draw : callable
        Prints to the console.
    """
    if not (isinstance(console, Output) and console.as_json):
        draw()
        return
    from pipeline.artifacts.cohort_folder import json_text

    sys.stdout.write(json_text(document))
