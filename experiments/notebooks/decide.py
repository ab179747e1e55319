# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
RUN = "."  # the folder of a study of decisions; this notebook reads it and fits nothing

# %%
from pathlib import Path

from IPython.display import HTML

from pipeline.artifacts import load_run
from pipeline.report import sections

run = load_run(Path(RUN))
HTML(sections.study_opening(run))

# %% [markdown]
# ## What is decided
# A rule sees what is known when it is asked: markers before treatment, and results, predictions, adverse
# events and progression once they are there. Earlier rules go first.

# %%
HTML(
    sections.study_table(
        run,
        "rules",
        headings={"strategy": "Policy", "rule": "Rule", "when": "When", "action": "Action"},
        numbers_from=9,
    )
    + sections.study_table(run, "chosen", numbers_from=9)
    + sections.study_figures(run, {"timing": "Share of patients for whom each rule has fired"})
)

# %% [markdown]
# ## What it is worth
# Every strategy in the same patients. Where what would have come of other decisions is known, "worse off"
# counts patients with fewer event-free months up to the horizon than under the other strategy, by at least
# the margin set in the study.

# %%
HTML(
    sections.study_figures(
        run,
        {
            "values": "Each strategy against the fixed one, 95 % intervals over patients",
            "weighted": "Each rule against one arm for all, by inverse-probability weighting, 95 % intervals",
        },
    )
    + sections.strategy_values(run)
    + sections.strategy_differences(run)
    + sections.weighted_strategies(run)
)

# %% [markdown]
# ## At what price
# Treatment has a price in time, toxicity and money; how many event-free months would somebody give for a
# month without it?

# %%
HTML(
    sections.study_figures(
        run,
        {
            "net_value": "Months event-free less the price of treatment",
            "net_benefit": "Net benefit of giving more to those whom each strategy picks; to nobody: 0",
        },
    )
)

# %% [markdown]
# ## What it depends on
# One thing varied at a time, all else as declared: assay, schedule, turnaround, thresholds, and the
# hypothetical effects themselves.

# %%
HTML(sections.study_figures(run, {"varied": "The first policy against the fixed strategy, 95 % intervals"}))

# %% [markdown]
# ## What was assumed

# %%
HTML(sections.study_table(run, "assumed", digits=2, numbers_from=4))

# %% [markdown]
# ## How it was done
# Rank-preserving outcomes: Robins and Tsiatis, Commun Stat 1991;20:2609. Weighting: Zhao et al., J Am Stat
# Assoc 2012;107:1106. Net benefit: Vickers et al., BMC Med Inform Decis Mak 2008;8:53.

# %%
HTML(sections.study_methods(run))
