"""The copula's matrix: built from the register, repaired, and kept when markers are added."""

import numpy as np
import pytest

from pipeline.schema import InputError
from synthetic_data.copula import correlation_of
from synthetic_data.dependence import dependence_of, inside_part, simulations
from synthetic_data.evidence import MarkerSpec
from synthetic_data.evidence.marker_figures import Part
from synthetic_data.evidence.simulation import FOUNDING
from synthetic_data.margins import midranks


@pytest.fixture(scope="module")
def dependence(markers):
    return dependence_of(markers)


def marker(name, order, **fields):
    block = {
        "column": name,
        "label": name,
        "kind": "number",
        "order": order,
        "family": "normal",
        "parameters": {"mean": 0, "sd": 1},
        "margin": "assumed",
        "reason": "made up",
    }
    return MarkerSpec.model_validate(
        {"id": name, "name": name, "modality": "blood", "simulate": block | fields}
    )


def spearman(other, value):
    return {"marker": other, "measure": "spearman", "value": value, "basis": "assumed", "reason": "made up"}


def test_the_shipped_matrix_is_a_correlation_matrix(dependence):
    r = dependence.correlation
    np.testing.assert_allclose(r, r.T)
    np.testing.assert_array_equal(np.diag(r), 1.0)
    assert np.linalg.eigvalsh(r)[0] > 0
    np.testing.assert_allclose(dependence.root @ dependence.root.T, r, atol=1e-12)


def test_the_repair_is_small_and_reported(dependence):
    report = dependence.report
    assert report["least_eigenvalue_before"] < 0
    assert report["mean_change"] < 0.005
    assert report["largest_change"] < 0.15
    assert report["most_changed"][0]["used"] != report["most_changed"][0]["stated"]
    assert report["pairs"] == 59 * 58 / 2
    assert report["pairs_by_basis"]["published"] >= 30


def test_published_rank_correlations_come_back(markers, dependence):
    far = []
    for name, spec in markers.items():
        for pair in spec.simulate.correlations:
            if pair.basis != "published" or pair.measure != "spearman":
                continue
            found = correlation_of(
                midranks(dependence.margins[name].tabulated()),
                midranks(dependence.margins[pair.marker].tabulated()),
                dependence.between(name, pair.marker),
            )
            far.append(abs(found - pair.value))
    assert np.median(far) < 0.005
    assert max(far) < 0.06


def test_a_pair_without_a_figure_gets_the_product_of_its_loadings():
    drawn = {
        "a": marker("a", 1, loadings={"inflammation": 0.6, "tobacco": 0.2}),
        "b": marker("b", 2, loadings={"inflammation": -0.5}),
        "c": marker("c", 3),
    }
    r = dependence_of(drawn)
    assert r.between("a", "b") == pytest.approx(-0.3)
    assert r.between("a", "c") == 0.0
    assert r.report["pairs_implied_by_factors"] == 1


def test_a_figure_comes_before_the_loadings():
    drawn = {
        "a": marker("a", 1, loadings={"inflammation": 0.6}),
        "b": marker("b", 2, loadings={"inflammation": 0.6}, correlations=[spearman("a", 0.1)]),
    }
    assert dependence_of(drawn).between("a", "b") == pytest.approx(2 * np.sin(np.pi / 60), abs=1e-6)


def test_adding_a_marker_keeps_the_earlier_matrix_to_the_bit(markers, dependence):
    added = marker("zinc", FOUNDING, correlations=[spearman("nlr", 0.9), spearman("albumin", 0.9)])
    larger = dependence_of({**markers, "zinc": added})
    size = len(dependence.ids)
    assert larger.ids == (*dependence.ids, "zinc")
    assert (larger.correlation[:size, :size] == dependence.correlation).all()
    assert (larger.root[:size, :size] == dependence.root).all()
    assert larger.between("zinc", "nlr") < 0.9  # the contradiction is the newcomer's to bear


def test_a_founding_marker_may_change_the_matrix(markers, dependence):
    """The twin: without the rule of adding at the end, earlier entries move."""
    added = marker("zinc", 5, correlations=[spearman("nlr", 0.9), spearman("albumin", 0.9)])
    larger = dependence_of({**markers, "zinc": added})
    rows = [larger.ids.index(name) for name in dependence.ids]
    assert (larger.correlation[np.ix_(rows, rows)] != dependence.correlation).any()


def test_the_order_of_the_mapping_is_irrelevant(markers, dependence):
    assert (dependence_of(dict(reversed(markers.items()))).correlation == dependence.correlation).all()


def test_a_subset_of_markers_is_built_too(markers):
    some = {name: markers[name] for name in ("nlr", "albumin", "age")}
    assert dependence_of(some).between("nlr", "albumin") == pytest.approx(-0.337, abs=0.01)


def test_no_markers_is_an_empty_matrix():
    assert dependence_of({}).correlation.shape == (0, 0)


def test_a_pair_stated_twice_is_refused():
    drawn = {
        "a": marker("a", 1, correlations=[spearman("b", 0.1)]),
        "b": marker("b", 2, correlations=[spearman("a", 0.2)]),
    }
    with pytest.raises(InputError, match="twice; keep one"):
        dependence_of(drawn)


def test_two_markers_of_one_column_are_refused():
    with pytest.raises(InputError, match="both fill the column 'a'"):
        simulations({"a": marker("a", 1), "b": marker("b", 2, column="a")})


def test_parts_of_a_range_are_told_apart(dependence):
    smoking = dependence.margins["smoking"]
    ever = inside_part(smoking, np.array([0.0, 1.0, 2.0]), Part(levels=("former", "current")))
    assert ever.tolist() == [0, 1, 1]
    sites = dependence.margins["n_met_sites"]
    assert inside_part(sites, np.array([1.0, 3.0]), Part(levels=("3",))).tolist() == [0, 1]
    assert inside_part(sites, np.array([1.0, 3.0, 5.0]), Part(at_least=2, below=5)).tolist() == [0, 1, 0]
