"""Correlated baseline markers of a synthetic cohort, one stream each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from synthetic_data.streams import draw_key, stream

__all__ = ["Eligibility", "MarkerDraw", "MarkerModel", "Setting", "draw_markers"]


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

    def numbers(self, name: str) -> Floats:
        """Return a marker's true values as numbers, shape (n,); also of one that is constant here."""
        margin = self.margins[name]
        column = margin.simulation.column
        if column not in self.values:
            return margin.numbers(self.scores[column].to_numpy())
        return as_numbers(self.values[column])


@dataclass(frozen=True)
class MarkerModel:
    """How the markers of a setting's patients are distributed; holds no patient.

    Attributes
    ----------
    drawn : mapping
        Marker id -> how it is simulated, in the order of the columns.
    margins, dependence, columns, report
        As in `MarkerDraw`.
    """

    drawn: Mapping[str, Simulation]
    margins: Mapping[str, Margin]
    dependence: Dependence
    columns: tuple[Column, ...]
    report: Mapping[str, Any]

    @classmethod
    def of(cls, markers: Mapping[str, MarkerSpec], setting: Setting) -> MarkerModel:
        """Return the model of the markers that have a `simulate` block.

        Raises
        ------
        InputError
            Eligibility on a column that is not drawn, or that lets nobody in.
        """
        dependence = dependence_of(markers)
        drawn = simulations(markers)
        _check_eligibility(drawn, setting)
        margins = {name: margin_of(simulation, setting) for name, simulation in drawn.items()}
        varying = tuple(_column(markers[name], m) for name, m in margins.items() if m.constant is None)
        return cls(drawn, margins, dependence, varying, _report(margins, dependence))

    def draw(
        self, n: int, rng: np.random.Generator, mixed: Callable[[Floats], Floats] | None = None
    ) -> MarkerDraw:
        """Draw the markers of `n` patients.

        Each marker's noise comes from a stream of its own, found from its id and one key drawn from
        `rng`: adding a marker of a higher `order` leaves every earlier column as it was, bit for bit,
        and more patients only append rows.
        """
        key = draw_key(rng)
        noise = np.empty((len(self.drawn), n))
        for row, name in zip(noise, self.drawn, strict=True):
            stream(key, name).standard_normal(out=row)
        return self.from_noise(noise, mixed)

    def from_noise(self, noise: Floats, mixed: Callable[[Floats], Floats] | None = None) -> MarkerDraw:
        """Return the markers that independent normal scores, shape (markers, n), come to.

        `mixed` gives the correlated scores a case mix, leaving them standard normal.
        """
        together = correlated_scores(self.dependence.root, noise)
        scores = dict(zip(self.drawn, together if mixed is None else mixed(together), strict=True))
        patients = pd.RangeIndex(noise.shape[1], name="patient")
        values = {
            self.drawn[name].column: self.margins[name].values(row)
            for name, row in scores.items()
            if self.margins[name].constant is None
        }
        by_column = {self.drawn[name].column: row for name, row in scores.items()}
        return MarkerDraw(
            values=pd.DataFrame(values, index=patients, copy=False),
            scores=pd.DataFrame(by_column, index=patients, copy=False),
            columns=self.columns,
            margins=self.margins,
            dependence=self.dependence,
            report=self.report,
        )


def draw_markers(
    markers: Mapping[str, MarkerSpec], setting: Setting, n: int, rng: np.random.Generator
) -> MarkerDraw:
    """Draw the baseline markers of `n` patients of a setting; see `MarkerModel`."""
    return MarkerModel.of(markers, setting).draw(n, rng)


def as_numbers(values: pd.Series[Any]) -> Floats:
    """Return a marker's column as numbers: yes as 1, a category as the position of its level."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return np.asarray(values.cat.codes, dtype=float)
    return np.asarray(values, dtype=float)


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
