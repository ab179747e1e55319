"""One finding of a check, and the table of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Severity = Literal["fault", "warning", "note"]
SEVERITIES: Final[tuple[str, ...]] = get_args(Severity)
EXAMPLES: Final = 3


@dataclass(frozen=True)
class Finding:
    """One thing found in a cohort.

    Attributes
    ----------
    severity : {"fault", "warning", "note"}
        A fault makes results wrong, a warning may, a note describes.
    check : str
        Short name of the check, the same in every run.
    column : str
        The column concerned; empty when it is the cohort as a whole.
    count : int
        How many patients are concerned.
    message, remedy : str
        What was found, and what to do about it.
    positions : tuple of int
        The first rows concerned, counted from zero; never more than three.
    """

    severity: Severity
    check: str
    column: str
    count: int
    message: str
    remedy: str = ""
    positions: tuple[int, ...] = ()


def counted(n: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "patient"), counted(2, "patient")
    ('1 patient', '2 patients')
    """
    return f"{n} {noun}{'' if n == 1 else 's'}"


def first_positions(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    """Positions of the first true entries of `mask`, at most three."""
    return tuple(int(i) for i in np.flatnonzero(mask)[:EXAMPLES])


def findings_table(findings: Sequence[Finding]) -> pd.DataFrame:
    """Return the findings as a table, faults first: severity, check, column, count, message, remedy."""
    rows = sorted(findings, key=lambda f: SEVERITIES.index(f.severity))
    names = ["severity", "check", "column", "count", "message", "remedy"]
    return pd.DataFrame([[getattr(f, name) for name in names] for f in rows], columns=names)
