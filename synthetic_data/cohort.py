"""A synthetic cohort: one spec, a size and a generator in; patients and the truth about them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.schema import ARM, OUTCOMES, Cohort, Floats, InputError, Truth
from synthetic_data.cohort_spec import CohortSpec, Plan, chosen_markers, plan_cohort
from synthetic_data.defects import add_defects
from synthetic_data.effects import conditional_log_hazards
from synthetic_data.evidence import Register, load_register
from synthetic_data.follow_up import cut_month, draw_follow_up, observe
from synthetic_data.immune_state import immune_state
from synthetic_data.markers import MarkerDraw, draw_markers
from synthetic_data.outcomes import (
    COMPLETE_SHARE,
    TOLERATED_GAP,
    ArmHazards,
    best_response,
    dependent_exponentials,
    event_months,
    response_probability,
    solve_hazards,
)
from synthetic_data.published_figures import ENDPOINT_LABELS
from synthetic_data.resistance import draw_resistance
from synthetic_data.setting import Setting
from synthetic_data.toxicity import draw_adverse_events
from synthetic_data.trajectories import Visits, VisitSource, simulate_visits


def simulate_cohort(
    spec: CohortSpec,
    n: int,
    rng: np.random.Generator,
    register: Register | None = None,
    label: str | None = None,
) -> Cohort:
    """Draw `n` patients of a trial.

    Each stage draws from a child generator of its own, so that a change to one leaves the others'
    draws as they were.

    Parameters
    ----------
    spec : CohortSpec
    n : int
        Patients, all arms together, at least 1 an arm.
    rng : Generator
    register : Register, optional
        The shipped one when left out.
    label : str, optional
        Name of the cohort and prefix of its patients' identifiers; the spec's name when left out.

    Returns
    -------
    Cohort
        With its truth and a manifest of what it was built on, what was left out and what was assumed.
    """
    register = register or load_register()
    plan = plan_cohort(spec, register)
    if n < len(plan.arms):
        raise InputError(
            f"a cohort of {len(plan.arms)} arms needs at least {len(plan.arms)} patients. Got {n} instead"
        )
    marker_rng, arm_rng, hidden_rng, time_rng, response_rng, follow_up_rng, defect_rng, *later = rng.spawn(10)
    name = label or spec.name
    patients = pd.Index([f"{name}-{i:07d}" for i in range(n)], name="patient")

    chosen = chosen_markers(spec, register)
    setting = Setting.of(plan.trial, spec.eligibility)
    draw = draw_markers(chosen, setting, n, marker_rng)
    arm = allocate(plan, n, arm_rng)
    hidden = spec.unmeasured_log_hazard_sd * hidden_rng.standard_normal(n)
    effects = {
        (endpoint, inhibitor): conditional_log_hazards(chosen, draw, endpoint, inhibitor)
        for endpoint in ENDPOINT_LABELS
        for inhibitor in {plan.trial.arm(a).has_checkpoint_inhibitor for a in plan.arms}
    }
    truth = _draw_truth(plan, arm, hidden, effects, time_rng)
    enrolled, dropout = draw_follow_up(n, spec.accrual_months, spec.dropout_per_month, follow_up_rng)
    truth.patients["enrolled_month"], truth.patients["dropout_months"] = enrolled, dropout
    month = cut_month(plan.follow_up_months, spec.accrual_months)
    watched = np.minimum(dropout, month - enrolled)
    response = _draw_response(plan, truth.patients, watched, response_rng)
    state = immune_state(draw)
    resistance = draw_resistance(plan, truth.patients, response, state, later[2])
    extra = pd.concat([state, _contributions(plan, arm, effects), resistance], axis=1)
    known = pd.concat([truth.patients, extra.set_axis(truth.patients.index)], axis=1)
    truth = replace(truth, patients=known.set_axis(patients))

    baseline = add_defects(chosen, draw, defect_rng) if spec.defects else draw.values
    observed = observe(truth.patients, month)
    observed = pd.concat(
        [
            pd.Series(pd.Categorical(arm, categories=list(plan.arms)), index=patients, name=ARM.name),
            baseline.set_axis(patients),
            observed,
            pd.Series(response, index=patients, name="best_response"),
        ],
        axis=1,
    ).loc[observed.index]
    columns = (replace(ARM, categories=plan.arms), *draw.columns, *OUTCOMES)
    account = manifest(plan, draw, effects, truth.hazards, n)
    events = None
    if spec.adverse_events:
        toxicity = draw_adverse_events(plan, register, truth.patients, observed, later[1])
        events, account["adverse_events"] = toxicity.events, toxicity.account
    cohort = Cohort(name, observed, columns, True, account, plan.control_arm, truth, events=events)
    if spec.visits is None:
        return cohort
    inhibitor = np.isin(arm, [a for a in plan.arms if plan.trial.arm(a).has_checkpoint_inhibitor])
    source = VisitSource(
        truth=truth.patients,
        response=response,
        inhibitor=inhibitor,
        values=draw.values,
        baseline=baseline,
        simulations={m.simulate.column: m.simulate for m in chosen.values() if m.simulate is not None},
        cut_month=month,
    )
    return _with_visits(cohort, simulate_visits(spec.visits, source, later[0]))


def _with_visits(cohort: Cohort, visits: Visits) -> Cohort:
    assert cohort.truth is not None  # noqa: S101 - it was drawn a moment ago
    return replace(
        cohort,
        visits=visits.observed,
        truth=replace(cohort.truth, visits=visits.true),
        manifest={**cohort.manifest, "visits": visits.account},
    )


def allocate(plan: Plan, n: int, rng: np.random.Generator) -> NDArray[np.str_]:
    """Randomise `n` patients to the arms in the trial's proportions, exactly but for rounding."""
    sizes = np.array([plan.trial.arm(a).patients or 1 for a in plan.arms], dtype=float)
    edges = np.round(np.cumsum(sizes) / sizes.sum() * n).astype(int)
    counts = np.diff(np.concatenate([[0], edges]))
    return rng.permutation(np.repeat(np.array(plan.arms), counts))


def _draw_truth(
    plan: Plan,
    arm: NDArray[np.str_],
    hidden: Floats,
    effects: Mapping[tuple[str, bool], pd.DataFrame],
    rng: np.random.Generator,
) -> Truth:
    draws = dependent_exponentials(len(arm), rng)
    patients = pd.DataFrame({"arm": arm})
    patients["unmeasured_log_hazard"] = hidden
    for column in ("os_event_months", "pfs_event_months"):
        patients[column] = np.nan
    tables = []
    for name in plan.arms:
        inhibitor = plan.trial.arm(name).has_checkpoint_inhibitor
        death, progression = (
            np.exp(effects[e, inhibitor].to_numpy().sum(axis=1) + hidden) for e in ENDPOINT_LABELS
        )
        curves = plan.curves.curves
        figures = [f.months for f in plan.curves.figures if f.arm == name and f.built_on]
        last = max(figures, default=plan.follow_up_months)
        hazards = solve_hazards(
            curves[name, "os"], curves[name, "pfs"], death, progression, plan.spec.association, last
        )
        os, pfs = event_months(hazards, death, progression, draws(hazards.association))
        patients[f"os_log_hazard[{name}]"] = np.log(death)
        patients[f"progression_log_hazard[{name}]"] = np.log(progression)
        received = arm == name
        patients.loc[received, "os_event_months"] = os[received]
        patients.loc[received, "pfs_event_months"] = pfs[received]
        tables.append(_hazard_table(name, hazards))
    return Truth(patients, pd.concat(tables, ignore_index=True))


def _hazard_table(arm: str, hazards: ArmHazards) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "arm": arm,
            "months": hazards.months,
            "os": hazards.os,
            "progression": hazards.progression,
            "association": hazards.association,
            "largest_gap": hazards.largest_gap,
        }
    )


def _draw_response(
    plan: Plan, patients: pd.DataFrame, watched: Floats, rng: np.random.Generator
) -> NDArray[np.object_]:
    """Best response of everybody enrolled by the cut; the others are in no table, and keep probability 0."""
    response = np.full(len(patients), "NE", dtype=object)
    patients["response_probability"] = 0.0
    for name, child in zip(plan.arms, rng.spawn(len(plan.arms)), strict=True):
        rows = (patients["arm"] == name).to_numpy() & (watched > 0)
        if not rows.any():
            continue
        pfs, os = (patients[f"{e}_event_months"].to_numpy()[rows] for e in ("pfs", "os"))
        rate = plan.responses[name]
        probability = response_probability(pfs, watched[rows], rate.rate, name)
        share = COMPLETE_SHARE if rate.complete_share is None else rate.complete_share
        response[rows] = best_response(probability, pfs, os, watched[rows], share, child)
        patients.loc[rows, "response_probability"] = probability
    return response


def _contributions(
    plan: Plan, arm: NDArray[np.str_], effects: Mapping[tuple[str, bool], pd.DataFrame]
) -> pd.DataFrame:
    """Each marker's contribution to the log hazard under the arm received, by endpoint.

    Where a trial has arms with and without a checkpoint inhibitor, so does what each effect modifier adds to
    its own contribution when the inhibitor is given.
    """
    inhibitor = np.isin(arm, [a for a in plan.arms if plan.trial.arm(a).has_checkpoint_inhibitor])
    parts = []
    for endpoint in ENDPOINT_LABELS:
        tables = {i: table for (e, i), table in effects.items() if e == endpoint}
        columns = list(dict.fromkeys(c for t in tables.values() for c in t.columns))
        received = {
            c: sum(
                np.where(inhibitor == i, t[c].to_numpy() if c in t else 0.0, 0.0) for i, t in tables.items()
            )
            for c in columns
        }
        parts.append(pd.DataFrame(received).add_prefix(f"{endpoint}_contribution[").add_suffix("]"))
        if set(tables) == {False, True}:
            added = tables[True].subtract(tables[False], fill_value=0.0)
            modifiers = added.loc[:, (added != 0).any()]
            parts.append(modifiers.add_prefix(f"{endpoint}_modification[").add_suffix("]"))
    return pd.concat(parts, axis=1)


def manifest(
    plan: Plan,
    draw: MarkerDraw,
    effects: Mapping[tuple[str, bool], pd.DataFrame],
    hazards: pd.DataFrame,
    patients: int,
) -> dict[str, Any]:
    """Account of how a cohort was made, ready for JSON: figures used, figures left out, assumptions."""
    trial, spec = plan.trial, plan.spec
    gaps = hazards.groupby("arm", sort=False)["largest_gap"].first()
    associations = hazards.groupby("arm", sort=False)["association"].first()
    completed = plan.completed
    assumed = [c for c in completed.assumed if c.arm in plan.arms]
    notes = [*completed.notes, *plan.curves.notes]
    notes += [c.words(completed.progression_endpoint) for c in assumed]
    notes += [
        f"progression and death of a patient on {a} are associated with parameter {theta:g} (Kendall's tau "
        f"{1 - 1 / theta:.2f}), the least that lets both published curves hold"
        for a, theta in associations.items()
        if theta > 1 and spec.association is None
    ]
    notes += [
        f"PFS of {a} falls up to {gap:.1%} below the published curve, because patients who have not "
        "progressed die faster than that curve falls"
        for a, gap in gaps.items()
        if gap > TOLERATED_GAP
    ]
    notes += [
        f"arm {a.id!r} is not drawn: no figures for both OS and PFS"
        + ("; name it under `arms` to draw it with assumed curves" if a.id in completed.arms else "")
        for a in trial.arms
        if a.id not in plan.arms
    ]
    return {
        "made_by": "lungio synthetic_data",
        "simulated": True,
        "confirmed": ["event_coding", "time_unit"],  # right by construction, however odd they look
        "trial": trial.id,
        "registry": trial.registry,
        "setting": trial.setting,
        "population": trial.main_population,
        "progression_endpoint": completed.progression_endpoint,
        "assumed_curves": [c.__dict__ for c in assumed],
        "patients": patients,
        "spec": spec.model_dump(mode="json"),
        "follow_up_months": plan.follow_up_months,
        "figures": [f.__dict__ | {"built_on": f.built_on} for f in plan.curves.figures],
        "hazard_ratios": [r.__dict__ for r in plan.curves.ratios],
        "shapes": {f"{a} {e}": round(s, 3) for (a, e), s in plan.curves.shapes.items()},
        "responses": {a: r.__dict__ for a, r in plan.responses.items()},
        "markers": draw.report,
        "effects": {
            f"{endpoint}, {'with' if inhibitor else 'without'} checkpoint inhibitor": table.attrs
            for (endpoint, inhibitor), table in effects.items()
        },
        "notes": notes,
        "sources": sorted(
            {f.source for f in plan.curves.figures} | {r.source for r in plan.responses.values()}
        ),
    }
