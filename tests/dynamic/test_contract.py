"""Settings of a dynamic analysis."""

import pytest
from pydantic import ValidationError

from pipeline.dynamic import DynamicAnalysis


def test_every_fault_is_named_at_once():
    with pytest.raises(ValidationError) as error:
        DynamicAnalysis(landmarks_months=(3, 1), horizons_months=(0, 24), window_months=12)
    said = str(error.value)
    for words in ("landmarks_months must be increasing", "horizons_months must be increasing, from above 0",
                  "horizons_months must lie within window_months (12)"):  # fmt: skip
        assert words in said


def test_a_prediction_before_treatment_is_a_landmark_too():
    assert DynamicAnalysis(landmarks_months=(0, 3)).landmarks_months == (0, 3)
