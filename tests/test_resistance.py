"""Primary and acquired resistance, and causes of failure drawn from the latent immune state."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.schema import Cohort
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec
from synthetic_data.resistance import (
    ACQUIRED,
    CAUSES,
    NO_CAUSE,
    NO_INHIBITOR,
    NONE,
    PRESENTATION,
    PRIMARY,
    cause_probabilities,
    kind_of_resistance,
    stated_shares,
)


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return simulate_cohort(CohortSpec(name="made", trial="KEYNOTE-042"), 12_000, np.random.default_rng(3))


@pytest.fixture(scope="module")
def truth(cohort: Cohort) -> pd.DataFrame:
    assert cohort.truth is not None
    return cohort.truth.patients


def test_the_definition_case_by_case() -> None:
    cases = [
        # progression, death, responded
        (2.0, 9.0, False, PRIMARY),
        (5.99, 9.0, False, PRIMARY),
        (6.0, 9.0, False, ACQUIRED),
        (3.0, 9.0, True, ACQUIRED),
        (4.0, 4.0, False, NONE),  # died without progression
        (12.0, 12.0, True, NONE),
    ]
    pfs, os, responded, wanted = (np.array(x) for x in zip(*cases, strict=True))
    found = kind_of_resistance(pfs.astype(float), os.astype(float), responded.astype(bool))
    assert found.tolist() == wanted.tolist()


def test_everybody_who_progresses_has_a_kind_and_nobody_else(truth: pd.DataFrame) -> None:
    progresses = truth["pfs_event_months"] < truth["os_event_months"]
    assert ((truth["resistance"] != NONE) == progresses).all()
    assert ((truth["cause_of_failure"] == NO_CAUSE) == ~progresses).all()
    assert set(truth["resistance"]) == {NONE, PRIMARY, ACQUIRED}


def test_responders_are_never_primarily_resistant(cohort: Cohort, truth: pd.DataFrame) -> None:
    responders = cohort.observed.index[cohort.observed["best_response"].isin(["CR", "PR"])]
    assert not (truth.loc[responders, "resistance"] == PRIMARY).any()


def test_causes_are_immune_only_where_an_inhibitor_was_given(truth: pd.DataFrame) -> None:
    progressed = truth[truth["resistance"] != NONE]
    assert set(progressed.loc[progressed["arm"] == "chemo", "cause_of_failure"]) == {NO_INHIBITOR}
    assert set(progressed.loc[progressed["arm"] == "pembrolizumab", "cause_of_failure"]) == set(CAUSES)


def test_the_truth_stays_out_of_the_patients_table(cohort: Cohort) -> None:
    assert not {"resistance", "cause_of_failure"} & set(cohort.observed)


@pytest.mark.parametrize("kind", [PRIMARY, ACQUIRED])
def test_the_reference_population_has_the_stated_shares(kind: str) -> None:
    scores = np.random.default_rng(8).standard_normal((60_000, len(CAUSES)))
    shares = cause_probabilities(scores, kind).mean(axis=0)
    np.testing.assert_allclose(shares, stated_shares(kind), atol=0.01)
    assert stated_shares(kind).sum() == pytest.approx(1.0)
    assert stated_shares(kind)[list(CAUSES).index("antigen_presentation_lost")] == PRESENTATION


def test_the_stated_shares_of_the_other_kind_are_missed() -> None:
    """The twin: the two kinds of resistance have unlike causes."""
    scores = np.random.default_rng(8).standard_normal((60_000, len(CAUSES)))
    shares = cause_probabilities(scores, PRIMARY).mean(axis=0)
    assert np.abs(shares - stated_shares(ACQUIRED)).max() > 0.1


def test_presentation_lost_follows_from_the_registers_prevalences() -> None:
    from synthetic_data.evidence import load_register

    register = load_register()
    loss, pathway = (register.marker(m).distributions[0].prevalence for m in ("hla_loh", "jak"))
    assert loss is not None
    assert pathway is not None
    assert 1 - (1 - float(loss.rate)) * (1 - float(pathway.rate)) == pytest.approx(PRESENTATION, abs=5e-4)


def test_a_score_raises_the_odds_of_its_own_cause_by_e_a_unit() -> None:
    scores = np.zeros((2, len(CAUSES)))
    scores[1, 2] = 1.0
    p = cause_probabilities(scores, PRIMARY)
    odds = p / (1 - p)
    assert odds[1, 2] / odds[0, 2] == pytest.approx(np.e)
    assert (np.delete(p[1], 2) < np.delete(p[0], 2)).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0)


@pytest.mark.parametrize("kind", [PRIMARY, ACQUIRED])
def test_causes_are_drawn_at_their_probabilities(truth: pd.DataFrame, kind: str) -> None:
    rows = truth[(truth["arm"] == "pembrolizumab") & (truth["resistance"] == kind)]
    p = cause_probabilities(rows[list(CAUSES.values())].to_numpy(), kind)
    for k, cause in enumerate(CAUSES):
        drawn = (rows["cause_of_failure"] == cause).to_numpy()
        error = np.sqrt((p[:, k] * (1 - p[:, k])).sum())
        assert abs(drawn.sum() - p[:, k].sum()) < 4 * error, cause


def test_each_cause_goes_with_its_own_state_and_not_with_a_shuffled_one(truth: pd.DataFrame) -> None:
    rows = truth[(truth["arm"] == "pembrolizumab") & (truth["resistance"] != NONE)]
    shuffled = rows.sample(frac=1.0, random_state=1)
    for cause, state in CAUSES.items():
        has = (rows["cause_of_failure"] == cause).to_numpy()
        error = rows[state].std() / np.sqrt(has.sum())
        assert rows.loc[has, state].mean() - rows.loc[~has, state].mean() > 8 * error, cause
        apart = shuffled.loc[has, state].mean() - shuffled.loc[~has, state].mean()
        assert abs(apart) < 4 * error, cause


def test_loss_of_heterozygosity_goes_with_presentation_lost(cohort: Cohort, truth: pd.DataFrame) -> None:
    rows = truth[(truth["arm"] == "pembrolizumab") & (truth["resistance"] != NONE)]
    rows = rows.loc[rows.index.intersection(cohort.observed.index)]
    column = next(c.name for c in cohort.columns if "hla" in c.name and c.kind == "boolean")
    loss = cohort.observed.loc[rows.index, column]
    lost = rows["cause_of_failure"] == "antigen_presentation_lost"
    assert lost[loss == 1].mean() > 1.4 * lost[loss == 0].mean()


def test_nobody_is_no_error() -> None:
    assert cause_probabilities(np.empty((0, len(CAUSES))), PRIMARY).shape == (0, len(CAUSES))
