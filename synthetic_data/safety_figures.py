"""Which published safety figures an arm's adverse events are drawn from, and what is borrowed for want."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.schema import Floats
from synthetic_data.evidence import Arm, TrialSpec

NORMAL_975: Final = 1.959964


@dataclass(frozen=True)
class Target:
    """A share of patients with some adverse event: its name, and what trial files call it, best first.

    Figures of the names from `own_only` on count another thing; they serve the arm they were printed for
    and are never lent to another.
    """

    name: str
    keys: tuple[str, ...]
    own_only: int = 99
    engaging: bool = False  # only of agents that bind T cells to the tumour, or are T cells
    radiated: bool = False  # so much commoner after chest radiotherapy that arms must agree on it


TARGETS: Final[Mapping[str, Target]] = {
    t.name: t
    for t in (
        Target("immune_any", ("any_grade_immune_mediated",)),
        Target("immune_severe", ("grade3plus_immune_mediated", "grade3_4_immune_mediated")),
        Target("pneumonitis_any", ("pneumonitis_any_grade",), radiated=True),
        Target("pneumonitis_severe", ("pneumonitis_grade3plus",), radiated=True),
        Target("hypothyroidism_any", ("hypothyroidism_any_grade", "hypothyroidism")),
        Target("hyperthyroidism_any", ("hyperthyroidism_any_grade",)),
        Target("cytokine_release_any", ("cytokine_release_any_grade",), engaging=True),
        Target("cytokine_release_severe", ("cytokine_release_grade3plus",), engaging=True),
        Target("neurotoxicity_any", ("neurotoxicity_any_grade", "icans_any_grade"), engaging=True),
        Target("neurotoxicity_severe", ("neurotoxicity_grade3plus",), engaging=True),
        Target(
            "severe_any_cause",
            (
                "grade3plus_any_cause",
                "grade3_4_any_cause",
                "grade3plus_treatment_emergent",
                "grade3plus_treatment_related",
                "grade3_4_treatment_related",
            ),
            own_only=3,
        ),
    )
}
CHEST_RADIOTHERAPY: Final = frozenset(
    {"stage3_consolidation", "stage3_concurrent_crt", "ls_sclc_consolidation", "ls_sclc_concurrent_crt"}
)
NO_AGENT: Final = frozenset({"placebo", "best_supportive_care", "observation", "surgery"})
ENGAGERS: Final = frozenset({"dll3", "car_t"})
# Arms count as alike when they agree on these, the most demanding first; None asks for the same agents.
LIKENESS: Final = (
    None,
    frozenset({"checkpoint", "ctla4", "chemotherapy", "radiotherapy"}) | ENGAGERS,
    frozenset({"checkpoint", "ctla4", "chemotherapy", "radiotherapy"}),
    frozenset({"checkpoint", "ctla4", "radiotherapy"}),
    frozenset({"checkpoint", "radiotherapy"}),
    frozenset({"checkpoint"}),
)
LENDING_PATIENTS: Final = 50  # smaller arms lend no figure


@dataclass(frozen=True)
class SafetyFigure:
    """Share of an arm's patients with an adverse event; `assumed` where it is borrowed from `source`.

    Trials print no intervals of these shares: `low` and `high` are Wilson's from the arm's size, or those
    of the pooled mean.
    """

    arm: str
    target: str
    event: str  # the figure's name in the trial's file
    rate: float
    low: float
    high: float
    follow_up_months: float | None
    assumed: bool
    source: str


def arm_agents(trial: TrialSpec, arm: Arm) -> frozenset[str]:
    """Return what an arm's patients are exposed to; PD-1 and PD-L1 antibodies count as one agent."""
    agents = {"checkpoint" if c in ("pd1", "pdl1") else c for c in arm.classes if c not in NO_AGENT}
    if trial.setting in CHEST_RADIOTHERAPY:
        agents.add("radiotherapy")  # given before the trial or in it
    return frozenset(agents)


def safety_figures(trial: TrialSpec, arm: Arm, trials: Mapping[str, TrialSpec]) -> dict[str, SafetyFigure]:
    """Return an arm's safety figures by target: published, or pooled over arms like it.

    A target no arm of the register has a figure for is left out, and so is cytokine release and its
    neurotoxicity where the arm holds no agent that causes them.
    """
    engaged = bool(ENGAGERS & arm_agents(trial, arm))
    found = {}
    for target in TARGETS.values():
        if target.engaging and not engaged:
            continue
        figure = published_figure(trial, arm, target) or _borrowed(trial, arm, target, trials)
        if figure is not None:
            found[target.name] = figure
    return found


def published_figure(
    trial: TrialSpec, arm: Arm, target: Target, lending: bool = False
) -> SafetyFigure | None:
    """Return the arm's own figure at its latest follow-up, in all treated or the main population."""
    populations = (None, trial.main_population, "ITT")
    for key in target.keys[: target.own_only] if lending else target.keys:
        found = [s for s in trial.safety if s.population in populations and arm.id in s.rates.get(key, {})]
        if not found:
            continue
        latest = max(enumerate(found), key=lambda i_s: (i_s[1].follow_up_months or 0.0, i_s[0]))[1]
        rate = float(latest.rates[key][arm.id])
        low, high = wilson_interval(rate, arm.patients or 100)
        return SafetyFigure(
            arm.id, target.name, key, rate, low, high, latest.follow_up_months, False, latest.source.cite()
        )
    return None


def _borrowed(
    trial: TrialSpec, arm: Arm, target: Target, trials: Mapping[str, TrialSpec]
) -> SafetyFigure | None:
    agents = arm_agents(trial, arm)
    lenders = [
        (arm_agents(other, candidate), candidate.patients, figure.rate, f"{other.id} {candidate.id}")
        for other in trials.values()
        for candidate in other.arms
        if (candidate.patients or 0) >= LENDING_PATIENTS
        and (figure := published_figure(other, candidate, target, lending=True))
    ]
    for shared in LIKENESS:
        if target.radiated and shared is not None and "radiotherapy" not in shared:
            continue
        alike = [
            x for x in lenders if x[0] == agents or (shared is not None and x[0] & shared == agents & shared)
        ]
        if target.engaging:
            alike = [x for x in alike if x[0] & ENGAGERS == agents & ENGAGERS]
        if alike:
            rate, low, high = pooled_share(
                np.array([x[2] for x in alike]), np.array([float(x[1] or 0) for x in alike])
            )
            source = "pooled over " + ", ".join(sorted(x[3] for x in alike))
            return SafetyFigure(arm.id, target.name, target.keys[0], rate, low, high, None, True, source)
    return None


def wilson_interval(share: float, patients: float) -> tuple[float, float]:
    """Return the 95 % interval of a share of `patients` (Wilson 1927)."""
    z2 = NORMAL_975**2
    middle = (share + z2 / (2 * patients)) / (1 + z2 / patients)
    half = NORMAL_975 / (1 + z2 / patients)
    half *= np.sqrt(share * (1 - share) / patients + z2 / (4 * patients**2))
    return float(max(middle - half, 0.0)), float(min(middle + half, 1.0))


def pooled_share(shares: Floats, patients: Floats) -> tuple[float, float, float]:
    """Return the random-effects mean of shares with its 95 % interval (DerSimonian and Laird 1986).

    Parameters
    ----------
    shares, patients : array, shape (k,)
        Pooled as logits with half a patient added to either side; one share keeps its own value.
    """
    if len(shares) == 1:
        return float(shares[0]), *wilson_interval(float(shares[0]), float(patients[0]))
    adjusted = (shares * patients + 0.5) / (patients + 1.0)
    logits = np.log(adjusted / (1 - adjusted))
    weight = (patients + 1.0) * adjusted * (1 - adjusted)
    mean = (weight * logits).sum() / weight.sum()
    scale = weight.sum() - (weight**2).sum() / weight.sum()
    between = max(((weight * (logits - mean) ** 2).sum() - (len(shares) - 1)) / scale, 0.0)
    weight = 1.0 / (1.0 / weight + between)
    mean, error = (weight * logits).sum() / weight.sum(), 1.0 / np.sqrt(weight.sum())
    low, middle, high = (float(1 / (1 + np.exp(-(mean + z * error)))) for z in (-NORMAL_975, 0.0, NORMAL_975))
    return middle, low, high
