"""The PD-L1 rule: categories of clinics, and Kaplan-Meier curves within them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_cohort import context_of

from pipeline.models import build_model, kaplan_meier
from pipeline.models.contract import steps_at
from pipeline.schema import Column, InputError, outcome

from .fitting import GOLDEN, MONTHS, golden_outcome


def pdl1_frame(values):
    return pd.DataFrame(
        {"pdl1_tps_percent": np.asarray(values, dtype=float)},
        index=pd.RangeIndex(len(values), name="patient"),
    )


@pytest.mark.parametrize(
    ("percent", "risk"), [(0, 0), (0.9, 0), (1, -1), (49, -1), (49.9, -1), (50, -2), (100, -2), (np.nan, -1)]
)
def test_pdl1_categories_are_those_of_clinics(percent, risk, fitted):
    assert fitted["pdl1"].predict(pdl1_frame([percent]), MONTHS).risk[0] == risk


def test_pdl1_curves_are_kaplan_meier_within_categories(fitted, cohort):
    high = cohort.observed["pdl1_tps_percent"] >= 50
    y = outcome(cohort.observed[high], "os")
    knots, values = kaplan_meier(y["time"], y["event"])
    got = fitted["pdl1"].predict(pdl1_frame([80]), MONTHS).survival[0]
    np.testing.assert_array_equal(got, steps_at(MONTHS, knots, values, before=1.0))


def test_patients_without_a_result_have_their_own_curve(fitted, cohort):
    missing = cohort.observed["pdl1_tps_percent"].isna()
    y = outcome(cohort.observed[missing], "os")
    knots, values = kaplan_meier(y["time"], y["event"])
    got = fitted["pdl1"].predict(pdl1_frame([np.nan]), MONTHS).survival[0]
    np.testing.assert_array_equal(got, steps_at(MONTHS, knots, values, before=1.0))


def test_a_category_never_seen_in_training_takes_the_curve_of_all(cohort):
    low = cohort.observed[cohort.observed["pdl1_tps_percent"] < 50]
    y = outcome(low, "os")
    model = build_model("pdl1", context_of(cohort)).fit(low, y, np.random.default_rng(0))
    knots, values = kaplan_meier(y["time"], y["event"])
    got = model.predict(pdl1_frame([90]), MONTHS).survival[0]
    np.testing.assert_array_equal(got, steps_at(MONTHS, knots, values, before=1.0))


def test_pdl1_reads_a_category_column_in_its_declared_order(cohort):
    column = Column(
        "pdl1_category", "baseline", "category", modality="tumour", categories=("negative", "positive")
    )
    context = replace(context_of(cohort), columns=(column,))
    frame = cohort.observed.assign(pdl1_category=np.where(cohort.observed["male"], "positive", "negative"))
    model = build_model("pdl1", context).fit(frame, outcome(frame, "os"), np.random.default_rng(0))
    assert set(model.predict(frame, MONTHS).risk[frame["male"]]) == {-1.0}
    assert set(model.predict(frame, MONTHS).risk[~frame["male"]]) == {0.0}


def test_pdl1_without_a_column_is_refused_before_any_fit(cohort):
    context = context_of(cohort)
    context = replace(context, columns=tuple(c for c in context.columns if c.name != "pdl1_tps_percent"))
    with pytest.raises(InputError, match="pdl1 needs a column with PD-L1"):
        build_model("pdl1", context)
    with pytest.raises(InputError, match="column 'tps' is not a number"):
        build_model("pdl1", context, {"column": "tps"})


def test_kaplan_meier_equals_r():
    y = golden_outcome()
    knots, values = kaplan_meier(y["time"], y["event"])
    found = steps_at(np.array(GOLDEN["months"], float), knots, values, before=1.0)
    np.testing.assert_allclose(found, GOLDEN["km"], atol=1e-12)
