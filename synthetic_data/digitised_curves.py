"""Overall survival read off published figures, and how far drawn curves lie from it.

Such a file has a row a patient: `trial`, `arm`, `os_months` and `event` (1 is death). Names are the
register's, or those of Bomze et al., JAMA Netw Open 2020, 10.1001/jamanetworkopen.2020.17675, whose 14 arms
of seven trials are not part of the repository.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.schema import Floats, InputError
from synthetic_data.evidence import Register
from synthetic_data.median_limits import FEWEST_AT_RISK
from synthetic_data.published_figures import ACCRUAL_MONTHS, as_of, choose_figures, drawable_arms
from synthetic_data.survival_curves import SurvivalCurve, curve_through
from synthetic_data.trial_curves import built_points, trial_curves

COLUMNS = ("trial", "arm", "os_months", "event")
STEP_MONTHS = 0.25
LAST_SHARE = 0.95  # of the longest follow-up: up to where a curve is compared at all

# Trial as the file spells it: as the register does, the longest follow-up (months) of a readout that
# belongs to the digitised publication or one before it, and the arms.
TRIALS: dict[str, tuple[str, float, dict[str, str]]] = {
    "checkmate017": ("CheckMate-017", 20.0, {"nivolumab": "nivolumab", "docetaxel": "docetaxel"}),
    "checkmate057": ("CheckMate-057", 22.0, {"nivolumab": "nivolumab", "docetaxel": "docetaxel"}),
    "keynote-024": ("KEYNOTE-024", 20.0, {"pembrolizumab": "pembrolizumab", "chemotherapy": "chemo"}),
    "keynote-189": (
        "KEYNOTE-189",
        15.0,
        {"pembrolizumab": "pembrolizumab_chemo", "placebo": "placebo_chemo"},
    ),
    "pacific": ("PACIFIC", 26.0, {"durvalumab": "durvalumab", "placebo": "placebo"}),
    "impower133": ("IMpower133", 15.0, {"atezolizumab": "atezo_ce", "placebo": "placebo_ce"}),
    "impower150": ("IMpower150", 25.0, {"ABCP": "abcp", "BCP": "bcp"}),
}


@dataclass(frozen=True)
class Digitised:
    """The curve of one arm as published.

    Attributes
    ----------
    trial, arm : str
        As in the register.
    until_follow_up_months : float
        Readouts with no longer follow-up were known when the curve was published.
    time, event : array, shape (n,)
        Months and whether the patient died, as read off the figure.
    months, survival, at_risk : array, shape (k,)
        Kaplan-Meier estimate and numbers at risk, every STEP_MONTHS.
    """

    trial: str
    arm: str
    until_follow_up_months: float
    time: Floats
    event: Floats
    months: Floats
    survival: Floats
    at_risk: Floats


@dataclass(frozen=True)
class Gap:
    """How far a curve lies from a digitised one; probabilities, positive where it lies above.

    `largest` is found where at least FEWEST_AT_RISK patients are left, at `month`; `largest_anywhere` up to
    LAST_SHARE of the longest follow-up, as is `mean`, the mean absolute gap; `mean_square` is over the first.
    """

    largest: float
    month: float
    largest_anywhere: float
    mean: float
    mean_square: float


def digitised_curves(file: Path, register: Register) -> list[Digitised]:
    """Read a file of digitised curves.

    Raises
    ------
    InputError
        No such file, columns that are missing, trials or arms that the register does not know, numbers that
        are none.
    """
    rows = defaultdict(list)
    try:
        with file.open(encoding="utf-8", newline="") as text:
            reader = csv.DictReader(text)
            gone = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
            if gone:
                raise InputError(f"{file}: no column {', '.join(gone)}; wanted are {', '.join(COLUMNS)}")
            for row in reader:
                pair = (float(row["os_months"]), float(row["event"]))
                rows[row["trial"], row["arm"]].append(pair)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{file}: digitised curves cannot be read: {error}") from error
    found = []
    for (name, arm), pairs in rows.items():
        trial, until, arms = TRIALS.get(name, (name, math.inf, {}))
        known = [a.id for a in register.trial(trial).arms]
        if arms.get(arm, arm) not in known:
            raise InputError(f"{file}: trial {trial} has no arm {arm!r}; it has {', '.join(known)}")
        time, event = np.array(pairs).T
        found.append(digitised(trial, arms.get(arm, arm), until, time, event))
    return found


def digitised(trial: str, arm: str, until: float, time: Floats, event: Floats) -> Digitised:
    """Kaplan-Meier estimate of patients' times, as a curve to compare with."""
    months = np.arange(STEP_MONTHS, LAST_SHARE * time.max(), STEP_MONTHS)
    deaths, counts = np.unique(time[event == 1], return_counts=True)
    risk = (time[None, :] >= deaths[:, None]).sum(axis=1)
    steps = np.concatenate([[1.0], np.cumprod(1 - counts / risk)])
    survival = steps[np.searchsorted(deaths, months, side="right")]
    at_risk = (time[None, :] >= months[:, None]).sum(axis=1).astype(float)
    return Digitised(trial, arm, until, time, event, months, survival, at_risk)


def gap(curve: SurvivalCurve, published: Digitised) -> Gap:
    """Measure how far `curve` lies from the digitised one."""
    differences = curve.survival(published.months) - published.survival
    read = differences[published.at_risk >= FEWEST_AT_RISK]
    worst = int(np.argmax(np.abs(read)))
    return Gap(
        float(read[worst]),
        float(published.months[worst]),
        float(differences[np.argmax(np.abs(differences))]),
        float(np.abs(differences).mean()),
        float((read**2).mean()),
    )


def by_trial(curves: list[Digitised], register: Register) -> dict[str, list[Digitised]]:
    """Group digitised arms by the register's trial, in its order of arms."""
    groups = defaultdict(list)
    for curve in curves:
        groups[register.trial(curve.trial).id].append(curve)
    return dict(groups)


def compare(register: Register, curves: list[Digitised]) -> list[tuple[Digitised, Gap, Gap, SurvivalCurve]]:
    """Gaps of the curves drawn and of plain monotone interpolation, arm by arm, and the curves drawn.

    Each trial is drawn as it was known at the data cut of its digitised curve, with shapes learnt without it.
    """
    rows = []
    for name, arms in by_trial(curves, register).items():
        trial, until = register.trial(name), arms[0].until_follow_up_months
        known = as_of(trial, until)
        drawn = trial_curves(trial, drawable_arms(known), ACCRUAL_MONTHS, until)
        for arm in arms:
            curve = drawn.curves[arm.arm, "os"]
            rows.append((arm, gap(curve, arm), gap(plain_curve(register, arm), arm), curve))
    return rows


def plain_curve(register: Register, arm: Digitised) -> SurvivalCurve:
    """Plain monotone interpolation through what was published of the arm at its data cut."""
    known = as_of(register.trial(arm.trial), arm.until_follow_up_months)
    return curve_through(built_points(choose_figures(known, "os", arm.arm)), 1.0)
