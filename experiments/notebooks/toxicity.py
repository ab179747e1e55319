# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
RUN = "."  # the folder of a toxicity study; this notebook reads it and fits nothing

# %%
from pathlib import Path

from IPython.display import HTML

from pipeline.artifacts import load_run
from pipeline.report import blocks, sections

run = load_run(Path(RUN))
HTML(sections.study_opening(run))

# %% [markdown]
# ## Do patients with an adverse event live longer?
# Whoever had one must have lived until it came. Sorting patients by what happens later gives those with an
# event time in which they could not have died: the immortal-time bias. Counting a patient as exposed only
# from the onset on, or starting the clock at a landmark, closes it.

# %%
HTML(
    sections.study_figures(run, {"contrasts": "Hazard ratio of having had an adverse event, by method"})
    + sections.study_table(
        run,
        "contrasts",
        headings={"method": "Method", "hazard_ratio": "Hazard ratio", "standard_error": "Error (log)"},
    )
    + blocks.bullets(run.facts["methods"].values())
)

# %% [markdown]
# ## How often, and when
# Progression and death end treatment and compete with adverse events (Aalen and Johansen); treating them as
# censoring would overstate how often events come.

# %%
HTML(sections.study_figures(run, {"incidence": "Cumulative incidence with 95 % intervals"}))

# %% [markdown]
# ## Can it be foreseen?
# A Cox model for each cause and a survival forest for both, cross-validated. An AUC of 0.5 is a coin; a
# scaled Brier score of 0 is what is known without looking at the patient.

# %%
HTML(
    sections.study_table(
        run,
        "risk",
        headings={
            "model": "Model",
            "metric": "Score",
            "horizon_months": "Months",
            "value": "Value",
            "patients": "Patients",
            "events": "Events",
        },
        numbers_from=2,
    )
)

# %% [markdown]
# ## How it was done

# %%
HTML(sections.study_methods(run))
