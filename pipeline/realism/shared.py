"""The columns two tables share, as numbers that can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from pipeline.schema import Column, InputError

DECIMALS = 6  # a day in months has no end of them: how many a file prints is nothing about patients
NOT_ASSESSED = "NE"  # a best response nobody recorded is one that could not be evaluated (RECIST 1.1)


def shared_columns(real: Sequence[Column], simulated: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns of both tables, as the real one declares them; levels of both.

    Raises
    ------
    InputError
        When none is shared, or a shared one is of another kind or unit.
    """
    known = {c.name: c for c in simulated}
    shared, faults = [], []
    for column in real:
        other = known.get(column.name)
        if other is None:
            continue
        if column.kind != other.kind:
            faults.append(f"{column.name} is a {column.kind} in one table and a {other.kind} in the other")
        if column.unit != other.unit:
            faults.append(f"{column.name} is in {column.unit!r} in one table and {other.unit!r} in the other")
        levels = tuple(dict.fromkeys((*other.categories, *column.categories)))
        shared.append(replace(column, categories=levels, positive=column.positive or other.positive))
    if faults:
        raise InputError("the tables cannot be compared:\n  " + "\n  ".join(faults))
    if not shared:
        raise InputError(
            f"no column is shared. The real table has {', '.join(c.name for c in real)}; the simulated one "
            f"{', '.join(known)}. Name the map's columns as the simulated cohort does"
        )
    return tuple(shared)


def encoded(frame: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Return the columns as numbers: a fact is 0 or 1, a category one fact a level, missing stays missing.

    Of a category with two levels only the second is kept. A best response that is missing is taken as
    not evaluable.
    """
    out: dict[str, pd.Series[float]] = {}
    for column in columns:
        values = frame[column.name]
        if column.kind != "category":
            out[column.name] = values.astype("Float64").astype(float).round(DECIMALS)
            continue
        text = values.astype(object)
        if column.name == "best_response":
            text = text.where(text.notna(), NOT_ASSESSED)
        levels = column.categories[1:] if len(column.categories) == 2 else column.categories
        for level in levels:
            out[f"{column.name}={level}"] = (text == level).astype(float).where(text.notna())
    return pd.DataFrame(out, index=frame.index)


def column_of(feature: str) -> str:
    """Name of the column an encoded feature comes from.

    >>> column_of("smoking=never")
    'smoking'
    """
    return feature.split("=", 1)[0]
