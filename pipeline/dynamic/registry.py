"""The dynamic models that a config can name; one entry adds one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from pipeline.dynamic.bayes_supermodel import BayesSupermodel
from pipeline.dynamic.contract import DynamicModel
from pipeline.dynamic.forest import LandmarkForest
from pipeline.dynamic.supermodel import LandmarkSupermodel
from pipeline.schema import InputError

DYNAMIC_MODELS: Final[Mapping[str, Callable[..., DynamicModel]]] = {
    "baseline_cox": partial(LandmarkSupermodel, "baseline_cox", serial=False),
    "supermodel": partial(LandmarkSupermodel, "supermodel"),
    "bayes_supermodel": partial(BayesSupermodel, "bayes_supermodel"),
    "landmark_forest": partial(LandmarkForest, "landmark_forest"),
}


def build_dynamic(models: Mapping[str, Mapping[str, Any]]) -> dict[str, DynamicModel]:
    """Return every unfitted model by name.

    Raises
    ------
    InputError
        Naming every unknown model and faulty option.
    """
    built, faults = {}, []
    for name, options in models.items():
        if name not in DYNAMIC_MODELS:
            faults.append(f"models: unknown dynamic model {name!r}; known: {', '.join(DYNAMIC_MODELS)}")
            continue
        try:
            built[name] = DYNAMIC_MODELS[name](**options)
        except InputError as error:
            faults.append(str(error))
    if faults:
        raise InputError("; ".join(faults))
    return built
