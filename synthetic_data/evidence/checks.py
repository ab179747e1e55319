"""The checks of the register that go beyond the shape of a file: sources, arms, contrasts, contradictions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path

from synthetic_data.evidence.consistency import (
    asymmetry,
    landmark_faults,
    median_faults,
    ratio_doubts,
    unreached_median_doubts,
)
from synthetic_data.evidence.context import ModelSpec, TopicSpec
from synthetic_data.evidence.markers import COEFFICIENTS, MarkerSpec
from synthetic_data.evidence.register import (
    BIOMARKERS,
    MODELS,
    TOPICS,
    TRIALS,
    Finding,
    Register,
    Severity,
    bare,
    read_register,
    slug,
)
from synthetic_data.evidence.trials import ALL_ARMS, Readout, TrialSpec
from synthetic_data.evidence.values import Ratio, Source

# NCT: ClinicalTrials.gov; EudraCT and EU CT; ISRCTN; ACTRN; ChiCTR; CRIS of Korea; JapicCTI, jRCT, UMIN.
REGISTRY = re.compile(
    r"NCT\d{8}|20\d{2}-\d{6}-\d{2}|20\d{2}-5\d{5}-\d{2}-\d{2}|ISRCTN\d{8}|ACTRN\d{14}|ChiCTR\S{6,16}"
    r"|KCT\d{7}|JapicCTI-?\d{6}|jRCT[a-z]?\d{9,10}|UMIN\d{9}"
)
# A group of patients that only treatment, or time on it, can make; comparing arms within is not randomised.
AFTER_TREATMENT = re.compile(
    r"\b(no )?pCR\b|\bMPR\b|\bresponders?\b|\bcleared\b|\bclearance\b|\birAE\b|\blandmark\b|on-treatment"
    r"|\bcompleted?\b.*\btherapy\b|adverse event",
    re.IGNORECASE,
)
CATEGORY_ROUNDING = 0.02  # shares rounded to whole per cents may add up to a little over 1
SYMMETRY_ALLOWED = 0.35  # of half the interval's width, after rounding is given away

Where = tuple[str, str]  # file, field


def check_register(register: Register) -> list[Finding]:
    """Return everything wrong or doubtful in a register, faults first.

    A source counts when it carries a pmid, doi, pmcid, registry number, url, or a title with a year.
    The specs have refused what a single value can betray (unknown keys, intervals without their
    estimate, rates outside 0 to 1); here values are held against each other.
    """
    findings: list[Finding] = []
    for trial in register.trials.values():
        findings += _check_trial(trial)
    for marker in register.markers.values():
        findings += _check_marker(marker)
    findings += _duplicates(register.trials)
    findings += _opposed_correlations(register.markers)
    others: Iterable[tuple[str, ModelSpec | TopicSpec]] = (
        *((MODELS, m) for m in register.models.values()),
        *((TOPICS, t) for t in register.topics.values()),
    )
    for part, spec in others:
        findings += _sources(f"{part}/{spec.id}.yaml", spec.sources())
    return sorted(findings)


def check_folder(folder: Path | None = None) -> tuple[Register, list[Finding]]:
    """Return what can be read of a register folder, and all findings, of reading and of checking."""
    register, unreadable = read_register(folder)
    return register, sorted(unreadable + check_register(register))


def _sources(file: str, sources: Iterable[tuple[str, Source]]) -> Iterator[Finding]:
    for field, source in sources:
        named = any((source.pmid, source.doi, source.pmcid, source.registry, source.url))
        if not named and source.year is None and not re.search(r"(19|20)\d\d", source.title or ""):
            message = f"is a title without a year ({source.title!r}); add a year or an identifier"
            yield Finding("warning", file, field, message)
        if source.registry is not None and not REGISTRY.fullmatch(source.registry):
            yield Finding("fault", file, f"{field}.registry", f"{source.registry!r} is no registry number")


def _check_trial(trial: TrialSpec) -> Iterator[Finding]:
    file = f"{TRIALS}/{slug(trial.id)}.yaml"

    def fault(field: str, message: str, severity: Severity = "fault") -> Finding:
        return Finding(severity, file, field, message)

    for field, number in (
        ("registry", trial.registry),
        *((f"other_registries[{i}]", n) for i, n in enumerate(trial.other_registries)),
    ):
        if number is not None and not REGISTRY.fullmatch(number):
            yield fault(field, f"{number!r} is no registry number; ClinicalTrials.gov's are NCT and 8 digits")
    arm_ids = [arm.id for arm in trial.arms]
    for arm_id, times in Counter(arm_ids).items():
        if times > 1:
            yield fault("arms", f"arm {arm_id!r} stands {times} times")
    for i, arm in enumerate(trial.arms):
        if arm.role == "single" and len(trial.arms) > 1:
            yield fault(f"arms[{i}].role", f"is 'single', but the trial has {len(trial.arms)} arms")
    yield from (fault(f, m) for f, m in _main_population(trial))
    yield from (fault(f, m) for f, m in _unknown_arms(trial))
    yield from (fault(f, m) for f, m in _unsourced(trial))
    yield from _sources(file, trial.sources())
    for i, readout in enumerate(trial.readouts):
        yield from _check_readout(file, f"readouts[{i}]", trial, readout)
    for i, duration in enumerate(trial.duration_of_response):
        for arm_id, landmarks in duration.landmarks.items():
            for message in landmark_faults(landmarks):
                yield fault(f"duration_of_response[{i}].landmarks.{arm_id}", message)
    yield from (fault(f, m, "warning") for f, m in _outlived(trial))


def _main_population(trial: TrialSpec) -> Iterator[Where]:
    populations = list(dict.fromkeys(r.population for r in trial.readouts))
    if trial.readouts and trial.main_population is None:
        yield "main_population", f"missing; name one of the readouts' populations: {', '.join(populations)}"
    elif trial.main_population is not None and trial.main_population not in populations:
        known = ", ".join(populations) or "there are no readouts"
        yield "main_population", f"{trial.main_population!r} occurs in no readout; known: {known}"


def _unknown_arms(trial: TrialSpec) -> Iterator[Where]:
    known = {arm.id for arm in trial.arms}
    used: list[tuple[str, Iterable[str]]] = []
    if trial.baseline is not None:
        used.append(("baseline.by_arm", trial.baseline.by_arm))
        used += [(f"baseline.subsets[{i}].by_arm", s.by_arm) for i, s in enumerate(trial.baseline.subsets)]
    used += [(f"readouts[{i}].arms", r.arms) for i, r in enumerate(trial.readouts)]
    for i, r in enumerate(trial.readouts):
        used.append((f"readouts[{i}].contrast.within", r.contrast.within if r.contrast else ()))
    for name in ("response", "safety"):
        for i, item in enumerate(getattr(trial, name)):
            for block in ("rates", "counts", "values"):
                used += [(f"{name}[{i}].{block}.{key}", arms) for key, arms in getattr(item, block).items()]
    for i, response in enumerate(trial.response):
        used.append((f"response[{i}].median_duration", response.median_duration))
        used.append((f"response[{i}].patients", response.patients))
    for i, duration in enumerate(trial.duration_of_response):
        used.append((f"duration_of_response[{i}]", (*duration.median, *duration.landmarks)))
    for i, depth in enumerate(trial.depth_of_response):
        used.append((f"depth_of_response[{i}]", (*depth.share, *depth.survival)))
    for field, arm_ids in used:
        for arm_id in arm_ids:
            if arm_id not in known and arm_id != ALL_ARMS:
                yield field, f"unknown arm {arm_id!r}; the arms are {', '.join(sorted(known))}"


def _unsourced(trial: TrialSpec) -> Iterator[Where]:
    elsewhere = bool(trial.readouts or trial.response or trial.safety)
    for field, block, sources in (
        ("baseline", trial.baseline, trial.baseline and trial.baseline.sources),
        ("crossover", trial.crossover, trial.crossover and trial.crossover.source),
    ):
        if block is None or sources:
            continue
        figures = block.model_dump(exclude_defaults=True, exclude={"allowed", "remark", "from_readouts"})
        if not figures:
            continue
        if not block.from_readouts:
            yield field, "has figures without a source; give one, or `from_readouts: true`"
        elif not elsewhere:
            yield field, "says its figures come from the readouts' sources, but there are no readouts"


def _check_readout(file: str, field: str, trial: TrialSpec, readout: Readout) -> Iterator[Finding]:
    sizes = {arm.id: arm.patients for arm in trial.arms}
    known = sizes.keys()
    contrast = readout.contrast
    if contrast is not None:
        for side in ("experimental", "control"):
            name = getattr(contrast, side)
            if contrast.kind == "treatment" and name not in known:
                message = f"unknown arm {name!r}; the arms are {', '.join(sorted(known))}"
                yield Finding("fault", file, f"{field}.contrast.{side}", message)
        if contrast.kind == "treatment" and AFTER_TREATMENT.search(readout.population):
            message = (
                f"population {readout.population!r} is made by treatment, so this is no treatment effect; "
                "use `kind: prognostic`"
            )
            yield Finding("fault", file, f"{field}.contrast.kind", message)
    # Rates or medians that another source gives may belong to another cut: a doubt, no fault.
    mixed = any(source.covers for source in readout.other_sources)
    follow_up = readout.follow_up.months if readout.follow_up else None
    for part, figures in (("arms", readout.arms), ("groups", readout.groups)):
        for name, x in figures.items():
            where = f"{field}.{part}.{name}"
            for message in landmark_faults(x.landmarks):
                yield Finding("fault", file, f"{where}.landmarks", message)
            for message in median_faults(x):
                yield Finding("warning" if mixed else "fault", file, f"{where}.median", message)
            for message in unreached_median_doubts(x, follow_up):
                yield Finding("warning", file, f"{where}.median", message)
            patients = x.patients or sizes.get(name)
            if x.events is not None and patients is not None and x.events > patients:
                message = f"{x.events} events among {patients} patients"
                yield Finding("fault", file, f"{where}.events", message)
    for message in ratio_doubts(readout):
        yield Finding("warning", file, f"{field}.hazard_ratio", message)
    if readout.hazard_ratio is not None:
        yield from _symmetry(file, f"{field}.hazard_ratio", readout.hazard_ratio)


def _symmetry(file: str, field: str, ratio: Ratio) -> Iterator[Finding]:
    low, high = ratio.interval or (None, None)
    if low is None or high is None or low <= 0 or not ratio.standard_error_usable:
        return
    off = asymmetry(ratio.estimate, low, high)
    if off > SYMMETRY_ALLOWED:
        message = (
            f"interval {low:g} to {high:g} is far from symmetric around {ratio.estimate:g} on the log scale; "
            "check the transcription, or set `standard_error_usable: false`"
        )
        yield Finding("warning", file, field, message)


def _outlived(trial: TrialSpec) -> Iterator[Where]:
    """Medians of PFS beyond those of OS in the same population and arm at the same cut."""
    for i, pfs in enumerate(trial.readouts):
        for os in trial.readouts:
            same = pfs.population == os.population and pfs.data_cut == os.data_cut
            if (pfs.endpoint, os.endpoint) != ("PFS", "OS") or not same:
                continue
            for arm_id in pfs.arms.keys() & os.arms.keys():
                a, b = pfs.arms[arm_id].median, os.arms[arm_id].median
                if a and b and a.months and b.months and a.months > b.months:
                    where = f"readouts[{i}].arms.{arm_id}.median"
                    yield where, f"PFS {a.months:g} beyond OS {b.months:g} months"


def _check_marker(marker: MarkerSpec) -> Iterator[Finding]:
    file = f"{BIOMARKERS}/{marker.id}.yaml"
    yield from _sources(file, marker.sources())
    for i, distribution in enumerate(marker.distributions):
        total = sum(distribution.categories.values())
        if total > 1 + CATEGORY_ROUNDING:
            message = f"shares add up to {total:.3f}, more than 1"
            yield Finding("fault", file, f"distributions[{i}].categories", message)
    for i, effect in enumerate(marker.effects):
        if effect.ratio is not None:
            yield from _symmetry(file, f"effects[{i}].ratio", effect.ratio)


def _duplicates(trials: Mapping[str, TrialSpec]) -> Iterator[Finding]:
    for (a, first), (b, second) in combinations(trials.items(), 2):
        if bare(a) == bare(b):
            message = f"{b!r} cannot be told from {a!r} of {slug(a)}.yaml; merge the two files"
            yield Finding("fault", f"{TRIALS}/{slug(b)}.yaml", "id", message)
        same_number = first.registry is not None and first.registry == second.registry
        if same_number and not (b.startswith(a) or a.startswith(b)):
            message = f"{second.registry} is also the registry number of {a}"
            yield Finding("warning", f"{TRIALS}/{slug(b)}.yaml", "registry", message)


def _opposed_correlations(markers: Mapping[str, MarkerSpec]) -> Iterator[Finding]:
    seen: dict[frozenset[str], tuple[str, float]] = {}
    for marker in markers.values():
        for i, c in enumerate(marker.correlations):
            if c.method not in COEFFICIENTS or c.value is None or c.other not in markers:
                continue
            place = f"{BIOMARKERS}/{marker.id}.yaml"
            pair = frozenset({marker.id, c.other})
            before = seen.setdefault(pair, (f"{place} correlations[{i}]", c.value))
            if before[1] * c.value < 0 and abs(before[1] - c.value) > 0.2:
                message = f"{c.value:g} with {c.other}, but {before[0]} says {before[1]:g}"
                yield Finding("warning", place, f"correlations[{i}].value", message)
