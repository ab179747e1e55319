"""Figures: right numbers, named axes, the same bytes every time, and nothing left behind."""

from __future__ import annotations

import errno
import re
import sys
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from pipeline import figures
from pipeline.figures.explanation import swarm
from pipeline.figures.style import MODEL_COLOURS, PALETTE, modality_colours, model_colours
from pipeline.figures.survival import month_ticks
from pipeline.schema import MODALITIES, OUTCOMES, Cohort, Column

HORIZONS = (6.0, 12.0, 24.0)
MODELS = ("cox", "rsf", "pdl1", "oracle")
ARMS = ("Docetaxel", "Immunotherapy with a name that is long enough to break")


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    rng = np.random.default_rng(0)
    n = 120
    columns = (
        Column("arm", "arm", "category", "Treatment arm", categories=ARMS),
        Column("age", "baseline", "number", "Age", "years", "clinical"),
        Column("il6", "baseline", "number", "Interleukin-6", "pg/mL", "cytokine", positive=True),
        Column("tmb", "baseline", "number", "Tumour mutational burden", "mut/Mb", "tumour", positive=True),
        *OUTCOMES[:2],
    )
    frame = pd.DataFrame(
        {
            "arm": rng.choice(ARMS, n),
            "age": rng.normal(64, 9, n),
            "il6": np.exp(rng.normal(size=n)),
            "tmb": np.where(rng.random(n) < 0.3, np.nan, np.exp(rng.normal(size=n))),
            "os_months": np.ceil(rng.exponential(12, n)),  # whole months, so that ties are common
            "died": rng.random(n) < 0.7,
        },
        index=pd.RangeIndex(n, name="patient"),
    )
    return Cohort("Trial, simulated", frame, columns, simulated=True)


@pytest.fixture(scope="module")
def curves(cohort) -> pd.DataFrame:
    return figures.kaplan_meier_curves(cohort.observed, "os")


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    rows = [
        (ARMS[0], "os", "median", None, 9.7, 8.6, 12.0, 9.9, True),
        (ARMS[0], "os", "landmark", 12.0, 0.42, None, None, 0.41, True),
        (ARMS[1], "os", "landmark", 12.0, 0.52, 0.4, 0.6, 0.55, False),
        (ARMS[1], "pfs", "median", None, 2.7, 2.0, 4.1, 2.8, True),
        (f"{ARMS[1]} v {ARMS[0]}", "os", "hazard_ratio", 21.0, 0.73, 0.53, 0.99, 0.7, False),
        (ARMS[1], "response", "objective_response", None, 0.147, None, None, 0.15, True),
    ]
    columns = ["arm", "endpoint", "kind", "months", "published", "low", "high", "reproduced", "built_on"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    rows = []
    for i, model in enumerate(MODELS):
        for data in ("cross-validation", "external"):
            for metric, horizons in (("uno_c", (np.nan,)), ("auc", HORIZONS), ("brier", HORIZONS)):
                rows += [
                    (model, data, metric, h, "all", 0.6 + i / 50, 0.55 + i / 50, 0.66 + i / 50)
                    for h in horizons
                ]
            rows.append((model, data, "calibration_slope", np.nan, "all", 1.1, 0.9, 1.3))
            rows.append((model, data, "uno_c", np.nan, "arm=Docetaxel", 0.9, 0.8, 0.99))
    return pd.DataFrame(
        rows, columns=["model", "data", "metric", "horizon_months", "group", "value", "low", "high"]
    )


@pytest.fixture(scope="module")
def calibration() -> pd.DataFrame:
    rows = []
    for model in MODELS:
        for x in np.linspace(0.1, 0.9, 30):
            rows.append((model, 12.0, "curve", x, x**1.1, x**1.1 - 0.05, x**1.1 + 0.05, np.nan))
        for x in np.linspace(0.15, 0.85, 8):
            rows.append((model, 12.0, "bin", x, x, x - 0.1, x + 0.1, 30))
    names = ["model", "horizon_months", "kind", "predicted", "observed", "low", "high", "patients"]
    return pd.DataFrame(rows, columns=names)


@pytest.fixture(scope="module")
def roc() -> pd.DataFrame:
    x = np.linspace(0, 1, 40)
    parts = [
        pd.DataFrame(
            {"model": m, "horizon_months": h, "false_positive_rate": x, "true_positive_rate": x**0.5}
        )
        for m in MODELS
        for h in HORIZONS
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def importances() -> dict[str, pd.DataFrame]:
    tables = {}
    for level, names in (("column", [f"Marker {i}" for i in range(20)]), ("modality", ["Blood", "Tumour"])):
        rows = [
            (
                "rsf",
                "survival",
                level,
                name,
                ("blood", "tumour")[i % 2],
                h,
                0.05 / (i + 1),
                0.04 / (i + 1),
                0.06 / (i + 1),
            )
            for h in HORIZONS
            for i, name in enumerate(names)
        ]
        names = [
            "model",
            "scale",
            "level",
            "label",
            "modality",
            "horizon_months",
            "importance",
            "low",
            "high",
        ]
        tables[level] = pd.DataFrame(rows, columns=names)
    return tables


@pytest.fixture(scope="module")
def beeswarm() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"rank": np.repeat([0, 1, 2], 50), "contribution": rng.normal(0, 0.05, 150)})
    level = rng.random(150)
    level[::7] = np.nan
    return rows.assign(
        label=rows["rank"].map({0: "Interleukin-6 (pg/mL)", 1: "Age (years)", 2: "Smoker"}), level=level
    )


@pytest.fixture(scope="module")
def waterfall() -> pd.DataFrame:
    steps = [("base", "Average patient", "", 0.0), ("column", "Interleukin-6", "120 pg/mL", -0.2),
             ("column", "Treatment arm", "a regimen with many words in its name", 0.1),
             ("rest", "5 others", "", 0.01), ("prediction", "This patient", "", 0.0)]  # fmt: skip
    table = pd.DataFrame(steps, columns=["kind", "label", "measured", "contribution"])
    end = 0.5 + table["contribution"].cumsum()
    return table.assign(start=end - table["contribution"], end=end)


@pytest.fixture(scope="module")
def agreements() -> pd.DataFrame:
    rows = [
        (m, f"Marker {i}", np.nan if m == "cox" else 12.0, 0.1 / (i + 1), 0.2 / (i + 2))
        for m in ("cox", "rsf")
        for i in range(5)
    ]
    return pd.DataFrame(rows, columns=["model", "label", "horizon_months", "importance", "true_importance"])


@pytest.fixture(scope="module")
def gallery(
    cohort, curves, published, scores, calibration, roc, importances, beeswarm, waterfall, agreements
):
    predictions = pd.DataFrame(
        {"model": "cox", "horizon_months": 12.0, "predicted": np.linspace(0.2, 0.8, 90)}
    )
    external = scores[scores["data"] == "external"]
    return {
        "kaplan_meier": lambda: figures.kaplan_meier_figure(curves, "os", published, "Trial"),
        "fidelity": lambda: figures.fidelity_figure(published),
        "verification": lambda: figures.verification_figure(published.assign(within=[True, False] * 3)),
        "metrics": lambda: figures.metric_forest_figure(scores, 12),
        "calibration": lambda: figures.calibration_figure(calibration, 12),
        "calibration_one": lambda: figures.calibration_figure(
            calibration.query("model == 'cox'"), 12, predictions
        ),
        "roc": lambda: figures.roc_figure(roc, external),
        "beeswarm": lambda: figures.beeswarm_figure(beeswarm, "survival", 12, "Forest"),
        "beeswarm_hazard": lambda: figures.beeswarm_figure(beeswarm, "log_hazard"),
        "waterfall": lambda: figures.waterfall_figure(waterfall, "survival", 12, "Low risk"),
        "waterfall_hazard": lambda: figures.waterfall_figure(waterfall, "log_hazard"),
        "importance": lambda: figures.importance_figure(importances["column"], importances["modality"], 12),
        "over_time": lambda: figures.importance_over_time_figure(importances["column"]),
        "agreement": lambda: figures.agreement_figure(agreements, 12),
        "cohort": lambda: figures.cohort_figure(cohort),
        "correlations": lambda: figures.correlation_figure(figures.marker_correlations(cohort)),
    }


NAMES = (
    "kaplan_meier", "fidelity", "verification", "metrics", "calibration", "calibration_one", "roc",
    "beeswarm", "beeswarm_hazard", "waterfall", "waterfall_hazard", "importance", "over_time", "agreement",
    "cohort", "correlations",
)  # fmt: skip


def drawn_labels(axis) -> list[mpl.text.Text]:
    """Tick labels within the limits of the axis; matplotlib keeps others that it never draws."""
    low, high = sorted(axis.get_view_interval())
    ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
    return [text for at, text in ticks if low <= at <= high and text.get_text() and text.get_visible()]


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_legible_and_says_what_its_axes_are(name, gallery):
    figure = gallery[name]()
    figure.draw_without_rendering()
    width, height = figure.bbox.width, figure.bbox.height
    texts = [t for t in figure.findobj(mpl.text.Text) if t.get_text().strip() and t.get_visible()]
    assert min(t.get_fontsize() for t in texts) >= 7.5  # 8 inches on 800 pixels: 10 pixels and more
    named = [ax.get_xlabel() or ax.get_ylabel() or ax.get_title(loc="left") for ax in figure.axes]
    assert all(named), "an axis without a name"
    for ax in figure.axes:
        labels = [*drawn_labels(ax.xaxis), *drawn_labels(ax.yaxis), ax.xaxis.label, ax.title]
        for text in filter(mpl.text.Text.get_text, labels):
            box = text.get_window_extent()
            assert box.x0 > -2, f"{text.get_text()!r} leaves the figure on the left"
            assert box.y0 > -2, f"{text.get_text()!r} leaves the figure below"
            assert box.y1 < height + 2, f"{text.get_text()!r} leaves the figure above"
        assert ax.get_window_extent().x1 < width + 2
        for text in ax.texts:
            box = text.get_window_extent()
            assert box.x0 > -2, f"{text.get_text()!r} leaves the figure on the left"
            assert box.x1 < width + 2, f"{text.get_text()!r} leaves the figure on the right"


@pytest.mark.parametrize("name", NAMES)
def test_labels_along_an_axis_do_not_overlap(name, gallery):
    figure = gallery[name]()
    figure.draw_without_rendering()
    for ax in figure.axes:
        for axis, start, end in ((ax.xaxis, "x0", "x1"), (ax.yaxis, "y0", "y1")):
            boxes = [t.get_window_extent() for t in drawn_labels(axis)]
            for one, next_one in pairwise(sorted(boxes, key=attrgetter(start))):
                assert getattr(one, end) <= getattr(next_one, start) + 1.5, f"labels collide in {name}"


def test_every_figure_of_the_gallery_is_looked_at(gallery):
    assert set(NAMES) == set(gallery)
    drawn = {name for name in figures.__all__ if name.endswith("_figure")} - {"new_figure", "save_figure"}
    source = Path(__file__).read_text()
    assert all(f"figures.{name}(" in source for name in drawn)


@pytest.mark.parametrize("name", ["kaplan_meier", "beeswarm", "roc"])
def test_the_same_table_gives_the_same_bytes(name, gallery, tmp_path):
    one = figures.save_figure(gallery[name](), tmp_path / "one")
    two = figures.save_figure(gallery[name](), tmp_path / "two")
    for first, second in zip(one, two, strict=True):
        assert first.read_bytes() == second.read_bytes()
    svg = one[1].read_text()
    assert not re.search(r"<dc:date>|20\d\d-\d\d-\d\dT", svg)
    assert one[0].read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_another_table_gives_other_bytes(curves, tmp_path):
    one = figures.save_figure(figures.kaplan_meier_figure(curves), tmp_path / "one")[1]
    other = figures.save_figure(
        figures.kaplan_meier_figure(curves[curves["months"] < 30]), tmp_path / "other"
    )[1]
    assert one.read_bytes() != other.read_bytes()


def test_png_is_1200_pixels_wide_and_nothing_else_is_left(curves, tmp_path):
    png, svg = figures.save_figure(figures.kaplan_meier_figure(curves), tmp_path / "curve.v2")
    assert (png.name, svg.name) == ("curve.v2.png", "curve.v2.svg")
    assert int.from_bytes(png.read_bytes()[16:20], "big") == 1200
    assert sorted(p.name for p in tmp_path.iterdir()) == ["curve.v2.png", "curve.v2.svg"]


def test_a_full_disk_leaves_neither_half_a_file_nor_the_old_one_spoilt(curves, tmp_path, monkeypatch):
    figure = figures.kaplan_meier_figure(curves)
    old = figures.save_figure(figure, tmp_path / "curve")[1].read_bytes()

    def full(self, path, **_):
        path.write_text("<svg")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipeline.figures.style.FigureCanvasSVG.print_svg", full)
    with pytest.raises(OSError, match="No space left"):
        figures.save_figure(figure, tmp_path / "curve")
    assert (tmp_path / "curve.svg").read_bytes() == old
    assert len(list(tmp_path.iterdir())) == 2


def test_no_figure_is_registered_and_no_setting_changed(gallery, tmp_path):
    before = dict(mpl.rcParams)
    for draw in gallery.values():
        draw()
    figures.save_figure(gallery["waterfall"](), tmp_path / "x")
    assert dict(mpl.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


# Kaplan-Meier


def test_curves_equal_lifelines(cohort, curves):
    from lifelines import KaplanMeierFitter

    for arm, curve in curves.groupby("arm"):
        rows = cohort.observed[cohort.observed["arm"] == arm]
        fitter = KaplanMeierFitter().fit(rows["os_months"], rows["died"])
        at = curve["months"].to_numpy()
        np.testing.assert_allclose(curve["survival"], fitter.survival_function_at_times(at), rtol=1e-12)
        limits = fitter.confidence_interval_survival_function_.loc[at].to_numpy()
        inside = curve["low"].notna().to_numpy()
        assert inside.sum() > 10
        np.testing.assert_allclose(curve[["low", "high"]].to_numpy()[inside], limits[inside], rtol=1e-9)
        table = fitter.event_table.loc[at]
        np.testing.assert_array_equal(curve["at_risk"], table["at_risk"])
        np.testing.assert_array_equal(curve["events"], table["observed"])
        np.testing.assert_array_equal(curve["censored"], table["censored"])


def test_curves_of_a_hand_made_cohort():
    frame = pd.DataFrame({"os_months": [1.0, 2.0, 2.0, 3.0, 4.0], "died": [True, True, False, False, True]})
    curve = figures.kaplan_meier_curves(frame, "os")
    assert curve["arm"].unique().tolist() == ["All patients"]
    assert curve["survival"].to_numpy() == pytest.approx([1, 0.8, 0.6, 0.6, 0.0])
    assert curve["at_risk"].tolist() == [5, 5, 4, 2, 1]
    assert figures.medians(curve).loc[0, "median"] == 4
    assert np.isnan(curve["low"].iloc[[0, -1]]).all()


def test_a_median_that_is_not_reached_is_said_to_be_so():
    frame = pd.DataFrame({"os_months": [1.0, 5.0, 6.0, 7.0], "died": [True, False, False, False]})
    curve = figures.kaplan_meier_curves(frame, "os")
    assert np.isnan(figures.medians(curve).loc[0, "median"])
    figure = figures.kaplan_meier_figure(curve)
    assert "median not reached" in figure.axes[0].get_legend().get_texts()[0].get_text()


def test_numbers_at_risk_are_counted_just_before_each_month(cohort, curves):
    months = [0, 6, 12, 1000]
    table = figures.numbers_at_risk(curves, months)
    for arm in ARMS:
        followed = cohort.observed.loc[cohort.observed["arm"] == arm, "os_months"]
        assert table.loc[arm].tolist() == [int((followed >= m).sum()) for m in months]


def test_the_drawn_numbers_at_risk_are_those_of_the_table(curves):
    figure = figures.kaplan_meier_figure(curves)
    written = [t.get_text() for t in figure.axes[1].texts]
    table = figures.numbers_at_risk(curves, month_ticks(curves["months"].max()))
    assert written == [f"{v:,}" for v in table.to_numpy().ravel()]


def test_published_points_are_drawn_where_they_were_published(curves, published):
    figure = figures.kaplan_meier_figure(curves, "os", published)
    points = {(float(x), float(y)) for line in figure.axes[0].lines if line.get_marker() in "Do"
              for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)}  # fmt: skip
    assert points == {(9.7, 0.5), (12.0, 0.42)}  # neither PFS nor what the curve was not built on


def test_groups_nobody_belongs_to_are_refused(cohort):
    with pytest.raises(ValueError, match="no patient belongs to any of the groups Sham"):
        figures.kaplan_meier_curves(cohort.observed, "os", arms=["Sham"])


@pytest.mark.parametrize(("last", "step"), [(7.5, 1), (30, 6), (40, 6), (70, 12), (1000, 120)])
def test_month_ticks_are_round_and_few(last, step):
    ticks = month_ticks(last)
    assert np.diff(ticks) == pytest.approx(step)
    assert len(ticks) <= 10


# What the other figures show


def test_only_all_patients_are_scored_and_the_oracle_is_the_ceiling(scores):
    figure = figures.metric_forest_figure(scores, metrics=["uno_c"])
    ax = figure.axes[0]
    drawn = [float(x) for line in ax.lines if line.get_marker() in "Do" for x in line.get_xdata()]
    assert max(drawn) < 0.9  # the subgroup's value stays out
    oracle = scores.query("model == 'oracle' and metric == 'uno_c' and group == 'all'")["value"].iloc[0]
    assert any(list(line.get_xdata()) == [oracle, oracle] for line in ax.lines)
    slope = figures.metric_forest_figure(scores, metrics=["calibration_slope"]).axes[0]
    assert not any(list(line.get_xdata()) == [1.1, 1.1] for line in slope.lines)


def test_a_rule_with_few_answers_gets_no_smooth_curve(calibration):
    def longest_line(table: pd.DataFrame) -> int:
        ax = figures.calibration_figure(table, 12).axes[0]
        return max(len(line.get_xdata()) for line in ax.lines)

    cox = calibration[calibration["model"] == "cox"]
    few = cox[(cox["kind"] == "curve") | (cox["predicted"] < 0.4)]
    assert longest_line(cox) == 30
    assert longest_line(few) == 2  # the diagonal and the intervals of the groups


def test_the_nearest_horizon_is_named_in_the_title(scores):
    ax = figures.metric_forest_figure(scores, 13, metrics=["auc"]).axes[0]
    assert ax.get_title(loc="left") == "Time-dependent AUC at 12 months"


def test_areas_stand_beside_their_curves(roc, scores):
    figure = figures.roc_figure(roc, scores[scores["data"] == "external"])
    assert figure.axes[0].get_legend().get_texts()[0].get_text() == "Cox, ridge 0.60"
    assert len(figure.axes) == len(HORIZONS) + 1


@pytest.mark.parametrize("draw", ["calibration", "roc", "fidelity", "scores"])
def test_an_empty_table_is_refused(draw, calibration, roc, published, scores):
    calls = {
        "calibration": lambda: figures.calibration_figure(calibration, 18),
        "roc": lambda: figures.roc_figure(roc.head(0)),
        "fidelity": lambda: figures.fidelity_figure(published.head(0)),
        "scores": lambda: figures.metric_forest_figure(scores, metrics=["ibs"]),
    }
    with pytest.raises(
        ValueError, match=r"no calibration at 18 months|is empty|nothing to compare|none of the metrics"
    ):
        calls[draw]()


def test_a_tiny_gap_does_not_fill_a_fidelity_panel(published):
    ax = figures.fidelity_figure(published[published["kind"] == "objective_response"]).axes[0]
    low, high = ax.get_xlim()
    assert high - low >= 20


@pytest.mark.parametrize(("scale", "harm"), [("survival", -0.2), ("log_hazard", 0.2)])
def test_harm_has_the_same_colour_on_both_scales(scale, harm, waterfall):
    table = waterfall.assign(contribution=harm, end=waterfall["start"] + harm)
    ax = figures.waterfall_figure(table, scale).axes[0]
    assert {mpl.colors.to_hex(p.get_facecolor()).upper() for p in ax.patches} == {"#D55E00"}


def test_a_waterfall_writes_the_step_and_the_value(waterfall):
    ax = figures.waterfall_figure(waterfall, "survival", 12).axes[0]
    assert [t.get_text() for t in ax.texts] == ["50%", "−20.0", "+10.0", "+1.0", "41%"]
    assert "Interleukin-6: 120 pg/mL" in [t.get_text() for t in ax.get_yticklabels()]


def test_a_swarm_keeps_every_dot_on_its_line():
    offsets = swarm(np.zeros(500), 1.0)
    assert np.abs(offsets).max() <= 0.38
    assert len(np.unique(offsets)) == 500
    assert swarm(np.arange(10.0), 9.0).tolist() == [0.0] * 10


def test_the_flow_counts_patients_and_events(cohort):
    table = figures.flow_table(cohort, "os").set_index("arm")
    assert table["patients"].sum() == len(cohort)
    assert (table["events"] + table["censored"]).equals(table["patients"])
    assert table["events"].sum() == cohort.observed["died"].sum()
    assert table["all_measured"].sum() == cohort.observed["tmb"].notna().sum()


def test_missing_shares_are_those_of_the_cohort(cohort):
    table = figures.missing_table(cohort).set_index("column")["missing"]
    assert table["tmb"] == pytest.approx(cohort.observed["tmb"].isna().mean())
    assert table["age"] == 0


def test_correlations_are_ranked_and_ordered_by_modality(cohort):
    table = figures.marker_correlations(cohort)
    assert list(table.index) == ["Age", "Tumour mutational burden", "Interleukin-6"]
    from scipy.stats import spearmanr

    frame = cohort.observed[["age", "tmb"]].dropna()
    assert table.iloc[0, 1] == pytest.approx(spearmanr(frame["age"], frame["tmb"]).statistic)


def test_colours_are_distinct_and_stay_with_their_model():
    assert len(set(PALETTE)) == len(PALETTE)
    both = model_colours(["rsf", "new", "newer"])
    assert both["rsf"] == MODEL_COLOURS["rsf"] == model_colours(["rsf"])["rsf"]
    assert len(set(both.values())) == 3
    assert set(MODALITIES) <= set(modality_colours())
