"""The published trials behind a study of enrichment, and which concentration their groups allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.enrich_command import EnrichStudy, PublishedGroups
from experiments.strategies import TRIAL_COLUMNS, trials_of
from pipeline.schema import InputError

if TYPE_CHECKING:
    import pandas as pd

    from experiments.enrich_scenario import Scenario
    from synthetic_data.evidence import Register
    from synthetic_data.evidence.values import Ratio
    from synthetic_data.treatments import HypotheticalArm


def evidence_table(classes: Sequence[str], register: Register) -> pd.DataFrame:
    """Return every trial of lung cancer with an arm of agents of `classes`, negative ones as well."""
    import pandas as pd

    return pd.DataFrame(list(trials_of(register, set(classes))), columns=list(TRIAL_COLUMNS))


def published_ratios(
    groups: PublishedGroups, arm: HypotheticalArm, register: Register
) -> list[tuple[str, Ratio]]:
    """Return each group's published hazard ratio, from low to high.

    Raises
    ------
    InputError
        Naming every group that the trial did not publish.
    """
    trial = register.trial(arm.adds.trial)
    found, missing = [], []
    for population in groups.populations:
        ratio = next(
            (
                r.hazard_ratio for r in trial.readouts
                if r.population == population and r.endpoint.lower() == groups.endpoint
                and r.contrast is not None and r.hazard_ratio is not None
                and (r.contrast.experimental, r.contrast.control) == (arm.adds.experimental, arm.adds.control)
            ),
            None,
        )  # fmt: skip
        if ratio is None or ratio.standard_error is None:
            missing.append(f"{trial.id} has no {groups.endpoint} ratio with an interval in {population!r}")
        else:
            found.append((population, ratio))
    if missing:
        raise InputError("; ".join(missing))
    return found


def groups_table(
    spec: EnrichStudy, groups: PublishedGroups, made: Scenario, register: Register
) -> list[dict[str, Any]]:
    """Return, for each group, the published hazard ratio and the one under the assumed concentration.

    `p` is that of the squared distances of the logarithms in units of their published standard errors,
    chi-squared with as many degrees of freedom as groups: how often groups would differ at least so much
    from what is assumed. It takes the groups' errors as independent and normal.
    """
    from scipy.stats import chi2

    from experiments.enrich_scenario import Outlook

    published = published_ratios(groups, made.arm, register)
    scores = made.fitted(spec.signatures[groups.signature]).score(made.cohort.observed)
    outlook = Outlook.of(made, scores, groups.endpoint, spec.horizon_months)
    n, rows, distance = len(outlook.order), [], 0.0
    for (population, ratio), bottom, top in zip(published, groups.edges[:-1], groups.edges[1:], strict=True):
        first, last = (round(n * (1 - edge / 100)) for edge in (bottom, top))
        assumed = outlook.plan(made, first, spec.alpha, last).log_hazard_ratio
        assert ratio.standard_error is not None  # noqa: S101 - published_ratios saw to it
        assert ratio.interval is not None  # noqa: S101
        distance += ((np.log(ratio.estimate) - assumed) / ratio.standard_error) ** 2
        rows.append(
            {
                "arm": made.arm.name,
                "ratio_per_sd": made.arm.ratio_per_sd,
                "group": population,
                "published": ratio.estimate,
                "low": ratio.interval[0],
                "high": ratio.interval[1],
                "assumed": float(np.exp(assumed)),
            }
        )
    p = float(chi2.sf(distance, len(rows)))
    return [row | {"chi_squared": distance, "p": p} for row in rows]
