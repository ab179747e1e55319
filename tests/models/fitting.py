"""What the tests of the models fit: options, months, and R's Cox fits."""

import json
import tempfile
from pathlib import Path

import numpy as np
from made_cohort import made_cohort

from pipeline.artifacts import write_json
from pipeline.models.coefficient_prior import CoefficientPrior

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "cox.json").read_text())


def made_prior() -> str:
    """The file of a prior learnt from six made cohorts, none of them the one that is fitted."""
    cohorts = [made_cohort(500, seed=100 + k) for k in range(6)]
    columns = [c for c in cohorts[0].columns if c.role in ("baseline", "arm")]
    path = Path(tempfile.mkdtemp(prefix="lungio-prior-")) / "prior.json"
    write_json(path, CoefficientPrior.of(cohorts, "os", columns, "made for a test").to_dict())
    return str(path)


OPTIONS = {
    "rsf": {"n_estimators": 20, "n_jobs": 1},
    "gbm": {"trials": 2, "max_trees": 60, "inner_folds": 2},
    "cox": {"penalties": (0.01, 0.1)},
    "bayes_cox": {"prior": made_prior()},
}
MONTHS = np.arange(0.5, 18.1, 0.5)


def golden_outcome():
    y = np.empty(len(GOLDEN["time"]), dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = np.array(GOLDEN["event"]) == 1, GOLDEN["time"]
    return y
