"""How many real patients a model needs to rank as well as one trained on synthetic patients alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pipeline.config import Analysis, Spec
from pipeline.evaluate import build_models, fit_models, model_context
from pipeline.metrics.contract import Outcome
from pipeline.metrics.discrimination import concordance
from pipeline.models.cox import RidgeCox
from pipeline.schema import Cohort, Floats, InputError, Progress, outcome, silent
from pipeline.transport.fine_tuning import FineTunedCox, MixtureForest

SOURCES: Final = ("synthetic", "real", "both")
MIXTURE_ROWS: Final = 2_000  # synthetic patients a mixture forest sees; they have a fixed weight together


class LearningCurve(Spec):
    """Settings of a learning curve; in each repeat the patients not in the test part are learnt from."""

    sizes: tuple[int, ...] = (25, 50, 75, 100, 150, 200, 250)
    repeats: int = Field(20, ge=2, le=500)
    test_share: float = Field(0.3, gt=0.05, lt=0.8)
    prior_patients: float = Field(200, gt=0, description="weight of all synthetic patients in the mixture")
    trees: int = Field(100, ge=10, le=2_000)


def learning_curve(
    synthetic: Cohort,
    real: Cohort,
    endpoint: str,
    models: Mapping[str, Mapping[str, Any]],
    settings: LearningCurve,
    rng: np.random.Generator,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return Harrell's C on held-out real patients, by how many other real ones were learnt from.

    In each repeat, a share of the real patients, stratified by event, is held out for judging all models;
    nested subsets of the rest are learnt from. Models: trained on synthetic patients alone, on the real
    ones alone, and on both (Cox: real patients move the synthetic coefficients, `FineTunedCox`; forest:
    grown on the weighted mixture, `MixtureForest`).

    Parameters
    ----------
    synthetic, real : Cohort
        Aligned with each other.
    endpoint : str
    models : mapping
        "cox", "rsf" or both, with the options they are fitted with on synthetic patients; real ones alone
        are learnt from with default options.
    settings : LearningCurve
    rng : Generator

    Returns
    -------
    DataFrame
        `endpoint`, `model` ("cox", "rsf"), `source`, `patients` (real ones learnt from), `value` (mean over
        repeats), `error` (its standard error over repeats, which share patients), `gain` and `gain_error`
        (paired with synthetic alone), `repeats` (those in which a model could be fitted).

    Raises
    ------
    InputError
        When no size leaves enough patients.
    """
    y = outcome(real.observed, endpoint)
    most = int(len(y) * (1 - settings.test_share))
    sizes = [n for n in settings.sizes if n <= most]
    if not sizes:
        raise InputError(
            f"learning_curve.sizes: {real.name!r} leaves {most} patients to learn from; smallest size "
            f"{min(settings.sizes)}"
        )
    plain: dict[str, Any] = {"endpoint": endpoint, "horizons_months": (6.0,), "published": "none"}
    defaults = {"cox": {}, "rsf": {"n_estimators": settings.trees}}
    on_real = Analysis(models={name: defaults[name] for name in models}, **plain)
    base_rng, repeats_rng = rng.spawn(2)
    base = fit_models(synthetic, Analysis.model_validate({"models": dict(models), **plain}), base_rng)
    tuners: dict[str, FineTunedCox | MixtureForest] = {}
    for name, model in base.items():
        if isinstance(model, RidgeCox):
            tuners[name] = FineTunedCox(model)
        else:
            few = synthetic.take(synthetic.observed.index[:MIXTURE_ROWS])
            tuners[name] = MixtureForest(few.observed, outcome(few.observed, endpoint),
                                         model_context(few, on_real), settings.prior_patients,
                                         settings.trees)  # fmt: skip
    months = np.array([6.0])
    carried = {name: model.predict(real.observed, months).risk for name, model in base.items()}
    rows: list[tuple[str, str, int, int, float]] = []
    for repeat, child in enumerate(repeats_rng.spawn(settings.repeats)):
        split_rng, *draws = child.spawn(1 + len(sizes))
        test, rest = _held_out(y["event"], settings.test_share, split_rng)
        for name, risk in carried.items():
            c = _concordance(y[test], risk[test])
            rows += [(name, "synthetic", size, repeat, c) for size in sizes]
        for size, own in zip(sizes, draws, strict=True):
            chosen = real.take(real.observed.index[rest[:size]])
            y_chosen = outcome(chosen.observed, endpoint)
            judged = real.observed.iloc[test]
            built = build_models(chosen, on_real)
            for (name, model), draws_rng in zip(built.items(), own.spawn(len(built)), strict=True):
                alone, tuned = draws_rng.spawn(2)
                moved = tuners[name].fit(chosen.observed, y_chosen, tuned).risk(judged)
                rows.append((name, "both", size, repeat, _concordance(y[test], moved)))
                try:
                    found = model.fit(chosen.observed, y_chosen, alone).predict(judged, months).risk
                except InputError:
                    continue  # too few events for a fit: this repeat has no such point
                rows.append((name, "real", size, repeat, _concordance(y[test], found)))
            progress("learning curve", repeat * len(sizes) + sizes.index(size) + 1,
                     settings.repeats * len(sizes))  # fmt: skip
    return _summary(pd.DataFrame(rows, columns=["model", "source", "patients", "repeat", "c"]), endpoint)


def patients_to_match(curve: pd.DataFrame) -> pd.DataFrame:
    """Return, by endpoint and model, how many real patients alone rank as well as synthetic ones alone.

    `patients` is interpolated between the two sizes where the mean gain of real over synthetic training
    turns positive for good, and NaN where it never does within `largest`.
    """
    rows = []
    real = curve[curve["source"] == "real"]
    for (endpoint, model), part in real.groupby(["endpoint", "model"], sort=False):
        part = part.sort_values("patients")
        sizes, gain = part["patients"].to_numpy(dtype=float), part["gain"].to_numpy(dtype=float)
        below = np.flatnonzero(~(gain >= 0))
        if not len(below):
            found = sizes[0]
        elif below[-1] == len(sizes) - 1:
            found = np.nan
        else:
            k = below[-1]
            found = sizes[k] + (sizes[k + 1] - sizes[k]) * -gain[k] / (gain[k + 1] - gain[k])
        rows.append((endpoint, model, found, int(sizes[-1])))
    return pd.DataFrame(rows, columns=["endpoint", "model", "patients", "largest"])


def _held_out(
    event: NDArray[np.bool_], share: float, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return positions of test and other patients, both in random order, events spread evenly."""
    test, rest = [], []
    for kind in (True, False):
        members = rng.permutation(np.flatnonzero(event == kind))
        cut = round(share * len(members))
        test.append(members[:cut])
        rest.append(members[cut:])
    return rng.permutation(np.concatenate(test)), rng.permutation(np.concatenate(rest))


def _concordance(y: Outcome, risk: Floats) -> float:
    one = np.ones((1, len(y)))
    return float(concordance(y, risk, one, np.where(y["event"], one, 0.0))[0])


def _summary(found: pd.DataFrame, endpoint: str) -> pd.DataFrame:
    keys = ["model", "patients", "repeat"]
    alone = found[found["source"] == "synthetic"].set_index(keys)["c"]
    found = found.assign(gain=found["c"] - alone.reindex(pd.MultiIndex.from_frame(found[keys])).to_numpy())
    table = (
        found.groupby(["model", "source", "patients"], sort=False)
        .agg(value=("c", "mean"), error=("c", "sem"), gain=("gain", "mean"), gain_error=("gain", "sem"),
             repeats=("c", "size"))
        .reset_index()
    )  # fmt: skip
    table.insert(0, "endpoint", endpoint)
    table["source"] = pd.Categorical(table["source"], SOURCES)
    table = table.sort_values(["model", "source", "patients"], ignore_index=True)
    return table.assign(source=table["source"].astype(str))
