"""The frozen description of an analysis."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.config import Analysis
from pipeline.metrics import METRICS
from pipeline.models import MODELS


def test_every_default_names_something_that_exists() -> None:
    analysis = Analysis()
    assert set(analysis.models) <= set(MODELS)
    assert set(analysis.metrics) <= set(METRICS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("endpoint", "efs"),
        ("horizons_months", ()),
        ("horizons_months", (12.0, 6.0)),
        ("horizons_months", (0.0, 6.0)),
        ("models", {}),
        ("cross_validation", {"folds": 1}),
        ("bootstrap", {"level": 1.0}),
        ("nonsense", 1),
    ],
)
def test_what_cannot_be_analysed_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field.split("_")[0]):
        Analysis.model_validate({field: value})


def test_an_analysis_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Analysis().endpoint = "pfs"  # type: ignore[misc]
