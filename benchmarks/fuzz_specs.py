"""Doors of specs: experiments, cohorts, studies, sweeps, maps, thresholds, evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from benchmarks.fuzz_changes import as_yaml, changed, damaged

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


@dataclass(frozen=True)
class Spec:
    """A YAML file under its name."""

    file: str
    content: bytes


def spec_cases(files: Sequence[Path]) -> st.SearchStrategy[Spec]:
    """Shipped files, changed in what they say or in how it is written."""
    known = {p: (text := p.read_bytes(), yaml.load(text, Loader=yaml.CSafeLoader)) for p in files}

    def of(path: Path) -> st.SearchStrategy[Spec]:
        text, content = known[path]
        made = st.one_of(changed(content).map(as_yaml), changed(content).map(as_yaml), damaged(text))
        return made.map(lambda written: Spec(path.name, written))

    return st.sampled_from(list(files)).flatmap(of)


def _put(case: Spec, folder: Path) -> Path:
    path = folder / case.file
    path.write_bytes(case.content)
    return path


def enter_experiment(case: Spec, folder: Path) -> None:
    """Read an experiment and all it names."""
    from experiments.config import read_experiment
    from experiments.run import Options, resolve_sources
    from pipeline.run import check_names

    experiment = read_experiment(str(_put(case, folder)))
    check_names(experiment.analysis)
    resolve_sources(experiment, Options())


def enter_cohort(case: Spec, folder: Path) -> None:
    """Read and plan a cohort to be drawn."""
    from synthetic_data.cohort_spec import plan_cohort, read_cohort_spec

    plan_cohort(read_cohort_spec(_put(case, folder)))


def enter_map(case: Spec, folder: Path) -> None:
    """Read the map of a real file."""
    from pipeline.real_cohort import read_map

    read_map(_put(case, folder))


def enter_measurements(case: Spec, folder: Path) -> None:
    """Read a map of measurements."""
    from pipeline.real_cohort import read_measurement_map

    read_measurement_map(_put(case, folder))


def enter_sweep(case: Spec, folder: Path) -> None:
    """Read a sweep and its experiment."""
    from experiments.sweep_command import check_objective
    from experiments.sweep_spec import read_sweep

    check_objective(*read_sweep(str(_put(case, folder))))


def enter_study(case: Spec, folder: Path) -> None:
    """Read a study."""
    from experiments.studies import Asked

    spec = Asked("study", str(_put(case, folder))).read(study_kinds()[case.file])
    if type(spec).__name__ == "PolicyStudy":
        from experiments.decide_variants import checked_variants

        checked_variants(spec)


@cache
def study_kinds() -> dict[str, Any]:
    """Return the kind of spec of every shipped study, by the name of its file."""
    from experiments.benefit_command import BenefitStudy
    from experiments.decide_command import PolicyStudy, RandomisedStudy
    from experiments.dynamic_command import DynamicExperiment
    from experiments.enrich_command import EnrichStudy
    from experiments.mechanism_command import MechanismStudy
    from experiments.power_command import PowerStudy
    from experiments.toxicity_command import ToxicityStudy
    from experiments.transport_command import TransportExperiment

    ends = {
        "benefit": BenefitStudy, "dynamic": DynamicExperiment, "mechanism": MechanismStudy,
        "power": PowerStudy, "toxicity": ToxicityStudy, "transport": TransportExperiment,
        "policy": PolicyStudy, "switching": PolicyStudy, "switch": PolicyStudy, "decide": RandomisedStudy,
        "combination": EnrichStudy,
    }  # fmt: skip
    files = sorted((CONFIGS / "studies").glob("*.yaml"))
    return {p.name: ends[end] for p in files if (end := p.stem.rsplit("_", 1)[-1]) in ends}


def enter_rules(case: Spec, folder: Path) -> None:
    """Read thresholds of drift."""
    from experiments.config import read_spec
    from pipeline.drift import DriftRules

    read_spec(_put(case, folder), DriftRules)


def enter_evidence(case: Spec, folder: Path) -> None:
    """Read an evidence file; its faults are refusals."""
    from pipeline.schema import InputError
    from synthetic_data.evidence.markers import MarkerSpec
    from synthetic_data.evidence.register import read_file
    from synthetic_data.evidence.trials import TrialSpec

    path = _put(case, folder)
    kind = TrialSpec if (CONFIGS / "evidence" / "trials" / case.file).is_file() else MarkerSpec
    spec, findings = read_file(path, kind)
    if spec is None:
        raise InputError("; ".join(f.message for f in findings))


def threshold_cases() -> st.SearchStrategy[Spec]:
    """Return thresholds of drift, changed."""
    from pipeline.drift import DriftRules

    stated = DriftRules().model_dump(mode="json")
    return changed(stated).map(lambda content: Spec("rules.yaml", as_yaml(content)))
