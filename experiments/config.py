"""One run, described completely: seed, cohorts, analysis, report and tracking, all in one file."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError, field_validator

from pipeline.config import Analysis, Spec
from pipeline.schema import InputError
from pipeline.yaml_file import read_yaml

CONFIGS: Final = Path(__file__).resolve().parents[1] / "configs"
Kind = Literal["experiments", "cohorts", "measurements", "studies", "sweeps"]
NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
S = TypeVar("S", bound=BaseModel)


class CohortChoice(Spec):
    """Which cohort, and how many patients to draw when it is simulated."""

    cohort: str = Field(min_length=1, description="a name in configs/cohorts, or the path of such a file")
    patients: int | None = Field(None, ge=1, description="patients to draw; a file brings its own")


class ExternalChoice(Spec):
    """The cohort that no fitting sees: a fresh draw of the training cohort unless another is named."""

    cohort: str | None = Field(None, min_length=1)
    patients: int | None = Field(None, ge=1)

    def after(self, train: CohortChoice) -> CohortChoice:
        """Return the choice with what it leaves out taken from the training cohort."""
        return CohortChoice(cohort=self.cohort or train.cohort, patients=self.patients or train.patients)


class Report(Spec):
    """What the report shows."""

    title: str | None = Field(None, description="the run's name when left out")
    notes: str = Field("", description="a paragraph of your own, shown under the title")


class Tracking(Spec):
    """Where the run is filed."""

    experiment: str = Field("lungio", min_length=1, description="name of the MLflow experiment")


class Experiment(Spec):
    """Everything that decides a run's numbers, and two things that do not: report and tracking."""

    name: str = Field(pattern=NAME_PATTERN, description="used in the run folder's name")
    seed: int = Field(ge=0)
    train: CohortChoice
    external: ExternalChoice | None = None
    analysis: Analysis = Analysis()
    report: Report = Report()
    tracking: Tracking = Tracking()

    @field_validator("name", mode="before")
    @classmethod
    def _name_is_text(cls, value: object) -> object:
        return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

    def with_changes(self, *, patients: int | None = None, seed: int | None = None) -> Experiment:
        """Return the experiment with the command line's numbers in place of the file's."""
        return with_changes(self, patients=patients, seed=seed)

    def external_choice(self) -> CohortChoice | None:
        """Return the external cohort with what it leaves out taken from the training cohort."""
        return None if self.external is None else self.external.after(self.train)


def with_changes(
    spec: S, *, patients: int | None = None, seed: int | None = None, replicates: int | None = None
) -> S:
    """Return a spec with the command line's numbers in place of the file's, checked as the file was."""
    changed: dict[str, Any] = spec.model_dump()
    if seed is not None:
        changed["seed"] = seed
    if replicates is not None:
        changed["replicates"] = replicates
    if patients is not None:
        changed["train"]["patients"] = patients
        if changed.get("external") is not None:
            changed["external"]["patients"] = patients
    return type(spec).model_validate(changed)


def read_experiment(name_or_path: str) -> Experiment:
    """Read an experiment from a shipped name ("keynote_189") or a path.

    Raises
    ------
    InputError
        When there is no such file, it is not YAML, or a field is unknown or wrong: every fault at once.
    """
    path = find_config("experiments", name_or_path)
    return read_spec(path, Experiment)


def find_config(kind: Kind, name_or_path: str) -> Path:
    """Return the path of a config given by shipped name or by path.

    A bare name means the file of that name in ``configs/<kind>``; anything else is a path. Case, spaces and
    dashes of a name are forgiven: ``KEYNOTE-189`` finds ``keynote_189.yaml``.
    """
    given = Path(name_or_path).expanduser()
    if given.is_file():
        return given
    shipped = {_plain(p.stem): p for p in sorted((CONFIGS / kind).glob("*.yaml"))}
    bare = given.parent == Path() and given.suffix not in (".yaml", ".yml")
    if bare and _plain(name_or_path) in shipped:
        return shipped[_plain(name_or_path)]
    what = {"studies": "study"}.get(kind, kind.removesuffix("s"))
    if given.is_dir():
        raise InputError(f"{name_or_path} is a folder; give the {what}'s YAML file")
    names = [p.stem for p in shipped.values()]
    near = difflib.get_close_matches(_plain(given.stem), shipped, n=2, cutoff=0.5)
    offered = [shipped[key].stem for key in near]
    beside = _files_like(given)
    hint = f"did you mean {' or '.join([*beside, *offered])}?" if beside or offered else ""
    a_file = given.suffix in (".yaml", ".yml")
    known = "there is no such file" if a_file else f"shipped are {', '.join(names)}" if names else ""
    raise InputError(f"no {what} {name_or_path!r}" + "".join(f"; {h}" for h in (hint, known) if h))


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def _files_like(path: Path) -> list[str]:
    if not path.parent.is_dir():
        return []
    found = {p.name: p for p in path.parent.glob("*.y*ml")}
    return [str(found[n]) for n in difflib.get_close_matches(path.name, found, n=2, cutoff=0.5)]


def read_spec(path: Path, kind: type[S]) -> S:
    """Read one frozen spec; every fault is one plain line naming file and field."""
    content = read_yaml(path)
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise InputError("\n".join(f"{path}: {line}" for line in plain_lines(error, kind))) from error


def plain_lines(error: ValidationError, kind: type[BaseModel]) -> list[str]:
    """Say each fault of a pydantic error as "field: what, got, remedy"."""
    lines = []
    for fault in error.errors():
        field = ".".join(str(part) for part in fault["loc"]) or "(whole file)"
        lines.append(f"{field}: {_sentence(fault, kind)}")
    return list(dict.fromkeys(lines))


def _sentence(fault: Mapping[str, Any], kind: type[BaseModel]) -> str:
    match fault["type"]:
        case "extra_forbidden":
            known = sorted(_keys_beside(kind, fault["loc"]))
            near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            return f"unknown key; {hint}"
        case "missing":
            return "is missing"
        case "value_error":
            return str(fault["ctx"]["error"])
        case "too_short":
            return "must not be empty"
        case "model_type":
            return f"must hold 'key: value' lines. Got {fault.get('input')!r} instead"
        case _:
            said = str(fault["msg"])
            said = said.replace("Input should be", "must be", 1).replace("Input ", "", 1)
            got = fault.get("input")
            short = repr(got) if isinstance(got, str | int | float | bool | None) else type(got).__name__
            return f"{said[:1].lower()}{said[1:]}. Got {short} instead"


def _keys_beside(kind: type[BaseModel], place: Iterable[int | str]) -> set[str]:
    """Keys that could have been written where the unknown key at `place` stands."""
    models: list[type[BaseModel]] = [kind]
    for part in list(place)[:-1]:
        fields = [m.model_fields[str(part)].annotation for m in models if str(part) in m.model_fields]
        if fields:
            models = [model for annotation in fields for model in _models_in(annotation)]
    return {name for model in models for name in model.model_fields}


def path_fault(path: str, kind: type[BaseModel]) -> str | None:
    """Say why a dotted path such as ``analysis.bootstrap.replicates`` names nothing of `kind`, or None.

    Below a free mapping, such as the options of a model, any key is taken: whoever reads it judges it.
    """
    models: list[type[BaseModel]] = [kind]
    walked: list[str] = []
    for part in path.split("."):
        known = {name: model.model_fields[name].annotation for model in models for name in model.model_fields}
        if part not in known:
            within = f" in {'.'.join(walked)!r}" if walked else ""
            if not known:
                return f"{'.'.join(walked)!r} is a value and holds no key {part!r}"
            near = difflib.get_close_matches(part, known, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
            return f"no key {part!r}{within}; {hint}"
        walked.append(part)
        if get_origin(known[part]) in (dict, Mapping):
            return None
        models = _models_in(known[part])
    return None


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, types.UnionType, list, tuple, dict, Mapping):
        return [model for part in get_args(annotation) for model in _models_in(part)]
    return []
