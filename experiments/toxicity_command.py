"""lungio toxicity: adverse events with competing risks, and what they say of survival."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from experiments.config import NAME_PATTERN, CohortChoice
from experiments.progress import StageProgress
from experiments.studies import Asked, Study, keep_study, print_study, training_source
from pipeline.config import Bootstrap, Spec
from pipeline.run.streams import stage_generator
from pipeline.schema import ENDPOINTS, Cohort, Progress

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.console import Console

Z95 = 1.959963984540054


class ToxicityStudy(Spec):
    """One study of adverse events."""

    name: str = Field(pattern=NAME_PATTERN)
    seed: int = Field(ge=0)
    train: CohortChoice
    endpoint: Literal["os", "pfs"] = "os"
    kinds: tuple[str, ...] | None = Field(
        None, description="events meant; every immune-mediated one if left out"
    )
    landmark_months: float = Field(3, gt=0)
    horizons_months: tuple[float, ...] = Field((3, 6, 12), min_length=1)
    cross_validation_folds: int = Field(5, ge=2, le=20)
    bootstrap: Bootstrap = Bootstrap()
    title: str | None = None


def run_toxicity(asked: Asked, console: Console) -> Path:
    """Carry out a study of adverse events and return its folder."""
    spec = asked.read(ToxicityStudy)
    folder, started = asked.folder(spec.name)
    source = training_source(spec.train, asked.data, asked.command)
    rng = np.random.default_rng(spec.seed)
    with StageProgress(console) as progress:
        cohort = source.cohort(stage_generator(rng, "cohort train"))
        progress("draw or read the cohorts", 1, 1)
        study = toxicity_study(spec, cohort, stage_generator(rng, "toxicity"), progress)
        page = keep_study("toxicity", spec, study, folder, started, progress, asked.report)

    def draw() -> None:
        for row in study.tables["contrasts"].to_dict("records"):
            ratio = (
                f"{row['hazard_ratio']:.2f} ({row['hazard_ratio_low']:.2f} to {row['hazard_ratio_high']:.2f})"
            )
            console.print(f"{row['method']:<28}{ratio}", highlight=False)

    print_study(console, folder, page, {"contrasts": study.tables["contrasts"]}, draw)
    return folder


def toxicity_study(
    spec: ToxicityStudy, cohort: Cohort, rng: np.random.Generator, progress: Progress
) -> Study:
    """Return contrasts by each method, incidence, and how well models tell who has an event."""
    import pandas as pd

    from pipeline.toxicity import (
        METHODS,
        competing_outcome,
        contrast,
        cross_validated_risk,
        cumulative_incidence,
        onsets_of,
    )

    onsets = onsets_of(cohort, spec.endpoint, spec.kinds)
    methods = [m for m in METHODS if spec.endpoint == "os" or not m.endswith("progression")]
    rows = []
    for done, method in enumerate(methods, start=1):
        log_ratio, error = contrast(onsets, method, spec.landmark_months)
        ends = np.exp(log_ratio + np.array([0.0, -Z95, Z95]) * error)
        rows.append((method, *ends, log_ratio, error))
        progress("contrasts", done, len(methods))
    names = [
        "method",
        "hazard_ratio",
        "hazard_ratio_low",
        "hazard_ratio_high",
        "log_hazard_ratio",
        "standard_error",
    ]
    contrasts = pd.DataFrame(rows, columns=names)
    incidence = cumulative_incidence(cohort, spec.kinds)
    sizes = {"all": len(cohort)} if "arm" not in cohort.observed else cohort.observed["arm"].value_counts()
    incidence["patients"] = [int(sizes[a]) for a in incidence["arm"]]
    months, cause = competing_outcome(cohort, spec.kinds)
    columns = [c for c in cohort.columns if c.role in ("arm", "baseline")]
    risk = cross_validated_risk(
        cohort, months, cause, columns, spec.horizons_months, spec.cross_validation_folds, rng,
        spec.bootstrap.replicates, progress,
    )  # fmt: skip
    return _described(spec, cohort, contrasts, incidence, risk, int((cause == 1).sum()))


def _described(
    spec: ToxicityStudy,
    cohort: Cohort,
    contrasts: pd.DataFrame,
    incidence: pd.DataFrame,
    risk: pd.DataFrame,
    with_event: int,
) -> Study:
    from pipeline import figures
    from pipeline.toxicity import METHODS

    endpoint = ENDPOINTS[spec.endpoint].label
    label = "an immune-mediated event" if spec.kinds is None else " or ".join(spec.kinds).replace("_", " ")
    by_method = contrasts.set_index("method")
    limits = [
        "A hazard ratio of patients with an adverse event against those without is not the effect of the "
        "event: what makes a patient prone to one may act on survival by itself.",
    ]
    if cohort.simulated:
        limits.insert(
            0, "Adverse events were drawn so that they act on nobody's survival: the true hazard ratio is 1."
        )
    drawn: dict[str, Callable[[], Figure]] = {
        "contrasts": partial(figures.contrasts_figure, contrasts, METHODS, endpoint),
        "incidence": partial(figures.incidence_figure, incidence, label),
    }

    def card(method: str, what: str) -> tuple[str, str, str]:
        row = by_method.loc[method]
        return (
            what,
            f"{row['hazard_ratio']:.2f}",
            f"{row['hazard_ratio_low']:.2f} to {row['hazard_ratio_high']:.2f}",
        )

    return Study(
        title=spec.title or spec.name,
        lead=f"{label.capitalize()} and {endpoint.lower()}; {len(cohort):,} patients, "
        f"{with_event:,} with an event while treated",
        tables={"contrasts": contrasts, "incidence": incidence, "risk": risk},
        figures=drawn,
        cohorts={"train": cohort},
        limits=limits,
        cards=[
            card("ever_v_never", "Ever v never (wrong)"),
            card("time_dependent", "Time-dependent"),
            card("landmark", f"Landmark at {spec.landmark_months:g} months"),
        ],
        facts={"methods": dict(METHODS)},
    )
