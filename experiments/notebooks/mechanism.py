# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
RUN = "."  # the folder of a mechanism study; this notebook reads it and fits nothing

# %%
from pathlib import Path

from IPython.display import HTML

from pipeline.artifacts import load_run
from pipeline.report import sections

run = load_run(Path(RUN))
HTML(sections.study_opening(run))

# %% [markdown]
# ## How often the likeliest deficit is the true one
# Should checkpoint inhibition fail a patient, why? The model answers with a probability for each deficit, or
# says that there is not enough data to say.

# %%
HTML(
    sections.study_table(
        run,
        "accuracy",
        headings={"patients_meant": "Patients", "patients": "Number", "value": "Likeliest deficit is right"},
    )
    + sections.study_figures(
        run,
        {
            "confusion": "Answers by true cause; rows sum to 100 %",
            "reliability": "Stated probability and how often it was right, tenths of the patients",
        },
    )
)

# %% [markdown]
# ## Patients
# Beside each answer, the group of markers that speaks most for it; where the two disagree, the answer rests
# on markers of another deficit and deserves doubt.

# %%
HTML(sections.study_table(run, "patients", numbers_from=9))

# %% [markdown]
# ## Strategies aimed at each deficit
# Every lung-cancer trial of the register with an arm of agents meant to address the deficit, against an arm
# without them; negative trials stand beside the others.

# %%
HTML(
    sections.study_table(
        run,
        "strategies",
        headings={
            "deficit": "Deficit",
            "trial": "Trial",
            "agents": "Agents",
            "endpoint": "Endpoint",
            "hazard_ratio": "Hazard ratio",
            "low": "from",
            "high": "to",
            "reading": "Reading",
        },
        digits=2,
        numbers_from=9,
    )
)

# %% [markdown]
# ## How it was done

# %%
HTML(sections.study_methods(run))
