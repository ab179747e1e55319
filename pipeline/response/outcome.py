"""Who has an objective response, and what stands for patients whose response nobody evaluated."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.schema import RESPONDED, Cohort, InputError

BEST: Final = "best_response"
OBJECTIVE: Final = ("CR", "PR")
NOT_EVALUABLE: Final = "NE"


class Responses(NamedTuple):
    """Patients with a response of yes or no.

    Attributes
    ----------
    cohort : Cohort
        Those patients.
    responded : array of bool, shape (n,)
    never_evaluated : int
        Patients of the whole cohort whose response was not evaluable or is not recorded.
    """

    cohort: Cohort
    responded: NDArray[np.bool_]
    never_evaluated: int


def response_column(cohort: Cohort) -> str | None:
    """Return the column that tells of response, None where there is none."""
    return next((name for name in (BEST, RESPONDED.name) if name in cohort.observed), None)


def known_responses(cohort: Cohort, never_evaluated: str) -> Responses:
    """Return the patients to learn from and judge on, and whether each had an objective response (CR or PR).

    A response that was not evaluable (NE) or is not recorded counts as none under "no_response": that is
    how trials print their rates, every patient in the denominator (RECIST 1.1, Eisenhauer et al., Eur J
    Cancer 2009;45:228, doi:10.1016/j.ejca.2008.10.026), and who dies before the first scan is one of them.
    Under "left_out" such patients are not looked at; what is then predicted is response among the evaluated,
    who are known only later.

    Raises
    ------
    InputError
        When no column tells of response.
    """
    name = response_column(cohort)
    if name is None:
        raise InputError(
            f"response: cohort {cohort.name!r} has neither {BEST} nor {RESPONDED.name}; map one of them "
            "under `outcomes`, or leave `response` out of the analysis"
        )
    values = cohort.observed[name]
    unknown = values.isna().to_numpy()
    if name == BEST:
        text = values.astype(object).where(~values.isna(), NOT_EVALUABLE).to_numpy()
        unknown, responded = text == NOT_EVALUABLE, np.isin(text, OBJECTIVE)
    else:
        responded = values.fillna(False).to_numpy(dtype=bool)
    count = int(unknown.sum())
    if never_evaluated == "left_out":
        return Responses(cohort.take(cohort.observed.index[~unknown]), responded[~unknown], count)
    return Responses(cohort, responded, count)
