"""From a cohort's config to its patients: drawn from published evidence, or read from a user's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.config import CohortChoice, find_config
from pipeline.schema import InputError, Progress
from pipeline.yaml_file import read_yaml

if TYPE_CHECKING:
    import numpy as np

    from pipeline.schema import Cohort
    from synthetic_data.cohort_spec import Plan
    from synthetic_data.population import Population


@dataclass(frozen=True)
class CohortSource:
    """A cohort's config, read and checked; no patient is drawn or read yet.

    Attributes
    ----------
    path : Path
        The config.
    patients : int, optional
        How many to draw; None for a file.
    data : Path, optional
        The file of a real cohort.
    spec : object
        ``CohortSpec`` of a simulated cohort or ``CohortMap`` of a file.
    plan : Plan, optional
        Of a simulated cohort.
    population : Population, optional
        Solved beforehand (`solved`), for whoever draws the same cohort again and again.
    """

    path: Path
    patients: int | None
    data: Path | None
    spec: Any
    plan: Plan | None
    population: Population | None = None

    @property
    def simulated(self) -> bool:
        """Whether the patients are drawn."""
        return self.plan is not None

    @property
    def name(self) -> str:
        """The cohort's short name."""
        return str(self.spec.name)

    def cohort(self, rng: np.random.Generator, label: str | None = None) -> Cohort:
        """Draw or read the patients."""
        if self.plan is None:
            from pipeline.real_cohort import read_cohort

            assert self.data is not None  # noqa: S101 - resolve() saw to it
            return read_cohort(self.spec, self.data)
        from synthetic_data.cohort import simulate_cohort

        assert self.patients is not None  # noqa: S101 - resolve() saw to it
        return simulate_cohort(self.population or self.spec, self.patients, rng, label=label)

    def solved(self) -> CohortSource:
        """Return the source with its population solved, whose patients are the same bits.

        A file has none, and a cohort that draws its evidence anew has one for each draw.
        """
        if self.plan is None or self.spec.evidence_draw == "sample":
            return self
        from synthetic_data.cohort import population_of

        return replace(self, population=population_of(self.spec))


def resolve_cohort(choice: CohortChoice, data: Path | None, field: str, command: str) -> CohortSource:
    """Read a cohort's config and everything it names, before any work.

    Parameters
    ----------
    choice : CohortChoice
    data : Path, optional
        What ``--data`` gave.
    field : str
        Where the choice stands, for messages.
    command : str
        What the user asked lungio for, e.g. "run poplar", for messages.

    Raises
    ------
    InputError
        No such cohort, a fault in its file, a trial that cannot be drawn, or a real cohort without data.
    """
    try:
        path = find_config("cohorts", choice.cohort)
    except InputError as missing:
        if choice.patients is None or not names_a_trial(choice.cohort):
            raise InputError(f"{missing}; nor is it a trial that `lungio evidence list` names") from None
        return resolve_trial(choice.cohort, choice.patients)
    if read_yaml(path).get("kind") == "file":
        from pipeline.real_cohort import read_map

        spec = read_map(path)
        if data is None:
            raise InputError(
                f"cohort {choice.cohort!r} is a real one and its patients are not part of lungio; "
                f"name their file: lungio {command} --data FILE"
            )
        if not data.is_file():
            raise InputError(f"--data {data}: there is no such file")
        if choice.patients is not None:
            raise InputError(
                f"{field}.patients: cohort {choice.cohort!r} is a file with its own patients; leave it out"
            )
        return CohortSource(path, None, data, spec, None)
    from synthetic_data.cohort_spec import plan_cohort, read_cohort_spec

    drawn = read_cohort_spec(path)
    if choice.patients is None:
        raise InputError(
            f"{field}.patients is missing: how many patients of {choice.cohort!r} are to be drawn?"
        )
    return CohortSource(path, choice.patients, None, drawn, plan_cohort(drawn))


def draw_or_read(
    sources: Mapping[str, CohortSource], rng: np.random.Generator, progress: Progress
) -> dict[str, Cohort]:
    """Return the cohorts by role, each from a stream of its own; all but "train" bear their role's name."""
    from pipeline.run.streams import stage_generator

    cohorts = {}
    for done, (role, source) in enumerate(sources.items(), start=1):
        label = None if role == "train" else f"{source.name}_{role}"
        cohorts[role] = source.cohort(stage_generator(rng, f"cohort {role}"), label)
        progress("draw or read the cohorts", done, len(sources))
    return cohorts


def with_own_rates(
    sources: Mapping[str, CohortSource], cohorts: Mapping[str, Cohort]
) -> dict[str, Cohort]:
    """Return the cohorts, each real one told the response rates that its own trial published, by arm.

    The trial is the first of the names its map says the cohort is known by that the register has. A drawn
    cohort tells its rates already.
    """
    return {
        role: cohort if sources[role].simulated else _with_rates_of_its_trial(sources[role], cohort)
        for role, cohort in cohorts.items()
    }


def _with_rates_of_its_trial(source: CohortSource, cohort: Cohort) -> Cohort:
    from dataclasses import asdict

    from synthetic_data.evidence import load_register
    from synthetic_data.response_rates import published_rate

    register = load_register()
    arms = sorted(set(map(str, cohort.observed.get("arm", ()))))
    for name in source.spec.also_known_as:
        try:
            trial = register.trial(name)
        except InputError:
            continue
        found = {arm: published_rate(trial, arm) for arm in arms}
        rates = {arm: asdict(rate) for arm, rate in found.items() if rate is not None}
        return replace(cohort, manifest={**cohort.manifest, "responses": rates})
    return cohort


def names_a_trial(name: str) -> bool:
    """Whether the register has a trial called `name`."""
    from synthetic_data.evidence import load_register

    try:
        load_register().trial(name)
    except InputError:
        return False
    return True


def resolve_trial(name: str, patients: int) -> CohortSource:
    """Return the source of a trial drawn straight from the register, every default as it is.

    Raises
    ------
    InputError
        No such trial, or one that cannot be drawn.
    """
    from synthetic_data.cohort_spec import CohortSpec, plan_cohort
    from synthetic_data.evidence import load_register
    from synthetic_data.evidence.register import TRIALS, slug

    register = load_register()
    trial = register.trial(name)
    spec = CohortSpec(name=slug(trial.id), trial=trial.id)
    path = register.folder / TRIALS / f"{slug(trial.id)}.yaml"
    return CohortSource(path, patients, None, spec, plan_cohort(spec, register))


def is_real(name: str) -> bool:
    """Whether the cohort `name` is read from a file; not so a trial; faults are for resolve_cohort."""
    try:
        return bool(read_yaml(find_config("cohorts", name)).get("kind") == "file")
    except InputError:
        return False


def resolve_simulated(config: str, n: int) -> CohortSource:
    """Return the source of a cohort that can be drawn; a real one is refused."""
    if is_real(config):
        raise InputError(f"cohort {config!r} is a real one: there is nothing to simulate")
    return resolve_cohort(CohortChoice(cohort=config, patients=n), None, "train", f"simulate {config}")
