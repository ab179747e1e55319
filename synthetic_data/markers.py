"""Correlated baseline markers of a synthetic cohort, one child stream each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.schema import Column, Floats, InputError
from synthetic_data.copula import correlated_scores
from synthetic_data.dependence import Dependence, dependence_of, simulations
from synthetic_data.evidence.markers import MarkerSpec
from synthetic_data.evidence.simulation import Simulation
from synthetic_data.margins import Margin, margin_of
from synthetic_data.setting import Eligibility, Setting

__all__ = ["Eligibility", "MarkerDraw", "Setting", "draw_markers"]


@dataclass(frozen=True)
class MarkerDraw:
    """The markers of n patients before anything is measured badly or lost.

    Attributes
    ----------
    values : DataFrame
        True values, index 0..n-1 named "patient". A marker with one possible value in this setting has
        no column.
    scores : DataFrame
        The normal scores behind them, all markers.
    columns : tuple of Column
        Declares `values`.
    margins : mapping
        Marker id -> its distribution in this setting, all markers.
    dependence : Dependence
    report : dict
        Ready for JSON: what each margin rests on, and the account of the correlations.
    """

    values: pd.DataFrame
    scores: pd.DataFrame
    columns: tuple[Column, ...]
    margins: Mapping[str, Margin]
    dependence: Dependence
    report: Mapping[str, Any]


def draw_markers(
    markers: Mapping[str, MarkerSpec], setting: Setting, n: int, rng: np.random.Generator
) -> MarkerDraw:
    """Draw the baseline markers of `n` patients.

    Each marker's noise comes from a stream of its own, found from its id and one key drawn from
    `rng`: adding a marker of a higher `order` leaves every earlier column as it was, bit for bit, and
    more patients only append rows.

    Parameters
    ----------
    markers : mapping of id to MarkerSpec
        Those without a `simulate` block are left out.
    setting : Setting
    n : int
    rng : Generator

    Raises
    ------
    InputError
        Eligibility on a column that is not drawn, or that lets nobody in.
    """
    dependence = dependence_of(markers)
    drawn = simulations(markers)
    _check_eligibility(drawn, setting)
    margins = {name: margin_of(simulation, setting) for name, simulation in drawn.items()}
    key = rng.integers(0, 2**32, size=4, dtype=np.uint32)
    noise = np.empty((len(drawn), n))
    for row, name in zip(noise, drawn, strict=True):
        stream(key, name).standard_normal(out=row)
    scores = correlated_scores(dependence.root, noise)
    patients = pd.RangeIndex(n, name="patient")
    varying = {name: row for name, row in zip(drawn, scores, strict=True) if margins[name].constant is None}
    values = {drawn[name].column: margins[name].values(row) for name, row in varying.items()}
    return MarkerDraw(
        values=pd.DataFrame(values, index=patients),
        scores=pd.DataFrame(
            dict(zip((s.column for s in drawn.values()), scores, strict=True)), index=patients
        ),
        columns=tuple(_column(markers[name], margins[name]) for name in varying),
        margins=margins,
        dependence=dependence,
        report=_report(margins, dependence),
    )


def stream(key: Floats | np.typing.NDArray[np.uint32], name: str) -> np.random.Generator:
    """Return the generator of one marker: a function of the key and the marker's name alone."""
    words = np.frombuffer(hashlib.sha256(name.encode()).digest()[:16], dtype="<u4")
    return np.random.default_rng(np.random.SeedSequence([*map(int, key), *map(int, words)]))


def _check_eligibility(drawn: Mapping[str, Simulation], setting: Setting) -> None:
    columns = {simulation.column for simulation in drawn.values()}
    unknown = sorted(set(setting.eligibility) - columns)
    if unknown:
        raise InputError(
            f"eligibility names {', '.join(map(repr, unknown))}, which no marker draws; "
            f"columns drawn are {', '.join(sorted(columns))}"
        )


def _column(marker: MarkerSpec, margin: Margin) -> Column:
    s = margin.simulation
    return Column(
        name=s.column,
        role="baseline",
        kind=s.kind,
        label=s.label,
        unit=s.unit,
        modality=s.modality or marker.modality,
        low=s.low if s.low is not None else 0.0 if s.positive else -np.inf,
        high=s.high if s.high is not None else np.inf,
        categories=margin.labels if s.kind == "category" else (),
        positive=s.positive,
    )


def _report(margins: Mapping[str, Margin], dependence: Dependence) -> dict[str, Any]:
    table = {
        margin.simulation.column: {
            "marker": name,
            "margin_from": margin.basis,
            "reason": margin.simulation.reason,
        }
        | ({"constant": margin.constant} if margin.constant is not None else {})
        for name, margin in margins.items()
    }
    return {
        "columns": table,
        "margins_by_basis": {
            basis: sum(margin.basis == basis for margin in margins.values())
            for basis in ("trial", "setting", "published", "derived", "assumed")
        },
        "correlations": dict(dependence.report),
    }
