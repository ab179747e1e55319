"""Benefit measures on randomised patients whose benefit is known: who ranks first, and do intervals hold.

With an interaction the measures should put the truth above the learners, and learners that can see an
interaction above prognosis. Without one, 95 % intervals should cover "nothing" in 95 % of trials.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from pipeline.benefit import Question, judge_benefit, sequential_benefit, treatment_interaction
from pipeline.schema import OUTCOMES, Cohort, Column, Truth, outcome

REPLICATES, PATIENTS, FOLDS = 400, 400, 4
TREATED, CONTROL = "new", "old"
QUESTION = Question("os", TREATED, CONTROL, 12.0, "survival", "cox", {"penalties": [0.1]})
LEARNERS = ("s_learner", "t_learner", "x_learner")
NOTHING = {"qini": 0.0, "c_for_benefit": 0.5, "interaction": 1.0}


def trial(patients: int, seed: int, effect: float, interaction: float) -> Cohort:
    """Draw a randomised trial: two prognostic markers, the second modifies the effect; 30 % censored."""
    rng = np.random.default_rng(seed)
    index = pd.RangeIndex(patients, name="patient")
    first, second, noise = rng.normal(size=(3, patients))
    treated = rng.permutation(patients) < patients // 2
    risk = 0.6 * first + 0.3 * second
    benefit = effect + interaction * second
    died = rng.exponential(16 * np.exp(-(risk + benefit * treated)))
    left = rng.uniform(4, 40, patients)
    arm = np.where(treated, TREATED, CONTROL)
    observed = pd.DataFrame(
        {"first": first, "second": second, "noise": noise, "arm": arm,
         "os_months": np.minimum(died, left), "died": died <= left}, index=index,
    )  # fmt: skip
    columns = (
        *(Column(name, "baseline", "number", modality="blood") for name in ("first", "second", "noise")),
        Column("arm", "arm", "category", categories=(TREATED, CONTROL)), *OUTCOMES[:2],
    )  # fmt: skip
    months = np.array([0.0, 100.0])
    hazards = [pd.DataFrame({"arm": a, "months": months, "os": months / 16}) for a in (TREATED, CONTROL)]
    true = pd.DataFrame(
        {"arm": arm, f"os_log_hazard[{TREATED}]": risk + benefit, f"os_log_hazard[{CONTROL}]": risk},
        index=index,
    )
    return Cohort("trial", observed, columns, True, {}, CONTROL, Truth(true, pd.concat(hazards)))


def judged(arguments: tuple[int, float, float, bool]) -> pd.DataFrame:
    """Judge the modifying marker, and the learners where wanted, on one trial."""
    seed, effect, interaction, learn = arguments
    cohort = trial(PATIENTS, seed, effect, interaction)
    y, treated = outcome(cohort.observed, "os"), (cohort.observed["arm"] == TREATED).to_numpy()
    ratio = treatment_interaction(y, treated, cohort.observed["second"].to_numpy())
    line = {"learner": "second marker", "measure": "interaction", "value": ratio["interaction"]}
    line |= {"low": ratio["interaction_low"], "high": ratio["interaction_high"]}
    table = pd.DataFrame([line])
    if learn:
        scores = sequential_benefit(cohort, QUESTION, LEARNERS, FOLDS, np.random.default_rng(seed))
        table = pd.concat([judge_benefit(scores), table], ignore_index=True)
    return table.assign(trial=seed)


def main() -> None:
    """Print coverage without benefit and with an even one, and how the learners rank with an interaction.

    An even hazard ratio is no even difference in survival: there the interaction alone should be nothing.
    """
    console = Console()
    settings = {
        "no effect": (0.0, 0.0, True),
        "hazard ratio 0.6 for all": (float(np.log(0.6)), 0.0, False),
        "interaction": (float(np.log(0.7)), -0.6, True),
    }
    with ProcessPoolExecutor(2) as pool:
        for position, (name, setting) in enumerate(settings.items()):
            jobs = [(10_000 * position + k, *setting) for k in range(REPLICATES)]
            found = pd.concat(pool.map(judged, jobs, chunksize=10), ignore_index=True)
            if not setting[1]:  # a truth that is the same for all ranks nobody
                found = found[found["learner"] != "truth"]
            null = found["measure"].map(NOTHING)
            found["covers"] = (found["low"] <= null) & (null <= found["high"])
            table = Table(
                "learner", "measure", "mean", "sd", "covers nothing", "truth above it", "by, 95 % interval",
                title=f"{name}: {REPLICATES} trials of {PATIENTS}",
            )  # fmt: skip
            tops = found[found["learner"] == "truth"].set_index(["measure", "trial"])["value"]
            for (learner, measure), rows in found.groupby(["learner", "measure"], sort=False):
                above = by = ""
                if learner != "truth" and len(tops):
                    sign = -1 if measure == "interaction" else 1
                    better = sign * (tops.loc[str(measure)].reindex(rows["trial"]).to_numpy() - rows["value"])
                    above = f"{(better > 0).mean():.0%}"
                    reach = 1.96 * better.std() / np.sqrt(len(better))
                    by = f"{better.mean():.4f} ({better.mean() - reach:.4f} to {better.mean() + reach:.4f})"
                table.add_row(
                    str(learner), str(measure), f"{rows['value'].mean():.3f}", f"{rows['value'].std():.3f}",
                    f"{rows['covers'].mean():.1%}", above, by,
                )  # fmt: skip
            console.print(table)
