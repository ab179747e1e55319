"""Who is enrolled: the setting, histology, published baseline and eligibility that margins answer to."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, model_validator

from synthetic_data.evidence.trials import TrialSpec
from synthetic_data.evidence.values import Spec


class Eligibility(Spec):
    """Which values of one column let a patient in.

    Numbers: `at_least`, `below`. Categories: `one_of`. Booleans, categories and counts: `equals`.
    """

    at_least: float | None = None
    below: float | None = None
    equals: bool | float | str | None = None
    one_of: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_form(self) -> Eligibility:
        bounds = self.at_least is not None or self.below is not None
        if bounds + (self.equals is not None) + bool(self.one_of) != 1:
            raise ValueError("give bounds (at_least, below), equals or one_of, and one of them only")
        return self


class Setting(Spec):
    """The patients a margin is drawn for.

    Attributes
    ----------
    setting, histology : str
        In the register's words; they choose among a marker's overrides.
    baseline : dict
        Published shares and medians of the trial, by the register's keys.
    eligibility : dict
        Column -> which values are let in.
    """

    setting: str = "metastatic_1L"
    histology: str = "nsclc"
    baseline: dict[str, float] = Field(default_factory=dict)
    eligibility: dict[str, Eligibility] = Field(default_factory=dict)

    @classmethod
    def of(cls, trial: TrialSpec, eligibility: Mapping[str, Eligibility] | None = None) -> Setting:
        """Return the setting of a trial's patients."""
        return cls(
            setting=trial.setting,
            histology=trial.histology,
            baseline=pooled_baseline(trial),
            eligibility=dict(eligibility or {}),
        )


# The population in which effects and correlations are read: no trial, advanced NSCLC.
REFERENCE = Setting()


def pooled_baseline(trial: TrialSpec) -> dict[str, float]:
    """Return the trial's published baseline: whole-trial figures, else its arms' pooled by size.

    A figure printed for some arms only is pooled over those; arms of unknown size count equally. An
    arm of patients selected by a marker (a share of 1 that other arms do not have, as in trials whose
    arms belong to different PD-L1 strata) says nothing about the others and is not pooled.
    """
    if trial.baseline is None:
        return {}
    sizes: dict[str, float] = {arm.id: float(arm.patients or 1) for arm in trial.arms}
    sizes.update({arm: float(n) for arm, n in trial.baseline.patients.items() if arm in sizes})
    arms = dict(trial.baseline.by_arm)
    selected = {
        arm
        for arm, figures in arms.items()
        if any(v == 1 and any(other.get(k) != 1 for other in arms.values()) for k, v in figures.items())
    }
    if selected != set(arms):
        arms = {arm: figures for arm, figures in arms.items() if arm not in selected}
    pooled = {}
    for key in dict.fromkeys(key for figures in arms.values() for key in figures):
        given = {arm: figures[key] for arm, figures in arms.items() if key in figures}
        weight = sum(sizes.get(arm, 1.0) for arm in given)
        pooled[key] = sum(value * sizes.get(arm, 1.0) for arm, value in given.items()) / weight
    return {**pooled, **trial.baseline.overall}
