"""Decision curves: every model beside acting on everybody and on nobody, on the same resamples."""

import numpy as np
import pytest

from pipeline.evaluate import decision_table
from pipeline.metrics import net_benefit

from .small_study import ANALYSIS


@pytest.fixture(scope="module")
def table(out_of_fold, outside):
    return decision_table([out_of_fold, outside], ANALYSIS, np.random.default_rng(0), "pdl1")


def test_every_model_and_strategy_stands_at_every_threshold(table):
    assert set(table["model"]) == {*ANALYSIS.models, "everybody"}
    assert len(table) == 5 * 2 * 3 * len(ANALYSIS.decision.thresholds)
    assert ((table["low"] <= table["value"] + 1e-9) & (table["value"] <= table["high"] + 1e-9)).mean() > 0.95


def test_values_are_the_net_benefit_itself(table, outside):
    row = table.query("model == 'cox' and data == 'external' and horizon_months == 12 and threshold == 0.4")
    risk = 1 - outside.models["cox"][0].at(12.0)
    want = net_benefit(outside.y, risk, 12.0, [0.4], np.ones((1, len(risk))))[0, 0]
    assert row["value"].item() == pytest.approx(want, abs=1e-12)


def test_gains_and_differences_are_paired(table):
    keys = ["data", "horizon_months", "threshold"]
    value = table.set_index(["model", *keys])["value"]
    for row in table.sample(40, random_state=0).to_dict("records"):
        at = tuple(row[k] for k in keys)
        default = max(value[("everybody", *at)], 0.0)
        assert row["gain"] == pytest.approx(row["value"] - default, abs=1e-12)
        assert row["difference"] == pytest.approx(row["value"] - value[("pdl1", *at)], abs=1e-12)
    reference = table[table["model"] == "pdl1"]
    assert (reference[["difference", "difference_low", "difference_high"]] == 0).all().all()


def test_without_a_reference_there_is_no_difference(outside):
    table = decision_table([outside], ANALYSIS, np.random.default_rng(0))
    assert table["difference"].isna().all()
    assert table["gain"].notna().all()


def test_nobody_gains_more_than_the_oracle_by_much(table):
    gains = table.query("data == 'external'").groupby("model")["gain"].mean()
    assert gains["oracle"] > gains["pdl1"]
