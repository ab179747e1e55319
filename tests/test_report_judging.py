"""What a report shows of judging: every score, corrections, ablation, how folds were made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_cohort import made_cohort
from made_run import told

from pipeline.artifacts import RunView, load_run, save_run
from pipeline.config import Ablation, Analysis, Bootstrap, CrossValidation, Explanation, Optimism
from pipeline.report import sections
from pipeline.run import analyse, plan

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def thorough(small_facts: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> RunView:
    """A run with every option of judging, its folds by a column whose groups stay whole."""
    asked = Analysis(
        horizons_months=(6, 12),
        models={"cox": {"penalties": [0.1]}, "pdl1": {}, "oracle": {}},
        cross_validation=CrossValidation(folds=2, repeats=1, by="male"),
        bootstrap=Bootstrap(replicates=20),
        optimism=Optimism(replicates=10),
        ablation=Ablation(),
        explanation=Explanation(patients=5, waterfalls=0),
    )
    result = analyse(plan(asked, told(made_cohort(260, 1))), np.random.default_rng(3))
    folder = tmp_path_factory.mktemp("thorough") / "run"
    return load_run(save_run(result, folder, facts=small_facts, files={}))


def test_scores_of_every_kind_are_shown(thorough: RunView) -> None:
    shown = sections.scores(thorough)
    for label in (
        "Antolini&#x27;s C", "Median AUC of the horizons", "Integrated Brier score", "Scaled Brier score",
        "Integrated calibration index", "Median calibration error", "90th percentile of calibration error",
        "D-calibration chi-square", "Months gained by the lower-risk half", "Observed less predicted months",
    ):  # fmt: skip
        assert label in shown


def test_the_oracle_is_explained_where_there_is_one(
    thorough: RunView, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "The oracle knows each simulated patient" in sections.scores(thorough)
    without = thorough.table("scores").query("model != 'oracle'")
    monkeypatch.setattr(RunView, "table", lambda run, name: without)
    assert "oracle" not in sections.scores(thorough)


def test_differences_show_p_values_before_and_after_holms_correction(thorough: RunView) -> None:
    table = thorough.table("differences").query("group == 'all' and model != 'oracle'")
    assert {"nlr", "cox"} <= set(table["model"])  # a published score among those compared
    row = next(r for r in table.to_dict("records") if r["p_holm"] > r["p"])
    assert f'>{row["p"]:.3f}</td><td class="number">{row["p_holm"]:.3f}<' in sections.differences(thorough)


def test_optimism_is_shown_beside_what_it_corrects(thorough: RunView) -> None:
    row = thorough.table("optimism").query("model == 'cox' and metric == 'harrell_c'").iloc[0]
    shown = sections.optimism(thorough)
    names = ("apparent", "optimism", "corrected")
    assert "".join(f'<td class="number">{row[name]:.3f}</td>' for name in names) in shown
    assert f">{row['corrected_632_plus']:.3f}<" in shown
    assert "10 bootstrap resamples" in shown


def test_ablation_is_shown_with_paired_intervals(thorough: RunView) -> None:
    table = thorough.table("ablation")
    assert set(table["use"]) == {"trained on", "known at test"}
    row = table.query("use == 'known at test' and modalities == 'clinical' and metric == 'uno_c'").iloc[0]
    assert (
        f'{row["difference"]:.3f}<span class="interval">{row["difference_low"]:.3f} to '
        f"{row['difference_high']:.3f}<" in sections.ablation(thorough)
    )


def test_methods_say_how_folds_were_made_and_how_far_follow_up_reaches(thorough: RunView) -> None:
    shown = sections.methods(thorough)
    assert "2 folds by male, repeats: 1" in shown
    assert "Test patients of fold 2, repeat 1" in shown


def test_what_was_not_asked_for_has_no_section(reported: Path) -> None:
    run = load_run(reported)
    assert sections.optimism(run) == sections.ablation(run) == ""
