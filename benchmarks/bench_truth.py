"""Whether explanations of Cox and the forest point to what truly acts in drawn cohorts."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from pipeline.config import Analysis
from pipeline.evaluate.predictions import model_context
from pipeline.explain import agreement_with_truth, explain
from pipeline.models import ModelContext, build_model
from pipeline.schema import OUTCOMES, Cohort, Column, Truth, outcome
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec

TRAINED, EXPLAINED, MONTHS = 5_000, 1_000, 12.0
# Thirteen that act on survival and seven that do not; too few of the inflammatory ones for a signature.
TWENTY = (
    "nlr", "ldh", "albumin", "pdl1_tps", "age", "cin", "haemoglobin", "tls", "cdkn2a", "n_met_sites", "sex",
    "brain_mets", "tp53", "eosinophils", "il10", "nk_cells", "microbiome_diversity", "vegf", "il2",
    "ifn_gamma",
)  # fmt: skip
MEASURED: dict[str, Any] = {"markers": TWENTY, "defects": False, "unmeasured_log_hazard_sd": 0.0}
# With more trees and cuts at random credit is shared more evenly and what a tree does by chance averages out.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "cox": ("cox", {}),
    "rsf": ("rsf", {}),
    "rsf, random cuts, 500 trees": ("rsf", {"splitter": "random", "n_estimators": 500}),
}
ANEW = range(4)  # seeds of further drawings, which tell how much one drawing says


def toy(n: int, rng: np.random.Generator) -> Cohort:
    """Return patients of the toy data: 20 normal features, six at work, two of them only together."""
    x = rng.standard_normal((n, 20))
    both = 0.4 * (x[:, 2] > 0) * x[:, 3]
    # of a product of independent features Shapley gives each half, and the rest of its mean over the other:
    # (f(a, b) - E f(., b) + E f(a, .) - E f) / 2; here E f(., b) = 0.2 b, and E f(a, .) = E f = 0
    third = (both + 0.2 * x[:, 3]) / 2
    parts = {
        "x0": 0.6 * x[:, 0], "x1": -0.5 * x[:, 1], "x2": both - third, "x3": third,
        "x4": 0.3 * np.abs(x[:, 4]), "x5": -0.3 * x[:, 5],
    }  # fmt: skip
    death = 12 * (rng.exponential(size=n) * np.exp(-sum(parts.values()))) ** (1 / 1.1)
    end = rng.uniform(6, 60, n)
    names = [f"x{j}" for j in range(20)]
    frame = pd.DataFrame(x, columns=names, index=pd.RangeIndex(n, name="patient"))
    frame["os_months"], frame["died"] = np.minimum(death, end), death <= end
    columns = (*(Column(c, "baseline", "number", c) for c in names), *OUTCOMES[:2])
    truth = pd.DataFrame(parts, index=frame.index).add_prefix("os_contribution[").add_suffix("]")
    return Cohort("toy", frame, columns, simulated=True, truth=Truth(truth, pd.DataFrame()))


def drawn(seed: int = 2018, **spec: object) -> Cohort:
    """Return KEYNOTE-189 as drawn, or with parts of its spec changed."""
    asked = CohortSpec.model_validate({"name": "keynote_189", "trial": "KEYNOTE-189"} | spec)
    return simulate_cohort(asked, TRAINED + EXPLAINED, np.random.default_rng(seed))


def context_of(cohort: Cohort) -> ModelContext:
    """Return what models may know."""
    return model_context(cohort, Analysis())


def main() -> None:
    """Print the agreement for patients that the models have not seen."""
    head = (
        "cohort",
        "model",
        "acting",
        "patients and columns",
        "ranking",
        "right direction",
        "inert above median",
    )
    table = Table(
        *head, title=f"{TRAINED:,} patients to learn from, {EXPLAINED:,} explained at {MONTHS:g} months"
    )
    cohorts = {
        "toy data": toy(TRAINED + EXPLAINED, np.random.default_rng(0)),
        "KEYNOTE-189, 20 markers, all of the hazard measured": drawn(**MEASURED),
        **{f"the same, drawing {seed}": drawn(seed, **MEASURED) for seed in ANEW},
        "KEYNOTE-189, 20 markers, half of it unmeasured, values missing": drawn(markers=TWENTY),
        "KEYNOTE-189, every marker": drawn(),
    }
    for label, cohort in cohorts.items():
        truth = cast(Truth, cohort.truth)
        train, rest = cohort.observed.iloc[:TRAINED], cohort.observed.iloc[TRAINED:]
        for called, (name, options) in MODELS.items():
            model = build_model(name, context_of(cohort), options).fit(
                train, outcome(train, "os"), np.random.default_rng(1)
            )
            found = explain(model, rest, train, (MONTHS,), cohort.columns)
            inert = cohort.names("baseline")
            row = agreement_with_truth(found, truth, candidates=inert).summary.iloc[0]
            table.add_row(
                label, called, str(row["columns"]), f"{row['rank_correlation']:.3f}",
                f"{row['importance_correlation']:.2f}", f"{row['sign_agreement']:.0%}",
                f"{row['inert_above_median']} of {row['inert']}",
            )  # fmt: skip
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
