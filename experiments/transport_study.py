"""What a transport study computes: evidence checked, models carried over, references, learning curves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from experiments.cohorts import CohortSource
from experiments.studies import Study
from experiments.transport_command import TransportExperiment
from pipeline.config import Analysis
from pipeline.evaluate import (
    ablation,
    cross_validate,
    differences,
    external,
    fit_models,
    fold_sets,
    judge,
    score,
    settle_horizons,
    validation_folds,
    whole_sets,
)
from pipeline.models import available_scores
from pipeline.real_cohort.cohort_map import CohortMap
from pipeline.run.streams import stage_generator
from pipeline.schema import ENDPOINTS, Cohort, InputError, Prediction, Progress
from pipeline.transport import align, compared, learning_curve, of_arms, patients_to_match
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import Plan, plan_cohort
from synthetic_data.evidence import Register, load_register
from synthetic_data.evidence_exclusion import SamePatients, without_patients

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SYNTHETIC, OWN, REAL = "_synthetic", "_synthetic_own", "_real"


def evidence_without_test(train: CohortSource, cohort_map: CohortMap) -> tuple[Register, pd.DataFrame]:
    """Return the register without the test cohort's figures, and every figure that patients are drawn from.

    Raises
    ------
    InputError
        When the trial to be drawn is the test cohort's own, or a figure of it is left.
    """
    patients = SamePatients.of(cohort_map.citation, cohort_map.also_known_as)
    register = load_register()
    trial = register.trial(train.spec.trial)
    if patients.named(trial.id):
        raise InputError(
            f"train: {trial.id} is the trial of the test cohort {cohort_map.name!r}; draw another one"
        )
    strict, used = without_patients(register, patients)
    if left := [u for u in without_patients(strict, patients)[1] if u.use == "excluded"]:
        raise InputError(f"evidence: {left[0].marker}, {left[0].what} is still the test cohort's own figure")
    rows = [(u.marker, u.what, u.value, u.source, u.use) for u in used]
    plan = plan_cohort(train.spec, strict)
    for figure in plan.curves.figures:
        if figure.built_on:
            if patients.named(figure.source, figure.population):
                raise InputError(
                    f"evidence: {figure.kind} of {figure.arm} ({figure.source}) is the test cohort's"
                )
            what = f"{figure.kind} of {figure.endpoint}"
            rows.append(
                (figure.arm, what, f"{figure.months:g} months, {figure.survival:.0%}", figure.source, "used")
            )
    return strict, pd.DataFrame(rows, columns=["of", "figure", "value", "source", "use"])


def transport_study(
    experiment: TransportExperiment,
    train: CohortSource,
    evidence: tuple[Register, pd.DataFrame],
    real: Cohort,
    others: dict[str, Cohort],
    rng: np.random.Generator,
    progress: Progress,
) -> Study:
    """Return scores of carried, published and cross-validated models, differences and learning curves.

    `others` are real cohorts, by name, that models are trained on as well.
    """
    register, used = evidence
    synthetic, test = _drawn(experiment, train, register, real, rng)
    pairs = {
        SYNTHETIC: (synthetic, test),
        OWN: _drawn(experiment, train, load_register(), real, rng),
    }
    for name, other in others.items():
        arms = experiment.train_real[name]
        pairs[f"_on_{other.name}"] = align(other, real, None, arms, experiment.test_arms)
    progress("draw the cohorts", 1, 1)
    everything = of_arms(real, experiment.test_arms)
    tables: dict[str, list[pd.DataFrame]] = {}
    for endpoint in experiment.endpoints:
        for name, table in _endpoint(experiment, endpoint, pairs, everything, rng, progress).items():
            if "endpoint" not in table:
                table.insert(0, "endpoint", endpoint)
            tables.setdefault(name, []).append(table)
    joined = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    joined["evidence"] = used
    joined["training"] = pd.DataFrame({
        "models": [f"…{suffix}" for suffix in pairs],
        "cohort": [pair[0].name for pair in pairs.values()],
        "shared_columns": [", ".join(pair[0].names("baseline")) for pair in pairs.values()],
        "patients": [len(pair[0]) for pair in pairs.values()],
    })  # fmt: skip
    learnt = {f"train, {name}": pairs[f"_on_{other.name}"][0] for name, other in others.items()}
    return _described(experiment, joined, {"train": synthetic, "test": test, **learnt})


def _drawn(
    experiment: TransportExperiment,
    train: CohortSource,
    register: Register,
    real: Cohort,
    rng: np.random.Generator,
) -> tuple[Cohort, Cohort]:
    plan: Plan = plan_cohort(train.spec, register)
    assert train.patients is not None  # noqa: S101 - resolve_cohort saw to it
    drawn = simulate_cohort(plan, train.patients, stage_generator(rng, "cohort train"), register)
    return align(drawn, real, stage_generator(rng, "align"), experiment.train_arms, experiment.test_arms)


def _endpoint(
    experiment: TransportExperiment,
    endpoint: str,
    pairs: dict[str, tuple[Cohort, Cohort]],
    everything: Cohort,
    rng: np.random.Generator,
    progress: Progress,
) -> dict[str, pd.DataFrame]:
    """Return the tables of one endpoint; `everything` is the test cohort with all of its columns."""
    synthetic, test = pairs[SYNTHETIC]

    def stage(name: str) -> np.random.Generator:
        return stage_generator(rng, f"{name} {endpoint}")

    wished = Analysis.model_validate(
        {
            "endpoint": endpoint,
            "models": experiment.models,
            "metrics": experiment.metrics,
            "horizons_months": experiment.horizons_months,
            "cross_validation": experiment.cross_validation,
            "bootstrap": experiment.bootstrap,
            "subgroups": (),
            "published": "none",
        }
    )
    parts = validation_folds(everything, wished, stage("cross-validation").spawn(2)[0])
    pairs = {s: pair for s, pair in pairs.items() if endpoint in pair[0].endpoints()}
    learnt = [pair[0] for suffix, pair in pairs.items() if suffix != OWN]
    settled = settle_horizons(
        wished, [*whole_sets(wished, [*learnt, test]), *fold_sets(wished, everything, parts)]
    )
    analysis = settled.analysis
    on_real = analysis.model_copy(update={"models": experiment.inside_models})
    published, _ = available_scores([everything.columns])
    carried: dict[str, Prediction] = {}
    for suffix, (cohort, seen) in pairs.items():
        drawn = suffix in (SYNTHETIC, OWN)
        fitted = fit_models(cohort, analysis if drawn else on_real, stage("fit"), progress)
        predicted = external(fitted, cohort, seen, analysis)
        carried |= {f"{name}{suffix}": p[0] for name, p in predicted.models.items()}
        if suffix == SYNTHETIC:
            whole = predicted
    # A published score has nothing to fit but its curve; that, and its medians, it takes from each fold.
    inside_analysis = analysis.model_copy(
        update={"models": {**on_real.models, **{name: {} for name in published}}}
    )
    inside = cross_validate(everything, inside_analysis, stage("cross-validation"), progress)
    renamed = compared(carried, inside)
    scored = {n.removesuffix(REAL) if n.removesuffix(REAL) in published else n: p
              for n, p in renamed.models.items()}  # fmt: skip
    both = [
        replace(whole, models={name: (p,) for name, p in carried.items()}),
        replace(renamed, models=scored),
    ]
    judgement = judge(both, analysis, stage("judge"), progress)
    against = []
    for reference in [f"{name}{REAL}" for name in experiment.inside_models]:
        table = differences(judgement, reference)
        table = table[~table["model"].str.endswith(REAL)]
        mine = table["model"].isin([*published, *(reference.removesuffix(REAL) + s for s in pairs)])
        against.append(table[mine])
    horizons = settled.table[settled.table["decides"]].drop(columns="decides")
    horizons["horizons"] = ", ".join(f"{h:g}" for h in analysis.horizons_months)
    found = {
        "scores": score(judgement),
        "differences": pd.concat(against, ignore_index=True),
        "horizons": horizons.rename(columns={"set": "shortest_followed"}),
    }
    if experiment.learning_curve is not None:
        curve = learning_curve(
            synthetic, test, endpoint, analysis.models, experiment.learning_curve,
            stage("learning curve"), progress,
        )  # fmt: skip
        found |= {"learning_curve": curve, "matched": patients_to_match(curve)}
    if experiment.ablation:
        model = next(iter(analysis.models))
        found["ablation"] = ablation(synthetic, test, analysis, model, stage("ablation"), progress)
    return found


def _described(
    experiment: TransportExperiment, tables: dict[str, pd.DataFrame], cohorts: dict[str, Cohort]
) -> Study:
    from pipeline import figures

    synthetic, test = cohorts["train"], cohorts["test"]
    drawn: dict[str, Callable[[], Figure]] = {}
    if "learning_curve" in tables:
        for endpoint in experiment.endpoints:
            part = tables["learning_curve"].query("endpoint == @endpoint")
            label = ENDPOINTS[endpoint].label
            drawn[f"learning_curve_{endpoint}"] = partial(figures.learning_curve_figure, part, label)
    cards = []
    scores = tables["scores"].query("metric == 'harrell_c' and data == 'external'")
    for row in scores[scores["model"].str.endswith(SYNTHETIC)].to_dict("records"):
        name = row["model"].removesuffix(SYNTHETIC)
        interval = f"Harrell's C on real patients, {row['low']:.3f} to {row['high']:.3f}"
        what = f"{ENDPOINTS[row['endpoint']].label}: {name} on synthetic patients"
        cards.append((what, f"{row['value']:.3f}", interval))
    counts = tables["evidence"]["use"].value_counts()
    facts: dict[str, Any] = {"shared_columns": test.names("baseline"), "figures": counts.to_dict()}
    return Study(
        title=experiment.title or experiment.name,
        lead=f"Trained on {len(synthetic):,} synthetic patients of {experiment.train.cohort}, judged on "
        f"{len(test):,} real ones; {len(test.names('baseline'))} shared columns",
        tables=tables,
        figures=drawn,
        cohorts=cohorts,
        limits=[
            "Figures of the test cohort's own patients are put aside wherever they say what a marker does or "
            "how it is distributed. What was learnt once for all trials (the shapes of survival curves, the "
            "weight of effects on benefit) is kept.",
            "Models called synthetic own were drawn with the test cohort's figures as well: they show what "
            "these would have added, and are no test.",
            "Models called on another cohort learnt from its real patients, on the columns that both have: "
            "often fewer than those that synthetic patients share.",
        ],
        cards=cards,
        facts=facts,
    )
