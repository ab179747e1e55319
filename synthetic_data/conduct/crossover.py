"""What is published on crossover: how many control patients switch, and what it does for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from pydantic import Field

from pipeline.schema import Column, Floats, InputError
from synthetic_data.evidence import Register, TrialSpec
from synthetic_data.evidence.crossover import CrossoverShare
from synthetic_data.evidence.trials import CHECKPOINT_INHIBITORS
from synthetic_data.evidence.values import Spec
from synthetic_data.published_figures import recency
from synthetic_data.survival_curves import GRID_MONTHS

SECOND_LINE: Final[Mapping[str, str]] = {"sclc": "sclc_2L"}  # others: metastatic_2L
PREFERRED: Final[tuple[CrossoverShare, ...]] = (
    "in_any_way", "on_study", "of_those_progressed", "of_those_with_pfs_event",
)  # fmt: skip

CROSSOVER: Final = (
    Column("crossed_over", "post_baseline", "boolean", "Received a checkpoint inhibitor after progression"),
    Column("crossover_months", "post_baseline", "number", "Crossover", "months", low=0),
)


class CrossoverSpec(Spec):
    """The `crossover` block of a cohort file; each left out is taken from the register.

    `share` is that of all control patients by `by_months` of median follow-up (the cohort's own when
    left out). `hazard_ratio` is of death after the switch, against no switch. `delay_months` runs from
    progression to the switch.
    """

    share: Annotated[float, Field(gt=0, lt=1)] | None = None
    by_months: Annotated[float, Field(gt=0, le=180)] | None = None
    hazard_ratio: Annotated[float, Field(gt=0, le=3)] | None = None
    delay_months: Annotated[float, Field(ge=GRID_MONTHS, le=12)] = Field(1.0, description="assumed")


@dataclass(frozen=True)
class PublishedShare:
    """The share of control patients who switch, as a cohort is to show it."""

    name: CrossoverShare
    value: float
    follow_up_months: float
    source: str
    patients: int | None = None  # it was counted in

    @property
    def standard_error(self) -> float | None:
        """Of the published share, where its denominator is known."""
        if self.patients is None:
            return None
        return math.sqrt(self.value * (1 - self.value) / self.patients)


@dataclass(frozen=True)
class PooledRatio:
    """Hazard ratios of several trials as one: DerSimonian and Laird's random-effects mean."""

    estimate: float
    low: float
    high: float
    trials: Mapping[str, float]


def published_shares(trial: TrialSpec, spec: CrossoverSpec, follow_up_months: float) -> list[PublishedShare]:
    """Return the crossover shares that could be met: the spec's, else the trial's, the widest first.

    Raises
    ------
    InputError
        When neither the spec nor the trial gives a share.
    """
    if spec.share is not None:
        return [
            PublishedShare("in_any_way", spec.share, spec.by_months or follow_up_months, "the cohort file")
        ]
    found = []
    published = trial.crossover
    for name in PREFERRED:
        value = published.share(name) if published is not None else None
        if published is None or value is None:
            continue
        months = spec.by_months or published.follow_up_months.get(name, follow_up_months)
        source = published.source.cite() if published.source else "the sources of the trial's readouts"
        count = published.counts.get(name)
        found.append(PublishedShare(name, value, months, source, count.of if count else None))
    if not found:
        raise InputError(
            f"crossover: no share is published for trial {trial.id}; give `share`, that of control patients "
            "who later receive a checkpoint inhibitor"
        )
    return found


def post_switch_ratio(register: Register, histology: str) -> PooledRatio:
    """Pool the overall-survival hazard ratios of checkpoint inhibitors against chemotherapy, second line.

    Each randomised trial of an antibody against PD-1, PD-L1 or CTLA-4 alone gives the latest ratio of
    its main population. Trials of the same histology, or of all histologies together, count.
    """
    setting = SECOND_LINE.get(histology, "metastatic_2L")
    wanted = {histology, "nsclc"} if histology in {"squamous", "nonsquamous"} else {histology}
    found: dict[str, tuple[float, float]] = {}
    for trial in register.trials.values():
        if trial.setting != setting or trial.pooled or not wanted & {trial.histology}:
            continue
        for readout in sorted(trial.main_readouts("OS"), key=lambda r: recency(trial, r)):
            contrast, ratio = readout.contrast, readout.hazard_ratio
            if contrast is None or contrast.kind != "treatment" or ratio is None or not ratio.standard_error:
                continue
            treated, control = trial.arm(contrast.experimental), trial.arm(contrast.control)
            if set(treated.classes) <= CHECKPOINT_INHIBITORS and not control.has_checkpoint_inhibitor:
                found[trial.id] = (ratio.log_estimate, ratio.standard_error)
    if not found:
        raise InputError(
            f"crossover: the register has no second-line trial of a checkpoint inhibitor alone in "
            f"{histology}; give `hazard_ratio`, of death after the switch"
        )
    mean, error = random_effects(*np.array(list(found.values())).T)
    low, high = math.exp(mean - 1.96 * error), math.exp(mean + 1.96 * error)
    return PooledRatio(math.exp(mean), low, high, {name: math.exp(b) for name, (b, _) in found.items()})


def random_effects(estimates: Floats, errors: Floats) -> tuple[float, float]:
    """Mean and standard error of DerSimonian and Laird (Control Clin Trials 1986;7:177)."""
    weight = errors**-2
    fixed = float(weight @ estimates / weight.sum())
    excess = float(weight @ (estimates - fixed) ** 2) - (len(estimates) - 1)
    between = max(excess / float(weight.sum() - (weight @ weight) / weight.sum()), 0.0)
    weight = 1 / (errors**2 + between)
    return float(weight @ estimates / weight.sum()), float(weight.sum() ** -0.5)
