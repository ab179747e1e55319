"""How intense each kind of adverse event must be for an arm's patients to show the published shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from pipeline.schema import Floats
from synthetic_data.adverse_event_kinds import ENGAGING_FRAILTY, GRID, EventKind
from synthetic_data.safety_figures import SafetyFigure

LARGEST_SHARE: Final = 0.995  # a published 100 % would need an infinite intensity
# A borrowed share with a severe immune-mediated event is at most so much of the arm's own share with a severe
# event of any cause, or with a treatment-related one (assumed; 0.16 in IMpower133, 0.45 in KEYNOTE-042).
SEVERE_PART: Final = 0.3
SEVERE_PART_RELATED: Final = 0.6
SLOWEST: Final = 8.0  # times its published median by which a waiting time may be stretched
OWN_TARGETS: Final = ("pneumonitis", "hypothyroidism", "hyperthyroidism", "cytokine_release", "neurotoxicity")


@dataclass(frozen=True)
class Intensities:
    """Kinds of adverse event with their solved processes.

    Attributes
    ----------
    total : tuple of float
        Expected events of each kind of a patient who is never stopped.
    begun : tuple of array
        Share of them that has begun at each month of GRID.
    severe_share, onset_months : tuple of float
        Share of grade 3 or worse; median onset among events that happen.
    expected : dict
        Target -> share of patients with the event these intensities give.
    left_out : dict
        Target -> why its figure was not built on.
    """

    kinds: tuple[EventKind, ...]
    total: tuple[float, ...]
    begun: tuple[Floats, ...]
    severe_share: tuple[float, ...]
    onset_months: tuple[float, ...]
    expected: Mapping[str, float]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]


class _Arm:
    """Working state of one arm while its figures are met one after the other."""

    def __init__(
        self,
        kinds: Sequence[EventKind],
        figures: Mapping[str, SafetyFigure],
        windows: Mapping[str, Floats],
        typical: Floats,
    ) -> None:
        self.kinds, self.figures, self.windows, self.typical = tuple(kinds), dict(figures), windows, typical
        self.notes: list[str] = []
        self.left_out: dict[str, str] = {}
        self.begun = [self._timed(k) for k in self.kinds]
        self.total = np.zeros(len(self.kinds))
        self.severe = np.array([k.severe_share for k in self.kinds])

    def _timed(self, kind: EventKind) -> Floats:
        """Stretch waiting times so that the events that happen have the published median onset."""
        if not kind.timed or not len(self.typical):
            return kind.begun()
        wanted = kind.onset_months

        def early(stretch: float) -> float:
            begun = replace(kind, onset_months=wanted * stretch).begun()
            before = np.interp(np.minimum(self.typical, wanted), GRID, begun).sum()
            return float(before / max(np.interp(self.typical, GRID, begun).sum(), 1e-300)) - 0.5

        if early(1.0) <= 0:
            return kind.begun()
        if early(SLOWEST) >= 0:
            self.notes.append(
                f"{kind.event}: its published median onset of {wanted:.1f} months is out of reach, as most "
                "patients are no longer treated then"
            )
            return replace(kind, onset_months=wanted * SLOWEST).begun()
        stretch = float(brentq(early, 1.0, SLOWEST, xtol=1e-3))
        return replace(kind, onset_months=wanted * stretch).begun()

    def index(self, **wanted: str) -> list[int]:
        return [i for i, k in enumerate(self.kinds) if all(getattr(k, f) == v for f, v in wanted.items())]

    def load(self, target: str, weights: Floats) -> Floats:
        """Return the expected events of each patient by the target's cut, shape (2, m): others, engaging."""
        windows = self.windows[target]
        out = np.zeros((2, len(windows)))
        for kind, weight, begun in zip(self.kinds, weights, self.begun, strict=True):
            if weight > 0:
                out[int(kind.process == "engaging")] += weight * np.interp(windows, GRID, begun)
        return out

    def only(self, rows: Sequence[int], values: Floats) -> Floats:
        out = np.zeros(len(self.kinds))
        out[list(rows)] = values[list(rows)]
        return out

    def rate(self, target: str) -> float | None:
        figure = self.figures.get(target)
        return None if figure is None or target in self.left_out else min(figure.rate, LARGEST_SHARE)

    def drop(self, target: str, reason: str) -> None:
        self.left_out[target] = reason
        self.notes.append(f"{target}: {reason}")


def solve_intensities(
    kinds: Sequence[EventKind],
    figures: Mapping[str, SafetyFigure],
    windows: Mapping[str, Floats],
    typical: Floats,
) -> Intensities:
    """Solve the intensities that give an arm's patients the shares its figures state.

    A patient whose window is w has at least one event of kinds K with probability
    ``1 - exp(-Σ_K λ G(w))``, G being the share of waiting times that are over (averaged over the
    patient's frailty where the kinds are engaging); the mean over the patients is set to the figure.

    Parameters
    ----------
    kinds : sequence of EventKind
    figures : mapping of target to SafetyFigure
    windows : mapping of target to array
        Months for which patients could have counted events by the figure's own cut.
    typical : array
        The same at the cohort's cut, for onset times.
    """
    arm = _Arm(kinds, figures, windows, typical)
    if len(typical):
        _single_kinds(arm)
        _immune(arm)
        _severe(arm)
        _other(arm)
    expected = {t: share_with_event(arm.load(t, _counted(arm, t))) for t in figures if len(windows[t])}
    onsets = [_median_onset(begun, typical) for begun in arm.begun]
    return Intensities(
        arm.kinds, tuple(arm.total), tuple(arm.begun), tuple(arm.severe), tuple(onsets), expected,
        arm.left_out, tuple(arm.notes),
    )  # fmt: skip


def share_with_event(load: Floats) -> float:
    """Return the share of patients with an event, from their expected events, shape (2, m).

    The second row is of engaging kinds, whose intensity a gamma frailty of mean 1 multiplies: none happen
    with probability ``(1 + θ H)^(-1/θ)``, θ being ENGAGING_FRAILTY.
    """
    none = np.exp(-load[0]) * (1 + ENGAGING_FRAILTY * load[1]) ** (-1 / ENGAGING_FRAILTY)
    return float(1 - none.mean())


def _single_kinds(arm: _Arm) -> None:
    """Meet the figures of single kinds, each by its own intensity."""
    for event in OWN_TARGETS:
        rows = arm.index(event=event)
        rate = arm.rate(f"{event}_any")
        if rows and rate is not None:
            arm.total[rows[0]] = _scale(arm, f"{event}_any", arm.only(rows, np.ones(len(arm.kinds))), rate)


def _immune(arm: _Arm) -> None:
    """Let the other immune-mediated kinds share, in fixed proportions, what is left of any event."""
    rows = arm.index(process="immune")
    rest = [i for i in rows if arm.total[i] == 0]
    rate = arm.rate("immune_any")
    if rate is None or not rest:
        return
    named = arm.load("immune_any", arm.only(rows, arm.total))
    single = share_with_event(named)
    if single >= rate:
        arm.drop(
            "immune_any",
            f"{rate:.1%} is below what single kinds have together ({single:.1%}); taken for the others",
        )
        named = np.zeros_like(named)
    shares = np.array([k.share for k in arm.kinds])
    arm.total[rest] = shares[rest] * _scale(arm, "immune_any", arm.only(rest, shares), rate, named)


def _severe(arm: _Arm) -> None:
    """Solve shares of grade 3 or worse: of kinds with a figure alone, of the rest by one shift."""
    fixed = []
    for event in OWN_TARGETS:
        rows, rate = arm.index(event=event), arm.rate(f"{event}_severe")
        if not rows or rate is None:
            continue
        target = f"{event}_severe"
        intensity = _scale(arm, target, arm.only(rows, np.ones(len(arm.kinds))), rate)
        if intensity >= 0.95 * arm.total[rows[0]]:
            arm.drop(target, f"{rate:.1%} does not go with the share of any grade")
            continue
        arm.severe[rows[0]] = intensity / arm.total[rows[0]]
        fixed.append(rows[0])
    rate = arm.rate("immune_severe")
    if rate is None:
        return
    own = arm.figures.get("severe_any_cause")
    part = SEVERE_PART_RELATED if own is not None and own.event.endswith("_related") else SEVERE_PART
    if own is not None and arm.figures["immune_severe"].assumed and rate > part * own.rate:
        rate = part * own.rate
        arm.drop("immune_severe", f"borrowed, and cut to {rate:.1%} as the arm has few severe events in all")
    rows = arm.index(process="immune")
    free = [i for i in rows if i not in fixed]
    start = arm.severe.copy()

    def excess(shift: float) -> float:
        arm.severe[free] = expit(logit(start[free]) + shift)
        weights = arm.only(rows, arm.total * arm.severe)
        return share_with_event(arm.load("immune_severe", weights)) - rate

    if excess(-12.0) > 0 or excess(12.0) < 0:
        arm.severe = start
        if "immune_severe" not in arm.left_out:
            arm.drop("immune_severe", f"{rate:.1%} does not go with the other figures")
        return
    excess(float(brentq(excess, -12.0, 12.0, xtol=1e-6)))


def _other(arm: _Arm) -> None:
    """Make everything else as intense as the severe events of any cause ask for."""
    rows = arm.index(process="other")
    rate = arm.rate("severe_any_cause")
    if rate is None:
        return
    before = arm.load("severe_any_cause", arm.total * arm.severe)
    have = share_with_event(before)
    if have >= rate:
        arm.drop("severe_any_cause", f"{rate:.1%} is below what the other figures give ({have:.1%})")
        return
    shares = np.array([k.share for k in arm.kinds])
    weights = arm.only(rows, shares * arm.severe)
    arm.total[rows] = shares[rows] * _scale(arm, "severe_any_cause", weights, rate, before)


def _scale(arm: _Arm, target: str, weights: Floats, rate: float, before: Floats | None = None) -> float:
    """Return the factor on `weights` that, on top of the load `before`, gives the share `rate`."""
    load = arm.load(target, weights)
    base = np.zeros_like(load) if before is None else before

    def excess(log_factor: float) -> float:
        return share_with_event(base + np.exp(log_factor) * load) - rate

    if rate <= 0 or not load.size:
        return 0.0
    if excess(12.0) < 0:
        reach = excess(12.0) + rate
        arm.notes.append(f"{target}: {rate:.1%} is out of reach; drawn so that {reach:.1%} have the event")
        return float(np.exp(12.0))
    return float(np.exp(brentq(excess, -30.0, 12.0, xtol=1e-9)))


def _counted(arm: _Arm, target: str) -> Floats:
    """Return the intensities of the events a target counts."""
    event, _, extent = target.rpartition("_")
    if target == "severe_any_cause":
        return np.asarray(arm.total * arm.severe)
    rows = arm.index(process="immune") if event == "immune" else arm.index(event=event)
    return arm.only(rows, arm.total * (arm.severe if extent == "severe" else 1.0))


def _median_onset(begun: Floats, windows: Floats) -> float:
    """Return the median onset of the events that happen within `windows`."""
    if not len(windows):
        return float("nan")
    reached = np.interp(windows, GRID, begun)
    share = np.array([np.minimum(over, reached).sum() for over in begun[::4]])
    rising = np.concatenate([[True], np.diff(share) > 0])
    return float(np.interp(0.5 * reached.sum(), share[rising], GRID[::4][rising]))
