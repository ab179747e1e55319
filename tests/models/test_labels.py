"""Every model that can be asked for has a name people can read, no two the same."""

from __future__ import annotations

from pipeline.models import MODELS
from pipeline.models.labels import MODEL_LABELS, model_label


def test_registered_models_have_labels_of_their_own() -> None:
    assert len({*MODEL_LABELS.values()}) == len(MODEL_LABELS)
    assert set(MODELS) <= set(MODEL_LABELS)


def test_an_unknown_name_is_put_into_plain_words() -> None:
    assert model_label("my_own_model") == "my own model"
