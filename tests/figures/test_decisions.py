"""What a decision curve shows: every strategy, the two that need no model, and what is gained beyond them."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import figures


def test_every_strategy_is_drawn_in_patients_per_100(decisions):
    left, right = figures.decision_figure(decisions, 12).axes
    lines = {line.get_label(): line for line in left.lines}
    assert {"Act on everybody", "Act on nobody", "Cox", "Oracle (ceiling)"} <= set(lines)
    cox = decisions.query("model == 'cox' and horizon_months == 12")
    np.testing.assert_allclose(lines["Cox"].get_xdata(), 100 * cox["threshold"])
    np.testing.assert_allclose(lines["Cox"].get_ydata(), 100 * cox["value"])
    assert len(right.collections) == 3  # intervals of the first three models, and of no oracle
    low, high = left.get_ylim()
    assert low > 100 * decisions["value"].min()
    assert high > 100 * decisions["value"].max()


def test_a_horizon_without_decisions_is_refused(decisions):
    with pytest.raises(ValueError, match="no decisions at 18 months"):
        figures.decision_figure(decisions, 18)
