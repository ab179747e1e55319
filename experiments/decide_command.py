"""lungio decide: what a policy of declared rules is worth, to simulated patients or real randomised ones."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from experiments.cohorts import resolve_simulated
from experiments.config import NAME_PATTERN, CohortChoice, find_config
from experiments.decide_predictions import PolicyPredictions, wanted_predictions
from experiments.progress import StageProgress
from experiments.studies import Asked, keep_study, print_study, training_source
from pipeline.config import Bootstrap, Spec
from pipeline.decide import START, Action, Guided, Policy
from pipeline.run.streams import stage_generator
from pipeline.schema import InputError
from pipeline.yaml_file import read_yaml

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

Endpoint = Literal["os", "pfs"]


class Arm(Spec):
    """Everybody in one arm."""

    arm: str
    label: str = ""


class Varied(Spec):
    """Values that one thing takes in turn, at every path: ``policy.…`` (the first) or ``actions.…``."""

    paths: tuple[str, ...] = Field(min_length=1)
    values: tuple[float, ...] = Field(min_length=2)


class PolicyStudy(Spec):
    """A study of policies in simulated patients, whose outcome under every decision is known."""

    kind: Literal["policy"] = "policy"
    name: str = Field(pattern=NAME_PATTERN)
    title: str | None = None
    seed: int = Field(ge=0)
    train: CohortChoice
    cohorts: int = Field(5, ge=1, le=100, description="the patients are divided into so many")
    arm: str = Field(description="in which everybody starts")
    planned_months: dict[str, Annotated[float, Field(gt=0)]]
    endpoints: tuple[Endpoint, ...] = Field(("pfs", "os"), min_length=1)
    horizon_months: float = Field(gt=0, le=240)
    harm_months: float = Field(1, gt=0)
    fixed: str = Field(description="the strategy that the first policy is held against")
    references: dict[str, Arm | Guided] = Field(min_length=1)
    policies: dict[str, Policy] = Field(min_length=1)
    actions: dict[str, Action]
    predictions: PolicyPredictions | None = Field(
        None, description="of models fitted on other patients, for rules that look at a risk or a mechanism"
    )
    prices: tuple[float, ...] = (0, 0.1, 0.2, 0.3)
    thresholds: tuple[float, ...] = ()
    vary: dict[str, Varied] = {}
    bootstrap: Bootstrap = Bootstrap(replicates=500)

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        faults = []
        if self.fixed not in self.references | self.policies:
            faults.append(f"fixed: no strategy {self.fixed!r}")
        faults += [
            f"{name!r} names a policy and a reference" for name in self.references.keys() & self.policies
        ]
        for name, policy in self.policies.items():
            unknown = sorted({r.action for r in policy.rules} - set(self.actions))
            faults += [f"policy {name!r}: no action {a!r}" for a in unknown]
        arms = {self.arm}
        for reference in self.references.values():
            arms |= {reference.arm} | ({reference.otherwise} if isinstance(reference, Guided) else set())
        missing = sorted(arms - set(self.planned_months))
        faults += [f"planned_months: arm {a!r} is missing" for a in missing]
        if START in self.actions:
            faults.append(f"no action may be called {START!r}")
        if self.predictions is not None:
            faults += self.predictions.faults(self.policies)
        elif wanted := wanted_predictions(self.policies):
            name, kind, of = wanted[0]
            faults.append(f"policy {name!r} looks at {kind} {of!r}: say under `predictions` which models "
                          "are fitted, and on whom")  # fmt: skip
        if faults:
            raise ValueError("; ".join(faults))
        return self


class RandomisedStudy(Spec):
    """A study of rules that choose an arm before treatment, in randomised patients, real ones or drawn."""

    kind: Literal["randomised"]
    name: str = Field(pattern=NAME_PATTERN)
    title: str | None = None
    seed: int = Field(ge=0)
    train: CohortChoice
    endpoints: tuple[Endpoint, ...] = Field(("os", "pfs"), min_length=1)
    horizon_months: float = Field(gt=0, le=240)
    probabilities: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(
        min_length=2, description="arm -> known chance of being randomised to it"
    )
    rules: dict[str, Guided] = Field(min_length=1)
    bootstrap: Bootstrap = Bootstrap(replicates=2000)


def run_decide(asked: Asked, console: Console) -> Path:
    """Carry out a study of decisions and return its folder."""
    path = find_config("studies", asked.config)
    kind = read_yaml(path).get("kind", "policy")
    if kind == "randomised":
        return _run_randomised(asked, console)
    if kind != "policy":
        raise InputError(f"{path}: kind must be policy or randomised. Got {kind!r} instead")
    if asked.data is not None:
        raise InputError(f"--data {asked.data}: a study of policies draws its patients and reads no file")
    return _run_policy(asked, console)


def _run_policy(asked: Asked, console: Console) -> Path:
    from experiments.decide_study import policy_study
    from experiments.decide_variants import checked_variants

    spec = asked.read(PolicyStudy)
    if spec.train.patients is None:
        raise InputError("train.patients is missing: how many patients are to be drawn?")
    variants = checked_variants(spec)
    source = resolve_simulated(spec.train.cohort, spec.train.patients)
    learning = None
    if spec.predictions is not None:
        fitted_on = spec.predictions.train
        if fitted_on.patients is None:
            raise InputError("predictions.train.patients is missing: how many patients are to be drawn?")
        learning = resolve_simulated(fitted_on.cohort, asked.patients or fitted_on.patients)
    folder, started = asked.folder(spec.name)
    rng = np.random.default_rng(spec.seed)
    with StageProgress(console) as progress:
        cohort = source.cohort(stage_generator(rng, "cohort train"), source.name)
        others = None
        if learning is not None:
            others = learning.cohort(stage_generator(rng, "cohort predictions"), f"{learning.name}_others")
        progress("draw the cohort", 1, 1)
        study = policy_study(spec, variants, cohort, others, stage_generator(rng, "decide"), progress)
        page = keep_study("decide", spec, study, folder, started, progress, asked.report)
    draw = partial(_print_differences, study.tables["differences"], spec.endpoints[0], console)
    print_study(console, folder, page, {"differences": study.tables["differences"]}, draw)
    return folder


def _run_randomised(asked: Asked, console: Console) -> Path:
    from experiments.decide_randomised import randomised_study

    spec = asked.read(RandomisedStudy)
    source = training_source(spec.train, asked.data, asked.command)
    rng = np.random.default_rng(spec.seed)
    with StageProgress(console) as progress:
        cohort = source.cohort(stage_generator(rng, "cohort train"))
        progress("draw or read the cohort", 1, 1)
        study = randomised_study(spec, cohort, stage_generator(rng, "decide"))
        folder, started = asked.folder(spec.name)
        page = keep_study("decide", spec, study, folder, started, progress, asked.report)
    draw = partial(_print_differences, study.tables["weighted"], spec.endpoints[0], console)
    print_study(console, folder, page, {"weighted": study.tables["weighted"]}, draw)
    return folder


def _print_differences(table: pd.DataFrame, endpoint: str, console: Console) -> None:
    shown = table[
        (table["endpoint"] == endpoint) & (table["quantity"] == "rmst") & (table["reference"] != "")
    ]
    for row in shown.to_dict("records"):
        console.print(
            f"{row['strategy']} less {row['reference']}: {row['value']:+.2f} months "
            f"({row['low']:+.2f} to {row['high']:+.2f})", highlight=False,
        )  # fmt: skip
