"""What a prior learnt on drawn visits is worth to a small cohort, beside landmark models from scratch.

WORLDS worlds are drawn from KEYNOTE-189's published evidence within its intervals, pembrolizumab arm, with
scans and blood every six weeks. In each, cohorts of 40, 80 and 160 patients train four models, judged on
TEST_PATIENTS new patients of the same world at landmarks of 3 and 6 months and a horizon of 6 months:
`bayes_supermodel`, the supermodel with its penalty chosen by cross-validation, the same hardly penalised, and
baseline Cox. There are two priors, each made of worlds of its own:

* `same trial`: of KEYNOTE-189 itself. Patients are what the prior says they are, so the model is given no
  heterogeneity, and its 90 % intervals must cover the coefficients of the world's whole population, estimated
  in TRUTH_PATIENTS of it and widened by that estimate's own (clustered) error.
* `other trial`: of CheckMate-9LA, nivolumab, ipilimumab and chemotherapy. Patients are not what the prior
  says, and the model's default heterogeneity has to find out; nothing makes its intervals cover.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.bench_bayes import Truth, covered, with_error

if TYPE_CHECKING:
    from pipeline.dynamic import DynamicAnalysis, Stack
    from pipeline.models.coefficient_prior import CoefficientPrior
    from pipeline.schema import Cohort, Column
    from synthetic_data.cohort_spec import CohortSpec

COLUMNS: Final = ("age_years", "ecog_ps", "liver_metastases", "pdl1_tps_percent", "albumin_g_per_dl")
SERIES: Final = ("target_lesions_mm", "ctdna_molecules_per_ml", "nlr", "new_lesion")
ASSAYS: Final = ("tumour_size", "ctdna", "nlr")
SIZES: Final = (40, 80, 160)
WORLDS: Final = 60
PRIOR_DRAWS, PRIOR_PATIENTS = 40, 3_000
TEST_PATIENTS, TRUTH_PATIENTS = 1_000, 10_000
LANDMARKS: Final = (1.5, 3.0, 6.0, 9.0)
JUDGED_AT: Final = (3.0, 6.0)
HORIZON: Final = 6.0
LEVEL: Final = 0.9
SCORES: Final = ("auc", "brier", "ici")


class Source(NamedTuple):
    """A trial, and the arm whose patients are taken."""

    trial: str
    arm: str


PATIENTS: Final = Source("KEYNOTE-189", "pembrolizumab_chemo")
PRIORS: Final = {"same trial": PATIENTS, "other trial": Source("CheckMate-9LA", "nivo_ipi_chemo")}
KINDS: Final[dict[str, dict[str, Any]]] = {
    "same trial": {"heterogeneity": (0.0,), "hazard_heterogeneity": 0.0}, "other trial": {},
}  # fmt: skip


@cache
def question() -> DynamicAnalysis:
    """Return landmarks, window and endpoint."""
    from pipeline.dynamic import DynamicAnalysis

    return DynamicAnalysis(endpoint="pfs", landmarks_months=LANDMARKS, window_months=12)


def spec_of(source: Source) -> CohortSpec:
    """Return the cohort of a trial's arm, its evidence sampled, with visits."""
    from synthetic_data.cohort_spec import CohortSpec
    from synthetic_data.trajectories import VisitSpec

    visits = VisitSpec(every_weeks=6, until_months=12, assays=ASSAYS, after_progression_months=1.5)
    return CohortSpec(
        name="drawn", trial=source.trial, arms=(source.arm,), visits=visits, evidence_draw="sample"
    )


def make_prior(task: tuple[str, Path]) -> None:
    """Write one of the priors: drawn worlds that no test world is among."""
    from experiments.prior_command import prior_columns, without_truth
    from pipeline.artifacts import write_json
    from pipeline.dynamic.landmark_prior import landmark_prior, stack_drawn
    from synthetic_data.cohort import simulate_cohort

    kind, path = task
    source = PRIORS[kind]
    rng = np.random.default_rng([11, list(PRIORS).index(kind)])
    drawn = (
        without_truth(simulate_cohort(spec_of(source), PRIOR_PATIENTS, child, workers=1), None)
        for child in rng.spawn(PRIOR_DRAWS)
    )
    first = next(drawn)
    columns = prior_columns(first, list(COLUMNS))
    stacks = stack_drawn((c for part in ([first], drawn) for c in part), question())
    used = [*columns, *serial_columns(stacks[0])]
    write_json(path, landmark_prior(stacks, used, f"{PRIOR_DRAWS} draws of {source.trial}").to_dict())


def serial_columns(stack: Stack) -> list[Column]:
    """Return the columns of the stack that visits gave."""
    from experiments.prior_command import serial_columns as columns_of

    return columns_of(stack, list(SERIES))


def stacked(cohort: Cohort, floors_of: Cohort, landmarks: tuple[float, ...] = LANDMARKS) -> Stack:
    """Stack a cohort, its detection limits learnt from `floors_of`."""
    from pipeline.dynamic import stack_landmarks
    from pipeline.landmark import LandmarkFeatures

    assert floors_of.visits is not None  # noqa: S101 - drawn with visits
    features = LandmarkFeatures().fit(floors_of.visits, floors_of.observed.index)
    return stack_landmarks(cohort, "pfs", landmarks, question().window_months, features)


def true_coefficients(stack: Stack, prior: CoefficientPrior) -> Truth:
    """Fit the supermodel of the prior's form to a whole population."""
    from pipeline.dynamic.landmark_prior import LANDMARK_PENALTY
    from pipeline.models.partial_likelihood import RiskSets, ridge_fit
    from pipeline.models.robust import clustered_covariance, score_residuals

    x, y = prior.centred(stack.table), stack.y
    sets, strength = RiskSets.of(x, y["time"], y["event"]), LANDMARK_PENALTY * len(x)
    beta = ridge_fit(sets, strength, prior.mean)
    curvature = sets.information(beta) + strength * np.eye(len(beta))
    residuals = score_residuals(x, y["time"], y["event"], beta)
    return Truth(beta, np.sqrt(np.diag(clustered_covariance(residuals, curvature, stack.patient))))


def one_world(task: tuple[int, str]) -> list[dict[str, Any]]:
    """Draw a world from the evidence and small cohorts of it; fit and judge every model there."""
    from experiments.prior_command import without_truth
    from pipeline.dynamic import LANDMARK
    from pipeline.dynamic.bayes_supermodel import BayesSupermodel
    from pipeline.dynamic.supermodel import LandmarkSupermodel
    from synthetic_data.cohort import population_of, simulate_cohort

    number, folder = task
    rng = np.random.default_rng([2, number])
    population = population_of(spec_of(PATIENTS), None, rng)
    sizes = (TRUTH_PATIENTS, TEST_PATIENTS, *SIZES)
    whole, test, *small = (
        without_truth(simulate_cohort(population, n, child, workers=1), None)
        for n, child in zip(sizes, rng.spawn(len(sizes)), strict=True)
    )
    paths = {kind: Path(folder) / f"{k}.json" for k, kind in enumerate(PRIORS)}
    population_rows = stacked(whole, whole)
    rows = []
    for train in small:
        stack = stacked(train, train)
        models: dict[str, Any] = {
            kind: BayesSupermodel(prior=str(path), **KINDS[kind]) for kind, path in paths.items()
        }
        read = {c.name for c in models["same trial"].form.columns} | {LANDMARK.name}
        stack = replace(stack, columns=tuple(c for c in stack.columns if c.name in read))
        models["default"] = BayesSupermodel(prior=str(paths["same trial"]))
        models["supermodel"] = LandmarkSupermodel()
        models["unpenalised"] = LandmarkSupermodel(penalties=(1e-3,))
        models["baseline_cox"] = LandmarkSupermodel("baseline_cox", serial=False)
        row: dict[str, Any] = {"world": number, "patients": len(train)}
        for name, model in models.items():
            model.fit(stack, np.random.default_rng([number, len(train)]))
            row |= {f"{score} {name}": value for score, value in judged(model, train, test).items()}
        row["worth"] = models["default"].likelihood.worth
        row["events"] = models["default"].events
        for name in (*KINDS, "default"):
            truth = true_coefficients(population_rows, models[name].prior)
            inside = np.asarray(covered(models[name].intervals(LEVEL), truth))
            kinds = term_kinds(models[name].prior.names)
            row[f"covered {name}"] = inside.mean()
            row |= {f"covered {name}, {kind}": inside[kinds == kind].mean() for kind in np.unique(kinds)}
        rows.append(row)
    return rows


def judged(model: Any, train: Cohort, test: Cohort) -> dict[str, float]:
    """Return scores within six months of the landmarks, means over both, on patients nobody learnt from."""
    from pipeline.metrics import METRICS
    from pipeline.models import null_prediction

    found = []
    for landmark in JUDGED_AT:
        stack = stacked(test, train, (landmark,))
        prediction = model.predict(stack.table, np.array([HORIZON]))
        null = null_prediction(stack.y["time"], stack.y["event"], len(stack), np.array([HORIZON]))
        found.append([float(METRICS[score](stack.y, prediction, null, HORIZON)[0]) for score in SCORES])
    return dict(zip(SCORES, np.mean(found, axis=0), strict=True))


def term_kinds(names: tuple[str, ...]) -> np.ndarray[Any, Any]:
    """Return of each coefficient whether it is of a marker before treatment, of visits, or changes."""
    kinds = [
        "changing" if " × " in n else "visits" if "__" in n and not n.endswith("__missing") else "baseline"
        for n in names
    ]
    return np.array(kinds)


def scores_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return mean scores by size, and paired differences of the Bayesian model from each of the others."""
    rows = []
    for size, part in found.groupby("patients", sort=False):
        for score in SCORES:
            for kind in KINDS:
                ours = part[f"{score} {kind}"]
                row = {
                    "prior": kind, "patients": size, "events": round(part["events"].mean()), "score": score,
                    "bayes": f"{ours.mean():.3f}",
                }  # fmt: skip
                for other in ("supermodel", "unpenalised", "baseline_cox"):
                    theirs = part[f"{score} {other}"]
                    row[other] = f"{theirs.mean():.3f}"
                    row[f"less {other}"] = with_error(ours - theirs, "+.4f")
                rows.append(row)
    return pd.DataFrame(rows)


def coverage_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return what 90 % intervals cover, by size and kind of coefficient."""
    rows = []
    for size, part in found.groupby("patients", sort=False):
        for name in (*KINDS, "default"):
            row = {"model": name, "patients": size, "worth of a row": f"{part['worth'].mean():.2f}"}
            for kind in ("", ", baseline", ", visits", ", changing"):
                row[kind.lstrip(", ") or "all"] = with_error(part[f"covered {name}{kind}"], ".1%")
            rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    """Print mean scores, paired differences and the coverage of coefficients."""
    with TemporaryDirectory() as folder, ProcessPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(make_prior, [(kind, Path(folder) / f"{k}.json") for k, kind in enumerate(PRIORS)]))
        found = [row for rows in pool.map(one_world, [(k, folder) for k in range(WORLDS)]) for row in rows]
    table = pd.DataFrame(found)
    print(f"{WORLDS} worlds; landmarks {JUDGED_AT} + {HORIZON:g} months; Monte-Carlo errors in brackets")
    print(scores_table(table).to_string(index=False))
    print(f"coverage of {LEVEL:.0%} intervals; default: prior of the same trial, default heterogeneity")
    print(coverage_table(table).to_string(index=False))


if __name__ == "__main__":
    main()
