"""A study as it is run, solved for one population: sites, laboratories, tests, gaps and who leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.schema import SITE, Column, Floats
from synthetic_data.conduct.assays import MEASURED, Batch, batch_account, build_batches
from synthetic_data.conduct.gaps import Gap, GapSpec, build_gaps
from synthetic_data.conduct.leaving import Leaving, LeavingSpec, build_leaving
from synthetic_data.conduct.sites import REGION, Sites, SitesSpec, build_sites
from synthetic_data.follow_up import Accrual, follow_up
from synthetic_data.markers import MarkerDraw, MarkerModel, as_numbers
from synthetic_data.streams import stream

SITES_KEY: Final = (2007, 0, 0)  # with the spec's own seed: the sites belong to the population


@dataclass(frozen=True)
class Conduct:
    """How a population's study is run; empty where its cohort file says nothing of it.

    Attributes
    ----------
    sites : Sites, optional
    batches : mapping of column to Batch
    gaps : mapping of column to Gap
    leaving : Leaving, optional
    needs_test : mapping of column to test
        Which of the columns drawn a site without that test does not know.
    """

    sites: Sites | None
    batches: Mapping[str, Batch]
    gaps: Mapping[str, Gap]
    leaving: Leaving | None
    needs_test: Mapping[str, str]

    @classmethod
    def of(
        cls,
        markers: MarkerModel,
        sites: SitesSpec | None,
        missing: Mapping[str, GapSpec],
        leaving: LeavingSpec | None,
        dropout_per_month: float,
        hidden_sd: float,
    ) -> Conduct:
        """Solve the study of a population whose unmeasured log hazard has spread `hidden_sd`.

        Raises
        ------
        InputError
            Naming columns that are not drawn, or of the wrong kind.
        """
        built, batches = None, {}
        varying = {column.name: column for column in markers.columns}
        if sites is not None:
            key = (*SITES_KEY, sites.seed)
            built = build_sites(sites, markers.dependence, stream(key, "sites"))
            if sites.batch is not None:
                margins = [
                    m
                    for m in markers.margins.values()
                    if m.simulation.column in varying
                    and (
                        varying[m.simulation.column].modality in MEASURED
                        or m.simulation.column in (sites.batch.columns or ())
                    )
                ]
                batches = build_batches(sites.batch, margins, len(built.names), stream(key, "laboratories"))
            hidden_sd = float(np.sqrt(hidden_sd**2 + built.share @ built.log_hazard**2))
        return cls(
            built,
            batches,
            build_gaps(missing, markers.margins, markers.dependence) if missing else {},
            None
            if leaving is None
            else build_leaving(leaving, dropout_per_month, hidden_sd, markers.dependence),
            {
                s.column: s.needs_test
                for s in markers.drawn.values()
                if s.needs_test is not None and s.column in varying
            },
        )

    @property
    def columns(self) -> tuple[Column, ...]:
        """Declares what `columns_of` returns."""
        if self.sites is None:
            return ()
        regions = tuple(dict.fromkeys(self.sites.region))
        return (
            Column(SITE.name, SITE.role, SITE.kind, SITE.label, categories=self.sites.names),
            Column(REGION.name, REGION.role, REGION.kind, REGION.label, categories=regions),
        )

    def site_of(self, uniforms: Floats) -> NDArray[np.int64] | None:
        """Return the site of each patient, shape (n,); None where there are no sites."""
        return None if self.sites is None else self.sites.at(uniforms)

    def log_hazard(self, site: NDArray[np.int64] | None, n: int) -> Floats:
        """Return what each patient's site adds to the log hazard, shape (n,)."""
        return np.zeros(n) if self.sites is None or site is None else self.sites.log_hazard[site]

    def follow_up(
        self,
        draw: MarkerDraw,
        hidden: Floats,
        uniforms: Floats,
        accrual: Accrual,
        dropout_per_month: float,
    ) -> tuple[Floats, Floats, Floats | None]:
        """Return months of enrolment, months to loss, and log relative hazards of loss where they differ."""
        enrolled, dropout = follow_up(uniforms, accrual, dropout_per_month)
        if self.leaving is None:
            return enrolled, dropout, None
        scores = {c: draw.scores[c].to_numpy() for c in self.leaving.spec.markers}
        return enrolled, *self.leaving.draw(scores, hidden, uniforms[:, 1])

    def measured(self, values: pd.DataFrame, site: NDArray[np.int64] | None) -> pd.DataFrame:
        """Return true values as the sites' laboratories report them."""
        if site is None or not self.batches:
            return values
        return values.assign(
            **{c: batch.measured(as_numbers(values[c]), site) for c, batch in self.batches.items()}
        )

    def chances(self, draw: MarkerDraw) -> dict[str, Floats | float]:
        """Return how likely each patient's value is to go missing, by column with a stated gap."""
        return {
            column: gap.chance({c: as_numbers(draw.values[c]) for c in gap.tables})
            for column, gap in self.gaps.items()
        }

    def untested(self, site: NDArray[np.int64] | None) -> dict[str, NDArray[np.bool_]]:
        """Return who is at a site without the test for it, shape (n,), by column."""
        if self.sites is None or site is None:
            return {}
        lacking = {test: ~has for test, has in self.sites.has_test.items() if not has.all()}
        return {c: lacking[test][site] for c, test in self.needs_test.items() if test in lacking}

    def account(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        found: dict[str, Any] = {}
        if self.sites is not None:
            found["sites"] = self.sites.account()
            found["needs_test"] = dict(self.needs_test)
        if self.batches and self.sites is not None:
            found["batch"] = batch_account(self.batches, self.sites.names)
        if self.gaps:
            found["missing"] = {column: gap.account() for column, gap in self.gaps.items()}
        if self.leaving is not None:
            found["informative_dropout"] = self.leaving.account()
        return found
