"""Every kind of fault planted in a copy of the register is reported with its file and field."""

from __future__ import annotations

import copy
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.schema import InputError
from synthetic_data.evidence import (
    DEFAULT_FOLDER,
    Finding,
    Landmark,
    Median,
    Readout,
    SurvivalFigures,
    load_register,
)
from synthetic_data.evidence.checks import check_folder, check_register
from synthetic_data.evidence.consistency import (
    asymmetry,
    implied_log_ratios,
    landmark_faults,
    median_faults,
    ratio_doubts,
    unreached_median_doubts,
)

TRIAL = "keynote_189"
MARKER = "hed"
Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Hold a small copy: one trial, one marker, one model."""
    for part, name in (("trials", TRIAL), ("biomarkers", MARKER), ("models", "loris")):
        (tmp_path / part).mkdir()
        shutil.copy(DEFAULT_FOLDER / part / f"{name}.yaml", tmp_path / part)
    return tmp_path


def plant(path: Path, edit: Edit) -> None:
    raw = yaml.safe_load(path.read_text())
    edit(raw)
    path.write_text(yaml.safe_dump(raw, sort_keys=False))


def put(*keys: Any, value: Any) -> Edit:
    def edit(raw: Any) -> None:
        for key in keys[:-1]:
            raw = raw[key]
        raw[keys[-1]] = value

    return edit


def remove(*keys: Any) -> Edit:
    def edit(raw: Any) -> None:
        for key in keys[:-1]:
            raw = raw[key]
        del raw[keys[-1]]

    return edit


def faults(folder: Path) -> list[Finding]:
    return [f for f in check_folder(folder)[1] if f.severity == "fault"]


OS = ("readouts", 0)
ARM = (*OS, "arms", "placebo_chemo")

PLANTED: list[tuple[str, str, Edit, str, str]] = [
    ("unknown key", TRIAL, put("colour", value="blue"), "colour", "unknown key"),
    (
        "unknown key deep inside",
        TRIAL,
        put(*OS, "hazard_ratio", "ci", value=[1, 2]),
        "readouts[0].hazard_ratio.ci",
        "unknown key",
    ),
    ("missing source", TRIAL, remove(*OS, "source"), "readouts[0].source", "missing"),
    (
        "empty source",
        TRIAL,
        put(*OS, "source", value={"year": 2018}),
        "readouts[0].source",
        "names no publication",
    ),
    (
        "malformed pmid",
        TRIAL,
        put(*OS, "source", "pmid", value="PMID29658856"),
        "readouts[0].source.pmid",
        "pattern",
    ),
    (
        "ratio outside its interval",
        TRIAL,
        put(*OS, "hazard_ratio", "estimate", value=0.94),
        "readouts[0].hazard_ratio",
        "interval 0.38 to 0.64 does not contain the estimate 0.94",
    ),
    (
        "ratio on its bound",
        TRIAL,
        put(*OS, "hazard_ratio", "estimate", value=0.64),
        "readouts[0].hazard_ratio",
        "strictly",
    ),
    (
        "negative ratio",
        TRIAL,
        put(*OS, "hazard_ratio", "estimate", value=-0.5),
        "readouts[0].hazard_ratio.estimate",
        "greater than 0",
    ),
    (
        "interval reversed",
        TRIAL,
        put(*OS, "hazard_ratio", "interval", value=[0.64, 0.38]),
        "readouts[0].hazard_ratio.interval",
        "lower bound first",
    ),
    (
        "impossible level",
        TRIAL,
        put(*OS, "hazard_ratio", "level", value=95),
        "readouts[0].hazard_ratio.level",
        "less than 1",
    ),
    (
        "rate above one",
        TRIAL,
        put(*ARM, "landmarks", 0, "rate", value=49.4),
        "readouts[0].arms.placebo_chemo.landmarks[0].rate",
        "less than or equal to 1",
    ),
    (
        "rate outside its interval",
        TRIAL,
        put(*ARM, "landmarks", 0, "rate", value=0.7),
        "readouts[0].arms.placebo_chemo.landmarks[0]",
        "does not contain the rate",
    ),
    (
        "rates rising",
        TRIAL,
        put(*ARM, "landmarks", value=[{"months": 12, "rate": 0.4}, {"months": 24, "rate": 0.45}]),
        "readouts[0].arms.placebo_chemo.landmarks",
        "rise with time",
    ),
    (
        "two rates at one time",
        TRIAL,
        put(*ARM, "landmarks", value=[{"months": 12, "rate": 0.45}, {"months": 12, "rate": 0.44}]),
        "readouts[0].arms.placebo_chemo.landmarks",
        "two rates at 12 months",
    ),
    (
        "median against rates",
        TRIAL,
        put(*ARM, "landmarks", value=[{"months": 24, "rate": 0.6}]),
        "readouts[0].arms.placebo_chemo.median",
        "more than half are still free",
    ),
    (
        "median too late for its rates",
        TRIAL,
        put(*ARM, "landmarks", value=[{"months": 6, "rate": 0.3}]),
        "readouts[0].arms.placebo_chemo.median",
        "more than half have already",
    ),
    (
        "median outside its interval",
        TRIAL,
        put(*ARM, "median", value={"months": 20, "interval": [8.7, 15.1]}),
        "readouts[0].arms.placebo_chemo.median",
        "does not contain the median",
    ),
    (
        "median neither reached nor not",
        TRIAL,
        put(*ARM, "median", value={"interval": [8.7, 15.1]}),
        "readouts[0].arms.placebo_chemo.median",
        "not reached",
    ),
    (
        "unknown arm in a readout",
        TRIAL,
        put(*OS, "arms", "nivolumab", value={"patients": 10}),
        "readouts[0].arms",
        "unknown arm 'nivolumab'",
    ),
    (
        "unknown arm in a contrast",
        TRIAL,
        put(*OS, "contrast", "control", value="docetaxel"),
        "readouts[0].contrast.control",
        "unknown arm 'docetaxel'",
    ),
    (
        "unknown arm in safety",
        TRIAL,
        put("safety", 0, "rates", "grade3plus_any_cause", "nivolumab", value=0.5),
        "safety[0].rates.grade3plus_any_cause",
        "unknown arm",
    ),
    (
        "unknown arm at baseline",
        TRIAL,
        put("baseline", "by_arm", "nivolumab", value={"male": 0.5}),
        "baseline.by_arm",
        "unknown arm",
    ),
    ("ratio without a contrast", TRIAL, remove(*OS, "contrast"), "readouts[0]", "no `contrast`"),
    (
        "contrast with itself",
        TRIAL,
        put(*OS, "contrast", "control", value="pembrolizumab_chemo"),
        "readouts[0].contrast",
        "against itself",
    ),
    (
        "prognostic without a basis",
        TRIAL,
        put(*OS, "contrast", "kind", value="prognostic"),
        "readouts[0].contrast",
        "names its `basis`",
    ),
    (
        "effect among responders",
        TRIAL,
        put(*OS, "population", value="responders at 12 weeks"),
        "readouts[0].contrast.kind",
        "made by treatment",
    ),
    (
        "unknown main population",
        TRIAL,
        put("main_population", value="everybody"),
        "main_population",
        "'everybody' occurs in no readout",
    ),
    ("no main population", TRIAL, remove("main_population"), "main_population", "missing"),
    (
        "malformed registry number",
        TRIAL,
        put("registry", value="NCT0257868"),
        "registry",
        "no registry number",
    ),
    ("unknown setting", TRIAL, put("setting", value="first line"), "setting", "input should be"),
    (
        "unknown endpoint",
        TRIAL,
        put(*OS, "endpoint", value="survival"),
        "readouts[0].endpoint",
        "input should be",
    ),
    ("arm twice", TRIAL, lambda raw: raw["arms"].append(dict(raw["arms"][0])), "arms", "stands 2 times"),
    (
        "more events than patients",
        TRIAL,
        put(*ARM, "events", value=999),
        "readouts[0].arms.placebo_chemo.events",
        "999 events",
    ),
    ("baseline without a source", TRIAL, remove("baseline", "sources"), "baseline", "without a source"),
    (
        "crossover without a source",
        TRIAL,
        remove("crossover", "from_readouts"),
        "crossover",
        "without a source",
    ),
    (
        "id that is not the file's",
        TRIAL,
        put("id", value="KEYNOTE-198"),
        "id",
        "must be called keynote_198.yaml",
    ),
    (
        "effect outside its interval",
        MARKER,
        put("effects", 0, "ratio", value={"estimate": 3.0, "interval": [1, 2]}),
        "effects[0].ratio",
        "does not contain the estimate",
    ),
    (
        "untyped effect",
        MARKER,
        remove("effects", 0, "contrast", "kind"),
        "effects[0].contrast.kind",
        "missing",
    ),
    ("effect without a source", MARKER, remove("effects", 0, "source"), "effects[0].source", "missing"),
    (
        "shares beyond one",
        MARKER,
        put(
            "distributions",
            value=[{"population": "all", "categories": {"a": 0.7, "b": 0.4}, "source": {"pmid": "29658856"}}],
        ),
        "distributions[0].categories",
        "add up to 1.100",
    ),
    ("unknown modality", MARKER, put("modality", value="genomic"), "modality", "input should be"),
]


@pytest.mark.parametrize(
    ("name", "edit", "field", "words"), [p[1:] for p in PLANTED], ids=[p[0] for p in PLANTED]
)
def test_a_planted_fault_is_reported_with_file_and_field(
    folder: Path, name: str, edit: Edit, field: str, words: str
) -> None:
    part = "trials" if name == TRIAL else "biomarkers"
    assert faults(folder) == [], "the copy is clean before"
    plant(folder / part / f"{name}.yaml", edit)
    found = faults(folder)
    assert [(f.file, f.field) for f in found if words.lower() in f.message.lower()] == [
        (f"{part}/{name}.yaml", field)
    ], found


def test_all_faults_of_all_files_come_at_once(folder: Path) -> None:
    plant(folder / "trials" / f"{TRIAL}.yaml", put("colour", value="blue"))
    plant(folder / "trials" / f"{TRIAL}.yaml", put(*OS, "hazard_ratio", "estimate", value=0.94))
    plant(folder / "biomarkers" / f"{MARKER}.yaml", put("modality", value="genomic"))
    (folder / "trials" / "broken.yaml").write_text("id: [unclosed\n")
    (folder / "trials" / "empty.yaml").write_text("")
    with pytest.raises(InputError) as caught:
        load_register(folder)
    message = str(caught.value)
    assert "has 5 faults" in message
    for words in (
        f"trials/{TRIAL}.yaml: colour: unknown key",
        f"trials/{TRIAL}.yaml: readouts[0].hazard_ratio: interval 0.38 to 0.64",
        f"biomarkers/{MARKER}.yaml: modality:",
        "trials/broken.yaml: line 2: not readable as YAML",
        "trials/empty.yaml: the whole file: expected keys and values, got nothing",
    ):
        assert words in message


def test_a_second_file_for_the_same_trial_is_a_fault(folder: Path) -> None:
    path = folder / "trials" / "keynote189.yaml"
    shutil.copy(folder / "trials" / f"{TRIAL}.yaml", path)
    plant(path, put("id", value="KEYNOTE189"))
    found = faults(folder)
    assert [(f.file, f.field) for f in found] == [("trials/keynote_189.yaml", "id")]
    assert "keynote189.yaml" in found[0].message


def test_warnings_come_with_the_figures(folder: Path) -> None:
    plant(
        folder / "trials" / f"{TRIAL}.yaml",
        put(*OS, "hazard_ratio", value={"estimate": 2.5, "interval": [2, 3.1]}),
    )
    doubts = [f for f in check_folder(folder)[1] if f.field == "readouts[0].hazard_ratio"]
    assert [f.severity for f in doubts] == ["warning"]
    assert "hazard ratio 2.5, but rates 0.692 v 0.494 at 12 months imply 0.52" in doubts[0].message


def test_an_asymmetric_interval_is_a_warning_until_it_is_marked(folder: Path) -> None:
    path = folder / "trials" / f"{TRIAL}.yaml"
    plant(path, put(*OS, "hazard_ratio", value={"estimate": 0.62, "interval": [0.38, 0.64]}))
    assert any("symmetric" in f.message for f in check_folder(folder)[1])
    plant(path, put(*OS, "hazard_ratio", "standard_error_usable", value=False))
    assert not any("symmetric" in f.message for f in check_folder(folder)[1])


def test_opposed_correlations_are_a_warning(folder: Path) -> None:
    source = {"pmid": "29658856"}
    for a, b, value in (("one", "two", 0.5), ("two", "one", -0.3)):
        spec = {"id": a, "name": a, "modality": "blood"}
        spec["correlations"] = [{"with": b, "method": "spearman", "value": value, "source": source}]
        (folder / "biomarkers" / f"{a}.yaml").write_text(yaml.safe_dump(spec))
    found = [
        f for f in check_folder(folder)[1] if f.severity == "warning" and f.file == "biomarkers/two.yaml"
    ]
    assert [f.field for f in found] == ["correlations[0].value"]


def test_the_shipped_register_has_no_fault() -> None:
    found = check_register(load_register())
    assert [f for f in found if f.severity == "fault"] == []
    assert len(found) < 40, "warnings are few enough to be read"


def survival(rates: dict[float, float], **more: Any) -> SurvivalFigures:
    return SurvivalFigures(landmarks=tuple(Landmark(months=m, rate=r) for m, r in rates.items()), **more)


@given(st.floats(0.005, 0.1), st.floats(0.5, 1.5))
def test_figures_of_one_weibull_curve_never_contradict_each_other(hazard: float, shape: float) -> None:
    def rate(months: float) -> float:
        return round(math.exp(-((hazard * months) ** shape)), 2)

    median = round(math.log(2) ** (1 / shape) / hazard, 1)
    figures = survival({m: rate(m) for m in (6.0, 12.0, 24.0, 36.0)}, median=Median(months=median))
    assert list(landmark_faults(figures.landmarks)) == []
    assert list(median_faults(figures)) == []


@given(st.lists(st.floats(0.01, 0.99), min_size=2, max_size=6, unique=True))
def test_rates_out_of_order_are_always_seen(rates: list[float]) -> None:
    falling = sorted(rates, reverse=True)
    ordered = tuple(Landmark(months=6 * (i + 1), rate=r) for i, r in enumerate(falling))
    assert list(landmark_faults(ordered)) == []
    assert list(landmark_faults(tuple(reversed(ordered)))) == [], "the order in the file does not matter"
    swapped = copy.copy(falling)
    swapped[0], swapped[-1] = swapped[-1], swapped[0]
    rising = tuple(Landmark(months=6 * (i + 1), rate=r) for i, r in enumerate(swapped))
    assert list(landmark_faults(rising))


def test_a_median_not_reached_within_follow_up_is_doubted() -> None:
    figures = survival({24.0: 0.3}, median=Median(reached=False))
    assert list(unreached_median_doubts(figures, 30.0))
    assert not list(unreached_median_doubts(figures, 12.0)), "24 months lie beyond follow-up"


def readout(ratio: float, arms: dict[str, SurvivalFigures]) -> Readout:
    return Readout.model_validate(
        {
            "endpoint": "OS",
            "population": "ITT",
            "contrast": {"kind": "treatment", "experimental": "a", "control": "b"},
            "hazard_ratio": {"estimate": ratio, "interval": [ratio * 0.8, ratio * 1.25]},
            "arms": {name: figures.model_dump(exclude_defaults=True) for name, figures in arms.items()},
            "source": {"pmid": "29658856"},
        }
    )


def exponential(hazard: float, patients: int = 300) -> SurvivalFigures:
    rates = {m: math.exp(-hazard * m) for m in (12.0, 24.0)}
    return survival(rates, median=Median(months=math.log(2) / hazard), patients=patients)


@given(st.floats(0.3, 2.0))
def test_proportional_exponentials_imply_their_own_ratio(ratio: float) -> None:
    r = readout(ratio, {"a": exponential(0.04 * ratio), "b": exponential(0.04)})
    implied = list(implied_log_ratios(r))
    assert len(implied) == 3
    for x in implied:
        assert x.log_ratio == pytest.approx(math.log(ratio), abs=1e-9)
    assert list(ratio_doubts(r)) == []


def test_late_effects_are_allowed_and_contradictions_are_not() -> None:
    # No effect for the first half of the events, a ratio of 0.5 afterwards: log average about log(0.5) / 2.
    equal_medians = {
        "a": survival({}, median=Median(months=12.0)),
        "b": survival({}, median=Median(months=12.0)),
    }
    assert list(ratio_doubts(readout(math.sqrt(0.5), equal_medians))) == []
    opposed = {"a": exponential(0.08), "b": exponential(0.03)}
    assert len(list(ratio_doubts(readout(0.4, opposed)))) == 3


@pytest.mark.parametrize(("patients", "doubted"), [(2000, True), (20, False)])
def test_small_arms_are_given_more_room(patients: int, doubted: bool) -> None:
    arms = {
        "a": exponential(0.04 * 1.15, patients),
        "b": exponential(0.04 * 2.0, patients),
    }
    assert bool(list(ratio_doubts(readout(1.35, arms)))) is doubted


def pairs() -> Iterator[tuple[float, float, float]]:
    yield 0.49, 0.38, 0.64
    yield 0.87, 0.70, 1.10
    yield 1.06, 0.76, 1.48


@pytest.mark.parametrize(("estimate", "low", "high"), list(pairs()))
def test_published_intervals_are_symmetric_after_rounding(estimate: float, low: float, high: float) -> None:
    assert asymmetry(estimate, low, high) < 0.05
    assert asymmetry(low * 1.02, low, high) > 0.5
