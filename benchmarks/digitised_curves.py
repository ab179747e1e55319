"""Overall survival read off published figures, and how far a curve lies from it.

Bomze et al., JAMA Netw Open 2020, 10.1001/jamanetworkopen.2020.17675: 14 arms of seven trials. The file is
not part of the repository.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.schema import Floats
from synthetic_data.evidence import Register
from synthetic_data.median_limits import FEWEST_AT_RISK
from synthetic_data.survival_curves import SurvivalCurve

FILE = Path(__file__).resolve().parents[2] / "shared" / "realdata" / "digitised_os_curves.csv"
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


def digitised_curves(file: Path = FILE) -> list[Digitised]:
    """Read the 14 digitised arms."""
    rows = defaultdict(list)
    with file.open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            rows[row["trial"], row["arm"]].append((float(row["os_months"]), float(row["event"])))
    found = []
    for (name, arm), pairs in rows.items():
        trial, until, arms = TRIALS[name]
        time, event = np.array(pairs).T
        found.append(digitised(trial, arms[arm], until, time, event))
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
