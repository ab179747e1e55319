"""Agreement of explanations with what a simulation was drawn from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.explain import SURVIVAL, Attribution, agreement_with_truth, explain, explain_effect, told
from pipeline.explain.agreement import rank_correlations
from pipeline.models import MODELS, ModelContext
from pipeline.schema import Truth, outcome

from .made_explanation import ARMS, COLUMNS, attribution_of, draw_patients


def truth_of(attribution: Attribution, contributions: np.ndarray, columns=None) -> Truth:
    names = columns or attribution.sources["column"].tolist()
    table = pd.DataFrame(contributions, index=attribution.patients)
    table.columns = [f"os_contribution[{n}]" for n in names]
    return Truth(table.assign(arm="a"), pd.DataFrame(columns=["arm", "months", "os", "progression"]))


def test_a_perfect_explanation_agrees_perfectly():
    true = np.random.default_rng(7).normal(size=(50, 4)) * [1, 2, 3, 4]
    centred = true - true.mean(axis=0)
    found = agreement_with_truth(
        attribution_of(centred[:, :, None]), truth_of(attribution_of(centred[:, :, None]), true)
    )
    assert found.columns["rank_correlation"].to_numpy() == pytest.approx(1)
    assert found.patients["rank_correlation"].to_numpy() == pytest.approx(1)
    summary = found.summary.iloc[0]
    assert summary["importance_correlation"] == pytest.approx(1)
    assert summary["sign_agreement"] == pytest.approx(1)


def test_survival_contributions_are_turned_round_to_mean_harm():
    true = np.random.default_rng(8).normal(size=(50, 3))
    centred = true - true.mean(axis=0)
    helpful = attribution_of(-centred[:, :, None], scale=SURVIVAL)
    assert agreement_with_truth(helpful, truth_of(helpful, true)).summary["sign_agreement"].iloc[
        0
    ] == pytest.approx(1)
    harmful = attribution_of(centred[:, :, None], scale=SURVIVAL)
    wrong = agreement_with_truth(harmful, truth_of(harmful, true))
    assert wrong.summary["sign_agreement"].iloc[0] == pytest.approx(0)
    assert wrong.columns["rank_correlation"].to_numpy() == pytest.approx(-1)


def test_columns_the_truth_does_not_record_are_left_out():
    made = attribution_of(np.random.default_rng(9).normal(size=(20, 3, 1)))
    partial = truth_of(made, made.contributions[:, :2, 0], ["a", "b"])
    assert agreement_with_truth(made, partial).columns["column"].tolist() == ["a", "b"]
    with pytest.raises(ValueError, match=r"no contribution to 'pfs' of a, b, c"):
        agreement_with_truth(made, partial, "pfs")


def test_the_forest_finds_the_direction_of_true_effects(explained, patients):
    true = pd.DataFrame({"os_contribution[il6]": 0.5 * np.log(patients["il6"])})
    found = agreement_with_truth(explained["rsf"], Truth(true, pd.DataFrame()))
    assert (found.columns["rank_correlation"] > 0.8).all()


def test_rank_correlations_match_scipy_with_ties():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(10)
    a, b = rng.integers(0, 5, (6, 30)).astype(float), rng.integers(0, 5, (6, 30)).astype(float)
    wanted = [spearmanr(x, y).statistic for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(rank_correlations(a, b), wanted, atol=1e-12)
    assert np.isnan(rank_correlations(np.ones((1, 4)), b[:1, :4])[0])


def test_inert_columns_that_matter_more_than_half_of_the_acting_ones_are_counted():
    rng = np.random.default_rng(11)
    found = rng.normal(size=(60, 5, 1)) * np.array([4.0, 3.0, 2.0, 8.0, 0.1])[:, None]
    made = attribution_of(found)
    true = found[:, :, 0] * [1, 1, 1, 0, 0]  # d and e are inert, d looms large
    summary = agreement_with_truth(made, truth_of(made, true), candidates="abcde").summary.iloc[0]
    assert (summary["columns"], summary["inert"], summary["inert_above_median"]) == (3, 2, 1)
    assert summary["rank_correlation"] == pytest.approx(1, abs=0.01)  # up to the centring of the truth
    computed = agreement_with_truth(made, truth_of(made, true), candidates="abce").summary.iloc[0]
    assert (computed["inert"], computed["inert_above_median"]) == (1, 0)  # d stands for what it is made of


def test_all_patients_and_acting_columns_are_ranked_together():
    rng = np.random.default_rng(12)
    true, noise = rng.normal(size=(80, 3)) * [1, 4, 9], rng.normal(size=(80, 3))
    made = attribution_of((true + noise)[:, :, None])
    from scipy.stats import spearmanr

    centred = true - true.mean(axis=0)
    wanted = spearmanr((true + noise).ravel(), centred.ravel()).statistic
    summary = agreement_with_truth(made, truth_of(made, true)).summary.iloc[0]
    assert summary["rank_correlation"] == pytest.approx(wanted, abs=1e-12)


def modified_patients(n: int, seed: int) -> tuple[pd.DataFrame, Truth]:
    """Patients whose IL-8 decides whether the second arm helps or harms; IL-6 acts in both alike."""
    frame, rng = draw_patients(n, seed), np.random.default_rng(seed + 100)
    treated = frame["arm"] == ARMS[1]
    il6, il8 = (np.log(frame[c]) - np.log(frame[c]).mean() for c in ("il6", "il8"))
    death = rng.exponential(15 / np.exp(0.6 * il6 + 1.6 * il8 * treated))
    end = rng.uniform(10, 40, n)
    frame["os_months"], frame["died"] = np.minimum(death, end), death <= end
    truth = pd.DataFrame({"os_contribution[il6]": 0.6 * il6, "os_modification[il8]": 1.6 * il8})
    return frame, Truth(truth, pd.DataFrame())


def test_the_forest_explains_who_gains_from_treatment_and_cox_expects_no_difference():
    train, _ = modified_patients(1200, 1)
    patients, truth = modified_patients(150, 2)
    context = ModelContext(tuple(c for c in COLUMNS if c.role != "outcome"), "os", (12.0,), 40.0)
    options = {"cox": {"penalties": [0.01]}, "rsf": {"n_estimators": 60, "max_features": 0.7, "n_jobs": 1}}
    found = {}
    for name, chosen in options.items():
        model = MODELS[name](context, **chosen).fit(train, outcome(train, "os"), np.random.default_rng(0))
        effect = explain_effect(model, patients, train, (12.0,), COLUMNS, ARMS)
        given = [patients.assign(arm=pd.Series(a, patients.index, dtype=object)) for a in ARMS]
        before, after = (explain(model, f, train, (12.0,), COLUMNS).prediction for f in given)
        np.testing.assert_allclose(effect.prediction, after - before, rtol=0, atol=1e-12)
        found[name] = agreement_with_truth(
            effect, truth, "os", "modification", ("il6", "il8", "age")
        ).summary.iloc[0]
    assert found["rsf"]["rank_correlation"] > 0.9
    assert found["rsf"]["sign_agreement"] > 0.9
    assert found["rsf"]["inert_above_median"] == 0
    assert np.isnan(found["cox"]["rank_correlation"])
    assert told(truth, "os", "modification")
    assert not told(truth, "pfs")
