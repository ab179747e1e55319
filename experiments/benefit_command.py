"""lungio benefit: prognostic or predictive? Who gains from one arm of a randomised cohort over another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from experiments.config import NAME_PATTERN, CohortChoice
from experiments.output import estimate_words
from experiments.progress import StageProgress
from experiments.studies import Asked, Study, keep_study, print_study, training_source
from pipeline.config import Bootstrap, Spec
from pipeline.run.streams import stage_generator
from pipeline.schema import ENDPOINTS, Cohort, InputError, Progress, outcome

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.console import Console

    from pipeline.benefit import BenefitScores


class BenefitStudy(Spec):
    """One study of benefit. `markers` maps a numeric column to the cut that divides it, or to null."""

    name: str = Field(pattern=NAME_PATTERN)
    seed: int = Field(ge=0)
    train: CohortChoice
    endpoint: Literal["os", "pfs"] = "os"
    treated: str
    control: str
    horizon_months: float = Field(12, gt=0)
    quantities: tuple[Literal["survival", "rmst"], ...] = Field(("survival", "rmst"), min_length=1)
    base: Literal["cox", "rsf"] = "cox"
    base_options: dict[str, Any] = {}
    learners: tuple[Literal["s_learner", "t_learner", "x_learner"], ...] = Field(
        ("s_learner", "t_learner", "x_learner"), min_length=1
    )
    groups: int = Field(3, ge=2, le=10)
    markers: dict[str, float | None] = {}
    folds: int = Field(
        5, ge=2, le=20, description="judged one after the other by what the earlier ones taught"
    )
    bootstrap: Bootstrap = Bootstrap(replicates=500)
    title: str | None = None


def run_benefit(asked: Asked, console: Console) -> Path:
    """Carry out a study of benefit and return its folder."""
    spec = asked.read(BenefitStudy)
    source = training_source(spec.train, asked.data, asked.command)
    rng = np.random.default_rng(spec.seed)
    with StageProgress(console) as progress:
        cohort = source.cohort(stage_generator(rng, "cohort train"))
        check_study(spec, cohort)
        folder, started = asked.folder(spec.name)
        progress("draw or read the cohorts", 1, 1)
        study = benefit_study(spec, cohort, stage_generator(rng, "benefit"), progress)
        page = keep_study("benefit", spec, study, folder, started, progress, asked.report)

    def draw() -> None:
        for row in study.tables["measures"].to_dict("records"):
            console.print(
                f"{row['quantity']:<10}{row['learner']:<14}{row['measure']:<15}{estimate_words(row)}",
                highlight=False,
            )

    print_study(console, folder, page, {"measures": study.tables["measures"]}, draw)
    return folder


def check_study(spec: BenefitStudy, cohort: Cohort) -> None:
    """Raise one InputError that names every fault of the study before such a cohort."""
    from pipeline.benefit import Question, randomised
    from pipeline.evaluate import unusable

    faults = []
    numbers = [c.name for c in cohort.columns if c.role == "baseline" and c.kind == "number"]
    unknown = sorted(set(spec.markers) - set(numbers))
    if unknown:
        faults.append(
            f"markers: cohort {cohort.name!r} has no number {', '.join(map(repr, unknown))}; it has "
            f"{', '.join(numbers)}"
        )
    try:
        both = randomised(cohort, Question(spec.endpoint, spec.treated, spec.control, spec.horizon_months))
    except InputError as error:
        faults.append(str(error))
    else:
        y = outcome(both.observed, spec.endpoint)
        for arm in (spec.treated, spec.control):
            rows = (both.observed["arm"].astype(str) == arm).to_numpy()
            why = unusable(y[rows], spec.horizon_months)
            if why:
                faults.append(f"horizon_months: {spec.horizon_months:g} cannot be judged in arm {arm}: {why}")
    if faults:
        raise InputError(f"study {spec.name!r}: " + "; ".join(faults))


def benefit_study(spec: BenefitStudy, cohort: Cohort, rng: np.random.Generator, progress: Progress) -> Study:
    """Return measures of every learner, groups by predicted benefit, benefit curves and markers."""
    import pandas as pd

    from pipeline.benefit import (
        Question,
        benefit_curve,
        benefit_groups,
        judge_benefit,
        randomised,
        sequential_benefit,
    )

    level = spec.bootstrap.level
    tables: dict[str, list[pd.DataFrame]] = {"measures": [], "groups": [], "curves": []}
    for quantity in spec.quantities:
        question = Question(
            spec.endpoint, spec.treated, spec.control, spec.horizon_months, quantity, spec.base,
            spec.base_options,
        )  # fmt: skip
        scores = sequential_benefit(
            cohort, question, spec.learners, spec.folds, stage_generator(rng, "learn"), progress
        )
        groups = benefit_groups(
            scores, spec.groups, spec.bootstrap.replicates, level, stage_generator(rng, "groups")
        )
        for name, table in (
            ("measures", judge_benefit(scores, level)),
            ("groups", groups),
            ("curves", benefit_curve(scores)),
        ):
            table.insert(0, "quantity", quantity)
            tables[name].append(table)
    joined = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    both = randomised(cohort, question)
    joined["scores"] = score_table(spec, both, scores)
    joined["marker_groups"] = marker_groups(spec, both, stage_generator(rng, "marker groups"))
    return _described(spec, both, scores, joined)


def score_table(spec: BenefitStudy, both: Cohort, scores: BenefitScores) -> pd.DataFrame:
    """Return prognosis and interaction with treatment of the control risk and every marker, with Holm."""
    import pandas as pd

    from pipeline.benefit import treatment_interaction
    from pipeline.evaluate import holm

    judged = outcome(scores.cohort.observed, spec.endpoint)
    risk = treatment_interaction(judged, scores.treated, scores.rank["control_risk"], spec.bootstrap.level)
    lines = [{"score": "control_risk", "scale": "rank, of patients not learnt from"} | risk]
    y, treated = outcome(both.observed, spec.endpoint), _treated(spec, both)
    for name, cut in spec.markers.items():
        values = both.observed[name].to_numpy(dtype=float)
        column = both.column(name)
        scale = "per standard deviation"
        if cut is not None:
            values, scale = np.where(np.isfinite(values), values >= cut, np.nan), f"at least {cut:g} v below"
            spread = float(np.nanstd(values))
        elif column.positive:
            least = np.nanmin(values[values > 0])
            values, scale = np.log(np.maximum(values, least)), "per standard deviation of the logarithm"
        found = treatment_interaction(y, treated, values, spec.bootstrap.level)
        if cut is not None and "interaction" in found:  # per step from below to above, not per deviation
            keys = [k for k in found if k.startswith(("prognostic", "interaction"))]
            found |= {k: float(found[k] ** (1 / spread)) for k in keys}
        lines.append({"score": name, "scale": scale} | found)
    table = pd.DataFrame(lines)
    return table.assign(p_holm=holm(table["p"].fillna(1.0).to_numpy()))


def marker_groups(spec: BenefitStudy, both: Cohort, rng: np.random.Generator) -> pd.DataFrame:
    """Return the effect of treatment below and above each marker's cut (thirds where there is none)."""
    import pandas as pd

    from pipeline.benefit import benefit_by_score

    y, treated = outcome(both.observed, spec.endpoint), _treated(spec, both)
    tables = []
    for (name, cut), child in zip(spec.markers.items(), rng.spawn(len(spec.markers)), strict=True):
        values = both.observed[name].to_numpy(dtype=float)
        known = np.isfinite(values)
        cuts = np.quantile(values[known], [1 / 3, 2 / 3]) if cut is None else np.array([cut])
        group = np.where(known, np.searchsorted(cuts, values, side="right"), -1)
        table = benefit_by_score(
            y, treated, group, spec.horizon_months, spec.bootstrap.replicates, spec.bootstrap.level, child
        )
        words = [f"below {cuts[0]:g}"]
        words += [f"{low:g} to below {high:g}" for low, high in pairwise(cuts)]
        words.append(f"at least {cuts[-1]:g}")
        table["group"] = [words[k] for k in table["group"]]
        table.insert(0, "score", name)
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _treated(spec: BenefitStudy, both: Cohort) -> NDArray[np.bool_]:
    return (both.observed["arm"].astype(str) == spec.treated).to_numpy(dtype=bool)


def _described(
    spec: BenefitStudy, both: Cohort, scores: BenefitScores, tables: dict[str, pd.DataFrame]
) -> Study:
    from pipeline import figures

    first = tables["measures"].query("quantity == @spec.quantities[0] and measure == 'qini'")
    limits = [
        "A single trial seldom has the patients to show who gains more: an interval that holds nothing is no "
        "proof that all gain alike.",
    ]
    if "truth" in scores.benefit:
        limits.append("`truth` is the benefit each simulated patient was given, which no learner can know.")
    drawn: dict[str, Callable[[], Figure]] = {
        "benefit_curve": partial(
            figures.benefit_curve_figure,
            tables["curves"],
            spec.horizon_months,
            ENDPOINTS[spec.endpoint].label,
        ),
        "benefit_groups": partial(figures.benefit_groups_figure, tables["groups"], spec.horizon_months),
    }
    return Study(
        title=spec.title or spec.name,
        lead=f"{spec.treated} v {spec.control}: {ENDPOINTS[spec.endpoint].label.lower()} to "
        f"{spec.horizon_months:g} months, {len(both):,} randomised patients, "
        f"learners judged on {len(scores.cohort):,}",
        tables={name: table for name, table in tables.items() if len(table)},
        figures=drawn,
        cohorts={"train": both},
        limits=limits,
        cards=[
            (f"Qini, {row['learner'].replace('_', ' ')}", f"{row['value']:.3f}",
             f"{row['low']:.3f} to {row['high']:.3f}; 0 says nothing of who gains")
            for row in first.to_dict("records")
        ],
    )  # fmt: skip
