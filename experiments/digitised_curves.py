"""Curves drawn for trials beside digitised ones: the table on the terminal, and what its figure needs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.schema import InputError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console


def digitised_table(file: Path, trials: Collection[str] | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare with a file of digitised curves, plain interpolation beside.

    Parameters
    ----------
    file : Path
    trials : collection of str, optional
        Ids of the trials wanted; all of the file when left out.

    Returns
    -------
    (DataFrame, DataFrame)
        Gaps, a row an arm (`trial`, `arm`, `largest`, `month`, `largest_anywhere`, `mean`, and the same of
        plain interpolation, `plain_*`); and curves (`trial`, `arm`, `months`, `digitised`, `drawn`, `plain`,
        `at_risk`).

    Raises
    ------
    InputError
        When the file cannot be read or has none of the trials.
    """
    import pandas as pd

    from synthetic_data.digitised_curves import compare, digitised_curves, plain_curve
    from synthetic_data.evidence import load_register

    register = load_register()
    known = digitised_curves(file, register)
    wanted = [c for c in known if trials is None or register.trial(c.trial).id in trials]
    if not wanted:
        there = ", ".join(dict.fromkeys(c.trial for c in known))
        raise InputError(f"{file} has no curve of {', '.join(trials or ())}; it has {there}")
    gaps, curves = [], []
    for arm, ours, plain, curve in compare(register, wanted):
        gaps.append(
            {"trial": arm.trial, "arm": arm.arm}
            | {"largest": ours.largest, "month": ours.month, "largest_anywhere": ours.largest_anywhere}
            | {"mean": ours.mean, "plain_largest": plain.largest, "plain_mean": plain.mean}
        )
        curves.append(
            pd.DataFrame(
                {
                    "trial": arm.trial,
                    "arm": arm.arm,
                    "months": arm.months,
                    "digitised": arm.survival,
                    "drawn": curve.survival(arm.months),
                    "plain": plain_curve(register, arm).survival(arm.months),
                    "at_risk": arm.at_risk,
                }
            )
        )
    return pd.DataFrame(gaps), pd.concat(curves, ignore_index=True)


def print_digitised(table: pd.DataFrame, console: Console) -> None:
    """Print the gaps, and what they come to."""
    from experiments.evidence_tables import table as text_table

    rows = table.round(3).to_dict("records")
    title = "gaps to digitised curves (20 or more at risk; the mean over all)"
    console.print(text_table(title, [{str(k): v for k, v in row.items()} for row in rows]))
    sizes = np.abs(table[["largest", "plain_largest"]])
    console.print(
        f"largest gaps: mean {sizes['largest'].mean():.3f}, worst {sizes['largest'].max():.3f}; mean absolute"
        f" gap {table['mean'].mean():.3f}; plain interpolation {sizes['plain_largest'].mean():.3f}, "
        f"{sizes['plain_largest'].max():.3f} and {table['plain_mean'].mean():.3f}",
        highlight=False,
    )
