"""Where patients are treated: regions and sites of unequal size, their case mix, frailty and tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import ndtr, ndtri

from pipeline.schema import SITE, Column, Floats, InputError
from synthetic_data.conduct.assays import BatchSpec
from synthetic_data.dependence import Dependence
from synthetic_data.evidence.simulation import Test
from synthetic_data.evidence.values import Fraction, Spec

# Spread of the log hazard between institutions: variance 0.0193 by a Gaussian frailty (REML) on the public
# trial of advanced lung cancer in R's survival package (NCCTG, 18 institutions, adjusted for age, sex and
# ECOG; Loprinzi 1994), tests/golden/site_frailty.R. Few patients a site: the estimate is a rough one.
LOG_HAZARD_SD: Final = 0.139
SCORES: Final[Floats] = np.linspace(-8.0, 8.0, 1601)  # where the whole population's distribution is tabulated
Share = Annotated[float, Field(gt=0, le=1)]


class RegionSpec(Spec):
    """One region: its share of the patients, what it can test, and how its patients differ.

    `available` is the probability that a site of the region has a test. `shift` moves markers in the
    region, in standard deviations of the normal score: a column named here is not moved by chance.
    """

    share: Share
    available: dict[Test, Fraction] = {}
    shift: dict[str, Annotated[float, Field(ge=-3, le=3)]] = {}


class SitesSpec(Spec):
    """The `sites` block of a cohort file.

    Sites recruit at gamma-distributed rates, as in the Poisson-gamma model of multi-centre recruitment
    (Anisimov and Fedorov, Stat Med 2007;26:4958); the lower `size_shape`, the more unequal. `case_mix`
    and `region_case_mix` are the parts of each marker's variance (of its normal score) that lie between
    sites of a region and between regions; `log_hazard_sd` and `region_log_hazard_sd` spread the log
    hazard of death and progression alike. The sites belong to the cohort's population: all its draws have
    the same ones.
    """

    number: Annotated[int, Field(ge=2, le=500)] = 40
    regions: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], RegionSpec] = Field(
        {"all": RegionSpec(share=1.0)}, min_length=1
    )
    size_shape: Annotated[float, Field(ge=0.2, le=100)] = Field(1.5, description="assumed")
    case_mix: Annotated[float, Field(ge=0, le=0.3)] = Field(0.04, description="assumed")
    region_case_mix: Annotated[float, Field(ge=0, le=0.3)] = Field(0.02, description="assumed")
    log_hazard_sd: Annotated[float, Field(ge=0, le=1)] = LOG_HAZARD_SD
    region_log_hazard_sd: Annotated[float, Field(ge=0, le=1)] = 0.0
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(0, description="another one: other sites")
    batch: BatchSpec | None = Field(None, description="differences between the sites' laboratories")

    @model_validator(mode="after")
    def _regions_are_all_patients(self) -> SitesSpec:
        total = sum(region.share for region in self.regions.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the regions' shares must add up to 1. Got {total:g} instead")
        if self.number < len(self.regions):
            raise ValueError(f"{self.number} sites cannot lie in {len(self.regions)} regions")
        return self


@dataclass(frozen=True)
class Sites:
    """The sites of one cohort: everything about them that does not depend on its patients.

    Attributes
    ----------
    names, region : tuple of str, length s
    share : array, shape (s,)
        Chance of a patient to be treated there; sums to 1.
    shift : array, shape (s, d)
        Added to the shrunk normal scores, in the order of `columns`.
    shrink : array, shape (d,)
        Factor of the scores within a site.
    to_normal : array, shape (d, len(SCORES))
        The standard normal score that stands where a mixed score stands in the whole population.
    log_hazard : array, shape (s,)
        Of death and progression; mean zero over the patients.
    has_test : mapping of test to array of bool, shape (s,)
    columns : tuple of str
    """

    names: tuple[str, ...]
    region: tuple[str, ...]
    share: Floats
    shift: Floats
    shrink: Floats
    to_normal: Floats
    log_hazard: Floats
    has_test: Mapping[Test, NDArray[np.bool_]]
    columns: tuple[str, ...]

    def at(self, uniforms: Floats) -> NDArray[np.int64]:
        """Return the site that each number in [0, 1) stands for, as positions in `names`, shape (n,)."""
        reached = np.cumsum(self.share)
        return np.minimum(np.searchsorted(reached, uniforms, side="right"), len(self.share) - 1)

    def mixed(self, scores: Floats, site: NDArray[np.int64]) -> Floats:
        """Give each site its case mix; the whole population's scores stay standard normal, exactly.

        A score is shrunk, moved by its site's shift and read off the distribution function of that
        mixture: the margins are those without sites, so published figures stay met.

        Parameters
        ----------
        scores : array, shape (d, n)
            Independent of the site.
        site : array, shape (n,)
        """
        out = np.empty_like(scores)
        for j in range(len(scores)):
            moved = self.shrink[j] * scores[j] + self.shift[site, j]
            out[j] = np.interp(moved, SCORES, self.to_normal[j])
        return out

    def columns_of(self, site: NDArray[np.int64], patients: pd.Index) -> pd.DataFrame:
        """Return the observed columns `site` and `region`."""
        regions = list(dict.fromkeys(self.region))
        codes = np.array([regions.index(r) for r in self.region])[site]
        return pd.DataFrame(
            {
                SITE.name: pd.Categorical.from_codes(site, categories=pd.Index(self.names)),
                REGION.name: pd.Categorical.from_codes(codes, categories=pd.Index(regions)),
            },
            index=patients,
        )

    def account(self) -> dict[str, Any]:
        """Return what the sites are, ready for JSON."""
        between = np.sqrt(np.maximum(1 - self.shrink**2, 0.0))
        return {
            "law_of_sizes": "gamma-distributed recruiting rates",
            "margins": "whole-population margins unchanged: scores shrunk, shifted and put back to normal",
            "sites": [
                {
                    "site": name,
                    "region": self.region[i],
                    "expected_share": round(float(self.share[i]), 5),
                    "log_hazard": round(float(self.log_hazard[i]), 4),
                    "lacks": [test for test, has in self.has_test.items() if not has[i]],
                }
                for i, name in enumerate(self.names)
            ],
            "between_site_sd_of_scores": {
                c: round(float(b), 4) for c, b in zip(self.columns, between, strict=True)
            },
        }


REGION: Final = Column("region", "site", "category", "Region")


def build_sites(spec: SitesSpec, dependence: Dependence, rng: np.random.Generator) -> Sites:
    """Draw the sites of a cohort: sizes, case mix, frailty and which tests they have.

    Case-mix shifts have the correlations of the markers themselves, so that these change little.

    Raises
    ------
    InputError
        Naming every marker column of a region that is not drawn, and every marker that regions move so
        far apart that nothing is left within.
    """
    size_rng, mix_rng, region_rng, hazard_rng, test_rng = rng.spawn(5)
    columns = tuple(dependence.margins[name].simulation.column for name in dependence.ids)
    unknown = sorted({c for r in spec.regions.values() for c in r.shift} - set(columns))
    if unknown:
        raise InputError(
            f"sites: a region shifts {', '.join(map(repr, unknown))}, which no marker draws; "
            f"columns drawn are {', '.join(columns)}"
        )
    counts = _sites_by_region(spec)
    region = tuple(name for name, count in counts.items() for _ in range(count))
    rates = size_rng.gamma(spec.size_shape, size=len(region))
    rates = np.maximum(rates, rates.max() * 1e-6)
    share = np.concatenate([
        spec.regions[name].share * part / part.sum()
        for name, part in ((r, rates[[x == r for x in region]]) for r in counts)
    ])  # fmt: skip
    shift = _site_shifts(spec, dependence, region, share, mix_rng)
    shift += _region_shifts(spec, columns, dependence, region, share, region_rng)
    spread = share @ shift**2
    if (spread >= 0.9).any():
        names = ", ".join(c for c, v in zip(columns, spread, strict=True) if v >= 0.9)
        raise InputError(f"sites: the regions move {names} so far apart that patients of one site are alike")
    shrink = np.sqrt(1 - spread)
    log_hazard = _centred(spec.log_hazard_sd * hazard_rng.standard_normal(len(region)), share)
    regional = spec.region_log_hazard_sd * hazard_rng.standard_normal(len(counts))
    log_hazard = log_hazard + _centred(regional[[list(counts).index(r) for r in region]], share)
    return Sites(
        tuple(f"{r}-{i:03d}" for r, count in counts.items() for i in range(1, count + 1)),
        region,
        share,
        shift,
        shrink,
        np.array([_to_normal(share, shift[:, j], shrink[j]) for j in range(len(columns))]),
        log_hazard,
        _tests(spec, region, test_rng),
        columns,
    )


def _sites_by_region(spec: SitesSpec) -> dict[str, int]:
    """Share the sites out by the regions' shares, at least one each, largest remainders first."""
    names = list(spec.regions)
    wanted = np.array([spec.regions[n].share for n in names]) * (spec.number - len(names))
    counts = np.floor(wanted).astype(int)
    for i in np.argsort(counts - wanted, kind="stable")[: spec.number - len(names) - int(counts.sum())]:
        counts[i] += 1
    return {name: int(count) + 1 for name, count in zip(names, counts, strict=True)}


def _site_shifts(
    spec: SitesSpec,
    dependence: Dependence,
    region: tuple[str, ...],
    share: Floats,
    rng: np.random.Generator,
) -> Floats:
    """Shifts of sites around their region: mean zero in it, and the stated part of the variance."""
    drawn = rng.standard_normal((len(region), len(dependence.ids))) @ dependence.root.T
    for name in dict.fromkeys(region):
        inside = np.array([r == name for r in region])
        drawn[inside] -= share[inside] @ drawn[inside] / share[inside].sum()
    return _scaled(drawn, share, spec.case_mix)


def _region_shifts(
    spec: SitesSpec,
    columns: tuple[str, ...],
    dependence: Dependence,
    region: tuple[str, ...],
    share: Floats,
    rng: np.random.Generator,
) -> Floats:
    names = list(spec.regions)
    of_site = [names.index(r) for r in region]
    drawn = rng.standard_normal((len(names), len(columns))) @ dependence.root.T
    by_chance = _scaled(_centred(drawn[of_site], share), share, spec.region_case_mix)
    stated = {c for r in spec.regions.values() for c in r.shift}
    for j, column in enumerate(columns):
        if column in stated:
            given = np.array([spec.regions[n].shift.get(column, 0.0) for n in names])
            by_chance[:, j] = _centred(given[of_site], share)
    return by_chance


def _centred(values: Floats, share: Floats) -> Floats:
    return np.asarray(values - share @ values)


def _scaled(values: Floats, share: Floats, variance: float) -> Floats:
    """Scale each column to a variance over the patients; one that does not vary stays zero."""
    spread = np.sqrt(share @ values**2)
    factor = np.divide(np.sqrt(variance), spread, out=np.zeros_like(spread), where=spread > 1e-9)
    return np.asarray(values * factor)


def _to_normal(share: Floats, shift: Floats, shrink: float) -> Floats:
    """Tabulate the normal scores of the mixture of sites at SCORES, each half from its own tail."""
    if not shift.any():
        return SCORES.copy()
    standard = (SCORES[:, None] - shift) / shrink
    lower, upper = ndtr(standard) @ share, ndtr(-standard) @ share
    tiny = np.finfo(float).tiny
    score = np.where(SCORES <= 0, ndtri(np.maximum(lower, tiny)), -ndtri(np.maximum(upper, tiny)))
    return np.asarray(np.maximum.accumulate(score))


def _tests(
    spec: SitesSpec, region: tuple[str, ...], rng: np.random.Generator
) -> dict[Test, NDArray[np.bool_]]:
    uniform = {test: rng.random(len(region)) for test in ("pdl1", "ngs")}
    tests: dict[Test, NDArray[np.bool_]] = {}
    for test in ("pdl1", "ngs"):
        chance = np.array([spec.regions[r].available.get(test, 1.0) for r in region])
        tests[test] = uniform[test] < chance
    return tests
