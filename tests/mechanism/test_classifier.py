"""The mechanism model: probabilities that hold, evidence that adds up, silence where little is known."""

import numpy as np
import pytest

from pipeline.mechanism import CLASSES, UNKNOWN, MechanismModel, MechanismOptions
from pipeline.schema import InputError

from .causes import COLUMNS, MARKERS, drawn


@pytest.fixture(scope="module")
def fitted():
    frame, cause, _ = drawn(1500, 1)
    return MechanismModel(COLUMNS).fit(frame, cause, np.random.default_rng(0))


def test_probabilities_are_those_the_causes_were_drawn_with(fitted):
    frame, _, chance = drawn(1500, 2)
    found = fitted.probabilities(frame)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    order = [list(MARKERS).index(c) for c in CLASSES]
    assert np.abs(found.to_numpy() - chance[:, order]).mean() < 0.03


def test_evidence_adds_up_to_the_log_odds(fitted):
    frame, _, _ = drawn(50, 3)
    probabilities = fitted.probabilities(frame).to_numpy()
    intercept = fitted.model.intercept_ / fitted.temperature
    top = probabilities.argmax(axis=1)
    log = np.log(probabilities)
    expected = log[np.arange(50), top] - log.mean(axis=1) - (intercept[top] - intercept.mean())
    np.testing.assert_allclose(fitted.evidence(frame).sum(axis=1), expected, atol=1e-8)


def test_little_is_said_of_patients_with_little_measured(fitted):
    frame, _, _ = drawn(400, 4)
    assert (fitted.answers(frame) != UNKNOWN).mean() > 0.6
    bare = frame.copy()
    bare.loc[:, list(MARKERS.values())[:4]] = np.nan
    assert (fitted.answers(bare) == UNKNOWN).all()
    assert fitted.measured(bare).max() == pytest.approx(2 / 6)


def test_without_any_signal_nothing_is_said():
    frame, cause, _ = drawn(900, 5)
    shuffled = np.random.default_rng(6).permutation(cause)
    model = MechanismModel(COLUMNS).fit(frame, shuffled, np.random.default_rng(0))
    assert (model.answers(drawn(300, 7)[0]) == UNKNOWN).mean() > 0.95


def test_the_same_generator_gives_the_same_model():
    frame, cause, _ = drawn(300, 8)
    one, two = (MechanismModel(COLUMNS).fit(frame, cause, np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(one.probabilities(frame), two.probabilities(frame))
    assert one.temperature == two.temperature


def test_too_few_of_a_cause_and_unknown_causes_are_refused():
    frame, cause, _ = drawn(60, 9)
    with pytest.raises(InputError, match="each cause needs 10 patients"):
        MechanismModel(COLUMNS, MechanismOptions()).fit(frame, cause, np.random.default_rng(0))
    with pytest.raises(InputError, match="unknown causes bad luck"):
        MechanismModel(COLUMNS).fit(frame, np.full(60, "bad luck", object), np.random.default_rng(0))
