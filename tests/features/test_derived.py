"""Derived features: the inflammatory signature and the derived neutrophil ratio."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.features import DERIVED
from pipeline.features.derived import ALIASES, columns_of

from .drawn_columns import number, only

INFLAMMATION = (
    number("crp_mg_per_l", positive=True), number("il6_pg_per_ml", "cytokine", True),
    number("albumin_g_per_dl"),
)  # fmt: skip


def inflamed(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame({
        "crp_mg_per_l": rng.lognormal(2, 1, n), "il6_pg_per_ml": rng.lognormal(1, 1, n),
        "albumin_g_per_dl": rng.normal(3.8, 0.4, n),
    })  # fmt: skip


def test_the_inflammatory_signature_is_the_mean_of_its_markers():
    frame = inflamed()
    features = only(*INFLAMMATION).fit_transform(frame)
    raw = (features["crp_mg_per_l"] + features["il6_pg_per_ml"] - features["albumin_g_per_dl"]) / 3
    clipped = raw.clip(*np.quantile(raw, [0.01, 0.99]))
    expected = (clipped - clipped.mean()) / clipped.std(ddof=0)
    np.testing.assert_allclose(features["inflammatory_signature"], expected, atol=1e-12)


def test_a_missing_marker_leaves_the_signature_to_the_others():
    frame = inflamed()
    builder = only(*INFLAMMATION).fit(frame)
    row = frame.iloc[[0]].assign(il6_pg_per_ml=np.nan)
    z = builder.transform(frame.iloc[[0]]).iloc[0]
    rule = builder.derived_[0]
    pair = np.clip((z["crp_mg_per_l"] - z["albumin_g_per_dl"]) / 2, rule.low, rule.high)
    assert builder.transform(row)["inflammatory_signature"].iloc[0] == pytest.approx(
        (pair - rule.centre) / rule.spread
    )
    nothing = builder.transform(pd.DataFrame(np.nan, index=[0], columns=list(frame)))
    assert nothing["inflammatory_signature"].iloc[0] == pytest.approx((rule.fill - rule.centre) / rule.spread)


def test_too_few_markers_or_no_wish_make_no_signature():
    frame = inflamed()
    assert "inflammatory_signature" not in only(*INFLAMMATION[:2]).fit(frame).feature_names_
    assert "inflammatory_signature" not in only(*INFLAMMATION, derived=False).fit(frame).feature_names_


def test_the_derived_ratio_of_neutrophils():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"neutrophils_per_nl": rng.uniform(2, 9, 100)})
    frame["leukocytes_per_nl"] = frame["neutrophils_per_nl"] + rng.uniform(1, 4, 100)
    frame.loc[0, "leukocytes_per_nl"] = 1.0  # fewer leukocytes than neutrophils: not a ratio
    columns = (number("neutrophils_per_nl", positive=True), number("leukocytes_per_nl", positive=True))
    features = only(*columns).fit_transform(frame)
    dnlr = frame["neutrophils_per_nl"] / (frame["leukocytes_per_nl"] - frame["neutrophils_per_nl"])
    assert features["dnlr"][1:].corr(dnlr[1:], method="spearman") > 0.999
    assert np.isfinite(features["dnlr"]).all()
    measured = only(*columns, number("dnlr", positive=True)).fit(frame.assign(dnlr=dnlr.clip(lower=0.1)))
    assert measured.feature_names_.count("dnlr") == 1
    assert measured.sources.set_index("feature").loc["dnlr", "kind"] == "value"


def test_every_derived_feature_is_declared_whole():
    assert len({d.name for d in DERIVED}) == len(DERIVED)
    for d in DERIVED:
        assert d.reference
        assert {*d.sources, *d.unless} <= set(ALIASES)
        everything = frozenset(ALIASES[s][0] for s in d.sources if s not in d.unless)
        assert set(columns_of(d, everything)) == set(d.sources)
        assert columns_of(d, frozenset()) == {}
