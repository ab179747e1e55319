"""Tumour size by a growth-inhibition model, drawn to agree with the patient's response and progression."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from pipeline.schema import Floats
from synthetic_data.trajectories.recist import RESPONSE_RATIO, progression_threshold

Mask = NDArray[np.bool_]

VISIBLE_MM: Final = 2.0  # assumed: what is smaller than about a slice of CT is not seen
LARGEST_MM: Final = 600.0  # assumed: beyond what patients live with
SLOWING_PER_MONTH: Final = 0.3  # assumed: growth slows after progression, with size and later treatment
# Assumed figures of this file were chosen with the open lesion table, doi 10.1371/journal.pcbi.1009822,
# in view.
# First response after a median 2.8 months in CheckMate 026 and 1.5 in KEYNOTE-789 (register), read off
# scans every six weeks, so that the 30 % are crossed before; all lesions gone comes later (assumed).
RESPONSE_MEDIAN_MONTHS: Final = 1.9
COMPLETE_MEDIAN_MONTHS: Final = 5.0
RESPONSE_LOG_SD: Final = 0.5
# Assumed: about half of all progressions show as new lesions while target lesions have not grown enough.
NEW_LESION_SHARE: Final = 0.4
FASTEST_PER_MONTH: Final = (
    0.6  # assumed, log size: doubling in five weeks; what is faster has new lesions instead
)
FADING_MEDIAN: Final = 0.7  # assumed: loss of inhibition per month where there is no response
FADING_LOG_SD: Final = 0.4
# Usual months to progression or death and to death in advanced disease, and the powers they enter with; set
# so that ctDNA at nine weeks has the hazard ratios of the register for both (register: ctdna_response).
CONTROL_OF: Final = ((8.0, 0.09), (18.0, 0.44))
CONTROL_RANGE: Final = (0.18, 4.5)
CONTROL_MEAN, CONTROL_SD = 1.13, 0.57
DEPTH_CONTROL: Final = 0.5  # assumed: correlation of deep, early shrinkage with the normal score of control
SCAN_PASSES: Final = 5
SCAN_MARGIN: Final = 1.0002  # so that what the last pass moves does not undo it
ONLY_GROWS: Final = {"SD": 0.25, "PD": 0.75, "NE": 0.75}  # assumed: share whose tumour never shrinks
LEAST: Final = {"SD": 0.71, "PD": 0.78, "NE": 0.78}  # assumed: the furthest others shrink


@dataclass(frozen=True)
class Fates:
    """What the outcome model has already decided; arrays of shape (n,).

    Attributes
    ----------
    baseline_mm : array
        Sum of target lesions before treatment, positive.
    response : str array
        Best overall response: CR, PR, SD, PD or NE.
    pfs_months, os_months : array
        To progression or death, and to death, uncensored; equal where death comes first.
    watched_months : array
        How long the patient is under observation.
    """

    baseline_mm: Floats
    response: NDArray[np.str_]
    pfs_months: Floats
    os_months: Floats
    watched_months: Floats

    @property
    def control(self) -> Floats:
        """How well treatment holds the disease, shape (n,); mean about 0, standard deviation about 1.

        The latent state that survival, progression, depth of response and ctDNA share. It follows from
        both times, because everything measured is drawn after them and given them.
        """
        held = np.ones(len(self.os_months))
        for times, (middle, power) in zip((self.pfs_months, self.os_months), CONTROL_OF, strict=True):
            held *= np.clip(times / middle, *CONTROL_RANGE) ** power
        return (held - CONTROL_MEAN) / CONTROL_SD

    @property
    def progressed(self) -> Mask:
        """Whether progression comes before death."""
        return np.asarray(self.pfs_months < self.os_months)


@dataclass(frozen=True)
class Tumours:
    """One growth-inhibition curve a patient (Claret et al., doi 10.1200/JCO.2008.21.0807).

    The logarithm of size rises by `growth` and falls by `inhibition`, which fades at rate `fading`:
    log S(t)/S(0) = g t - d (1 - exp(-λ t)) / λ. From `slows_months` on, growth slows.
    `new_lesion_months` is infinite where there is none.
    """

    baseline_mm: Floats
    growth: Floats
    inhibition: Floats
    fading: Floats
    slows_months: Floats
    new_lesion_months: Floats

    @property
    def speed(self) -> Floats:
        """Growth of log size a month at `slows_months`, shape (n,)."""
        return np.asarray(self.growth - self.inhibition * np.exp(-self.fading * self.slows_months))

    def log_ratio(self, months: Floats) -> Floats:
        """Log of size over baseline at `months`, of shape (m,) or (n, m); returns shape (n, m)."""
        g, d, fade, slows, speed = (
            x[:, None] for x in (self.growth, self.inhibition, self.fading, self.slows_months, self.speed)
        )
        within = np.minimum(months, slows)
        beyond = -np.expm1(-SLOWING_PER_MONTH * (months - within)) / SLOWING_PER_MONTH
        return np.asarray(g * within + d * np.expm1(-fade * within) / fade + speed * beyond)

    def sum_mm(self, months: Floats) -> Floats:
        """Sum of target lesions as a perfect reader would measure it, shape (n, m)."""
        base = self.baseline_mm[:, None]
        size = base * np.exp(np.minimum(self.log_ratio(months), np.log(LARGEST_MM / base)))
        return np.where(size < VISIBLE_MM, 0.0, size)

    def new_lesion(self, months: Floats) -> Mask:
        """Whether a new lesion is there, shape (n, m)."""
        return np.asarray(months >= self.new_lesion_months[:, None])


@dataclass(frozen=True)
class _Course:
    """What the curve of each patient is to go through."""

    smallest: Floats  # size at its smallest over baseline; 1 where it only grows
    fading: Floats
    turn: Floats  # month at which growth of the target lesions alone would be progression
    by_growth: Mask  # progression shows as growth of target lesions


def draw_tumours(fates: Fates, planned_months: Floats, rng: np.random.Generator) -> Tumours:
    """Draw a curve for each patient that agrees with response, progression and death.

    Scans on the planned visits before progression, and one on its day, give back the best response and
    the day: response is reached by the last of these scans, growth reaches RECIST's threshold on the day
    of progression or else a new lesion appears, and neither does before. Where no visit is planned
    between the first assessment and progression, response happens unseen.

    Parameters
    ----------
    fates : Fates
    planned_months : array, shape (m,)
        From 0.
    rng : Generator
    """
    course = _draw_course(fates, planned_months, rng)
    smallest_seen = course.smallest * fates.baseline_mm
    for _ in range(SCAN_PASSES):  # scans miss the smallest size, and how far depends on the curve
        tumours = _solve(fates, course, smallest_seen)
        seen = _smallest_seen(fates, tumours, planned_months)
        smallest_seen = np.where(course.by_growth, SCAN_MARGIN * seen, smallest_seen)
    tumours = _solve(fates, course, smallest_seen)
    unseen, unshown = _faults(fates, tumours, course, planned_months)
    later = 1.3 * fates.pfs_months + 12.0
    seen_at = np.where(unseen, 0.6 * _last_visit(fates, planned_months), 1.0)
    responding = np.where(
        unseen, _fading_for(_criterion(fates), course.smallest, np.maximum(seen_at, 0.05)), course.fading
    )
    turn = np.where(unseen, 5.0 * later, np.where(unshown, later, course.turn))
    course = replace(course, fading=responding, turn=turn, by_growth=course.by_growth & ~unseen & ~unshown)
    return _solve(
        fates, course, np.where(course.by_growth, smallest_seen, course.smallest * fates.baseline_mm)
    )


def _smallest_seen(fates: Fates, tumours: Tumours, planned: Floats) -> Floats:
    """Smallest sum in mm on a planned scan before progression, shape (n,)."""
    sums = tumours.sum_mm(planned)
    return np.asarray(np.where(planned < fates.pfs_months[:, None], sums, np.inf).min(axis=1))


def _criterion(fates: Fates) -> Floats:
    """Size over baseline below which the response drawn is met."""
    return np.where(fates.response == "CR", VISIBLE_MM / fates.baseline_mm, RESPONSE_RATIO)


def _responds(fates: Fates) -> Mask:
    return np.isin(fates.response, ("CR", "PR"))


def _last_visit(fates: Fates, planned: Floats) -> Floats:
    """Last planned visit before progression, death and loss; 0 where that is the baseline."""
    place = np.searchsorted(planned, np.minimum(fates.pfs_months, fates.watched_months), side="left")
    return np.asarray(planned[np.maximum(place - 1, 0)])


def _fading_for(criterion: Floats, smallest: Floats, months: Floats) -> Floats:
    """Rate of fading with which `criterion` is met at `months`, growth left aside."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(np.log(criterion) / np.log(smallest), 0.01, 0.95)
    return np.asarray(-np.log1p(-share) / months)


def _with_control(uniforms: Floats, fates: Fates) -> Floats:
    """Turn uniforms so that small ones, which mean deep or early shrinkage, go with control; shape (n,).

    Without that a tumour that responds and soon progresses shrinks fastest, for it must respond in time.
    """
    own = ndtri(np.clip(uniforms, 1e-12, 1 - 1e-12))
    return np.asarray(ndtr(np.sqrt(1 - DEPTH_CONTROL**2) * own - DEPTH_CONTROL * fates.control))


def _draw_course(fates: Fates, planned: Floats, rng: np.random.Generator) -> _Course:
    n = len(fates.baseline_mm)
    depth, only, when, sort = rng.random((4, n))
    depth, when = _with_control(depth, fates), _with_control(when, fates)
    fading = FADING_MEDIAN * np.exp(FADING_LOG_SD * rng.standard_normal(n))
    ahead = rng.exponential(size=n)

    smallest = np.ones(n)
    for response, share in ONLY_GROWS.items():
        shrinks = (fates.response == response) & (only >= share)
        smallest[shrinks] = LEAST[response] + (1.0 - LEAST[response]) * depth[shrinks] ** 0.7
    criterion = _criterion(fates)
    deepest = np.maximum(0.05, 1.25 * VISIBLE_MM / fates.baseline_mm)
    partial = deepest + (0.67 - deepest) * depth**0.7
    smallest = np.where(fates.response == "PR", partial, smallest)
    smallest = np.where(fates.response == "CR", criterion**1.15, smallest)

    last = _last_visit(fates, planned)
    limit = np.where(last > 0, 0.95 * last, 0.9 * np.minimum(fates.pfs_months, fates.watched_months))
    median = np.where(fates.response == "CR", COMPLETE_MEDIAN_MONTHS, RESPONSE_MEDIAN_MONTHS)
    reach = ndtr(np.log(np.maximum(limit, 1e-3) / median) / RESPONSE_LOG_SD)
    quantile = ndtri(np.clip(when * reach, 1e-12, 1 - 1e-12))
    meets = np.maximum(median * np.exp(RESPONSE_LOG_SD * quantile), 0.05)

    by_growth = fates.progressed & (sort >= NEW_LESION_SHARE)
    pfs = np.maximum(fates.pfs_months, 1.0 / 30.0)
    turn = np.where(by_growth, pfs, pfs * (1.1 + ahead) + 0.5)
    fading = np.maximum(fading, 2.0 / turn)
    fading = np.where(_responds(fates), _fading_for(criterion, smallest, meets), fading)
    return _Course(smallest, fading, turn, by_growth)


def _solve(fates: Fates, course: _Course, smallest_seen: Floats) -> Tumours:
    """Growth and inhibition with which a tumour is smallest as drawn and progresses at its turn.

    `smallest_seen` is the sum in mm that progression is measured from.

    With x = λ t for the month t of the smallest size and y = λ T for the turn T, growth at t balances
    inhibition: g = d exp(-x); x is the root of the ratio of the rise after t to the fall before it.
    """
    turning = progression_threshold(np.where(smallest_seen < VISIBLE_MM, 0.0, smallest_seen))
    rise = np.log(turning * (1 + 1e-6) / (course.smallest * fates.baseline_mm))
    shrinks = course.smallest < 1.0
    fall = np.where(shrinks, -np.log(np.minimum(course.smallest, 1 - 1e-9)), 1.0)
    ratio, y = rise / fall, course.fading * course.turn
    low, high = np.full(len(y), 1e-4), np.maximum(y, 2e-4)
    for _ in range(50):
        x = (low + high) / 2
        kept = np.exp(-x)
        above = kept * (y - x - 1) + np.exp(-y) > ratio * (1 - kept * (1 + x))
        low, high = np.where(above, x, low), np.where(above, high, x)
    x = (low + high) / 2
    inhibition = np.where(shrinks, fall * course.fading / (1 - np.exp(-x) * (1 + x)), 0.0)
    growth = np.where(shrinks, inhibition * np.exp(-x), rise / course.turn)
    new_lesion = fates.progressed & ~course.by_growth
    return Tumours(
        baseline_mm=fates.baseline_mm,
        growth=growth,
        inhibition=inhibition,
        fading=course.fading,
        slows_months=course.turn,
        new_lesion_months=np.where(new_lesion, fates.pfs_months, np.inf),
    )


def _faults(fates: Fates, tumours: Tumours, course: _Course, planned: Floats) -> tuple[Mask, Mask]:
    """Which responses no planned scan shows though it could, and which progressions growth does not show."""
    before = planned < np.minimum(fates.pfs_months, fates.watched_months)[:, None]
    before[:, 0] = True
    sums = tumours.sum_mm(planned)
    ratio = np.where(before[:, 1:], sums[:, 1:] / fates.baseline_mm[:, None], np.inf).min(axis=1)
    needed = np.where(fates.response == "CR", 0.0, RESPONSE_RATIO)
    unseen = _responds(fates) & before[:, 1:].any(axis=1) & (ratio > needed)
    at_progression = tumours.sum_mm(fates.pfs_months[:, None])[:, 0]
    threshold = progression_threshold(_smallest_seen(fates, tumours, planned))
    last = np.searchsorted(planned, fates.pfs_months, side="left") - 1
    early = np.take_along_axis(sums, np.maximum(last, 0)[:, None], axis=1)[:, 0] >= threshold
    unshown = course.by_growth & ((at_progression < threshold) | early | (tumours.speed > FASTEST_PER_MONTH))
    return unseen, unshown
