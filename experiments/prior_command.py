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

    from pipeline.models.coefficient_prior import CoefficientPrior


def make_prior(
    config: str,
    endpoint: str,
    columns: list[str] | None,
    arm: str | None,
    draws: int,
    patients: int,
    seed: int,
    out: Path,
    console: Console,
) -> CoefficientPrior:
    """Draw cohorts, each from another sample of the evidence, and write the prior they make to `out`.

    With `arm` the prior is of that arm's patients alone, for cohorts in which everybody was treated so.

    Raises
    ------
    InputError
        `out` exists, a column the cohort lacks, or a cohort that cannot be drawn.
    """
    from pipeline.artifacts import write_json
    from pipeline.artifacts.folders import plain_os_error
    from pipeline.models.coefficient_prior import CoefficientPrior

    if out.exists():
        raise InputError(f"{out} exists already and nothing is overwritten; choose another --out")
    source = resolve_simulated(config, patients)
    arms = list(source.plan.arms) if source.plan is not None else []
    if arm is not None and arm not in arms:
        raise InputError(f"--arm: cohort {source.name!r} has no arm {arm!r}; it has {', '.join(arms)}")
    with StageProgress(console) as progress:
        cohorts = []
        for cohort in drawn_worlds(source, draws, np.random.default_rng(seed)):
            inside = (
                cohort.observed.index if arm is None else cohort.observed.index[cohort.observed["arm"] == arm]
            )
            cohorts.append(replace(cohort.take(inside), truth=None))  # many of them are held at once
            progress("draw cohorts from sampled evidence", len(cohorts), draws)
        chosen = prior_columns(cohorts[0], columns)
        of = "" if arm is None else f", arm {arm}"
        told = f"{draws} draws of {patients:,} patients of {source.name}, evidence sampled{of}, seed {seed}"
        prior = CoefficientPrior.of(cohorts, endpoint, chosen, told)
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


def drawn_worlds(source: CohortSource, draws: int, rng: np.random.Generator) -> Iterator[Cohort]:
    """Yield cohorts of `source`, each from evidence drawn anew from its published intervals."""
    from synthetic_data.cohort import simulate_cohort

    assert source.patients is not None  # noqa: S101 - resolve_simulated saw to it
    spec = source.spec.model_copy(update={"evidence_draw": "sample"})
    for child in rng.spawn(draws):
        yield simulate_cohort(spec, source.patients, child)


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
