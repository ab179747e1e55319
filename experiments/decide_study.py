"""What a study of policies computes: value and harm, reversed triggers, prices, and trade-offs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from experiments.decide_command import Arm, PolicyStudy
from experiments.decide_variants import Variant
from experiments.studies import Study
from pipeline.decide import Action, Judging, Outcome, Policy, World, bound_words
from pipeline.run.streams import stage_generator
from pipeline.schema import ENDPOINTS, Cohort, Progress

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

REVERSED: Final = "_reversed"
VARIED_QUANTITIES: Final = ("rmst", "treated_months", "harmed", "helped")


def policy_study(
    spec: PolicyStudy,
    variants: Sequence[Variant],
    cohort: Cohort,
    others: Cohort | None,
    rng: np.random.Generator,
    progress: Progress,
) -> Study:
    """Play every strategy in the patients of `spec.arm`, hold them against each other, and vary the first.

    `others` are the patients on whom models are fitted whose predictions policies look at.
    """
    import pandas as pd

    from experiments.decide_predictions import predicted
    from pipeline.decide import (
        difference_table,
        follow,
        gather,
        net_benefit_table,
        net_value_table,
        value_table,
    )

    world = World.of(cohort, spec.arm, spec.planned_months, spec.horizon_months)
    mine = replace(cohort.take(world.patients), truth=cohort.truth)
    number = (np.arange(len(world.patients)) * spec.cohorts // len(world.patients)).tolist()

    predictions = {}
    if spec.predictions is not None and others is not None:
        models = stage_generator(rng, "predictions")
        predictions = predicted(spec.predictions, others, mine, spec.arm, models, progress)

    def play(policy: Policy, actions: Mapping[str, Action]) -> tuple[Outcome, pd.DataFrame]:
        # the same chance in every test of every policy: what differs is the policy
        known = gather(policy, mine, stage_generator(rng, "tests"), predictions)
        decisions = follow(policy, known, spec.horizon_months)
        return world.policy(decisions, actions), decisions

    outcomes: dict[str, Outcome] = {
        name: world.fixed(r.arm) if isinstance(r, Arm) else world.guided(r)
        for name, r in spec.references.items()
    }
    decisions = {}
    for done, (name, policy) in enumerate(spec.policies.items(), start=1):
        outcomes[name], decisions[name] = play(policy, spec.actions)
        progress("follow the policies", done, len(spec.policies) + 1)
    first = next(iter(spec.policies))
    outcomes[first + REVERSED], _ = play(spec.policies[first].reversed(), spec.actions)
    progress("follow the policies", len(spec.policies) + 1, len(spec.policies) + 1)

    judgings = [
        Judging(e, spec.horizon_months, spec.harm_months, spec.bootstrap.replicates, spec.bootstrap.level)
        for e in spec.endpoints
    ]
    against = dict.fromkeys((spec.fixed, *spec.references, first + REVERSED))
    values, differences = [], []
    for judging in judgings:
        draw = partial(stage_generator, rng, f"bootstrap {judging.endpoint}")
        values.append(value_table(outcomes, judging, number, draw()).assign(endpoint=judging.endpoint))
        table = difference_table(outcomes, list(against), judging, number, draw())
        differences.append(table.assign(endpoint=judging.endpoint))
    tables = {"values": pd.concat(values), "differences": pd.concat(differences)}
    shown = {k: o for k, o in outcomes.items() if not k.endswith(REVERSED)}
    tables["net_value"] = net_value_table(
        shown, spec.fixed, spec.prices, judgings[0], stage_generator(rng, "prices")
    )
    if spec.thresholds:
        chosen = {k: o.acted.astype(float) for k, o in shown.items() if o.acted.any()}
        chosen = {"everybody": np.ones(len(number))} | _escalated(spec, decisions, world) | {
            k: v for k, v in chosen.items() if k in spec.references
        }  # fmt: skip
        months = outcomes[_start(spec)].months[judgings[0].endpoint]
        tables["net_benefit"] = net_benefit_table(
            chosen, months, judgings[0], spec.thresholds, stage_generator(rng, "net benefit")
        )
    varied = []
    for done, (label, value, policy, actions) in enumerate(variants, start=1):
        both = {first: play(policy, actions)[0], spec.fixed: outcomes[spec.fixed]}
        if spec.fixed in spec.policies:  # the fixed strategy is a policy too: its actions change alike
            both[spec.fixed] = play(spec.policies[spec.fixed], actions)[0]
        table = difference_table(both, [spec.fixed], judgings[0], number, stage_generator(rng, "varied"))
        varied.append(table[table["quantity"].isin(VARIED_QUANTITIES)].assign(varied=label, setting=value))
        progress("vary the policy", done, len(variants))
    if varied:
        tables["varied"] = pd.concat(varied, ignore_index=True)
    tables |= _declared(spec, decisions, len(world.patients))
    return _described(spec, {"train": mine} | ({} if others is None else {"models": others}), tables)


def _start(spec: PolicyStudy) -> str:
    """Return the reference in which everybody stays in the arm that policies start from."""
    return next(
        (k for k, r in spec.references.items() if isinstance(r, Arm) and r.arm == spec.arm), spec.fixed
    )


def _escalated(
    spec: PolicyStudy, decisions: Mapping[str, pd.DataFrame], world: World
) -> dict[str, np.ndarray[Any, Any]]:
    """Return whom each policy gave more treatment, or another."""
    more = [k for k, a in spec.actions.items() if a.kind in ("escalate", "switch")]
    return {
        name: world.patients.isin(table.loc[table["action"].isin(more), "patient"]).astype(float)
        for name, table in decisions.items()
    }


def _declared(
    spec: PolicyStudy, decisions: Mapping[str, pd.DataFrame], patients: int
) -> dict[str, pd.DataFrame]:
    """Return what was decided when, the assumptions about actions and the rules, as tables."""
    import pandas as pd

    timing = []
    months = np.arange(0, min(spec.horizon_months, 36) + 1)
    for name, table in decisions.items():
        for rule in dict.fromkeys(r.name for r in spec.policies[name].rules):
            at = table.loc[table["rule"] == rule, "months"].to_numpy(dtype=float)
            timing += [(name, rule, m, float((at <= m).sum() / patients)) for m in months]
    assumed = [
        {
            "action": name,
            "what": a.kind,
            "hypothetical": "yes" if a.hypothetical else "no",
            "in_whom": "everybody" if a.where is None else _state(a),
            "pfs_ratio": a.ratios.pfs,
            "os_ratio": a.ratios.os,
            "pfs_ratio_elsewhere": a.elsewhere.pfs,
            "os_ratio_elsewhere": a.elsewhere.os,
            "source": a.source or "none",
            "reason": a.reason.strip(),
        }
        for name, a in spec.actions.items()
    ]
    rules = [
        (p.label, r.name, "; ".join(_words(t.model_dump(exclude_none=True)) for t in r.when), r.action)
        for name, p in spec.policies.items()
        for r in p.rules
    ]
    return {
        "timing": pd.DataFrame(timing, columns=["strategy", "rule", "months", "share"]),
        "assumed": pd.DataFrame(assumed),
        "rules": pd.DataFrame(rules, columns=["strategy", "rule", "when", "action"]),
    }


def _state(action: Action) -> str:
    where = action.where
    assert where is not None  # noqa: S101 - asked by the caller
    if where.within_months is not None:
        event = where.column.removesuffix("_event_months").upper()
        return f"true event of {event} within {where.within_months:g} months"
    among = where.equals
    bound = bound_words(where.at_least, where.below) if among is None else f"among {', '.join(among)}"
    return f"true {where.column} {bound}"


def _words(trigger: Mapping[str, Any]) -> str:
    """Return a trigger as a short phrase."""
    kind = trigger["kind"]
    if kind == "result":
        row = f", {trigger['consecutive']} in a row" if trigger["consecutive"] > 1 else ""
        turned = "turned " if trigger["conversion"] else ""
        return f"{trigger['assay']} {turned}{trigger['result']}{row}"
    if kind == "toxicity":
        immune = "immune-mediated " if trigger["immune_mediated_only"] else ""
        return f"{immune}adverse event of grade {trigger['grade_at_least']} or more"
    if kind == "progression":
        return "progression"
    what = trigger.get("column") or trigger.get("assay") or f"{kind} {trigger.get('name')}"
    what = what.replace("_", " ")
    of = "" if trigger.get("of", "value") == "value" else f" {trigger['of'].replace('_', ' ')}"
    return f"{what}{of} {bound_words(trigger.get('at_least'), trigger.get('below'))}"


def _described(spec: PolicyStudy, cohorts: Mapping[str, Cohort], tables: dict[str, pd.DataFrame]) -> Study:
    from pipeline import figures

    first = next(iter(spec.policies))
    endpoint = spec.endpoints[0]
    label = ENDPOINTS[endpoint].label.lower()
    labels = {name: r.label or name.replace("_", " ") for name, r in spec.references.items()}
    labels |= {name: p.label for name, p in spec.policies.items()}
    labels[first + REVERSED] = f"{spec.policies[first].label}, reversed"
    labels["everybody"] = "Everybody"
    main = tables["differences"].query("endpoint == @endpoint and strategy == @first")
    fixed = main[main["reference"] == spec.fixed].set_index("quantity")
    back = main[(main["reference"] == first + REVERSED) & (main["quantity"] == "rmst")].iloc[0]
    drawn: dict[str, Callable[[], Figure]] = {
        "values": partial(
            figures.strategies_figure,
            tables["differences"].query("endpoint == @endpoint"),
            spec.fixed,
            labels,
        ),
        "timing": partial(figures.decisions_figure, tables["timing"].query("strategy == @first")),
        "net_value": partial(figures.net_value_figure, tables["net_value"], labels, labels[spec.fixed]),
    }
    if "net_benefit" in tables:
        drawn["net_benefit"] = partial(figures.chosen_figure, tables["net_benefit"], labels)
    if "varied" in tables:
        drawn["varied"] = partial(figures.tradeoff_figure, tables["varied"], labels[spec.fixed])
    return Study(
        title=spec.title or spec.name,
        lead=f"{spec.policies[first].label} against {labels[spec.fixed]}: {label} to "
        f"{spec.horizon_months:g} months, {len(cohorts['train']):,} simulated patients who start in arm "
        f"{spec.arm}",
        tables=tables,
        figures=drawn,
        cohorts=cohorts,
        limits=[
            "What the actions do is hypothetical: assumed hazard ratios, stated below with their source "
            "where there is one, and varied. A value holds for these assumptions; it shows what a trial "
            "would have to find.",
            "Intervals are over patients; how uncertain the assumed effects are, the varied figures show.",
            "Strategies are compared in the same patients with the same luck (rank-preserving). Tests after "
            "an action show the course as it was drawn without it.",
        ],
        cards=[
            (
                f"{_QUANTITIES[q]}, against {labels[spec.fixed]}",
                _number(fixed.loc[[q]].iloc[0], q),
                _interval(fixed.loc[[q]].iloc[0], q),
            )
            for q in ("rmst", "treated_months", "harmed")
        ]
        + [("Months gained over the reversed policy", _number(back, "rmst"), _interval(back, "rmst"))],
        facts={
            "strategy_labels": labels,
            "fixed": spec.fixed,
            "endpoint": endpoint,
            "harm_months": spec.harm_months,
        },
    )


_QUANTITIES: Final = {
    "rmst": "Months event-free",
    "treated_months": "Months on treatment",
    "harmed": "Patients worse off",
}


def _number(row: pd.Series[Any], quantity: str) -> str:
    return f"{row['value']:.1%}" if quantity == "harmed" else f"{row['value']:+.2f}"


def _interval(row: pd.Series[Any], quantity: str) -> str:
    if quantity == "harmed":
        return f"{row['low']:.1%} to {row['high']:.1%}"
    return f"{row['low']:+.2f} to {row['high']:+.2f}"
