# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
RUN = "."  # the folder of a comparison by `lungio drift`; this notebook reads it and fits nothing

# %%
from pathlib import Path

from IPython.display import HTML

from pipeline.artifacts import load_run
from pipeline.report import sections

run = load_run(Path(RUN))
HTML(sections.study_opening(run) + sections.drift_verdict(run))

# %% [markdown]
# ## Marker by marker
# A difference counts when it is significant after Holm's correction over everything looked at and at least as
# large as its limit. Black ticks: what the index exceeds by chance in one of twenty pairs of samples that do
# not differ.

# %%
HTML(
    sections.study_figures(run, {"drift": "Columns that differ most; dashed: the limits look and do not use"})
    + sections.drift_markers(run)
)

# %% [markdown]
# ## Do predictions still come true?
# Out-of-fold predictions of the patients trained on, beside predictions of the new ones. Observed over
# expected is a logarithm: 0 is right, 0.22 a quarter more events than predicted.

# %%
HTML(
    sections.study_table(
        run,
        "outcomes",
        headings={"model": "Model", "metric": "Score", "old": "Trained on", "new": "New", "change": "Change"},
        numbers_from=2,
    )
)

# %% [markdown]
# ## By what they can be told apart
# Fall of the classifier's AUC when a column is shuffled, among patients it has not seen.

# %%
HTML(sections.study_table(run, "separation", headings={"column": "Column", "drop": "Fall of AUC"}, rows=12))

# %% [markdown]
# ## The rules, and how it was done

# %%
HTML(sections.drift_rules(run) + sections.study_methods(run))
