"""What a published figure may say: ratios, rates, medians, sources, contrasts and effects."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from synthetic_data.evidence import Count, Landmark, Median, Ratio, Source
from synthetic_data.evidence.markers import Correlation, Distribution, Effect, MarkerContrast

SOURCE = {"pmid": "29658856"}


def test_standard_error_comes_from_the_width_at_the_stated_level() -> None:
    z = NormalDist().inv_cdf(0.5 + 0.9772 / 2)
    low, high = 0.8 * math.exp(-z * 0.1), 0.8 * math.exp(z * 0.1)
    assert Ratio(estimate=0.8, interval=(low, high), level=0.9772).standard_error == pytest.approx(0.1)
    # The twin that must fail: read as 95 %, the same interval gives another error.
    assert Ratio(estimate=0.8, interval=(low, high)).standard_error != pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    "more", [{"level": None}, {"standard_error_usable": False}, {"interval": (0.5, None)}, {"interval": None}]
)
def test_no_standard_error_where_none_can_be_had(more: dict[str, Any]) -> None:
    assert Ratio(**{"estimate": 0.8, "interval": (0.6, 1.07), **more}).standard_error is None


@given(st.floats(0.05, 20), st.floats(0.01, 1.5), st.floats(0.01, 1.5))
def test_a_ratio_stands_strictly_inside_its_interval(estimate: float, below: float, above: float) -> None:
    low, high = estimate * math.exp(-below), estimate * math.exp(above)
    assert Ratio(estimate=estimate, interval=(low, high)).interval == (low, high)
    for bad in ((high, high * 2), (low / 2, low), (estimate, high), (low, estimate), (high, low)):
        with pytest.raises(ValidationError):
            Ratio(estimate=estimate, interval=bad)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_rate_lies_within_its_interval_and_within_zero_and_one(rate: float, bound: float) -> None:
    if rate < bound:
        with pytest.raises(ValidationError, match="does not contain"):
            Landmark(months=12, rate=rate, interval=(bound, None))
    with pytest.raises(ValidationError):
        Landmark(months=12, rate=rate + 1.001)


def test_a_median_is_a_time_or_not_reached() -> None:
    with pytest.raises(ValidationError, match="not reached"):
        Median()
    with pytest.raises(ValidationError, match="not reached"):
        Median(months=12, reached=False)
    with pytest.raises(ValidationError, match="does not contain the median"):
        Median(months=12, interval=(13, None))


def test_a_count_does_not_exceed_its_whole() -> None:
    assert Count(patients=3, of=10).of == 10
    with pytest.raises(ValidationError, match="exceeds the whole"):
        Count(patients=11, of=10)


@pytest.mark.parametrize(
    "fields",
    [
        {"year": 2020},
        {"pmid": "PMID 1"},
        {"doi": "doi:10.1/x"},
        {"pmcid": "12345"},
        {"url": "www.example.org"},
    ],
)
def test_a_source_that_names_nothing_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Source(**fields)


def test_a_source_cites_itself() -> None:
    source = Source(title="A trial", year=2020, pmid="29658856", secondary=True)
    assert source.cite() == "A trial, 2020, PMID 29658856, read in a secondary source"


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "per_unit", "scale": "linear"},
        {"kind": "threshold", "cutoff": 5},
        {"kind": "level"},
        {"kind": "category", "first": "mutated"},
    ],
)
def test_a_contrast_is_typed_in_full(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="contrast gives"):
        MarkerContrast(text="high vs low", **fields)


def test_an_effect_says_something() -> None:
    contrast = {"text": "high vs low", "kind": "level", "first_side": "above"}
    common = {
        "endpoint": "OS",
        "kind": "prognostic",
        "treatment": "ici",
        "contrast": contrast,
        "source": SOURCE,
    }
    assert Effect.model_validate({**common, "direction": "worse"}).estimate is None
    with pytest.raises(ValidationError, match="has no figure"):
        Effect.model_validate(common)
    with pytest.raises(ValidationError, match="come together"):
        Effect.model_validate({**common, "ratio": {"estimate": 2.0}})
    with pytest.raises(ValidationError, match="names the treatments"):
        Effect.model_validate({**common, "kind": "treatment_effect", "direction": "worse"})


def test_correlations_are_correlations() -> None:
    with pytest.raises(ValidationError, match="no correlation"):
        Correlation.model_validate({"with": "crp", "method": "spearman", "value": 1.2, "source": SOURCE})
    with pytest.raises(ValidationError, match="needs a `value`"):
        Correlation.model_validate({"with": "crp", "method": "spearman", "source": SOURCE})


def test_distributions_are_in_order() -> None:
    with pytest.raises(ValidationError, match="lower bound first"):
        Distribution.model_validate({"population": "all", "iqr": [4, 2], "source": SOURCE})
    with pytest.raises(ValidationError, match="outside iqr"):
        Distribution.model_validate({"population": "all", "median": 5, "iqr": [1, 2], "source": SOURCE})
