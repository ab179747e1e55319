"""Sites: stated shares, a case mix that leaves the margins alone, frailty of mean zero, tests by region."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import kstest

from pipeline.schema import InputError
from synthetic_data.conduct.sites import LOG_HAZARD_SD, RegionSpec, SitesSpec, build_sites
from synthetic_data.copula import correlated_scores
from synthetic_data.dependence import dependence_of

N = 40_000
FRAILTY = json.loads((Path(__file__).parents[1] / "golden" / "site_frailty.json").read_text())
REGIONS = {
    "europe": RegionSpec(share=0.5, available={"ngs": 0.9}),
    "asia": RegionSpec(
        share=0.3, shift={"egfr_mutant": 0.8, "nlr": -0.3}, available={"pdl1": 0.5, "ngs": 0.0}
    ),
    "americas": RegionSpec(share=0.2),
}
SPEC = SitesSpec(number=30, regions=REGIONS, case_mix=0.1, region_case_mix=0.05, region_log_hazard_sd=0.1)


@pytest.fixture(scope="module")
def dependence(markers):
    return dependence_of(markers)


@pytest.fixture(scope="module")
def sites(dependence):
    return build_sites(SPEC, dependence, np.random.default_rng(11))


@pytest.fixture(scope="module")
def drawn(sites, dependence):
    """Return the sites of N patients, and their scores before and after the case mix."""
    site_rng, noise_rng = np.random.default_rng(5).spawn(2)
    site = sites.at(site_rng.random(N))
    scores = correlated_scores(dependence.root, noise_rng.standard_normal((len(dependence.ids), N)))
    return site, scores, sites.mixed(scores, site)


def column(sites, name):
    return sites.columns.index(name)


def test_regions_and_sites_have_their_shares(sites, drawn):
    for name, region in REGIONS.items():
        inside = np.array([r == name for r in sites.region])
        assert math.isclose(sites.share[inside].sum(), region.share, rel_tol=1e-12)
        share = inside[drawn[0]].mean()
        assert abs(share - region.share) < 4 * math.sqrt(region.share * (1 - region.share) / N)
    counts = np.bincount(drawn[0], minlength=30)
    assert len(sites.names) == 30
    assert (counts > 0).sum() > 25
    assert counts.max() > 3 * np.median(counts)  # unequal, as gamma-distributed recruiting rates make them


def test_the_margins_stay_standard_normal(drawn):
    rejected = [kstest(row, "norm").pvalue < 1e-4 for row in drawn[2]]
    assert not any(rejected)


def test_the_margin_test_can_fail(sites, drawn):
    """Shifted without being put back to normal, a marker that regions differ in shows it."""
    site, scores, _ = drawn
    j = column(sites, "egfr_mutant")
    assert kstest(scores[j] + sites.shift[site, j], "norm").pvalue < 1e-4


def test_the_stated_part_of_the_variance_lies_between_sites(sites, drawn):
    site, _, mixed = drawn
    table = pd.DataFrame(mixed.T).groupby(site)
    sizes = table.size().to_numpy()[:, None]
    means = table.mean().to_numpy()
    between = ((means**2 * sizes).sum(axis=0) - len(sizes)) / N  # less what chance adds
    shifted = {column(sites, c) for c in ("egfr_mutant", "nlr")}
    others = [j for j in range(len(mixed)) if j not in shifted]
    assert abs(between[others].mean() - 0.15) < 0.01
    stated = sites.share @ (sites.shift**2)
    assert np.allclose(stated[others], 0.15)
    np.testing.assert_allclose(between, stated, atol=0.02)


def test_a_stated_shift_moves_a_region_by_that_much(sites, drawn):
    _, _, mixed = drawn
    j, asia = column(sites, "nlr"), np.array([r == "asia" for r in sites.region])[drawn[0]]
    gap = mixed[j, asia].mean() - mixed[j, ~asia].mean()
    assert abs(gap + 0.3) < 0.02


def test_correlations_between_markers_are_kept(sites, dependence, drawn):
    """But for the chance that lies in few sites: shifts of so many correlate by that much at random."""
    reached = np.corrcoef(drawn[2])
    between = 1 - sites.shrink**2
    chance = math.sqrt(2 / math.pi * (sites.share**2).sum()) * between.mean()
    assert np.abs(reached - dependence.correlation).mean() < 1.5 * chance
    assert np.abs(reached).mean() > 1.5 * chance  # markers without any correlation would not pass


def test_frailty_has_mean_zero_over_patients_and_its_stated_spread(dependence):
    spread = []
    for seed in range(200):
        sites = build_sites(SitesSpec(number=40, case_mix=0), dependence, np.random.default_rng(seed))
        assert abs(sites.share @ sites.log_hazard) < 1e-12
        spread.append(sites.log_hazard.var(ddof=1))
    error = LOG_HAZARD_SD**2 * math.sqrt(2 / 39 / 200)
    assert abs(np.mean(spread) - LOG_HAZARD_SD**2) < 4 * error + 0.05 * LOG_HAZARD_SD**2


def test_the_default_spread_is_that_of_the_public_trial():
    assert FRAILTY["institutions"] == 18
    assert FRAILTY["patients"] == 226
    assert abs(FRAILTY["sd"] - LOG_HAZARD_SD) < 5e-4


def test_tests_are_available_as_often_as_a_region_says(dependence):
    has = {"pdl1": [], "ngs": []}
    for seed in range(60):
        sites = build_sites(SPEC, dependence, np.random.default_rng(seed))
        asia = np.array([r == "asia" for r in sites.region])
        assert not sites.has_test["ngs"][asia].any()
        assert sites.has_test["pdl1"][~asia].all()
        has["pdl1"] += sites.has_test["pdl1"][asia].tolist()
        has["ngs"] += sites.has_test["ngs"][np.array([r == "europe" for r in sites.region])].tolist()
    for test, chance in (("pdl1", 0.5), ("ngs", 0.9)):
        assert abs(np.mean(has[test]) - chance) < 4 * math.sqrt(chance * (1 - chance) / len(has[test]))


def test_a_patients_site_does_not_depend_on_how_many_are_drawn(sites):
    few, many = (sites.at(np.random.default_rng(3).random(n)) for n in (100, 1_000))
    assert (few == many[:100]).all()


def test_the_columns_name_site_and_region(sites, drawn):
    table = sites.columns_of(drawn[0], pd.RangeIndex(N, name="patient"))
    assert list(table) == ["site", "region"]
    assert (table["site"].astype(str).str.partition("-")[0] == table["region"].astype(str)).all()


def test_the_account_is_ready_for_json(sites):
    account = json.loads(json.dumps(sites.account()))
    assert len(account["sites"]) == 30
    assert math.isclose(sum(s["expected_share"] for s in account["sites"]), 1, abs_tol=1e-3)
    assert account["between_site_sd_of_scores"]["age_years"] == pytest.approx(math.sqrt(0.15), abs=1e-3)


def test_what_cannot_be_is_refused(dependence):
    with pytest.raises(ValidationError, match="add up to 1"):
        SitesSpec(regions={"a": RegionSpec(share=0.5)})
    with pytest.raises(ValidationError, match="2 sites cannot lie in 3 regions"):
        SitesSpec(number=2, regions=REGIONS)
    unknown = SitesSpec(regions={"a": RegionSpec(share=1, shift={"shoe_size": 1})})
    with pytest.raises(InputError, match="'shoe_size', which no marker draws"):
        build_sites(unknown, dependence, np.random.default_rng(0))
    apart = {"a": RegionSpec(share=0.5, shift={"nlr": 3}), "b": RegionSpec(share=0.5, shift={"nlr": -3})}
    with pytest.raises(InputError, match="move nlr so far apart"):
        build_sites(SitesSpec(regions=apart), dependence, np.random.default_rng(0))


@st.composite
def legal_specs(draw):
    names = draw(st.lists(st.sampled_from(["north", "south", "east", "west"]), min_size=1, unique=True))
    parts = [draw(st.floats(0.05, 1)) for _ in names]
    regions = {
        name: RegionSpec(
            share=part / sum(parts),
            available={"ngs": draw(st.floats(0, 1))},
            shift=draw(st.dictionaries(st.sampled_from(["nlr", "male"]), st.floats(-0.6, 0.6), max_size=2)),
        )
        for name, part in zip(names, parts, strict=True)
    }
    return SitesSpec(
        number=draw(st.integers(max(2, len(names)), 60)),
        regions=regions,
        size_shape=draw(st.floats(0.2, 20)),
        case_mix=draw(st.floats(0, 0.3)),
        region_case_mix=draw(st.floats(0, 0.3)),
        log_hazard_sd=draw(st.floats(0, 1)),
    )


@pytest.fixture(scope="module")
def few(markers):
    """Return the dependence of a handful of markers: quick to build sites for."""
    return dependence_of({k: markers[k] for k in ("age", "sex", "nlr", "pdl1_tps")})


@given(spec=legal_specs(), seed=st.integers(0, 2**32))
def test_any_legal_spec_leaves_the_population_as_it_was(few, spec, seed):
    sites = build_sites(spec, few, np.random.default_rng(seed))
    assert math.isclose(sites.share.sum(), 1, rel_tol=1e-9)
    assert (sites.share > 0).all()
    assert abs(sites.share @ sites.log_hazard) < 1e-9
    assert set(sites.region) == set(spec.regions)
    # exactly, by the mixture's moments: no draw is involved
    score = np.linspace(-7, 7, 2001)
    density = np.exp(-(score**2) / 2) / math.sqrt(2 * math.pi) * (score[1] - score[0])
    for j in range(len(few.ids)):
        moments = np.zeros(2)
        for s, share in enumerate(sites.share):
            inside = sites.mixed(np.tile(score, (len(few.ids), 1)), np.full(len(score), s))[j]
            moments += share * np.array([density @ inside, density @ inside**2])
        np.testing.assert_allclose(moments, [0, 1], atol=2e-3)
