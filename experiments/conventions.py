"""What every command keeps to: how it ends, and the options by which it speaks to a program or not at all."""

from __future__ import annotations

from typing import Annotated, Final

import typer

DONE: Final = 0
MISSED: Final = 1
BAD_INPUT: Final = 2
LOOK: Final = 3
DO_NOT_USE: Final = 4
NOT_FILED: Final = 5
INTERRUPTED: Final = 130
EXIT_CODES: Final = {
    DONE: "done; of `lungio drift`: no drift",
    MISSED: "done, and something is wrong: a figure missed (`verify`), an error in a file (`cohort check`), "
    "an installation or a store that is not well (`doctor`); or a fault of lungio's own, with a traceback",
    BAD_INPUT: "bad input, a faulty register (`evidence check`) or a place that cannot be used; nothing was "
    "made",
    LOOK: "`lungio drift`: look at the new patients before the model is used on them",
    DO_NOT_USE: "`lungio drift`: do not use the model on the new patients",
    NOT_FILED: "the folder is whole, but the MLflow store failed; `lungio push` files it later",
    INTERRUPTED: "interrupted by Ctrl-C; nothing half-written is left",
}

# Trees, folds and resamples have threads of their own; a second layer below them costs minutes.
ONE_THREAD: Final = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}

AsJson = Annotated[
    bool, typer.Option("--json", help="print one JSON document to standard output, and nothing else")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no bars and no chatter: the result only")]


def ending() -> str:
    """Return what the exit codes mean, for the end of a help page."""
    codes = [f"{code:>3}  {meaning.replace('`', '')}" for code, meaning in EXIT_CODES.items()]
    return "\n\n".join(["Exit codes:", *codes])
