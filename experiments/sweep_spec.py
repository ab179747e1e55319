"""A sweep, described: an experiment, the keys that vary, seeds, cohorts, and how the settings are chosen."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, ValidationError, model_validator

from experiments.config import (
    NAME_PATTERN,
    Experiment,
    Tracking,
    find_config,
    path_fault,
    plain_lines,
    read_experiment,
    read_spec,
)
from pipeline.config import Spec
from pipeline.schema import InputError

MOST_RUNS: Final = 10_000
MOST_FAULTS: Final = 12
UNVARIED: Final = ("name", "report", "tracking")  # decide no number
Setting = dict[str, Any]


class Range(Spec):
    """Numbers from `low` to `high` for a search: whole ones with `whole`, on a log scale with `log`."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    @model_validator(mode="after")
    def _rises(self) -> Range:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(
                f"low must be below high, and above 0 with log. Got {self.low:g} and {self.high:g}"
            )
        if self.whole and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError(
                f"the ends of whole numbers are whole. Got {self.low:g} and {self.high:g} instead"
            )
        return self


class Objective(Spec):
    """The score that settings are ranked by: of one model, or of a run's best but the oracle."""

    metric: str = "uno_c"
    data: Literal["cross-validation", "external"] = "cross-validation"
    model: str | None = Field(None, description="the run's best, the oracle aside, when left out")
    horizon_months: float | None = Field(None, gt=0, description="of a metric by horizon; else their mean")


class Sweep(Spec):
    """Many runs of one experiment.

    `vary` maps a dotted key of the experiment (``analysis.models.rsf.n_estimators``) to the values it takes,
    or to a range for a search; `fixed` sets keys once for all. A grid carries out every combination; Optuna
    proposes `trials` settings, `batch` at a time, each from the results of the batches before: their number
    and results do not depend on how many processes there are. Every setting is run on every cohort and seed.
    """

    name: str = Field(pattern=NAME_PATTERN)
    title: str | None = None
    experiment: str = Field(min_length=1, description="a shipped name, or a YAML file")
    fixed: dict[str, Any] = {}
    vary: dict[str, tuple[Any, ...] | Range] = {}
    cohorts: tuple[str, ...] = Field((), description="to train on; the experiment's when left out")
    seeds: tuple[int, ...] = Field((), description="the experiment's when left out")
    search: Literal["grid", "optuna"] = "grid"
    trials: int = Field(20, ge=2, le=MOST_RUNS)
    batch: int = Field(4, ge=1, le=100)
    seed: int = Field(0, ge=0, description="of the search; the runs' stand in `seeds`")
    objective: Objective = Objective()
    tracking: Tracking = Tracking()

    @model_validator(mode="after")
    def _keys_exist(self) -> Sweep:
        faults = []
        for block in ("fixed", "vary"):
            for key in getattr(self, block):
                fault = path_fault(key, Experiment)
                if fault is None and key.split(".")[0] in UNVARIED:
                    fault = f"{key!r} decides no number; leave it out"
                if fault is not None:
                    faults.append(f"{block}: {fault}")
        ways = (("cohorts", "train.cohort"), ("seeds", "seed"))
        faults += [f"{name} and vary: {key} set the same; leave one out"
                   for name, key in ways if getattr(self, name) and key in self.vary]  # fmt: skip
        faults += [
            f"{key!r} stands in fixed and in vary; leave one out" for key in self.fixed if key in self.vary
        ]
        for key, values in self.vary.items():
            if isinstance(values, Range):
                if self.search == "grid":
                    faults.append(f"vary: {key}: a range is for `search: optuna`; a grid wants [a, b, c]")
            elif not values:
                faults.append(f"vary: {key}: must not be empty")
            elif len({shown(v) for v in values}) < len(values):
                faults.append(f"vary: {key}: a value stands twice")
        faults += [f"{name}: a value stands twice" for name in ("cohorts", "seeds")
                   if len(set(getattr(self, name))) < len(getattr(self, name))]  # fmt: skip
        if not self.vary and self.search == "optuna":
            faults.append("search: optuna needs something to vary")
        if not (self.vary or self.seeds or self.cohorts):
            faults.append("nothing varies; give vary, seeds or cohorts")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def places(self) -> list[Setting]:
        """Return what each setting is run on: every cohort and seed."""
        cohorts: list[Setting] = [{"train.cohort": name} for name in self.cohorts] or [{}]
        seeds: list[Setting] = [{"seed": seed} for seed in self.seeds] or [{}]
        return [c | s for c, s in itertools.product(cohorts, seeds)]

    def grid(self) -> Iterator[Setting]:
        """Yield every combination of the values that vary, the last key fastest."""
        keys = list(self.vary)
        lists = [v for v in self.vary.values() if not isinstance(v, Range)]
        for values in itertools.product(*lists):
            yield dict(zip(keys, values, strict=True))

    def corners(self) -> Iterator[Setting]:
        """Yield settings that hold every listed value and both ends of every range, for checking them."""
        ends = {
            key: [end(values, values.low), end(values, values.high)]
            if isinstance(values, Range)
            else [*values]
            for key, values in self.vary.items()
        }
        for k in range(max(map(len, ends.values()), default=1)):
            yield {key: values[k % len(values)] for key, values in ends.items()}

    @property
    def keys(self) -> list[str]:
        """The dotted keys in which the runs differ."""
        return [*self.vary, *["train.cohort"] * bool(self.cohorts), *["seed"] * bool(self.seeds)]


def end(within: Range, value: float) -> float | int:
    """Return `value` in the kind of number the range holds."""
    return int(value) if within.whole else value


def shown(value: Any) -> str:
    """Return a value of a key as short text."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def read_sweep(config: str) -> tuple[Sweep, Experiment]:
    """Read a sweep and the experiment it varies, with what it fixes set.

    Raises
    ------
    InputError
        No such file, an unknown key or value, or more runs than MOST_RUNS: every fault at once.
    """
    path = find_config("sweeps", config)
    sweep = read_spec(path, Sweep)
    beside = path.parent / sweep.experiment
    base = read_experiment(str(beside if beside.is_file() else Path(sweep.experiment)))
    settings = sweep.corners() if sweep.search == "optuna" else sweep.grid()
    size = len(sweep.places()) * (sweep.trials if sweep.search == "optuna" else _product(sweep.vary.values()))
    if size > MOST_RUNS:
        raise InputError(f"{path}: {size:,} runs; at most {MOST_RUNS:,}. Let Optuna search, or vary less")
    faults: dict[str, None] = {}
    for setting, place in itertools.product(settings, sweep.places()):
        try:
            with_setting(base, sweep.fixed | setting | place)
        except InputError as error:
            faults |= dict.fromkeys(str(error).splitlines())
        if len(faults) >= MOST_FAULTS:
            break
    if faults:
        raise InputError("\n".join(f"{path}: {line}" for line in faults))
    return sweep, base


def with_setting(base: Experiment, setting: Mapping[str, Any]) -> Experiment:
    """Return the experiment with dotted keys set, checked as its file was."""
    content = base.model_dump(mode="json")
    for key, value in setting.items():
        *outer, last = key.split(".")
        block = content
        for part in outer:
            if block.get(part) is None:
                block[part] = {}
            block = block[part]
            if not isinstance(block, dict):
                raise InputError(f"{key}: {part!r} holds no keys")
        block[last] = value
    try:
        return Experiment.model_validate(content)
    except ValidationError as error:
        raise InputError("\n".join(plain_lines(error, Experiment))) from error


def _product(lists: Iterable[tuple[Any, ...] | Range]) -> int:
    size = 1
    for values in lists:
        size *= 1 if isinstance(values, Range) else len(values)
    return size
