"""The table of visits: who is seen when, what the laboratory reports, and the truth behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.schema import Floats, InputError
from synthetic_data.evidence.simulation import Simulation
from synthetic_data.follow_up import DAYS_PER_MONTH
from synthetic_data.trajectories import residual_disease
from synthetic_data.trajectories.blood import (
    CTDNA_LIMIT,
    HIGHEST_PERCENT,
    KINETICS,
    T_CELL_BASELINES,
    TUMOUR_ERROR,
    TUMOUR_SIZE,
    t_cell_baseline,
    true_course,
)
from synthetic_data.trajectories.schedule import ASSAYS, SPECIAL_ASSAYS, VisitSpec
from synthetic_data.trajectories.target_antigen import TARGETS, target_course
from synthetic_data.trajectories.tumour import Fates, Mask, Tumours, draw_tumours

PLASMA_ML: Final = 4.0  # assumed: plasma of a ten-millilitre tube, in which ctDNA molecules are counted
KEY_COLUMNS: Final = {
    "visit": "number of the visit, 0 before treatment; one that was not planned has that of the last planned",
    "planned": "false of the visit on the day of progression",
    "months": "since the start of treatment",
}
MRD_COLUMN: Final = "mrd_molecules_per_ml"
TUMOUR_COLUMNS: Final = {
    TUMOUR_SIZE: "Sum of target lesion diameters, mm; 0 where none is visible",
    "new_lesion": "whether a new lesion has been seen",
}


@dataclass(frozen=True)
class VisitSource:
    """All a cohort knows of its n patients before their visits are drawn.

    Attributes
    ----------
    truth : DataFrame
        Indexed by patient: `os_event_months`, `pfs_event_months`, `dropout_months`, `enrolled_month` and
        the latent `t_cell_exhaustion`.
    response : array, shape (n,)
        Best overall response.
    inhibitor : bool array, shape (n,)
        Whether the patient gets a checkpoint inhibitor.
    values : DataFrame
        True baseline markers, same rows.
    baseline : DataFrame
        The same as the database holds them: missing, or at a detection limit.
    simulations : mapping
        Column -> how the marker is simulated: detection limit, range, decimals.
    cut_month : float
        Calendar month of the data cut.
    surgery_months : float, optional
        Of the operation, in trials with one.
    """

    truth: pd.DataFrame
    response: Any
    inhibitor: Mask
    values: pd.DataFrame
    baseline: pd.DataFrame
    simulations: Mapping[str, Simulation]
    cut_month: float
    surgery_months: float | None = None


@dataclass(frozen=True)
class Visits:
    """Long tables, one row a patient and visit, sorted by both.

    `observed` holds the visits that took place, as measured; `true` every visit planned while the
    patient was followed, without error, and with whether it `took_place`. `account` is ready for JSON.
    """

    observed: pd.DataFrame
    true: pd.DataFrame
    account: dict[str, Any]


def simulate_visits(spec: VisitSpec, source: VisitSource, rng: np.random.Generator) -> Visits:
    """Draw serial measurements of every patient enrolled before the data cut.

    Nothing is measured after death, loss or the cut. Each assay has a stream of its own, so that leaving
    one out leaves the others' values as they were.

    Raises
    ------
    InputError
        When an assay's baseline marker is not drawn, or the trial lacks the operation or engager it is of.
    """
    _check_markers(spec, source)
    n, planned = len(source.truth), spec.planned_months()
    tumour_rng, miss_rng, *assay_rngs = rng.spawn(2 + len(ASSAYS) + len(SPECIAL_ASSAYS))
    enrolled, dropout, os, pfs = (
        source.truth[c].to_numpy(dtype=float)
        for c in ("enrolled_month", "dropout_months", "os_event_months", "pfs_event_months")
    )
    watched = np.minimum(dropout, source.cut_month - enrolled)
    baseline_mm = source.values[TUMOUR_SIZE].to_numpy(dtype=float)
    fates = Fates(baseline_mm, np.asarray(source.response).astype(str), pfs, os, watched)
    tumours = draw_tumours(fates, planned, tumour_rng)

    scan = np.ceil(pfs * DAYS_PER_MONTH) / DAYS_PER_MONTH
    has_scan = spec.progression_scan & (pfs < os) & (pfs <= watched) & (scan <= os)
    scan = np.where(has_scan, scan, np.inf)
    same_day = np.abs(planned - scan[:, None]) < 0.5 / DAYS_PER_MONTH
    same_day[:, 0] = False
    months = np.concatenate([np.broadcast_to(planned, (n, len(planned))), scan[:, None]], axis=1)
    followed = months < np.minimum(os, watched)[:, None]
    followed[:, -1] = has_scan
    followed[:, 0] = True
    followed[:, :-1] &= ~same_day
    followed[enrolled >= source.cut_month] = False
    if spec.after_progression_months is not None:
        stop = np.where(pfs < os, np.where(has_scan, scan, pfs) + spec.after_progression_months, np.inf)
        followed &= months <= stop[:, None]
    took_place = followed & (miss_rng.random(months.shape) >= spec.missed_fraction)
    took_place[:, [0, -1]] = followed[:, [0, -1]]

    # the scan of progression stands where its day falls
    order = np.argsort(np.where(np.isfinite(months), months, 1e9), axis=1, kind="stable")
    months = np.take_along_axis(months, order, axis=1)
    followed = np.take_along_axis(followed, order, axis=1)
    took_place = np.take_along_axis(took_place, order, axis=1)
    number = np.cumsum(order < len(planned), axis=1) - 1
    rows = _Rows(followed, took_place)
    safe = np.where(followed, months, 0.0)
    keys = {
        "patient": np.repeat(source.truth.index.to_numpy(), followed.sum(axis=1)),
        "visit": number[followed],
        "planned": (order < len(planned))[followed],
        "months": months[followed],
    }
    true, observed = _measure(spec, source, fates, tumours, safe, rows, assay_rngs)
    kept = took_place[followed]
    table = pd.DataFrame(keys)
    return Visits(
        observed=pd.concat([table, pd.DataFrame(observed)], axis=1)[kept].reset_index(drop=True),
        true=pd.concat([table.assign(took_place=kept), pd.DataFrame(true)], axis=1),
        account=_account(spec, planned, followed, took_place),
    )


def joined_visits(parts: Sequence[Visits]) -> Visits:
    """Return the visits of all blocks of a cohort as one."""
    account = dict(parts[0].account)
    for count in ("rows", "rows_planned_and_missed"):
        account[count] = sum(p.account[count] for p in parts)
    observed, true = ([getattr(p, name) for p in parts] for name in ("observed", "true"))
    return Visits(pd.concat(observed, ignore_index=True), pd.concat(true, ignore_index=True), account)


@dataclass(frozen=True)
class _Rows:
    """Which cells of (patient, visit) are rows of the true table, and which of these of the observed."""

    followed: Mask
    took_place: Mask

    def spread(self, one_a_patient: Any) -> Any:
        """Repeat a patient's value on each row."""
        return np.repeat(np.asarray(one_a_patient), self.followed.sum(axis=1))

    @property
    def first(self) -> Mask:
        """Rows that are a patient's visit before treatment."""
        start = np.zeros(self.followed.shape, dtype=bool)
        start[:, 0] = True
        return start[self.followed]


def _measure(
    spec: VisitSpec,
    source: VisitSource,
    fates: Fates,
    tumours: Tumours,
    months: Floats,
    rows: _Rows,
    rngs: list[np.random.Generator],
) -> tuple[dict[str, Any], dict[str, Any]]:
    true: dict[str, Any] = {}
    observed: dict[str, Any] = {}
    first = rows.first
    for assay, assay_rng in zip((*ASSAYS, *SPECIAL_ASSAYS), rngs, strict=True):
        if assay not in spec.assays:
            continue
        base_rng, course_rng, error_rng, fail_rng = assay_rng.spawn(4)
        if assay == "tumour_size":
            column, error = TUMOUR_SIZE, TUMOUR_ERROR
            exact = tumours.sum_mm(months)[rows.followed]
        elif assay == "mrd":
            column, error = MRD_COLUMN, KINETICS["ctdna"].error
            operated = source.surgery_months or 0.0
            exact = residual_disease.residual_ctdna(
                months, fates.pfs_months, fates.os_months, operated, course_rng
            )[rows.followed]
        elif assay in TARGETS:
            column, error = TARGETS[assay].column, TARGETS[assay].error
            escape, since = source.truth["target_escape"], source.truth["escape_months"]
            course = target_course(
                TARGETS[assay], months, escape.to_numpy(dtype=object), since.to_numpy(dtype=float), course_rng
            )
            exact = course[rows.followed]
        else:
            kinetics = KINETICS[assay]
            column, error = kinetics.column, kinetics.error
            start = (
                t_cell_baseline(assay, source.truth["t_cell_exhaustion"].to_numpy(dtype=float), base_rng)
                if assay in T_CELL_BASELINES
                else source.values[column].to_numpy(dtype=float)
            )
            course = true_course(kinetics, start, months, tumours, fates, source.inhibitor, course_rng)
            if assay in T_CELL_BASELINES:
                course = np.minimum(course, HIGHEST_PERCENT)
            exact = course[rows.followed]
        noisy = exact * np.exp(spec.noise * error * error_rng.standard_normal(len(exact)))
        if assay in TARGETS:
            noisy = np.minimum(noisy, 100.0)
        if assay in ("ctdna", "mrd"):
            if spec.noise > 0:
                noisy = error_rng.poisson(np.nan_to_num(np.minimum(noisy * PLASMA_ML, 1e15))) / PLASMA_ML
            noisy = np.where(noisy < CTDNA_LIMIT, 0.0, noisy)
            if assay == "mrd" and spec.noise > 0:
                noisy = residual_disease.false_signals(noisy, error_rng)
        noisy = _reported(noisy, source.simulations.get(column))
        failed = (fail_rng.random(len(noisy)) < spec.failed_fraction) & ~first
        noisy[failed | np.isnan(exact)] = np.nan
        if column in source.baseline:
            recorded = rows.spread(source.baseline[column].to_numpy(dtype=float))
            noisy = np.where(first, recorded, noisy)
            if assay == "tumour_size":  # nobody measures lesions that were not measurable before treatment
                noisy[np.isnan(recorded)] = np.nan
        true[column], observed[column] = exact, noisy
        if assay == "tumour_size":
            true["new_lesion"] = observed["new_lesion"] = tumours.new_lesion(months)[rows.followed]
    return true, observed


def _reported(values: Floats, simulation: Simulation | None) -> Floats:
    """Values as a laboratory reports them: within its range, at its detection limit, rounded."""
    if simulation is None:
        return np.round(values, 1)
    limit = simulation.detection_limit
    if limit is not None:
        values = np.where(values < limit, limit if simulation.below_limit == "limit" else limit / 2, values)
    if simulation.high is not None and simulation.column != TUMOUR_SIZE:
        values = np.minimum(values, simulation.high)
    return np.round(values, simulation.decimals) if simulation.decimals is not None else values


def _check_markers(spec: VisitSpec, source: VisitSource) -> None:
    faults = []
    blood = (KINETICS[a].column for a in spec.assays if a in KINETICS and a not in T_CELL_BASELINES)
    absent = sorted({TUMOUR_SIZE, *blood} - set(source.values))
    if absent:
        faults.append(
            f"{', '.join(absent)} not drawn, from which the visits start; add their markers to "
            "`markers`, or leave the assays out of `visits.assays` (tumour size is always needed)"
        )
    if "mrd" in spec.assays and source.surgery_months is None:
        faults.append("assay mrd is of trials with an operation, and this one has none")
    engaged = [a for a in spec.assays if a in TARGETS]
    if engaged and "target_escape" not in source.truth:
        faults.append(f"{', '.join(engaged)}: for trials with a DLL3 engager, and this one has none")
    if faults:
        raise InputError("visits: " + "; ".join(faults))


def _account(spec: VisitSpec, planned: Floats, followed: Mask, took_place: Mask) -> dict[str, Any]:
    measured = {a: k for a, k in KINETICS.items() if a in spec.assays}
    targets = {a: t for a, t in TARGETS.items() if a in spec.assays}
    residual = {MRD_COLUMN: "Circulating tumour DNA after the operation, molecules/mL"}
    return {
        "spec": spec.model_dump(mode="json"),
        "planned_months": [round(float(m), 4) for m in planned],
        "rows": int(took_place.sum()),
        "rows_planned_and_missed": int(followed.sum() - took_place.sum()),
        "columns": KEY_COLUMNS
        | (TUMOUR_COLUMNS if "tumour_size" in spec.assays else {})
        | {k.column: f"{k.label}, {k.unit}".rstrip(", ") for k in measured.values()}
        | {t.column: f"{t.label}, {t.unit}" for t in targets.values()}
        | (residual if "mrd" in spec.assays else {}),
        "kinetics": {a: k.reason for a, k in measured.items()}
        | {a: t.reason for a, t in targets.items()}
        | ({"mrd": residual_disease.REASON} if "mrd" in spec.assays else {}),
        "tumour": "log size = g t - d (1 - exp(-λ t)) / λ, doi 10.1200/JCO.2008.21.0807, solved for the "
        "response and progression drawn; no part of it feeds back on the outcome",
    }
