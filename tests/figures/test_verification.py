"""Published against reproduced on a diagonal: every figure shown, misses on top."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.figures import verification_figure


def test_the_figure_refuses_a_table_without_figures() -> None:
    table = pd.DataFrame({"kind": ["other"], "published": [1.0]})
    with pytest.raises(ValueError, match="nothing to compare"):
        verification_figure(table)


def test_a_missed_figure_has_a_colour_of_its_own() -> None:
    table = pd.DataFrame(
        {
            "kind": ["median", "median"],
            "published": [10.0, 12.0],
            "low": [9.0, None],
            "high": [11.0, None],
            "reproduced": [10.1, 20.0],
            "built_on": [True, True],
            "within": [True, False],
        }
    )
    ax = verification_figure(table).axes[0]
    _, met, not_built, missed = ax.collections
    assert [len(c.get_offsets()) for c in (met, not_built, missed)] == [1, 0, 1]
    assert tuple(met.get_facecolors()[0]) != tuple(missed.get_facecolors()[0])
    assert ax.get_xlim() == ax.get_ylim()
