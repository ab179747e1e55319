"""Evidence as uncertain as it was published: curves, effects and rates drawn from their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from pipeline.schema import Floats
from synthetic_data.cohort_spec import Plan
from synthetic_data.copula import nearest_correlation
from synthetic_data.evidence import MarkerSpec, Register
from synthetic_data.evidence.marker_figures import MarkerEffect
from synthetic_data.published_figures import ENDPOINT_LABELS, Figure
from synthetic_data.response import FIRST_ASSESSMENT_MONTHS
from synthetic_data.response_rates import ResponseRate
from synthetic_data.streams import draw_key, stream
from synthetic_data.subgroup_effects import load_learnt_effects
from synthetic_data.survival_curves import SurvivalCurve
from synthetic_data.trial_completion import AssumedCurve

Z95: Final = 1.959964
# Of what is not known about OS and about PFS of one arm: both come from the same patients (assumed).
ENDPOINT_CORRELATION: Final = 0.5
LARGEST_CORRELATION: Final = 0.95  # of two arms, where a hazard ratio is narrower than its arms allow
MOST_ASSESSED: Final = 0.95  # of those free of progression at the first scan, who can respond
UNKNOWN_SIZE: Final = 100  # patients of an arm whose size is not published
UNKNOWN_RATIO_ERROR: Final = 0.15  # of a log hazard ratio without an interval, as in `published_figures`


def draw_evidence(plan: Plan, register: Register, rng: np.random.Generator) -> tuple[Plan, Register]:
    """Draw what a plan rests on from its published intervals.

    Each published curve moves as a whole on the log of its cumulative hazard, by a normal amount whose
    spread is that of the arm's median, or of its landmark rates, or of its size where neither has an
    interval. Two arms move together as far as their published hazard ratio is narrower than their
    curves' intervals say, so that both widths hold. Assumed curves move with what they rest on, and by
    their hazard ratio's own error. Response rates are drawn from their beta posterior (Jeffreys),
    published marker effects as log ratios from their intervals, and the weight of the benefit from its
    posterior and its spread between trials. What was published without an interval stays, and is counted.

    Returns
    -------
    plan : Plan
        With `evidence` saying by how much everything was moved, ready for JSON.
    register : Register
        With the drawn effects.
    """
    key = draw_key(rng)
    moved = {name: float(x) for name, x in _curve_shifts(plan, stream(key, "curves")).items()}
    curves = dict(plan.curves.curves)
    for arm in plan.arms:
        os, pfs = (curves[arm, e].cumulative_hazard * math.exp(moved[f"{arm} {e}"]) for e in ENDPOINT_LABELS)
        months = curves[arm, "os"].months
        curves[arm, "os"] = SurvivalCurve(months, os)
        # progression or death cannot come later than death
        curves[arm, "pfs"] = SurvivalCurve(months, np.maximum(os, pfs))
    responses, rates = _responses(plan, curves, stream(key, "responses"))
    markers, effects = _effects(register, stream(key, "effects"))
    weight = plan.benefit_weight
    if plan.spec.benefit_weight is None:
        learnt = load_learnt_effects()
        spread = math.hypot(learnt.weight_error, learnt.between_trials)
        weight += spread * float(stream(key, "benefit").standard_normal())
    account = {
        "mode": "sample",
        "log_cumulative_hazard_moved_by": {k: round(v, 5) for k, v in moved.items()},
        "response_rates": rates,
        "benefit_weight": round(weight, 4),
        **effects,
    }
    drawn = replace(
        plan, curves=replace(plan.curves, curves=curves), responses=responses, benefit_weight=weight,
        evidence=account,
    )  # fmt: skip
    return drawn, replace(register, markers=MappingProxyType(markers))


def _curve_shifts(plan: Plan, rng: np.random.Generator) -> dict[str, float]:
    """By how much each curve moves on the log of its cumulative hazard, by "<arm> <endpoint>"."""
    assumed = {(c.arm, c.endpoint): c for c in plan.completed.assumed if c.arm in plan.arms}
    own = rng.standard_normal((len(ENDPOINT_LABELS), len(plan.arms)))
    shared = [own[0], ENDPOINT_CORRELATION * own[0] + math.sqrt(1 - ENDPOINT_CORRELATION**2) * own[1]]
    ratio_noise = rng.standard_normal((len(ENDPOINT_LABELS), len(plan.arms)))
    shifts: dict[tuple[str, str], float] = {}
    for endpoint, normal in zip(ENDPOINT_LABELS, shared, strict=True):
        errors = np.array([curve_error(plan, arm, endpoint) for arm in plan.arms])
        root = np.linalg.cholesky(nearest_correlation(_correlations(plan, endpoint, errors)))
        for arm, shift in zip(plan.arms, errors * (root @ normal), strict=True):
            shifts[arm, endpoint] = float(shift)
    for (arm, endpoint), curve in assumed.items():  # what a curve rests on stands before it
        noise = ratio_noise[list(ENDPOINT_LABELS).index(endpoint), plan.arms.index(arm)]
        if curve.rule == "median_ratio":
            shifts[arm, endpoint] = shifts[arm, curve.reference]
        elif curve.reference in plan.arms:
            error = _ratio_error(plan, curve)
            shifts[arm, endpoint] = shifts[curve.reference, endpoint] + error * float(noise)
    return {f"{arm} {endpoint}": shift for (arm, endpoint), shift in shifts.items()}


def curve_error(plan: Plan, arm: str, endpoint: str) -> float:
    """Return the standard error of a curve's log cumulative hazard, from its published intervals."""
    curve = plan.curves.curves[arm, endpoint]
    figures = [f for f in plan.curves.figures if (f.arm, f.endpoint) == (arm, endpoint) and f.built_on]
    by_kind = {
        kind: [e for f in figures if f.kind == kind and (e := _figure_error(f, curve)) is not None]
        for kind in ("median", "landmark")
    }
    for errors in by_kind.values():
        if errors:
            return float(np.mean(errors))
    patients = plan.trial.arm(arm).patients or UNKNOWN_SIZE
    # Greenwood's, at the half that is best known, of an arm followed to there
    return math.sqrt(1 / patients) / math.log(2)


def _figure_error(figure: Figure, curve: SurvivalCurve) -> float | None:
    """On the log of the cumulative hazard; one bound does where the other was not reached."""
    bounds = [bound for bound in (figure.low, figure.high) if bound is not None and bound > 0]
    if figure.kind == "median":
        levels = [float(curve.hazard_to(bound)) for bound in bounds]
        here = math.log(2)
    else:
        levels = [-math.log(bound) for bound in bounds if bound < 1]
        here = -math.log(figure.survival)
    if len(levels) == 2:
        return abs(math.log(levels[1] / levels[0])) / (2 * Z95)
    return abs(math.log(levels[0] / here)) / Z95 if levels else None


def _correlations(plan: Plan, endpoint: str, errors: Floats) -> Floats:
    """How far the arms' curves move together, for the spread of each published hazard ratio to hold."""
    out = np.eye(len(plan.arms))
    for ratio in plan.curves.ratios:  # later cuts stand later, and win
        if ratio.endpoint != endpoint:
            continue
        i, j = plan.arms.index(ratio.experimental), plan.arms.index(ratio.control)
        covariance = (errors[i] ** 2 + errors[j] ** 2 - ratio.standard_error**2) / 2
        correlation = covariance / (errors[i] * errors[j])
        out[i, j] = out[j, i] = np.clip(correlation, -LARGEST_CORRELATION, LARGEST_CORRELATION)
    return out


def _ratio_error(plan: Plan, curve: AssumedCurve) -> float:
    """Return the standard error of the log hazard ratio an assumed curve rests on."""
    label = ENDPOINT_LABELS[curve.endpoint]
    errors = [
        r.hazard_ratio.standard_error
        for r in plan.trial.readouts
        if r.hazard_ratio is not None
        and r.contrast is not None
        and r.endpoint == label
        and {r.contrast.experimental, r.contrast.control} == {curve.arm, curve.reference}
        and math.isclose(abs(math.log(curve.factor)), abs(r.hazard_ratio.log_estimate), abs_tol=1e-9)
    ]
    return next((e for e in errors if e is not None), UNKNOWN_RATIO_ERROR)


def _responses(
    plan: Plan, curves: Mapping[tuple[str, str], SurvivalCurve], rng: np.random.Generator
) -> tuple[dict[str, ResponseRate], dict[str, float]]:
    drawn = {}
    for arm, known in plan.responses.items():
        patients = plan.trial.arm(arm).patients or UNKNOWN_SIZE
        rate = float(rng.beta(known.rate * patients + 0.5, (1 - known.rate) * patients + 0.5))
        # nobody responds who has progressed by the first scan
        most = MOST_ASSESSED * float(curves[arm, "pfs"].survival(FIRST_ASSESSMENT_MONTHS))
        drawn[arm] = known if known.rate == 0 else replace(known, rate=min(rate, most))
    return drawn, {arm: round(r.rate, 4) for arm, r in drawn.items()}


def _effects(register: Register, rng: np.random.Generator) -> tuple[dict[str, MarkerSpec], dict[str, Any]]:
    moved, kept = 0, 0
    markers = {}
    for name, marker in register.markers.items():
        if marker.simulate is not None and marker.simulate.effects:
            effects = []
            for effect in marker.simulate.effects:
                error = effect_error(register.markers, name, effect)
                noise = float(rng.standard_normal())
                moved += error is not None
                kept += error is None
                ratio = effect.ratio * math.exp((error or 0.0) * noise)
                effects.append(effect.model_copy(update={"ratio": ratio}))
            simulate = marker.simulate.model_copy(update={"effects": tuple(effects)})
            marker = marker.model_copy(update={"simulate": simulate})
        markers[name] = marker
    return markers, {"effects_drawn": moved, "effects_without_an_interval": kept}


def effect_error(markers: Mapping[str, MarkerSpec], name: str, effect: MarkerEffect) -> float | None:
    """Return the standard error of an effect's log ratio; None where no interval was published."""
    if effect.published is None:
        return None
    published: Sequence[Any] = markers[effect.published_marker or name].effects
    ratio = published[effect.published].ratio
    return None if ratio is None else ratio.standard_error
