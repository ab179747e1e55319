"""Every kind of fault, and how it is planted in an entry of the register."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

TRIAL = "keynote_189"
MARKER = "hed"
Edit = Callable[[dict[str, Any]], None]


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
    ("arm twice", TRIAL, lambda raw: raw["arms"].append(deepcopy(raw["arms"][0])), "arms", "stands 2 times"),
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
        "crossover share that is not its count",
        TRIAL,
        put("crossover", "on_study", value=0.48),
        "crossover",
        "84 of 206 are 0.408",
    ),
    (
        "part of crossover exceeds the whole",
        TRIAL,
        lambda raw: raw["crossover"].update({"on_study": 0.6, "counts": {}}),
        "crossover",
        "exceeds in_any_way",
    ),
    (
        "crossover follow-up without a share",
        TRIAL,
        put("crossover", "follow_up_months", value={"of_those_progressed": 31}),
        "crossover",
        "does not give that share",
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
