"""The account of how a cohort was made, ready for JSON."""

from __future__ import annotations

from typing import Any

from synthetic_data.outcomes import TOLERATED_GAP
from synthetic_data.population import Population


def manifest(population: Population, patients: int) -> dict[str, Any]:
    """Return the figures a cohort of so many patients is built on, those left out, and the assumptions."""
    plan = population.plan
    trial, spec = plan.trial, plan.spec
    gaps = {name: arm.hazards.largest_gap for name, arm in population.arms.items()}
    associations = {name: arm.hazards.association for name, arm in population.arms.items()}
    completed = plan.completed
    assumed = [c for c in completed.assumed if c.arm in plan.arms]
    notes = [*(a.words() for a in plan.hypothetical.values()), *completed.notes, *plan.curves.notes]
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
    conduct = population.conduct.account()
    for name, arm in population.arms.items():
        if arm.switch is not None:
            share, switch = arm.switch.share, arm.switch.switch
            conduct["crossover"] = {
                "arm": name,
                **share.__dict__,
                "standard_error": share.standard_error,
                "probability_of_those_who_could": switch.probability,
                "hazard_ratio_after": switch.hazard_ratio,
                "delay_months": switch.delay_months,
                "hazard_ratio_from": arm.switch_ratio.__dict__ if arm.switch_ratio else "the cohort file",
            }
            notes += list(arm.switch.refused)
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
        "responses": {
            a: r.__dict__ | {"expected": population.arms[a].expected_response}
            for a, r in plan.responses.items()
        },
        "surgery": population.surgery.account if population.surgery is not None else {},
        "markers": population.markers.report,
        "effects": {
            f"{endpoint}, {'with' if inhibitor else 'without'} checkpoint inhibitor": model.account
            for endpoint, model in population.effects.items()
            for inhibitor in sorted({arm.inhibitor for arm in population.arms.values()})
        },
        "evidence_draw": dict(plan.evidence),
        "hypothetical_arms": {n: a.model_dump(mode="json") for n, a in plan.hypothetical.items()},
        "benefit": {endpoint: model.account for endpoint, model in population.benefits.items()},
        "conduct": conduct,
        "notes": notes,
        "sources": sorted(
            {f.source for f in plan.curves.figures} | {r.source for r in plan.responses.values()}
        ),
    } | ({} if population.toxicity is None else {"adverse_events": population.toxicity.account})
