"""The analysis that the tests of evaluation run."""

from pipeline.config import Analysis, Bootstrap, CrossValidation

ANALYSIS = Analysis(
    horizons_months=(6, 12, 18),
    models={"cox": {"penalties": (0.01,)}, "rsf": {"n_estimators": 10}, "pdl1": {}, "oracle": {}},
    subgroups=("arm", "age_years"),
    cross_validation=CrossValidation(folds=3, repeats=2),
    bootstrap=Bootstrap(replicates=40),
)
