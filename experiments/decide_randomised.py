"""What a study of randomised patients computes: each rule's value by weighting, against one arm for all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from experiments.studies import Study
from pipeline.run.streams import stage_generator
from pipeline.schema import ENDPOINTS, Cohort, InputError, outcome

if TYPE_CHECKING:
    import pandas as pd

    from experiments.decide_command import RandomisedStudy


def randomised_study(spec: RandomisedStudy, cohort: Cohort, rng: np.random.Generator) -> Study:
    """Return the value of each rule and of giving everybody one arm, with intervals.

    Raises
    ------
    InputError
        When the horizon lies beyond what an arm was followed to, or a rule does not fit the cohort.
    """
    import pandas as pd

    from pipeline import figures
    from pipeline.decide import weighted_values
    from pipeline.evaluate import unusable

    parts, faults = [], []
    for endpoint in spec.endpoints:
        y = outcome(cohort.observed, endpoint)
        for arm in spec.probabilities:
            rows = (cohort.observed["arm"].astype(str) == arm).to_numpy()
            why = unusable(y[rows], spec.horizon_months) if rows.any() else "no patient is in it"
            if why:
                faults.append(
                    f"{endpoint} to {spec.horizon_months:g} months cannot be judged in {arm}: {why}"
                )
    if faults:
        raise InputError(f"study {spec.name!r}: " + "; ".join(faults))
    for endpoint in spec.endpoints:
        table = weighted_values(
            cohort, spec.rules, spec.probabilities, endpoint, spec.horizon_months,
            spec.bootstrap.replicates, spec.bootstrap.level, stage_generator(rng, f"weights {endpoint}"),
        )  # fmt: skip
        parts.append(table.assign(endpoint=endpoint))
    weighted = pd.concat(parts, ignore_index=True)
    main = spec.endpoints[0]
    labels = {name: r.label or name.replace("_", " ") for name, r in spec.rules.items()}
    shown = weighted.query("endpoint == @main and quantity == 'rmst' and reference != ''")
    return Study(
        title=spec.title or spec.name,
        lead=f"An arm chosen before treatment: {ENDPOINTS[main].label.lower()} to {spec.horizon_months:g} "
        f"months, {len(cohort):,} randomised patients",
        tables={"weighted": weighted, "chosen": _chosen(spec)},
        figures={"weighted": partial(figures.weighted_figure, shown, labels)},
        cohorts={"train": cohort},
        limits=[
            "The cut-offs were published from these and other trials; a rule chosen on the patients it is "
            "judged on looks better than it is.",
            "Patients without a value that a rule needs are left out of its comparisons.",
        ],
        cards=_cards(shown, labels),
        facts={"strategy_labels": labels, "endpoint": main},
    )


def _chosen(spec: RandomisedStudy) -> pd.DataFrame:
    import pandas as pd

    from pipeline.decide import bound_words

    rows = []
    for name, rule in spec.rules.items():
        bounds = [f"{t.column.replace('_', ' ')} {bound_words(t.at_least, t.below)}" for t in rule.when]
        rows.append((rule.label or name, " and ".join(bounds), rule.arm, rule.otherwise))
    return pd.DataFrame(rows, columns=["strategy", "where", "arm", "otherwise"])


def _cards(shown: pd.DataFrame, labels: dict[str, str]) -> list[tuple[str, str, str]]:
    return [
        (f"Months, {labels[row['strategy']]} less {row['reference']}", f"{row['value']:+.2f}",
         f"{row['low']:+.2f} to {row['high']:+.2f}")
        for row in shown.head(4).to_dict("records")
    ]  # fmt: skip
