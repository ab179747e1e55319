# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
RUN = "."  # the folder of a sweep; this notebook reads it and fits nothing

# %%
from pathlib import Path

from IPython.display import HTML

from pipeline.artifacts import load_run
from pipeline.report import blocks, sections

run = load_run(Path(RUN))
HTML(sections.study_opening(run))

# %% [markdown]
# ## What the settings made of it
# A point is a run; where several share a value, a line joins their means. Spread among seeds at one setting
# is what chance alone does.

# %%
objective = run.facts["objective"]["label"]
HTML(
    sections.study_figures(run, {"sweep": f"{objective}, against each key that varied"})
    + sections.study_table(
        run, "settings", headings={"setting": "Setting", "runs": "Runs", "objective": objective, "sd": "SD"}
    )
)

# %% [markdown]
# ## Every run

# %%
HTML(
    sections.study_table(run, "runs", headings={"run": "Run", "model": "Best model", "objective": objective})
)

# %% [markdown]
# ## What was asked

# %%
HTML(
    blocks.bullets(
        f"{key}: {values}"
        for key, values in (run.facts["settings"]["vary"] | run.facts["settings"]["fixed"]).items()
    )
    + sections.study_methods(run)
)
