"""Checks of the outcome columns: impossible times, contradictions, and events coded the wrong way round."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.cohort_check.findings import Finding, counted, first_positions
from pipeline.cohort_check.follow_up import median_follow_up
from pipeline.schema import ENDPOINTS, Endpoint

# No cohort of advanced lung cancer has been followed for 15 years; in days, half a year already exceeds it.
LONGEST_PLAUSIBLE_MONTHS: Final = 180.0
# A chance of 0.6 that an event comes later than a censoring. Forty correctly coded data sets of the public
# survival libraries and of published lung trials lie between 0.02 and 0.57; inverted they exceed 0.62.
LATE_EVENTS: Final = 0.60
LATE_EVENTS_Z: Final = 2.5
CONTRADICTED_DEATHS: Final = 0.20
FEW_EVENTS: Final = 10


def outcome_findings(observed: pd.DataFrame, confirmed: Collection[str] = ()) -> list[Finding]:
    """Return what is wrong or odd about the outcomes in `observed`.

    Parameters
    ----------
    observed : DataFrame
        Holds the month and event columns of at least one endpoint; times may be negative here. Of times
        without their events only what no event could explain is found.
    confirmed : collection of str
        Checks whose finding somebody has looked into ("event_coding", "time_unit"): faults of
        these become warnings.
    """
    found: list[Finding] = []
    for endpoint in ENDPOINTS.values():
        if endpoint.months in observed:
            found += _negative(endpoint, observed[endpoint.months].to_numpy(dtype=float))
        if {endpoint.months, endpoint.event} <= set(observed):
            months = observed[endpoint.months].to_numpy(dtype=float)
            event = observed[endpoint.event].to_numpy(dtype=bool)
            found += _times(endpoint, months)
            found += _events(endpoint, months, event)
    if {"os_months", "pfs_months"} <= set(observed):
        found += _after_death(observed)
    if {"os_months", "pfs_months", "died", "progressed_or_died"} <= set(observed):
        found += _contradictions(observed)
    return [_eased(f) if f.severity == "fault" and f.check in confirmed else f for f in found]


def _eased(f: Finding) -> Finding:
    return Finding("warning", f.check, f.column, f.count, f"{f.message} (confirmed)", "", f.positions)


def _negative(e: Endpoint, months: NDArray[Any]) -> Iterator[Finding]:
    negative = months < 0
    if negative.any():
        yield Finding(
            "fault", "negative_time", e.months, int(negative.sum()),
            f"{counted(int(negative.sum()), 'negative time')} (lowest {np.nanmin(months):g})",
            "correct the dates they were computed from", first_positions(negative),
        )  # fmt: skip


def _times(e: Endpoint, months: NDArray[Any]) -> Iterator[Finding]:
    if (months == 0).any():
        yield Finding(
            "warning", "zero_time", e.months, int((months == 0).sum()),
            f"{counted(int((months == 0).sum()), 'time')} of zero",
            "make sure these patients were followed at all", first_positions(months == 0),
        )  # fmt: skip
    present = months[np.isfinite(months)]
    if not len(present):
        return
    high = float(np.quantile(present, 0.95))
    if high > LONGEST_PLAUSIBLE_MONTHS:
        yield Finding(
            "fault", "time_unit", e.months, int((present > LONGEST_PLAUSIBLE_MONTHS).sum()),
            f"times look like days, not months: one in twenty exceeds {high:.0f} (median "
            f"{np.median(present):.0f})",
            "state `unit: days` for this column, or list time_unit under `confirmed`",
            first_positions(months > LONGEST_PLAUSIBLE_MONTHS),
        )  # fmt: skip
    elif np.median(present) > 30 and (present == np.round(present)).all():
        yield Finding(
            "warning", "time_unit", e.months, len(present),
            f"all times are whole numbers with a median of {np.median(present):.0f}: weeks or days?",
            "state `unit` for this column if they are not months",
        )  # fmt: skip
    elif len(present) >= 20 and high < 6:
        yield Finding(
            "warning", "time_unit", e.months, len(present),
            f"19 in 20 times are below {high:.1f}: years?",
            "state `unit: years` for this column if they are not months",
        )  # fmt: skip


def _events(e: Endpoint, months: NDArray[Any], event: NDArray[np.bool_]) -> Iterator[Finding]:
    events, n = int(event.sum()), len(event)
    if n == 0:
        return
    share = events / n
    if events == 0:
        yield Finding(
            "fault", "no_events", e.event, 0, f"none of {counted(n, 'patient')} has an event",
            "check which value of this column stands for the event",
        )  # fmt: skip
        return
    if events < FEW_EVENTS:
        yield Finding(
            "warning", "few_events", e.event, events,
            f"only {counted(events, 'event')} in {counted(n, 'patient')}",
            "no model can be judged on so few",
        )  # fmt: skip
    if share > 0.95:
        yield Finding(
            "warning", "event_share", e.event, events, f"{share:.0%} of patients have an event",
            "make sure that this value stands for the event and not for being in the data",
        )  # fmt: skip
    later, z = late_events(months, event)
    longest = event[np.argsort(months, kind="stable")][-max(10, n // 10) :].mean()
    if later >= LATE_EVENTS and z >= LATE_EVENTS_Z:
        yield Finding(
            "fault", "event_coding", e.event, events,
            f"events look inverted: an event comes later than a censoring in {later:.0%} of pairs, and "
            f"{longest:.0%} of the longest-followed tenth are 'events' (all patients: {share:.0%})",
            "check which value stands for the event (swap `event_value` and `censored_value`), or list "
            "event_coding under `confirmed`",
        )  # fmt: skip
    elif longest == 1.0 and share < 0.9:
        yield Finding(
            "warning", "event_coding", e.event, events,
            f"every one of the longest-followed tenth has an event (all patients: {share:.0%})",
            "check which value stands for the event",
        )  # fmt: skip
    yield _follow_up(e, months, event)


def _follow_up(e: Endpoint, months: NDArray[Any], event: NDArray[np.bool_]) -> Finding:
    follow_up = median_follow_up(months, event)
    text = f"{follow_up:.1f} months" if math.isfinite(follow_up) else "not reached"
    return Finding(
        "note", "events", e.event, int(event.sum()),
        f"{counted(int(event.sum()), 'event')} in {counted(len(event), 'patient')}; median follow-up {text}",
    )  # fmt: skip


def late_events(months: NDArray[Any], event: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the chance that an event's time exceeds a censored time, and its z against one half.

    Censoring grows more frequent towards the end of follow-up and deaths rarer, so that with the right
    coding the chance lies below one half: it is the Mann-Whitney statistic of time between the two.
    """
    events, censored = int(event.sum()), int((~event).sum())
    if not events or not censored:
        return 0.5, 0.0
    ranks = pd.Series(months).rank().to_numpy()
    chance = (ranks[event].sum() - events * (events + 1) / 2) / (events * censored)
    return float(chance), float((chance - 0.5) * math.sqrt(12 * events * censored / (len(event) + 1)))


def _after_death(observed: pd.DataFrame) -> Iterator[Finding]:
    os_months, pfs_months = (observed[c].to_numpy(dtype=float) for c in ("os_months", "pfs_months"))
    after = (pfs_months > os_months) & (os_months >= 0)  # a negative time is a fault of its own
    if after.any():
        worst = float((pfs_months - os_months)[after].max())
        yield Finding(
            "fault", "pfs_after_os", "pfs_months", int(after.sum()),
            f"PFS is longer than OS in {counted(int(after.sum()), 'patient')} (by up to {worst:.2g} months)",
            "correct the dates: nobody progresses after death or after the last contact",
            first_positions(after),
        )  # fmt: skip


def _contradictions(observed: pd.DataFrame) -> Iterator[Finding]:
    os_months, pfs_months = (observed[c].to_numpy(dtype=float) for c in ("os_months", "pfs_months"))
    died, progressed = (observed[c].to_numpy(dtype=bool) for c in ("died", "progressed_or_died"))
    without = died & ~progressed
    if (n := int(without.sum())) >= 5 and n >= CONTRADICTED_DEATHS * died.sum():
        yield Finding(
            "fault", "event_coding", "progressed_or_died", n,
            f"{n} of {died.sum()} deaths have no event of progression-free survival: one of the two "
            "events is probably coded the wrong way round",
            "check which values stand for the events, or list event_coding under `confirmed`",
            first_positions(without),
        )  # fmt: skip
        return
    uncounted = without & (pfs_months == os_months)
    if uncounted.any():
        yield Finding(
            "fault", "death_not_counted", "progressed_or_died", int(uncounted.sum()),
            f"{counted(int(uncounted.sum()), 'patient')} died at the end of PFS and yet without a PFS event",
            "death ends progression-free survival: correct the flag, or list death_is_pfs_event under "
            "`corrections`",
            first_positions(uncounted),
        )  # fmt: skip
    elif n:
        yield Finding(
            "note", "pfs_censored_before_death", "progressed_or_died", n,
            f"PFS of {counted(n, 'patient')} is censored before their death (last assessment long before?)",
        )  # fmt: skip
    alive_at_end = progressed & ~died & (pfs_months == os_months)
    if alive_at_end.any():
        n = int(alive_at_end.sum())
        yield Finding(
            "note", "progressed_at_last_contact", "progressed_or_died", n,
            f"{counted(n, 'patient')} progressed on the day of the last contact, alive",
            positions=first_positions(alive_at_end),
        )  # fmt: skip
