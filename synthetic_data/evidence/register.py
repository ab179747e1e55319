"""The folder of evidence files as one frozen register: loading, finding by name, counting."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TypeVar

from pydantic import ValidationError

from pipeline.schema import InputError
from pipeline.yaml_file import YamlFault, read_yaml
from synthetic_data.evidence.context import ModelSpec, TopicSpec
from synthetic_data.evidence.markers import MarkerSpec
from synthetic_data.evidence.trials import TrialSpec
from synthetic_data.evidence.values import Spec

DEFAULT_FOLDER: Final = Path(__file__).resolve().parents[2] / "configs" / "evidence"
TRIALS: Final = "trials"
BIOMARKERS: Final = "biomarkers"
MODELS: Final = "models"
TOPICS: Final = "topics"

S = TypeVar("S", bound=Spec)
Severity = Literal["fault", "warning"]


@dataclass(frozen=True, order=True)
class Finding:
    """Something wrong, or worth a look, in one field of one evidence file."""

    severity: Severity
    file: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.field}: {self.message}"


@dataclass(frozen=True)
class Register:
    """All evidence of one folder, read and validated."""

    folder: Path
    trials: Mapping[str, TrialSpec]
    markers: Mapping[str, MarkerSpec]
    models: Mapping[str, ModelSpec] = field(default_factory=dict)
    topics: Mapping[str, TopicSpec] = field(default_factory=dict)

    def trial(self, name: str) -> TrialSpec:
        """Return the trial called `name`, whatever its case, spaces, dashes and underscores."""
        return find(self.trials, name, "trial", self.folder / TRIALS)

    def marker(self, name: str) -> MarkerSpec:
        """Return the marker called `name`, forgiving like `trial`."""
        return find(self.markers, name, "marker", self.folder / BIOMARKERS)

    def entry(self, name: str) -> TrialSpec | MarkerSpec | ModelSpec | TopicSpec:
        """Return the trial, marker, model or topic called `name`; InputError with the nearest names."""
        everything: dict[str, TrialSpec | MarkerSpec | ModelSpec | TopicSpec] = {
            **self.topics,
            **self.models,
            **self.markers,
            **self.trials,
        }
        return find(everything, name, "trial, marker or model", self.folder)

    def counts(self) -> dict[str, int]:
        """How much evidence there is: files, and published figures by kind."""
        readouts = [r for t in self.trials.values() for r in t.readouts]
        figures = [f for r in readouts for f in (*r.arms.values(), *r.groups.values())]
        return {
            "trials": len(self.trials),
            "markers": len(self.markers),
            "trial hazard ratios": sum(r.hazard_ratio is not None for r in readouts),
            "medians": sum(f.median is not None and f.median.reached for f in figures),
            "landmark rates": sum(len(f.landmarks) for f in figures),
            "marker effects": sum(len(m.effects) for m in self.markers.values()),
            "marker correlations": sum(len(m.correlations) for m in self.markers.values()),
            "marker distributions": sum(len(m.distributions) for m in self.markers.values()),
            "on-treatment findings": sum(len(m.dynamics) for m in self.markers.values())
            + sum(len(t.findings) for t in self.topics.values()),
            "model performances": sum(len(m.performance) for m in self.models.values()),
        }


def bare(name: str) -> str:
    """Return `name` in lower case without anything but letters and digits."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def slug(name: str) -> str:
    """Return the file name, without ending, of the trial or marker called `name`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def find(entries: Mapping[str, S], name: str, what: str, folder: Path) -> S:
    """Return the entry called `name`, or raise an InputError that offers the nearest names."""
    if name in entries:
        return entries[name]
    by_bare_name = {bare(key): key for key in entries}
    if bare(name) in by_bare_name:
        return entries[by_bare_name[bare(name)]]
    near = [by_bare_name[b] for b in difflib.get_close_matches(bare(name), by_bare_name, n=4, cutoff=0.5)]
    offer = f"nearest: {', '.join(near)}" if near else f"`lungio evidence list` names all {len(entries)}"
    raise InputError(f"there is no {what} {name!r} in {folder}; {offer}")


def locate(loc: tuple[int | str, ...]) -> str:
    """Return a pydantic location as a path: ``readouts[3].hazard_ratio.interval``."""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path or "the whole file"


def read_file(path: Path, kind: type[S]) -> tuple[S | None, list[Finding]]:
    """Read one evidence file; without a spec when it has faults, all of which are returned."""
    name = f"{path.parent.name}/{path.name}"
    try:
        raw = read_yaml(path)
    except YamlFault as fault:
        where = "the whole file" if fault.line is None else f"line {fault.line}"
        return None, [Finding("fault", name, where, fault.problem)]
    try:
        spec = kind.model_validate(raw)
    except ValidationError as error:
        return None, [
            Finding("fault", name, locate(e["loc"]), _in_words(e["type"], e["msg"], e["input"]))
            for e in error.errors(include_url=False)
        ]
    expected = slug(str(getattr(spec, "id", path.stem)))
    if expected != path.stem:
        message = f"says {getattr(spec, 'id', '')!r}, so the file must be called {expected}.yaml"
        return None, [Finding("fault", name, "id", message)]
    return spec, []


def _in_words(kind: str, message: str, value: object) -> str:
    if kind == "extra_forbidden":
        return "unknown key; check its spelling, or remove it"
    if kind == "missing":
        return "missing; it must be given"
    message = message.removeprefix("Value error, ")
    if kind == "value_error" or isinstance(value, dict | list):
        return message
    return f"{message[:1].lower()}{message[1:]}; got {value!r}"


def read_folder(folder: Path, kind: type[S]) -> tuple[dict[str, S], list[Finding]]:
    """Read every YAML file of one kind, keyed by its `id`, with all faults of all files."""
    specs: dict[str, S] = {}
    findings: list[Finding] = []
    for path in sorted(folder.glob("*.yaml")):
        spec, faults = read_file(path, kind)
        findings += faults
        if spec is not None:
            specs[str(getattr(spec, "id", path.stem))] = spec
    return specs, findings


def read_register(folder: Path | None = None) -> tuple[Register, list[Finding]]:
    """Read what can be read of `folder`, with a finding for everything that cannot."""
    folder = DEFAULT_FOLDER if folder is None else Path(folder)
    if not (folder / TRIALS).is_dir() and not (folder / BIOMARKERS).is_dir():
        raise InputError(
            f"{folder} is not an evidence register: it has no folder {TRIALS!r} or {BIOMARKERS!r}; "
            "give the folder that holds them"
        )
    trials, trial_faults = read_folder(folder / TRIALS, TrialSpec)
    markers, marker_faults = read_folder(folder / BIOMARKERS, MarkerSpec)
    models, model_faults = read_folder(folder / MODELS, ModelSpec)
    topics, topic_faults = read_folder(folder / TOPICS, TopicSpec)
    register = Register(
        folder,
        MappingProxyType(trials),
        MappingProxyType(markers),
        MappingProxyType(models),
        MappingProxyType(topics),
    )
    return register, trial_faults + marker_faults + model_faults + topic_faults


def _fingerprint(folder: Path) -> tuple[tuple[str, int, int], ...]:
    return tuple(
        (str(path), stat.st_mtime_ns, stat.st_size) for path in _files(folder) for stat in (path.stat(),)
    )


def _files(folder: Path) -> Iterator[Path]:
    for part in (TRIALS, BIOMARKERS, MODELS, TOPICS):
        yield from sorted((folder / part).glob("*.yaml"))


@functools.lru_cache(maxsize=4)
def _cached(folder: Path, fingerprint: tuple[tuple[str, int, int], ...]) -> Register:
    register, findings = read_register(folder)
    _raise(findings)
    return register


def _raise(findings: list[Finding]) -> None:
    if findings:
        count = f"{len(findings)} fault" + "s" * (len(findings) != 1)
        raise InputError(f"the evidence has {count}:\n  " + "\n  ".join(map(str, findings)))


def load_register(folder: Path | None = None) -> Register:
    """Return the evidence register, read once for as long as no file changes.

    Parameters
    ----------
    folder : Path, optional
        Holds `trials/` and `biomarkers/`; the register that ships with lungio when left out.

    Raises
    ------
    InputError
        Naming every fault of every file, with its field.
    """
    folder = DEFAULT_FOLDER if folder is None else Path(folder).resolve()
    return _cached(folder, _fingerprint(folder))


def load_trial(name: str, folder: Path | None = None) -> TrialSpec:
    """Return one trial of the register; InputError with the nearest names if unknown."""
    return load_register(folder).trial(name)


def load_marker(name: str, folder: Path | None = None) -> MarkerSpec:
    """Return one marker of the register; InputError with the nearest names if unknown."""
    return load_register(folder).marker(name)
