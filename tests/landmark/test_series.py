from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.landmark.series import SerialValues, measured_columns, series_of
from tests.landmark.made_visits import SERIES, with_visits


def test_measured_columns_are_those_that_are_no_key():
    assert measured_columns(with_visits(20).visits) == list(SERIES)


def test_values_stand_by_patient_and_rise_in_time_whatever_the_order_of_rows():
    visits = pd.DataFrame(
        {
            "patient": ["b", "a", "b", "a", "b"],
            "months": [2.0, 0.0, 0.0, 3.0, 1.0],
            "nlr": [3.0, 7.0, 1.0, np.nan, 2.0],
        }
    )
    table = SerialValues.of(visits, "nlr", pd.Index(["a", "b", "c"]))
    np.testing.assert_array_equal(table.values, [[7, np.nan, np.nan], [1, 2, 3], [np.nan] * 3])
    np.testing.assert_array_equal(table.months, [[0, np.nan, np.nan], [0, 1, 2], [np.nan] * 3])
    np.testing.assert_array_equal(table.until(1.0).values, [[7, np.nan], [1, 2], [np.nan] * 2])


def test_an_undeclared_series_keeps_its_name():
    assert series_of("ferritin").label == "ferritin"
