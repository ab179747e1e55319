"""One addition under one assumed concentration: its patients, what they gain by threshold, trials drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from experiments.cohorts import CohortSource, resolve_simulated
from experiments.enrich_command import EnrichStudy
from experiments.replicates import Task
from pipeline.enrich import ORACLE, FittedSignature, Plan, Signature, enrolled, positive
from pipeline.run.streams import stage_generator
from pipeline.schema import Cohort, Floats, InputError
from synthetic_data.cohort import population_of, simulate_cohort
from synthetic_data.cohort_spec import CohortSpec
from synthetic_data.evidence import load_register
from synthetic_data.population import Population
from synthetic_data.safety_figures import NORMAL_975
from synthetic_data.survival_curves import SurvivalCurve, cox_hazard_ratio, follow_up_distribution
from synthetic_data.treatments import HypotheticalArm

STEP_MONTHS: Final = 0.5
TRIALS_A_TASK: Final = 10
SPARE: Final = 1.25  # patients drawn beyond those expected to be needed, for trials to be full


@dataclass(frozen=True)
class Scenario:
    """Patients drawn under one assumption, with the truth under both arms.

    Attributes
    ----------
    population : Population
    arm : HypotheticalArm
    cohort : Cohort
        The reference patients: percentiles of signatures are theirs.
    """

    population: Population
    arm: HypotheticalArm
    cohort: Cohort

    @property
    def follow_up(self) -> tuple[float, float]:
        """Earliest and latest potential follow-up, months."""
        plan = self.population.plan
        return follow_up_distribution(plan.follow_up_months, plan.spec.accrual.months)

    def fitted(self, signature: Signature) -> FittedSignature:
        """Return a signature on the scale of the reference patients."""
        return FittedSignature.fit(signature, self.cohort)


def true_state(cohort: Cohort, arm: HypotheticalArm) -> Floats:
    """Return the state in which the arm's benefit is concentrated, of the patients observed."""
    assert cohort.truth is not None  # noqa: S101 - it was drawn
    return cohort.truth.patients.loc[cohort.observed.index, arm.concentrated_in].to_numpy(dtype=float)


def resolve(spec: EnrichStudy) -> dict[str, CohortSource]:
    """Return each addition's source, all of them checked before any work.

    Raises
    ------
    InputError
        Naming every cohort without exactly one hypothetical arm whose benefit is concentrated, every
        column that is not drawn, and groups that the register does not have.
    """
    from experiments.enrich_evidence import published_ratios

    faults, sources, used = [], {}, set()
    for name, addition in spec.additions.items():
        source = sources[name] = resolve_simulated(addition.cohort, 10)
        arms = source.spec.hypothetical_arms
        if len(arms) != 1 or arms[0].concentrated_in is None:
            faults.append(
                f"additions.{name}: cohort {addition.cohort!r} needs one hypothetical arm with "
                f"`concentrated_in`; it has {len(arms)} hypothetical arms"
            )
            continue
        if arms[0].name in used:
            faults.append(f"additions.{name}: arm {arms[0].name!r} stands for another addition already")
        used.add(arms[0].name)
        example = source.cohort(np.random.default_rng(0))
        for key, signature in spec.signatures.items():
            faults += [f"signatures.{key}: {fault}" for fault in signature.faults(example)]
        groups = spec.published_groups
        if groups is not None and groups.addition == name:
            try:
                published_ratios(groups, arms[0], load_register())
            except InputError as error:
                faults.append(f"published_groups: {error}")
    if faults:
        raise InputError("\n".join(dict.fromkeys(faults)))
    return sources


def trial_size(arm: HypotheticalArm) -> int:
    """Return how many patients the trial had from which the arm's effect is carried over."""
    trial = load_register().trial(arm.adds.trial)
    sizes = [trial.arm(a).patients for a in (arm.adds.experimental, arm.adds.control)]
    if not all(sizes):
        raise InputError(f"trial {trial.id}: the size of its arms is not in the register")
    return sum(s for s in sizes if s)


@lru_cache(maxsize=1)
def scenario(cohort: str, ratio_per_sd: float, patients: int, seed: int) -> Scenario:
    """Solve a population whose hypothetical arm has this concentration, and draw its reference patients.

    The same seed draws the same patients whatever the concentration: only what is done to them differs.
    """
    spec: CohortSpec = resolve_simulated(cohort, 10).spec
    arm = spec.hypothetical_arms[0].model_copy(update={"ratio_per_sd": ratio_per_sd})
    changed = spec.model_copy(update={"hypothetical_arms": (arm,), "arms": (arm.backbone, arm.name)})
    population = population_of(changed)
    rng = stage_generator(np.random.default_rng(seed), "reference")
    return Scenario(population, arm, simulate_cohort(population, patients, rng, workers=1))


@dataclass(frozen=True)
class Outlook:
    """What is true of patients who are ordered by falling score, the first k of them together.

    Attributes
    ----------
    order : array of int, shape (n,)
        Those in whom the signature is known.
    gain : array, shape (n,)
        Months event-free that each gains to the horizon, in that order.
    months : array, shape (m,)
    survival : mapping of arm to array, shape (n, m)
        Mean survival of the first 1, 2, ... n of them.
    """

    order: Any
    gain: Floats
    months: Floats
    survival: Mapping[str, Floats]

    @classmethod
    def of(cls, made: Scenario, scores: Floats, endpoint: str, horizon_months: float) -> Outlook:
        """Order the reference patients by `scores` and add up what is true of them."""
        truth = made.cohort.truth
        assert truth is not None  # noqa: S101 - it was drawn
        last = max(horizon_months, made.follow_up[1])
        months = np.arange(0.0, last + STEP_MONTHS, STEP_MONTHS)
        known = np.flatnonzero(np.isfinite(scores))
        order = known[np.argsort(-scores[known], kind="stable")]
        patients = made.cohort.observed.index[order]
        inside = np.clip(horizon_months - months[:-1], 0.0, STEP_MONTHS)  # of each step, up to the horizon
        event_free, mean = {}, {}
        for arm in (made.arm.backbone, made.arm.name):
            survival = truth.survival(endpoint, months, patients, arm=arm)
            event_free[arm] = (survival[:, :-1] + survival[:, 1:]) / 2 @ inside
            mean[arm] = np.cumsum(survival, axis=0) / np.arange(1, len(order) + 1)[:, None]
        gain = event_free[made.arm.name] - event_free[made.arm.backbone]
        return cls(order, gain, months, mean)

    def plan(self, made: Scenario, first: int, alpha: float, last: int = 0) -> Plan:
        """Return the trial of the first `first` patients without the first `last`."""
        curves = {a: self._mean(a, first, last) for a in self.survival}
        experimental, control = (
            SurvivalCurve(self.months, -np.log(np.maximum(curves[a], 1e-300)))
            for a in (made.arm.name, made.arm.backbone)
        )
        ratio = cox_hazard_ratio(experimental, control, 0.5, made.follow_up)
        low, high = made.follow_up
        middle = (self.months[1:] + self.months[:-1]) / 2
        lost = made.population.plan.spec.dropout_per_month
        watched = np.clip((high - middle) / max(high - low, 1e-9), 0.0, 1.0) * np.exp(-lost * middle)
        events = np.mean([np.sum(watched * -np.diff(c)) for c in curves.values()])
        return Plan(float(np.log(ratio)), float(events), alpha)

    def _mean(self, arm: str, first: int, last: int) -> Floats:
        total = self.survival[arm][first - 1] * first
        if last:
            total = total - self.survival[arm][last - 1] * last
        return np.asarray(total / (first - last))


def by_threshold(spec: EnrichStudy, made: Scenario) -> Iterator[dict[str, Any]]:
    """Yield what is true at each threshold of each signature, on either side of it, and what a trial needs.

    Intervals of gains are over the patients drawn (normal).
    """
    size = trial_size(made.arm)
    error = carried_error(spec, made)
    ratio = made.arm.ratio_per_sd
    fitted_as = {name: made.fitted(signature) for name, signature in spec.signatures.items()}
    for name, fitted in (*fitted_as.items(), (ORACLE, None)):
        scores = true_state(made.cohort, made.arm) if fitted is None else fitted.score(made.cohort.observed)
        outlook = Outlook.of(made, scores, spec.endpoint, spec.horizon_months)
        n = len(outlook.order)
        for percentile in spec.percentiles:
            first = max(round(n * (1 - percentile / 100)), 2)
            marker = float("nan") if fitted is None else fitted.marker_value(percentile)
            row = {"arm": made.arm.name, "ratio_per_sd": ratio, "signature": name, "percentile": percentile,
                   "marker_value": marker}  # fmt: skip
            sides = {"at or above": outlook.gain[:first], "below": outlook.gain[first:]}
            for side, gain in sides.items():
                if len(gain) < 2:
                    continue
                half = NORMAL_975 * float(gain.std(ddof=1)) / np.sqrt(len(gain))
                mean = float(gain.mean())
                yield row | {"kind": "value", "side": side, "patients": len(gain), "value": mean,
                             "low": mean - half, "high": mean + half,
                             "worse_off": float((gain < 0).mean())}  # fmt: skip
            plan = outlook.plan(made, first, spec.alpha)
            yield row | {
                "kind": "power",
                "hazard_ratio": float(np.exp(plan.log_hazard_ratio)),
                "trial_patients": size,
                "screened": size / (n / len(scores) * (1 - percentile / 100)),
                "events": plan.event_share * size,
                "power": plan.power(size),
                "assurance": plan.assurance(size, error),
                "patients_needed": plan.patients_for(spec.power),
            }


def carried_error(spec: EnrichStudy, made: Scenario) -> float:
    """Return the standard error of the log hazard ratio carried over, from its published interval."""
    for readout in made.population.plan.completed.trial.readouts:
        contrast, ratio = readout.contrast, readout.hazard_ratio
        if contrast is None or ratio is None or contrast.experimental != made.arm.name:
            continue
        if readout.endpoint.lower() == spec.endpoint:
            return ratio.standard_error or 0.0
    return 0.0


def trial_tasks(spec: EnrichStudy, sources: Mapping[str, CohortSource]) -> list[dict[str, Any]]:
    """Return the tasks that draw trials, a few at a time, under each cohort's own concentration."""
    first = next(iter(spec.signatures.values()))
    return [
        {
            "addition": name,
            "cohort": spec.additions[name].cohort,
            "ratio_per_sd": source.spec.hypothetical_arms[0].ratio_per_sd,
            "reference": spec.patients,
            "reference_seed": spec.seed,
            "seed": [spec.seed, number, start],
            "trials": min(TRIALS_A_TASK, spec.replicates - start),
            "patients": trial_size(source.spec.hypothetical_arms[0]),
            "percentiles": list(spec.drawn_percentiles),
            "signature": first.model_dump(mode="json"),
            "endpoint": spec.endpoint,
            "alpha": spec.alpha,
        }
        for number, (name, source) in enumerate(sources.items())
        for start in range(0, spec.replicates, TRIALS_A_TASK)
    ]


def draw_trials(task: Task) -> dict[str, list[int]]:
    """Draw trials of the first eligible patients at each threshold; count the positive ones.

    Each replicate is one stream of patients; a trial with a higher threshold goes on further along it.
    """
    made = scenario(task["cohort"], task["ratio_per_sd"], task["reference"], task["reference_seed"])
    fitted = made.fitted(Signature.model_validate(task["signature"]))
    known = len(fitted.reference) / len(made.cohort.observed)
    share = known * (1 - max(task["percentiles"]) / 100)
    rng = np.random.default_rng(list(task["seed"]))
    found = [0] * len(task["percentiles"])
    for child in rng.spawn(task["trials"]):
        enough = int(task["patients"] / share * SPARE)
        cohort = simulate_cohort(made.population, enough, child, workers=1)
        scores = fitted.score(cohort.observed)
        for place, percentile in enumerate(task["percentiles"]):
            rows = enrolled(scores, fitted.cut(percentile), task["patients"])
            part = cohort.observed.iloc[rows]
            found[place] += positive(part, made.arm.name, task["endpoint"], task["alpha"])
    return {"positive": found}
