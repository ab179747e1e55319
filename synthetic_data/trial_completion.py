"""Which arms of a trial can be drawn, and which of their curves are assumed because none is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.schema import InputError
from synthetic_data.evidence import TrialSpec
from synthetic_data.evidence.trials import Readout, SurvivalFigures
from synthetic_data.evidence.values import Landmark, Source
from synthetic_data.progression import (
    Points,
    compares_arms,
    curve_points,
    figures_by_population,
    median_ratio,
    progression_endpoint,
    with_progression,
)
from synthetic_data.published_figures import ENDPOINT_LABELS, drawable_arms, population_of, recency


@dataclass(frozen=True)
class AssumedCurve:
    """A curve that no figure gives.

    `hazard_ratio`: the curve of arm `reference` for the same endpoint with its cumulative hazard
    times `factor`. `median_ratio`: the arm's curve for the endpoint `reference` with its times
    multiplied by `factor`. `basis` is the source of the ratio or the arms it is averaged over.
    """

    arm: str
    endpoint: str
    rule: Literal["hazard_ratio", "median_ratio"]
    reference: str
    factor: float
    population: str
    basis: str

    def words(self, progression: str) -> str:
        """Return the assumption as one sentence; `progression` is the trial's name for it."""
        names = {"os": "OS", "pfs": progression}
        if self.rule == "hazard_ratio":
            return (
                f"{names[self.endpoint]} of {self.arm} is assumed: that of {self.reference} raised to the "
                f"published hazard ratio {self.factor:.3g} (proportional hazards; {self.basis})"
            )
        return (
            f"{names[self.endpoint]} of {self.arm} is assumed: its {names[self.reference]} with times "
            f"multiplied by {self.factor:.3g} ({self.basis})"
        )


@dataclass(frozen=True)
class CompletedTrial:
    """A trial in the form the generator draws: OS and PFS for every arm, published or assumed.

    Attributes
    ----------
    trial : TrialSpec
        The register's own where nothing had to be assumed or renamed.
    arms : tuple of str
        All that can be drawn, control first.
    default_arms : tuple of str
        Those drawn when a cohort names none: arms with figures for both endpoints, and where these
        are not both a control and an experimental arm, the assumed ones as well.
    progression_endpoint : str
        What the trial reports in place of progression-free survival; "PFS" mostly.
    assumed : tuple of AssumedCurve
        In the order in which they rest on each other.
    notes : tuple of str
    """

    trial: TrialSpec
    arms: tuple[str, ...]
    default_arms: tuple[str, ...]
    progression_endpoint: str
    assumed: tuple[AssumedCurve, ...]
    notes: tuple[str, ...]


def complete_trial(trial: TrialSpec, trials: Mapping[str, TrialSpec]) -> CompletedTrial:
    """Add to `trial` what the generator needs and nobody published, by stated rules.

    An arm with only a hazard ratio against another arm gets that arm's curve raised to it. An arm
    with one endpoint only gets the other by the ratio of median OS to median PFS in `trials` of its
    setting. Hazard ratios are used first. A trial without figures in its main population or all
    randomised is read in the population with the most figures.

    Raises
    ------
    InputError
        When no arm can be drawn: says which figure is missing for each; and for trials of patients
        who did not have lung cancer.
    """
    if not trial.lung:
        raise InputError(
            f"trial {trial.id} cannot be drawn: its patients ({trial.histology}) had no lung cancer, and the "
            "markers drawn are those of lung cancer; the register keeps it as a reference"
        )
    label = progression_endpoint(trial)
    read, notes = _with_figures(with_progression(trial, label))
    if label != "PFS":
        notes.append(f"{label} takes the place of PFS, which the trial does not report")
    assumed, added = _assume(read, trials)
    completed = read.model_copy(update={"readouts": (*read.readouts, *added)}) if added else read
    try:
        arms = drawable_arms(completed)
    except InputError as error:
        raise InputError(f"{error}\n  nor a hazard ratio against an arm that has them") from None
    return CompletedTrial(completed, arms, _default_arms(trial, arms, assumed), label, assumed, tuple(notes))


def _with_figures(trial: TrialSpec) -> tuple[TrialSpec, list[str]]:
    """Return the trial read in a population that has figures; the main one when it can be."""
    if any(population_of(trial, e, a.id) for e in ENDPOINT_LABELS for a in trial.arms):
        return trial, []
    counts = figures_by_population(trial, ENDPOINT_LABELS)
    if not counts:
        return trial, []
    best = max(counts, key=lambda population: counts[population])
    note = (
        f"population {best!r} is drawn, the one with the most figures: the main one, "
        f"{trial.main_population!r}, has no median and no landmark rate"
    )
    return trial.model_copy(update={"main_population": best}), [note]


def _assume(
    trial: TrialSpec, trials: Mapping[str, TrialSpec]
) -> tuple[tuple[AssumedCurve, ...], tuple[Readout, ...]]:
    """Return the curves to assume, and the points of each as a readout."""
    known = {(a.id, e): curve_points(trial, e, a.id) for a in trial.arms for e in ENDPOINT_LABELS}
    known = {key: points for key, points in known.items() if points}
    published = set(known)
    assumed: list[AssumedCurve] = []
    while True:
        step = _by_hazard_ratio(trial, known) or _by_other_endpoint(trial, trials, known, published)
        if step is None:
            break
        if step.rule == "hazard_ratio":
            points = [(m, s**step.factor) for m, s in known[step.reference, step.endpoint]]
        else:
            points = [(m * step.factor, s) for m, s in known[step.arm, step.reference]]
        known[step.arm, step.endpoint] = [(m, min(max(s, 1e-6), 1 - 1e-6)) for m, s in points]
        assumed.append(step)
    return tuple(assumed), tuple(_as_readout(c, known[c.arm, c.endpoint]) for c in assumed)


def _as_readout(curve: AssumedCurve, points: Points) -> Readout:
    return Readout(
        endpoint="OS" if curve.endpoint == "os" else "PFS",
        population=curve.population,
        arms={curve.arm: SurvivalFigures(landmarks=tuple(Landmark(months=m, rate=s) for m, s in points))},
        source=Source(title=f"assumed: {curve.words('PFS')}"),
    )


def _population(trial: TrialSpec, endpoint: str) -> str:
    """Return an assumed curve's population: of other arms' figures, else of a hazard ratio, else the main."""
    wanted = [p for p in dict.fromkeys((trial.main_population, "ITT")) if p]
    found = {population_of(trial, endpoint, a.id) for a in trial.arms}
    with_ratio = {
        r.population for r in trial.readouts if compares_arms(r) and r.endpoint == ENDPOINT_LABELS[endpoint]
    }
    return next((p for group in (found, with_ratio) for p in wanted if p in group), wanted[0])


def _by_hazard_ratio(trial: TrialSpec, known: Mapping[tuple[str, str], Points]) -> AssumedCurve | None:
    for endpoint, label in ENDPOINT_LABELS.items():
        population = _population(trial, endpoint)
        latest_first = sorted(trial.readouts, key=lambda r: recency(trial, r), reverse=True)
        for readout in latest_first:
            contrast, ratio = readout.contrast, readout.hazard_ratio
            if (
                contrast is None
                or ratio is None
                or not compares_arms(readout)
                or readout.endpoint != label
                or readout.population != population
                or not {contrast.experimental, contrast.control} <= {a.id for a in trial.arms}
            ):
                continue
            treated, control = contrast.experimental, contrast.control
            for arm, reference, factor in (
                (treated, control, ratio.estimate),
                (control, treated, 1 / ratio.estimate),
            ):
                if (arm, endpoint) not in known and (reference, endpoint) in known:
                    basis = readout.source.cite()
                    return AssumedCurve(arm, endpoint, "hazard_ratio", reference, factor, population, basis)
    return None


def _by_other_endpoint(
    trial: TrialSpec,
    trials: Mapping[str, TrialSpec],
    known: Mapping[tuple[str, str], Points],
    published: set[tuple[str, str]],
) -> AssumedCurve | None:
    other = {"os": "pfs", "pfs": "os"}
    wanting = [
        (arm.id, endpoint)
        for arm in sorted(trial.arms, key=lambda a: a.role != "control")
        for endpoint in ENDPOINT_LABELS
        if (arm.id, endpoint) not in known and (arm.id, other[endpoint]) in known
    ]
    if not wanting:
        return None
    arm, endpoint = min(wanting, key=lambda key: (key[0], other[key[1]]) not in published)
    ratio, basis = median_ratio(trial, trials)
    factor = ratio if endpoint == "os" else 1 / ratio
    return AssumedCurve(
        arm, endpoint, "median_ratio", other[endpoint], factor, _population(trial, endpoint), basis
    )


def _default_arms(
    trial: TrialSpec, arms: tuple[str, ...], assumed: tuple[AssumedCurve, ...]
) -> tuple[str, ...]:
    complete = tuple(a for a in arms if a not in {c.arm for c in assumed})
    roles = {trial.arm(a).role for a in arms}
    enough = bool(complete) and {trial.arm(a).role for a in complete} == roles
    return complete if enough else arms
