# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
RUN = "."  # the folder of a planning study; this notebook reads it and fits nothing

# %%
from pathlib import Path

from IPython.display import HTML

from pipeline.artifacts import load_run
from pipeline.report import blocks, sections
from pipeline.report.sections.wording import words

run = load_run(Path(RUN))
HTML(sections.study_opening(run))

# %% [markdown]
# ## How likely a study is to find it
# Each replicate draws a study of the given size and asks it every question. Bars are 95 % Monte-Carlo
# intervals (Wilson): how well the replicates tell the chance, not how sure the evidence is.

# %%
HTML(
    sections.study_figures(run, {"power": "Chance of finding it, by the number of patients; dotted: 80 %"})
    + sections.study_table(
        run,
        "power",
        headings={
            "question": "Question",
            "scenario": "Scenario",
            "patients": "Patients",
            "replicates": "Draws",
            "value": "Chance",
        },
        numbers_from=2 if "scenario" in run.table("power") else 1,
    )
)

# %% [markdown]
# ## How many patients are needed
# The smallest planned size from which on the chance is at least 80 %: by the estimate, and by the lower end
# of its Monte-Carlo interval. Empty where no planned size is large enough.

# %%
HTML(
    sections.study_table(
        run,
        "needed",
        headings={
            "question": "Question",
            "scenario": "Scenario",
            "patients": "Patients",
            "patients_surely": "Surely",
        },
        numbers_from=2 if "scenario" in run.table("power") else 1,
    )
)

# %% [markdown]
# ## What was asked, and how the study would be run
# Under every scenario the same patients are drawn, with the same luck; what is measured or recorded differs.

# %%
HTML(
    blocks.pairs({words(name): said for name, said in run.facts["questions"].items()})
    + blocks.pairs({words(name): said for name, said in run.facts["scenarios"].items()})
    + sections.study_methods(run)
)
