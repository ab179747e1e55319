"""What only a simulation knows: hazards, true survival, survival after crossover, chances of response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SWITCH_FIELDS: Final = ("probability", "hazard_ratio", "delay_months")
RESPONSE_FIELDS: Final = ("intercept", "slope", "first_months", "latest_months", "seen")
RESPONSE_STEPS: Final = 60  # of progression-free survival over which a chance of response is averaged
PATIENTS_AT_ONCE: Final = 512  # whose survival at every knot is held in memory
LEAST_SURVIVAL: Final = 1e-300


@dataclass(frozen=True)
class Switch:
    """How the patients of one arm change treatment.

    A patient who progresses and would switch does so `delay_months` later, if alive; from then on the
    hazard of death is `hazard_ratio` times what it was.

    Attributes
    ----------
    probability : float
        That a patient would switch.
    hazard_ratio, delay_months : float
    """

    probability: float
    hazard_ratio: float
    delay_months: float


@dataclass(frozen=True)
class ResponseChance:
    """How likely patients of one arm respond: the later they will progress, the likelier.

    Log odds are ``intercept + slope * log(months)``, the months kept up to `latest_months`; who progresses
    by `first_months`, the first assessment, does not respond.

    Attributes
    ----------
    intercept, slope : float
    first_months, latest_months : float
    seen : float
        Share of the arm that is still under observation at the first assessment.
    """

    intercept: float
    slope: float
    first_months: float
    latest_months: float
    seen: float = 1.0

    def given(self, pfs_months: Floats) -> Floats:
        """Return the chance of patients who progress or die at these months and are watched until then."""
        from scipy.special import expit

        months = np.clip(pfs_months, self.first_months, self.latest_months)
        chance = expit(self.intercept + self.slope * np.log(months))
        return np.where(pfs_months > self.first_months, chance, 0.0)

    def months(self) -> Floats:
        """Return the months between which `average` takes the chance to be level, first to latest."""
        return np.geomspace(self.first_months, self.latest_months, RESPONSE_STEPS + 1)

    def average(self, survival: Floats) -> Floats:
        """Return the chance of patients whose progression-free survival at `months` is known, shape (n,).

        The chance is averaged over when they will progress, as if leaving were independent of it.
        """
        months = self.months()
        middle = np.sqrt(months[1:] * months[:-1])
        within = (survival[:, :-1] - survival[:, 1:]) @ self.given(middle)
        beyond = survival[:, -1] * self.given(np.array([np.inf]))
        return np.asarray(self.seen * (within + beyond))


def survival_with_switch(
    switch: Switch,
    knots: Floats,
    death: Floats,
    progression: Floats,
    to_death: Floats,
    to_progression: Floats,
) -> Floats:
    """Probability of being alive past each knot, shape (n, k), whether or not one would switch.

    With Λ and Π the cumulative baseline hazards of death and progression without a switch, w and v a
    patient's relative hazards, F(s) = 1 - exp(-v Π(s - delay)) the distribution of the month of switching,
    p its probability and θ the hazard ratio: the mixture over p and s of exp(-w Λ(t)) for those who
    have not switched by t and exp(-w [Λ(s) + θ (Λ(t) - Λ(s))]) for those who have. Progression and death
    are independent given w and v. The integral over s is a midpoint sum over the knots.

    Parameters
    ----------
    switch : Switch
    knots : array, shape (k,)
        Months, increasing from 0, closer together than the delay.
    death, progression : array, shape (n,)
        Relative hazards w and v.
    to_death, to_progression : array, shape (k,)
        Λ and Π at the knots.
    """
    theta = switch.hazard_ratio
    lagged = np.interp(knots - switch.delay_months, knots, to_progression, left=0.0)
    by_then = -np.expm1(-np.outer(progression, lagged))
    middle = (to_death[1:] + to_death[:-1]) / 2
    entering = np.diff(by_then, axis=1) * np.exp(-(1 - theta) * np.outer(death, middle))
    switched = np.pad(np.cumsum(entering, axis=1), ((0, 0), (1, 0)))
    dying = np.outer(death, to_death)
    waiting = np.exp(-dying) * (1 - switch.probability * by_then)
    return np.asarray(waiting + switch.probability * np.exp(-theta * dying) * switched)


@dataclass(frozen=True)
class Truth:
    """What only a simulation knows: kept beside the patients and never in their table.

    A patient's true survival under an arm is ``exp(-Λ_os(t) w)`` with w the exponential of the
    patient's log relative hazard of death. Progression-free survival is
    ``exp(-((Λ_progression(t) v)^θ + (Λ_os(t) w)^θ)^(1/θ))``: the product of two independent survivals
    where the association θ of progression and death is 1. In an arm whose patients may change treatment
    after progression (`Switch`), Λ_os is the hazard without a change, and `survival` counts it in.

    Attributes
    ----------
    patients : DataFrame
        Indexed like the cohort. `arm` is the arm received; ``os_log_hazard[<arm>]`` and
        ``progression_log_hazard[<arm>]`` the log relative hazards under each arm; further columns
        hold latent states, each marker's contribution to the log hazard under the arm received
        (``os_contribution[<column>]``, ``pfs_contribution[<column>]``), what each effect modifier adds
        to it under a checkpoint inhibitor (``os_modification[<column>]``), and uncensored event months.
    hazards : DataFrame
        Cumulative baseline hazards: `arm`, `months` (increasing from 0), `os`, `progression`,
        linear between rows, the last slope carried on; and the arm's `association`. Where patients of
        an arm may switch, `switch_probability`, `switch_hazard_ratio` and `switch_delay_months`; where
        the chance of a response is known, ``response_<field>`` of `ResponseChance`.
    visits : DataFrame, optional
        Every visit planned while a patient was followed, without measurement error, and with whether
        it `took_place`.
    """

    patients: pd.DataFrame
    hazards: pd.DataFrame
    visits: pd.DataFrame | None = None

    @property
    def arms(self) -> tuple[str, ...]:
        """Every arm whose outcome is known for every patient."""
        return tuple(dict.fromkeys(self.hazards["arm"]))

    def cumulative_hazard(self, arm: str, cause: str, months: Floats) -> Floats:
        """Baseline cumulative hazard of `cause` ("os" or "progression"), shape (m,)."""
        rows = self.hazards[self.hazards["arm"] == arm]
        knots, values = rows["months"].to_numpy(), rows[cause].to_numpy()
        slope = (values[-1] - values[-2]) / (knots[-1] - knots[-2])
        inside = np.interp(months, knots, values)
        return np.asarray(inside + np.maximum(np.asarray(months) - knots[-1], 0.0) * slope, dtype=float)

    def switch(self, arm: str) -> Switch | None:
        """How patients of an arm change treatment after progression; None where none do."""
        if "switch_probability" not in self.hazards:
            return None
        row = self.hazards[self.hazards["arm"] == arm].iloc[0]
        if not row["switch_probability"] > 0:
            return None
        return Switch(*(float(row[f"switch_{name}"]) for name in SWITCH_FIELDS))

    def response(self, patients: pd.Index | None = None) -> Floats | None:
        """Return the chance of an objective response before treatment, under the arm received, shape (n,).

        From everything that sets a patient's hazards, measured or not; None where the truth does not say.
        """
        if "response_intercept" not in self.hazards:
            return None
        rows = self.patients if patients is None else self.patients.loc[patients]
        received = rows["arm"].astype(str).to_numpy()
        out = np.full(len(rows), np.nan)
        for arm in self.arms:
            chosen = received == arm
            if chosen.any():
                first = self.hazards[self.hazards["arm"] == arm].iloc[0]
                chance = ResponseChance(*(float(first[f"response_{name}"]) for name in RESPONSE_FIELDS))
                out[chosen] = chance.average(self.survival("pfs", chance.months(), rows.index[chosen]))
        return out

    def survival(
        self,
        endpoint: str,
        months: Floats,
        patients: pd.Index | None = None,
        arm: str | None = None,
        switching: bool = True,
    ) -> Floats:
        """Return true survival probabilities, shape (n, m), under `arm` or the arm received.

        Parameters
        ----------
        endpoint : {"os", "pfs"}
        months : array, shape (m,)
        patients : Index, optional
            All when left out.
        arm : str, optional
        switching : bool
            False gives overall survival as it would be had nobody changed treatment.
        """
        rows = self.patients if patients is None else self.patients.loc[patients]
        months = np.atleast_1d(np.asarray(months, dtype=float))
        out = np.empty((len(rows), len(months)))
        received = rows["arm"].astype(str).to_numpy()
        for name in self.arms:
            chosen = np.full(len(rows), name == arm) if arm is not None else received == name
            if not chosen.any():
                continue
            death = np.exp(rows[f"os_log_hazard[{name}]"].to_numpy()[chosen])
            switch = self.switch(name) if switching and endpoint == "os" else None
            if switch is not None or endpoint == "pfs":  # a truth of deaths alone has no progression
                progression = np.exp(rows[f"progression_log_hazard[{name}]"].to_numpy()[chosen])
            if switch is not None:
                out[chosen] = self._survival_with_switch(name, switch, death, progression, months)
                continue
            total = np.outer(death, self.cumulative_hazard(name, "os", months))
            if endpoint == "pfs":
                progressing = np.outer(progression, self.cumulative_hazard(name, "progression", months))
                theta = float(self.hazards.loc[self.hazards["arm"] == name, "association"].iloc[0])
                total = (total**theta + progressing**theta) ** (1 / theta)
            out[chosen] = np.exp(-total)
        return out

    def _survival_with_switch(
        self, arm: str, switch: Switch, death: Floats, progression: Floats, months: Floats
    ) -> Floats:
        rows = self.hazards[self.hazards["arm"] == arm]
        knots = rows["months"].to_numpy(dtype=float)
        upper = np.clip(np.searchsorted(knots, months), 1, len(knots) - 1)
        part = (months - knots[upper - 1]) / (knots[upper] - knots[upper - 1])
        out = np.empty((len(death), len(months)))
        for start in range(0, len(death), PATIENTS_AT_ONCE):
            some = slice(start, start + PATIENTS_AT_ONCE)
            alive = survival_with_switch(
                switch, knots, death[some], progression[some],
                rows["os"].to_numpy(dtype=float), rows["progression"].to_numpy(dtype=float),
            )  # fmt: skip
            hazard = -np.log(np.maximum(alive, LEAST_SURVIVAL))  # linear between knots, as everywhere
            low, high = hazard[:, upper - 1], hazard[:, upper]
            out[some] = np.exp(-(low + part * (high - low)))
        return out
