"""The curves of a trial, published and assumed: each assumed one computed from the curve it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.schema import Floats
from synthetic_data.evidence import TrialSpec
from synthetic_data.published_figures import ENDPOINT_LABELS, treatment_ratios
from synthetic_data.survival_curves import SurvivalCurve
from synthetic_data.trial_completion import AssumedCurve, CompletedTrial
from synthetic_data.trial_curves import TrialCurves, trial_curves


def completed_curves(completed: CompletedTrial, arms: Sequence[str], accrual_months: float) -> TrialCurves:
    """Return the population curves of `arms`, and of the arms their assumed curves rest on.

    Published curves are those of `trial_curves`; hazard ratios that involve an assumed curve do not
    shape them. `figures` holds published figures only, `ratios` every published one between `arms`.
    """
    needed = _rest_on(completed, arms)
    assumed = [c for c in completed.assumed if c.arm in needed]
    if not assumed:
        return trial_curves(completed.trial, arms, accrual_months)
    keys = {(c.arm, c.endpoint) for c in assumed}
    drawn = trial_curves(_without_ratios(completed.trial, keys), needed, accrual_months)
    curves = dict(drawn.curves)
    for curve in assumed:
        curves[curve.arm, curve.endpoint] = _assumed_curve(curve, curves)
        if curve.endpoint == "pfs" or (curve.arm, "pfs") in keys:
            later = np.maximum(*(curves[curve.arm, e].cumulative_hazard for e in ("os", "pfs")))
            curves[curve.arm, "pfs"] = SurvivalCurve(curves[curve.arm, "pfs"].months, later)
        else:  # the published one holds: death cannot come before progression or death
            earlier = np.minimum(*(curves[curve.arm, e].cumulative_hazard for e in ("os", "pfs")))
            curves[curve.arm, "os"] = SurvivalCurve(curves[curve.arm, "os"].months, earlier)
    ratios = tuple(
        ratio
        for endpoint in ENDPOINT_LABELS
        for ratio in treatment_ratios(completed.trial, endpoint, arms, accrual_months)
    )
    interim = tuple(f"PFS of {arm} was lowered" for arm, endpoint in keys if endpoint == "pfs")
    return replace(
        drawn,
        notes=tuple(n for n in drawn.notes if not n.startswith(interim)) if interim else drawn.notes,
        curves={key: curve for key, curve in curves.items() if key[0] in arms},
        shapes={key: shape for key, shape in drawn.shapes.items() if key not in keys},
        figures=tuple(f for f in drawn.figures if (f.arm, f.endpoint) not in keys and f.arm in arms),
        ratios=ratios,
    )


def _rest_on(completed: CompletedTrial, arms: Sequence[str]) -> tuple[str, ...]:
    """Return `arms` and every arm that an assumed curve of theirs is computed from."""
    needed = set(arms)
    for curve in reversed(completed.assumed):  # what a curve rests on stands before it
        if curve.arm in needed and curve.rule == "hazard_ratio":
            needed.add(curve.reference)
    return tuple(a for a in completed.arms if a in needed)


def _without_ratios(trial: TrialSpec, keys: set[tuple[str, str]]) -> TrialSpec:
    labels = {(arm, ENDPOINT_LABELS[endpoint]) for arm, endpoint in keys}
    readouts = tuple(
        r.model_copy(update={"hazard_ratio": None})
        if r.contrast and {(r.contrast.experimental, r.endpoint), (r.contrast.control, r.endpoint)} & labels
        else r
        for r in trial.readouts
    )
    return trial.model_copy(update={"readouts": readouts})


def _assumed_curve(curve: AssumedCurve, curves: dict[tuple[str, str], SurvivalCurve]) -> SurvivalCurve:
    months: Floats = curves[curve.arm, curve.endpoint].months
    if curve.rule == "hazard_ratio":
        hazard = curve.factor * curves[curve.reference, curve.endpoint].hazard_to(months)
    else:
        hazard = curves[curve.arm, curve.reference].hazard_to(months / curve.factor)
    return SurvivalCurve(months, np.asarray(hazard))
