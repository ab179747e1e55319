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
        headings={"question": "Question", "patients": "Patients", "replicates": "Draws", "value": "Chance"},
    )
)

# %% [markdown]
# ## What was asked

# %%
HTML(
    blocks.bullets(
        f"{name}: " + ", ".join(f"{k} {v}" for k, v in question.items() if v is not None)
        for name, question in run.facts["questions"].items()
    )
    + sections.study_methods(run)
)
