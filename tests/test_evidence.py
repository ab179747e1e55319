"""The evidence register: what ships, how it loads, how entries are found."""

from __future__ import annotations

import math
import re
import shutil
import time
from collections import Counter
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.schema import InputError
from synthetic_data.evidence import (
    DEFAULT_FOLDER,
    Count,
    Landmark,
    MarkerSpec,
    Median,
    Ratio,
    Register,
    Source,
    TrialSpec,
    load_marker,
    load_register,
    load_trial,
    read_register,
)
from synthetic_data.evidence.markers import Correlation, Distribution, Effect, MarkerContrast
from synthetic_data.evidence.register import bare, locate, slug

SOURCE = {"pmid": "29658856"}
SHARED = Path(__file__).resolve().parents[2] / "shared" / "evidence"


@pytest.fixture(scope="module")
def register() -> Register:
    return load_register()


def test_the_shipped_register_holds_what_was_asked_for(register: Register) -> None:
    counts = register.counts()
    at_least = {
        "trials": 131,
        "markers": 85,
        "trial hazard ratios": 360,
        "medians": 500,
        "landmark rates": 340,
        "marker effects": 330,
        "marker correlations": 112,
        "marker distributions": 226,
        "on-treatment findings": 87,
        "model performances": 107,
    }
    short = {k: (counts[k], n) for k, n in at_least.items() if counts[k] < n}
    assert not short


def test_marker_hazard_ratios_alone_exceed_three_hundred_and_thirty(register: Register) -> None:
    ratios = [e for m in register.markers.values() for e in m.effects if e.measure == "hazard_ratio"]
    assert len(ratios) >= 330


def test_every_source_can_be_found_by_a_reader(register: Register) -> None:
    specs = [*register.trials.values(), *register.markers.values()]
    specs += [*register.models.values(), *register.topics.values()]
    sources = [s for spec in specs for _, s in spec.sources()]
    assert len(sources) > 1500
    assert all(s.identified for s in sources)


def test_published_keynote_189_is_carried_to_the_digit(register: Register) -> None:
    first = register.trial("KEYNOTE-189").main_readouts("OS")[0]
    assert first.hazard_ratio is not None
    assert (first.hazard_ratio.estimate, first.hazard_ratio.interval) == (0.49, (0.38, 0.64))
    experimental = first.arms["pembrolizumab_chemo"]
    assert experimental.landmarks == (Landmark(months=12, rate=0.692, interval=(0.641, 0.738)),)
    assert experimental.median == Median(reached=False)
    assert first.arms["placebo_chemo"].median == Median(months=11.3, interval=(8.7, 15.1))


def test_intervals_keep_their_own_level(register: Register) -> None:
    levels = {
        r.hazard_ratio.level
        for t in register.trials.values()
        for r in t.readouts
        if r.hazard_ratio is not None and r.hazard_ratio.interval is not None
    }
    assert {0.95, 0.9772, 0.9671, 0.96, 0.9738, 0.9967, None} <= levels


def test_a_second_interval_of_the_same_estimate_is_kept(register: Register) -> None:
    ratios = [r.hazard_ratio for r in register.trial("PACIFIC").main_readouts("OS") if r.hazard_ratio]
    others = [o for ratio in ratios for o in ratio.other_intervals]
    assert [(o.level, o.interval) for o in others] == [(0.9973, (0.47, 0.997))]


@pytest.mark.parametrize(("trial", "arms"), [("CANOPY-1", (320, 323)), ("CANOPY-2", (120, 117))])
def test_trials_of_two_source_files_are_one_entry(
    register: Register, trial: str, arms: tuple[int, int]
) -> None:
    spec = register.trial(trial)
    assert tuple(a.patients for a in spec.arms) == arms
    signatures = [(r.endpoint, r.population, r.hazard_ratio) for r in spec.readouts]
    assert len(signatures) == len(set(signatures))
    assert any(r.other_sources for r in spec.readouts), "both publications are cited"
    known = {a.id for a in spec.arms}
    assert all(set(r.arms) <= known for r in spec.readouts)


def test_canopy_1_keeps_what_only_one_of_its_sources_has(register: Register) -> None:
    spec = register.trial("CANOPY-1")
    assert sum("hs-CRP" in r.population for r in spec.readouts) == 3
    assert "objective_response" in spec.response[0].rates
    assert spec.baseline is not None
    assert spec.baseline.overall["median_age"] == 63


@pytest.mark.parametrize(
    ("trial", "word"),
    [
        ("CheckMate-816", "pCR"),
        ("CheckMate-77T", "cleared"),
        ("POSEIDON", "PFS"),
        ("IMPOWER-130-132-150-POOLED-IRAE", "immune-related"),
        ("QUILT-3.055", "ALC"),
    ],
)
def test_contrasts_made_by_treatment_are_prognostic(register: Register, trial: str, word: str) -> None:
    found = [r.contrast for r in register.trial(trial).readouts if word in r.population]
    assert found
    assert all(c is not None and c.kind == "prognostic" and c.basis for c in found)


def test_treatment_contrasts_name_arms_of_their_trial(register: Register) -> None:
    for trial in register.trials.values():
        ids = {a.id for a in trial.arms}
        for r in trial.readouts:
            if r.contrast is not None and r.contrast.kind == "treatment":
                assert {r.contrast.experimental, r.contrast.control} <= ids, trial.id


@pytest.mark.parametrize(
    ("trial", "population"),
    [
        ("KEYNOTE-189", "ITT"),
        ("IMpower150", "ITT-WT (no EGFR/ALK)"),
        ("CheckMate-227", "PD-L1 >=1%"),
        ("CheckMate-026", "PD-L1 >=5%"),
        ("MYSTIC", "PD-L1 TC >=25%"),
    ],
)
def test_main_populations(register: Register, trial: str, population: str) -> None:
    assert register.trial(trial).main_population == population


@pytest.mark.parametrize(
    ("trial", "arm", "classes", "checkpoint"),
    [
        ("KEYNOTE-189", "pembrolizumab_chemo", {"pd1", "chemotherapy"}, True),
        ("KEYNOTE-189", "placebo_chemo", {"placebo", "chemotherapy"}, False),
        ("IMpower150", "abcp", {"pdl1", "chemotherapy", "antiangiogenic"}, True),
        ("CheckMate-227", "nivo_ipi", {"pd1", "ctla4"}, True),
        ("CANOPY-2", "canakinumab_docetaxel", {"il1b", "chemotherapy"}, False),
        ("PACIFIC", "placebo", {"placebo"}, False),
        ("DeLLphi-304", "tarlatamab", {"dll3"}, False),
        ("SKYSCRAPER-01", "tira_atezo", {"pdl1", "tigit"}, True),
    ],
)
def test_arms_know_what_was_given(
    register: Register, trial: str, arm: str, classes: set[str], checkpoint: bool
) -> None:
    found = register.trial(trial).arm(arm)
    assert set(found.classes) == classes
    assert found.has_checkpoint_inhibitor is checkpoint


def test_references_outside_the_lung_are_told_apart(register: Register) -> None:
    assert register.trial("OAK").lung
    assert not register.trial("ZUMA-1").lung
    assert register.trial("CheckMate-017-057-POOLED").pooled


@pytest.mark.parametrize("name", ["CheckMate-9LA", "checkmate 9la", "CHECKMATE_9LA", "CheckMate 9 LA"])
def test_names_forgive_case_spaces_and_dashes(register: Register, name: str) -> None:
    assert register.trial(name).id == "CheckMate-9LA"
    assert load_trial(name) == register.trial(name)


@given(st.data())
def test_any_spelling_of_any_trial_finds_it(data: st.DataObject) -> None:
    register = load_register()
    name = data.draw(st.sampled_from(sorted(register.trials)))
    letters = [data.draw(st.sampled_from([c.lower(), c.upper()])) for c in name]
    spelt = re.sub(r"[^A-Za-z0-9]", lambda _: data.draw(st.sampled_from(" -_.")), "".join(letters))
    assert register.trial(spelt).id == name


@pytest.mark.parametrize("load", [lambda n: load_register().trial(n), load_trial])
def test_an_unknown_trial_offers_the_nearest(load: Any) -> None:
    with pytest.raises(InputError, match=r"no trial 'KEYNOTE-198'.*KEYNOTE-189"):
        load("KEYNOTE-198")


@pytest.mark.parametrize("load", [lambda n: load_register().marker(n), load_marker])
def test_an_unknown_marker_offers_the_nearest(load: Any) -> None:
    with pytest.raises(InputError, match=r"no marker 'albumen'.*albumin"):
        load("albumen")


def test_one_name_finds_trials_markers_and_models(register: Register) -> None:
    assert isinstance(register.entry("keynote 189"), TrialSpec)
    assert isinstance(register.entry("NLR"), MarkerSpec)
    assert register.entry("loris").name == "LORIS"


def test_file_names_follow_from_ids(register: Register) -> None:
    assert {slug(t) for t in register.trials} == {p.stem for p in (DEFAULT_FOLDER / "trials").glob("*.yaml")}
    assert len({bare(t) for t in register.trials}) == len(register.trials)


def test_everything_loads_in_time() -> None:
    began = time.perf_counter()
    read_register()
    assert time.perf_counter() - began < 3.0, "aim is 1.5 s; twice that on a busy machine"


def test_loading_twice_reads_once(tmp_path: Path) -> None:
    shutil.copytree(DEFAULT_FOLDER / "models", tmp_path / "models")
    (tmp_path / "trials").mkdir()
    path = tmp_path / "trials" / "poplar.yaml"
    shutil.copy(DEFAULT_FOLDER / "trials" / "poplar.yaml", path)
    first = load_register(tmp_path)
    assert load_register(tmp_path) is first
    path.write_text(path.read_text() + "remark: changed on disk\n")
    assert load_register(tmp_path).trial("POPLAR").remark == "changed on disk"


def test_a_folder_without_evidence_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not an evidence register"):
        load_register(tmp_path)


def test_specs_survive_a_round_trip_through_yaml(register: Register) -> None:
    for spec in (*register.trials.values(), *register.models.values(), *register.topics.values()):
        text = yaml.safe_dump(spec.model_dump(mode="json", exclude_defaults=True, by_alias=True))
        assert type(spec).model_validate(yaml.safe_load(text)) == spec
    for marker in list(register.markers.values())[:20]:
        dumped = marker.model_dump(mode="json", exclude_defaults=True, by_alias=True, exclude={"simulate"})
        assert MarkerSpec.model_validate(dumped) == marker.model_copy(update={"simulate": None})


def test_specs_are_frozen(register: Register) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        register.trial("OAK").phase = "2"  # type: ignore[misc]


def test_standard_error_comes_from_the_width_at_the_stated_level() -> None:
    z = NormalDist().inv_cdf(0.5 + 0.9772 / 2)
    low, high = 0.8 * math.exp(-z * 0.1), 0.8 * math.exp(z * 0.1)
    assert Ratio(estimate=0.8, interval=(low, high), level=0.9772).standard_error == pytest.approx(0.1)
    # The twin that must fail: read as 95 %, the same interval gives another error.
    assert Ratio(estimate=0.8, interval=(low, high)).standard_error != pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    "more", [{"level": None}, {"standard_error_usable": False}, {"interval": (0.5, None)}, {"interval": None}]
)
def test_no_standard_error_where_none_can_be_had(more: dict[str, Any]) -> None:
    assert Ratio(**{"estimate": 0.8, "interval": (0.6, 1.07), **more}).standard_error is None


@given(st.floats(0.05, 20), st.floats(0.01, 1.5), st.floats(0.01, 1.5))
def test_a_ratio_stands_strictly_inside_its_interval(estimate: float, below: float, above: float) -> None:
    low, high = estimate * math.exp(-below), estimate * math.exp(above)
    assert Ratio(estimate=estimate, interval=(low, high)).interval == (low, high)
    for bad in ((high, high * 2), (low / 2, low), (estimate, high), (low, estimate), (high, low)):
        with pytest.raises(ValidationError):
            Ratio(estimate=estimate, interval=bad)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_rate_lies_within_its_interval_and_within_zero_and_one(rate: float, bound: float) -> None:
    if rate < bound:
        with pytest.raises(ValidationError, match="does not contain"):
            Landmark(months=12, rate=rate, interval=(bound, None))
    with pytest.raises(ValidationError):
        Landmark(months=12, rate=rate + 1.001)


def test_a_median_is_a_time_or_not_reached() -> None:
    with pytest.raises(ValidationError, match="not reached"):
        Median()
    with pytest.raises(ValidationError, match="not reached"):
        Median(months=12, reached=False)
    with pytest.raises(ValidationError, match="does not contain the median"):
        Median(months=12, interval=(13, None))


def test_a_count_does_not_exceed_its_whole() -> None:
    assert Count(patients=3, of=10).of == 10
    with pytest.raises(ValidationError, match="exceeds the whole"):
        Count(patients=11, of=10)


@pytest.mark.parametrize(
    "fields",
    [
        {"year": 2020},
        {"pmid": "PMID 1"},
        {"doi": "doi:10.1/x"},
        {"pmcid": "12345"},
        {"url": "www.example.org"},
    ],
)
def test_a_source_that_names_nothing_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Source(**fields)


def test_a_source_cites_itself() -> None:
    source = Source(title="A trial", year=2020, pmid="29658856", secondary=True)
    assert source.cite() == "A trial, 2020, PMID 29658856, read in a secondary source"


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "per_unit", "scale": "linear"},
        {"kind": "threshold", "cutoff": 5},
        {"kind": "level"},
        {"kind": "category", "first": "mutated"},
    ],
)
def test_a_contrast_is_typed_in_full(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="contrast gives"):
        MarkerContrast(text="high vs low", **fields)


def test_published_contrasts_are_typed_as_they_read(register: Register) -> None:
    seen = {(m.id, e.contrast.text): e.contrast for m in register.markers.values() for e in m.effects}
    assert (seen["nlr", ">=5 vs <5 baseline"].cutoff, seen["nlr", ">=5 vs <5 baseline"].first_side) == (
        5,
        "above",
    )
    assert seen["nlr", "<=3.43 vs >3.43"].first_side == "below"
    assert seen["crp", "per doubling of baseline CRP"].scale == "doubling"
    assert (seen["age", "per 10 years"].per, seen["age", "per 10 years"].unit) == (10, "years")
    assert seen["pni", "low vs high"].first_side == "below"
    assert seen["stk11", "mutated vs wild-type"].second == "wild-type"
    assert seen["nlr", "NLR after cycle 2 >=1.75 vs <1.75"].on_treatment
    untyped = [c.text for c in seen.values() if c.kind == "single"]
    assert len(untyped) < 0.03 * len(seen)


def test_an_effect_says_something() -> None:
    contrast = {"text": "high vs low", "kind": "level", "first_side": "above"}
    common = {
        "endpoint": "OS",
        "kind": "prognostic",
        "treatment": "ici",
        "contrast": contrast,
        "source": SOURCE,
    }
    assert Effect.model_validate({**common, "direction": "worse"}).estimate is None
    with pytest.raises(ValidationError, match="has no figure"):
        Effect.model_validate(common)
    with pytest.raises(ValidationError, match="come together"):
        Effect.model_validate({**common, "ratio": {"estimate": 2.0}})
    with pytest.raises(ValidationError, match="names the treatments"):
        Effect.model_validate({**common, "kind": "treatment_effect", "direction": "worse"})


def test_correlations_are_correlations() -> None:
    with pytest.raises(ValidationError, match="no correlation"):
        Correlation.model_validate({"with": "crp", "method": "spearman", "value": 1.2, "source": SOURCE})
    with pytest.raises(ValidationError, match="needs a `value`"):
        Correlation.model_validate({"with": "crp", "method": "spearman", "source": SOURCE})


def test_distributions_are_in_order() -> None:
    with pytest.raises(ValidationError, match="lower bound first"):
        Distribution.model_validate({"population": "all", "iqr": [4, 2], "source": SOURCE})
    with pytest.raises(ValidationError, match="outside iqr"):
        Distribution.model_validate({"population": "all", "median": 5, "iqr": [1, 2], "source": SOURCE})


def test_fields_are_located_like_paths() -> None:
    assert locate(("readouts", 3, "hazard_ratio", "interval")) == "readouts[3].hazard_ratio.interval"
    assert locate(()) == "the whole file"


def test_loris_can_be_computed_from_its_formula(register: Register) -> None:
    formula = next(f for f in register.models["loris"].formulas if f.name == "NSCLC")
    patient = {"tmb": 80.0, "pdl1_tps": 50.0, "prior_systemic_therapy": 1.0, "albumin": 4.0, "nlr": 30.0}
    score = formula.intercept + sum(
        t.coefficient * min(patient[t.feature], t.cap or math.inf) for t in formula.terms
    )
    by_hand = 0.0353 * 50 + 0.0111 * 50 - 0.375 + 0.2924 * 4 - 0.0103 * 25 - 1.5593
    assert score == pytest.approx(by_hand, abs=1e-12)


def test_the_claim_about_anti_il6_is_no_effect(register: Register) -> None:
    claim = register.trial("PARKHURST-2011-NK")
    assert claim.response[0].counts["objective_response"] == {"nk": Count(patients=0, of=8)}
    assert "does not support" in (claim.remark or "")
    siltuximab = register.trial("SILTUXIMAB-solid").response[0]
    assert siltuximab.rates["objective_response"]["siltuximab"].rate == 0


def collected(name: str) -> Any:
    path = SHARED / f"{name}.yaml"
    if not path.exists():
        pytest.skip(f"the collected figures are not beside this checkout ({path.name})")
    return yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)


@pytest.mark.parametrize("name", ["trials_metastatic", "trials_other"])
def test_no_collected_trial_figure_is_lost(register: Register, name: str) -> None:
    lost: dict[str, Counter[Any]] = {}
    for source in collected(name):
        trial = register.trial(source["id"])
        figures = [f for r in trial.readouts for f in (*r.arms.values(), *r.groups.values())]
        have = Counter(
            ("ratio", r.hazard_ratio.estimate, r.hazard_ratio.interval)
            for r in trial.readouts
            if r.hazard_ratio
        )
        have.update(("median", f.median.months) for f in figures if f.median and f.median.months)
        have.update(("rate", x.months, x.rate) for f in figures for x in f.landmarks)
        for response in trial.response:
            have.update(("response", r.rate) for r in response.rates.get("objective_response", {}).values())
        want: Counter[Any] = Counter()
        for r in source["readouts"]:
            if "hr" in r:
                want["ratio", r["hr"], tuple(r["hr_ci"]) if "hr_ci" in r else None] += 1
            for arm in (r.get("arms") or {}).values():
                if arm.get("median") is not None:
                    want["median", arm["median"]] += 1
                want.update(("rate", float(m), rate) for m, rate in arm.get("rates", {}).items())
        for r in source.get("response", []):
            want.update(("response", rate) for rate in r.get("orr", {}).values() if rate is not None)
        if want - have:
            lost[trial.id] = want - have
    assert not lost


def test_no_collected_marker_figure_is_lost(register: Register) -> None:
    lost: dict[str, Counter[Any]] = {}
    keys = {"hr": "hazard_ratio", "or": "odds_ratio"}
    for source in collected("biomarkers"):
        marker = register.marker(source["id"])
        have = Counter((e.measure, e.estimate, e.ratio.interval) for e in marker.effects if e.ratio)
        have.update(("correlation", c.other, c.value) for c in marker.correlations)
        have.update(("distribution", d.population, d.median, d.iqr) for d in marker.distributions)
        want: Counter[Any] = Counter()
        for effect in (*source.get("effects", []), *source.get("predictive", [])):
            for key, measure in keys.items():
                if f"{key}_ci" in effect:
                    want[measure, effect[key], tuple(effect[f"{key}_ci"])] += 1
        for c in source.get("correlations", []):
            want["correlation", c["with"], c.get("value")] += isinstance(c.get("value"), float)
        for d in source.get("distribution", []):
            if "NOT lung" not in d["population"]:
                iqr = tuple(d["iqr"]) if "iqr" in d else None
                want["distribution", d["population"], d.get("median"), iqr] += 1
        if +want - have:
            lost[marker.id] = +want - have
    assert not lost
