"""A policy and its actions with one thing varied at a time, every variant checked before anything runs."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from experiments.decide_command import PolicyStudy
from pipeline.decide import Action, Policy
from pipeline.schema import InputError

Variant = tuple[str, float, Policy, dict[str, Action]]


def checked_variants(spec: PolicyStudy) -> list[Variant]:
    """Return each thing varied with its values, and the policy and actions that follow.

    Raises
    ------
    InputError
        Naming every path that leads nowhere and every value that cannot be.
    """
    first = next(iter(spec.policies.values()))
    made: list[Variant] = []
    faults = []
    for label, varied in spec.vary.items():
        for value in varied.values:
            raw = {
                "policy": first.model_dump(mode="json"),
                "actions": {k: a.model_dump(mode="json") for k, a in spec.actions.items()},
            }
            try:
                for path in varied.paths:
                    _put(raw, path, value)
                policy = Policy.model_validate(raw["policy"])
                actions = {k: Action.model_validate(a) for k, a in raw["actions"].items()}
            except (ValidationError, KeyError) as error:
                faults.append(f"vary {label!r}, {value:g}: {' '.join(str(error).split())}")
                continue
            made.append((label, value, policy, actions))
    if faults:
        raise InputError("; ".join(faults))
    return made


def _put(raw: dict[str, Any], path: str, value: float) -> None:
    """Set the value at a path of keys, places, and names of rules."""
    *steps, last = path.split(".")
    here: Any = raw
    for step in steps:
        if isinstance(here, list):
            named = [x for x in here if isinstance(x, dict) and x.get("name") == step]
            here = (
                named[0] if named else here[int(step)] if step.isdigit() and int(step) < len(here) else None
            )
        else:
            here = here.get(step) if isinstance(here, dict) else None
        if here is None:
            raise KeyError(f"{path}: nothing is called {step!r}")
    if not isinstance(here, dict) or last not in here:
        raise KeyError(f"{path}: nothing is called {last!r}")
    here[last] = int(value) if isinstance(here[last], int) and float(value).is_integer() else value
