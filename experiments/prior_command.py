"""lungio prior: what published evidence says of a Cox model, as a prior that real patients then update."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.cohorts import CohortSource, resolve_simulated
from experiments.output import show
from experiments.progress import StageProgress
from pipeline.schema import Cohort, Column, InputError

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.dynamic import DynamicAnalysis, Stack
    from pipeline.models.coefficient_prior import CoefficientPrior


def named(words: str | None) -> list[str] | None:
    """Return the names in a comma-separated option; None when it was left out."""
    return None if words is None else [name.strip() for name in words.split(",")]


def make_prior(
    config: str,
    endpoint: str | None,
    study: str | None,
    columns: list[str] | None,
    series: list[str] | None,
    arm: str | None,
    draws: int,
    patients: int,
    seed: int,
    out: Path,
    console: Console,
) -> CoefficientPrior:
    """Draw cohorts, each from another sample of the evidence, and write the prior they make to `out`.

    With `study` the prior is of a landmark supermodel, at the landmarks and within the window of that
    dynamic study. With `arm` the prior is of that arm's patients alone, for cohorts in which everybody was
    treated so.

    Raises
    ------
    InputError
        `out` exists, a column or series the cohort lacks, or a cohort that cannot be drawn.
    """
    from pipeline.artifacts import write_json
    from pipeline.artifacts.folders import plain_os_error
    from pipeline.models.coefficient_prior import CoefficientPrior

    if out.exists():
        raise InputError(f"{out} exists already and nothing is overwritten; choose another --out")
    if series is not None and study is None:
        raise InputError("--series: serial measurements are for the landmarks of a study; name it by --study")
    analysis = None if study is None else study_analysis(study, endpoint)
    endpoint = analysis.endpoint if analysis is not None else endpoint or "os"
    source = resolve_simulated(config, patients)
    arms = list(source.plan.arms) if source.plan is not None else []
    if arm is not None and arm not in arms:
        raise InputError(f"--arm: cohort {source.name!r} has no arm {arm!r}; it has {', '.join(arms)}")
    of = "" if arm is None else f", arm {arm}"
    told = f"{draws} draws of {patients:,} patients of {source.name}, evidence sampled{of}, seed {seed}"
    with StageProgress(console) as progress:

        def drawn() -> Iterator[Cohort]:
            worlds = drawn_worlds(source, draws, np.random.default_rng(seed))
            for done, cohort in enumerate(worlds, start=1):
                yield without_truth(cohort, arm)
                progress("draw cohorts from sampled evidence", done, draws)

        if analysis is None:
            cohorts = list(drawn())
            prior = CoefficientPrior.of(cohorts, endpoint, prior_columns(cohorts[0], columns), told)
        else:
            prior = prior_of_landmarks(drawn(), analysis, columns, series, told)
        partial = out.with_name(f".{out.name}.partial")
        try:
            write_json(partial, prior.to_dict())
            partial.replace(out)
        except OSError as error:
            raise InputError(plain_os_error(error, out)) from error
        finally:
            partial.unlink(missing_ok=True)
    words = f"prior   {out}: {len(prior.names)} coefficients of {endpoint}, {told}"
    document = {"file": out, "made_from": told, "endpoint": endpoint, "coefficients": list(prior.names)}
    show(console, document, lambda: console.print(words, highlight=False, soft_wrap=True))
    return prior


def study_analysis(study: str, endpoint: str | None) -> DynamicAnalysis:
    """Return the settings of a dynamic study; its models, which may name the prior to be made, are not built.

    Raises
    ------
    InputError
        No such study, a fault in it, or another endpoint than the one asked for.
    """
    from experiments.config import find_config, read_spec
    from experiments.dynamic_command import DynamicExperiment

    analysis = read_spec(find_config("studies", study), DynamicExperiment).analysis
    if endpoint is not None and endpoint != analysis.endpoint:
        raise InputError(
            f"--endpoint {endpoint}: study {study!r} is of {analysis.endpoint}; leave one of the two out"
        )
    return analysis


def without_truth(cohort: Cohort, arm: str | None) -> Cohort:
    """Return the patients of `arm`, all when None, without the truth: many cohorts are held at once."""
    inside = cohort.observed.index if arm is None else cohort.observed.index[cohort.observed["arm"] == arm]
    return replace(cohort.take(inside), truth=None, events=None)


def drawn_worlds(source: CohortSource, draws: int, rng: np.random.Generator) -> Iterator[Cohort]:
    """Yield cohorts of `source`, each from evidence drawn anew from its published intervals."""
    from synthetic_data.cohort import simulate_cohort

    assert source.patients is not None  # noqa: S101 - resolve_simulated saw to it
    spec = source.spec.model_copy(update={"evidence_draw": "sample"})
    for child in rng.spawn(draws):
        yield simulate_cohort(spec, source.patients, child)


def prior_of_landmarks(
    cohorts: Iterator[Cohort],
    analysis: DynamicAnalysis,
    columns: list[str] | None,
    series: list[str] | None,
    told: str,
) -> CoefficientPrior:
    """Stack each cohort as it is drawn, and learn the prior of the landmark supermodel."""
    from pipeline.dynamic.landmark_prior import landmark_prior, stack_drawn

    chosen: list[Column] = []

    def narrowed() -> Iterator[Cohort]:
        for number, cohort in enumerate(cohorts):
            if number == 0:
                chosen.extend(prior_columns(cohort, columns))
            yield with_series(cohort, series)

    stacks = stack_drawn(narrowed(), analysis)
    return landmark_prior(stacks, [*chosen, *serial_columns(stacks[0], series)], told)


def with_series(cohort: Cohort, series: list[str] | None) -> Cohort:
    """Return the cohort with no serial measurement but `series`, each a series or one feature of one."""
    from pipeline.landmark import measured_columns
    from pipeline.landmark.series import NEW_LESION

    if series is None or cohort.visits is None:
        return cohort
    known = [*measured_columns(cohort.visits), *([NEW_LESION] if NEW_LESION in cohort.visits else [])]
    wanted = {name.partition("__")[0] for name in series}
    unknown = sorted(wanted - set(known))
    if unknown:
        raise InputError(
            f"--series: cohort {cohort.name!r} has no serial measurement "
            f"{', '.join(map(repr, unknown))}; it has {', '.join(known)}"
        )
    return replace(cohort, visits=cohort.visits.drop(columns=[c for c in known if c not in wanted]))


def serial_columns(stack: Stack, series: list[str] | None) -> list[Column]:
    """Return the stack's columns of serial measurements, those named in `series` where it is given."""
    serial = [c for c in stack.columns if c.name in stack.serial]
    if series is None:
        return serial
    known = {c.name for c in serial}
    unknown = [name for name in series if "__" in name and name not in known]
    if unknown:
        raise InputError(
            f"--series: no feature {', '.join(map(repr, unknown))}; there are {', '.join(sorted(known))}"
        )
    return [c for c in serial if c.name in series or c.name.partition("__")[0] in series]


def prior_columns(cohort: Cohort, names: list[str] | None) -> list[Column]:
    """Return the arm and the baseline columns called `names`, all of them when left out."""
    baseline = cohort.names("baseline")
    unknown = [name for name in names or [] if name not in baseline]
    if unknown:
        raise InputError(
            f"--columns: cohort {cohort.name!r} has no baseline column {', '.join(map(repr, unknown))}; "
            f"it has {', '.join(baseline)}"
        )
    wanted = set(names or baseline)
    several = "arm" in cohort.observed and cohort.observed["arm"].nunique() > 1
    return [c for c in cohort.columns if c.name in wanted or (c.role == "arm" and several)]
