"""RECIST read off sums, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_data.trajectories import (
    best_response,
    first_progression,
)


def row(*sums: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    months = np.arange(len(sums), dtype=float)[None, :] * 1.5
    return np.array([sums], dtype=float), months, np.zeros((1, len(sums)), dtype=bool)


@pytest.mark.parametrize(
    ("sums", "response", "column"),
    [
        ((100, 70, 69), "PR", 3),
        ((100, 71, 71), "SD", 3),
        ((100, 20, 0), "CR", 3),
        ((100, 119, 119), "SD", 3),
        ((100, 120, 90), "PD", 1),
        ((100, 50, 60), "PR", 2),
        ((20, 10, 14.9), "PR", 3),  # up by 49 % but not by 5 mm
        ((20, 10, 15), "PR", 2),
        ((100, 0, 5), "CR", 2),
        ((100, np.nan, 120), "SD", 2),  # 91 days without progression
        ((100, np.nan, np.nan), "NE", 3),
    ],
)
def test_recist_by_hand(sums: tuple[float, ...], response: str, column: int) -> None:
    assert first_progression(*row(*sums)).column[0] == column
    assert best_response(*row(*sums), np.array([np.inf]))[0] == response


def test_a_new_lesion_is_progression_whatever_the_sum() -> None:
    sums, months, new = row(100, 60, 50)
    new[0, 1] = True
    assert first_progression(sums, months, new).months[0] == 1.5
    assert best_response(sums, months, new, np.array([np.inf]))[0] == "PD"
