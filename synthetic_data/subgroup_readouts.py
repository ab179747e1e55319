"""Published subgroup hazard ratios, each beside that of its whole trial."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.schema import InputError
from synthetic_data.evidence import Readout, TrialSpec
from synthetic_data.published_figures import ACCRUAL_MONTHS, follow_up_months, recency
from synthetic_data.subgroup_labels import Subgroup, read_label
from synthetic_data.survival_curves import follow_up_distribution

# Part and whole share patients, so an efficient estimate in the part departs from that in the whole
# with variance Var(part) - Var(whole). Where the two come from different data cuts or are rounded, that
# can be far too small; it is taken to be at least this share of Var(part).
LEAST_OWN_VARIANCE = 0.1


@dataclass(frozen=True)
class SubgroupReadout:
    """One subgroup's published treatment hazard ratio and that of the whole trial.

    Attributes
    ----------
    trial, endpoint, experimental, control : str
    subgroup, whole : Subgroup
    log_ratio, standard_error : float
        Of the subgroup, as published. Neither is a number where only a prediction is asked for; the
        standard error is not where the ratio was published without a usable interval.
    low, high : float
        Published interval of the ratio; likewise.
    whole_log_ratio, whole_standard_error : float
        Of the whole trial, at the same data cut or the one nearest in follow-up; where none was
        published, of the subgroup and its complement together, weighted by precision.
    follow_up_months : float
        Of the subgroup's readout.
    source : str
    """

    trial: str
    endpoint: str
    experimental: str
    control: str
    subgroup: Subgroup
    whole: Subgroup
    log_ratio: float
    standard_error: float
    low: float
    high: float
    whole_log_ratio: float
    whole_standard_error: float
    follow_up_months: float
    source: str

    @property
    def departure(self) -> float:
        """Log hazard ratio of the subgroup less that of the whole trial."""
        return self.log_ratio - self.whole_log_ratio

    def variance(self, share: float) -> float:
        """Variance of `departure`, of a subgroup that holds `share` of the patients.

        Part and whole are correlated, and what they share cancels. A ratio without an interval is
        taken to be known as well as its share of the whole trial's information allows.
        """
        own = self.standard_error**2 if self.has_interval else self.whole_standard_error**2 / share
        return max(own - self.whole_standard_error**2, LEAST_OWN_VARIANCE * own)

    @property
    def has_interval(self) -> bool:
        """Whether its ratio was published with a usable interval."""
        return math.isfinite(self.standard_error)

    @property
    def follow_up(self) -> tuple[float, float]:
        """Earliest and latest potential follow-up at the cut."""
        return follow_up_distribution(self.follow_up_months, ACCRUAL_MONTHS)


@dataclass(frozen=True)
class Unused:
    """A subgroup's published hazard ratio that cannot be held against a prediction, and why."""

    trial: str
    endpoint: str
    label: str
    reason: str


def subgroup_readouts(trial: TrialSpec) -> tuple[list[SubgroupReadout], list[Unused]]:
    """Return the published subgroup hazard ratios of a trial, and those that cannot be used.

    Only randomised treatment contrasts count. One is usable when its label is a condition on
    markers, and the whole trial has a hazard ratio with an interval for the same endpoint and arms, or
    the complement of the subgroup has. Figures of whole trials are in neither list.
    """
    usable: list[SubgroupReadout] = []
    unused: list[Unused] = []
    for readout in trial.readouts:
        contrast, ratio = readout.contrast, readout.hazard_ratio
        if contrast is None or ratio is None or contrast.kind != "treatment":
            continue
        subgroup = read_label(readout.population)
        if subgroup.whole:
            continue
        whole = None if subgroup.reason else _whole_of(trial, readout)
        reason = subgroup.reason
        if not reason and not contrast.randomised:
            reason = "the arms were not randomised"
        if not reason and whole is None:
            reason = "the whole trial has no hazard ratio with an interval for this endpoint and these arms"
        if reason or whole is None:
            unused.append(Unused(trial.id, readout.endpoint, readout.population, reason))
            continue
        error = ratio.standard_error
        low, high = ratio.interval if error is not None and ratio.interval else (math.nan, math.nan)
        usable.append(
            SubgroupReadout(
                trial.id, readout.endpoint, contrast.experimental, contrast.control, subgroup,
                whole.subgroup, math.log(ratio.estimate), math.nan if error is None else error,
                low or 0.0, high or math.inf, whole.log_ratio, whole.standard_error,
                follow_up_months(trial, readout), readout.source.cite(),
            )
        )  # fmt: skip
    return usable, unused


def all_subgroup_readouts(trials: Iterable[TrialSpec]) -> tuple[list[SubgroupReadout], list[Unused]]:
    """Return the usable and the unused subgroup hazard ratios of many trials."""
    usable: list[SubgroupReadout] = []
    unused: list[Unused] = []
    for trial in trials:
        more, rest = subgroup_readouts(trial)
        usable += more
        unused += rest
    return usable, unused


def asked_readouts(trial: TrialSpec, labels: Sequence[str]) -> list[SubgroupReadout]:
    """Return subgroups to predict that nobody need have published: no figure of their own.

    One for each label and each pair of arms and endpoint for which the whole trial has a hazard ratio
    with an interval, at its latest cut.

    Raises
    ------
    InputError
        Naming every label that is not a condition on markers, or the trial when it has no such ratio.
    """
    read = [read_label(label) for label in labels]
    faults = [f"{s.label!r}: {s.reason or 'the whole trial'}" for s in read if not s.conditions or s.whole]
    if faults:
        raise InputError(
            f"not subgroups that can be predicted: {'; '.join(faults)}. "
            "Write them as the register does, for example 'PD-L1 TPS >=50%' or 'never smoker'"
        )
    latest: dict[tuple[str, str, str], Readout] = {}
    for readout in sorted(trial.readouts, key=lambda r: recency(trial, r)):
        contrast = readout.contrast
        if contrast is not None and contrast.randomised and _is_whole(readout):
            latest[readout.endpoint, contrast.experimental, contrast.control] = readout
    if not latest:
        raise InputError(
            f"{trial.id} has no treatment hazard ratio with an interval for all its patients, "
            "so there is nothing a subgroup could be predicted from"
        )
    asked = []
    for subgroup in read:
        for (endpoint, experimental, control), whole in latest.items():
            ratio = whole.hazard_ratio
            assert ratio is not None  # noqa: S101 (chosen so)
            assert ratio.standard_error is not None  # noqa: S101 (chosen so)
            asked.append(
                SubgroupReadout(
                    trial.id, endpoint, experimental, control, subgroup, read_label(whole.population),
                    math.nan, math.nan, math.nan, math.nan, math.log(ratio.estimate), ratio.standard_error,
                    follow_up_months(trial, whole), whole.source.cite(),
                )
            )  # fmt: skip
    return asked


def _is_whole(readout: Readout) -> bool:
    """Whether it gives a treatment hazard ratio with an interval for everybody analysed."""
    return (
        readout.contrast is not None
        and readout.contrast.kind == "treatment"
        and readout.hazard_ratio is not None
        and readout.hazard_ratio.standard_error is not None
        and read_label(readout.population).whole
    )


class _Whole(NamedTuple):
    """What a subgroup's ratio is held against."""

    subgroup: Subgroup
    log_ratio: float
    standard_error: float


def _whole_of(trial: TrialSpec, part: Readout) -> _Whole | None:
    """Return the whole trial's ratio nearest to a subgroup's: same cut first, then follow-up."""
    months = follow_up_months(trial, part)

    def distance(whole: Readout) -> tuple[bool, float, bool]:
        same_cut = part.data_cut is not None and part.data_cut == whole.data_cut
        apart = abs(math.log(follow_up_months(trial, whole) / months))
        return not same_cut, apart, whole.population != "ITT"

    alike = [r for r in trial.readouts if _same_contrast(r, part)]
    found = min((r for r in alike if _is_whole(r)), key=distance, default=None)
    if found is not None and found.hazard_ratio is not None:
        ratio = found.hazard_ratio
        assert ratio.standard_error is not None  # noqa: S101 (chosen so)
        return _Whole(read_label(found.population), ratio.log_estimate, ratio.standard_error)
    return _of_both_parts(part, alike)


def _same_contrast(readout: Readout, part: Readout) -> bool:
    a, b = readout.contrast, part.contrast
    same = a is not None and b is not None and (a.experimental, a.control) == (b.experimental, b.control)
    return same and readout.endpoint == part.endpoint


def _of_both_parts(part: Readout, alike: Sequence[Readout]) -> _Whole | None:
    """Return the ratio of a subgroup and its complement together, weighted by precision."""
    wanted = read_label(part.population).complement
    other = next((r for r in alike if read_label(r.population).conditions == wanted), None)
    ratios = [r.hazard_ratio for r in (part, other) if r is not None and r.hazard_ratio is not None]
    errors = [r.standard_error for r in ratios if r.standard_error is not None]
    if not wanted or len(errors) < 2:
        return None
    weights = [1 / e**2 for e in errors]
    centre = sum(w * r.log_estimate for w, r in zip(weights, ratios, strict=True)) / sum(weights)
    return _Whole(Subgroup("both parts together", whole=True), centre, sum(weights) ** -0.5)
