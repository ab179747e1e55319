# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
RUN = "."  # a run folder; this notebook reads it and fits nothing

# %%
from pathlib import Path

from IPython.display import HTML

from pipeline.artifacts import load_run
from pipeline.report import sections, standards

run = load_run(Path(RUN))
HTML(sections.opening(run))

# %% [markdown]
# ## How well the models do
# Every model was trained on the same patients and judged on patients it had not seen. C is the chance that,
# of two patients, the one with the earlier event was ranked at higher risk: 0.5 is a coin, 1 is perfect.

# %%
HTML(sections.scores(run) + sections.performance_figures(run) + sections.differences(run))

# %% [markdown]
# ## Survival by arm
# The effect of treatment as the cohort shows it, before any model.

# %%
HTML(sections.arms(run))

# %% [markdown]
# ## Published and reproduced
# A simulated cohort is drawn so that each arm's curve passes through what its trial published.

# %%
HTML(sections.fidelity(run))

# %% [markdown]
# ## From source to analysis
# Who stands behind each figure, and what became of them.

# %%
HTML(sections.flow(run))

# %% [markdown]
# ## The patients
# The training cohort at baseline, and how they fared.

# %%
HTML(sections.table_one(run))

# %% [markdown]
# ## Checks and missing values
# Looked for in every cohort, real or simulated, before anything is fitted.

# %%
HTML(sections.findings(run))

# %% [markdown]
# ## Are the probabilities right?
# A model may rank patients well and still promise too much or too little. On the dashed line it does neither.

# %%
HTML(sections.calibration(run))

# %% [markdown]
# ## Discrimination over time
# How well each model tells those with an event by a horizon from those still free of one.

# %%
HTML(sections.roc(run))

# %% [markdown]
# ## What is acting on it worth?
# Net benefit weighs events found against patients acted on in vain, at the exchange rate that the threshold
# implies. A model is of use where its line is above both acting on everybody and acting on nobody.

# %%
HTML(sections.decisions(run))

# %% [markdown]
# ## Who responds
# The probability of an objective response (complete or partial, RECIST), calibrated on training patients.

# %%
HTML(sections.response(run))

# %% [markdown]
# ## How much better do models look on the patients they learnt from?
# Apparent scores, corrected by refitting everything on bootstrap resamples: less their mean optimism, and by
# the .632+ rule, which trusts the patients outside the resamples the more a model overfits.

# %%
HTML(sections.optimism(run))

# %% [markdown]
# ## What each modality adds
# Trained on: the model sees these columns only. Known at test: the model learnt from everything, and of the
# patients judged only these columns are known.

# %%
HTML(sections.ablation(run))

# %% [markdown]
# ## What the predictions rest on
# Exact Shapley values: contributions that add up to the prediction. They explain the model, not the disease;
# columns that go together share the credit between them.

# %%
HTML(sections.explanations(run))

# %% [markdown]
# ## Do the explanations find what is there?
# Of simulated patients the true contribution of each marker is known, so explanations can be marked.

# %%
HTML(sections.agreement(run))

# %% [markdown]
# ## Subgroups
# The same scores within parts of the cohort. Small parts have wide intervals.

# %%
HTML(sections.subgroups(run))

# %% [markdown]
# ## Methods and how to repeat this run
# Scores come from cross-validation and, where there is one, from an external cohort; censoring is weighted
# for by its inverse probability. Intervals are percentiles of resampled test patients, the same resamples for
# every model, with the fitted models held fixed; Holm's correction is over the models compared on one score.

# %%
HTML(sections.methods(run))

# %% [markdown]
# ## Where this run comes from
# From what was published, or from a file, to this page.

# %%
HTML(sections.lineage(run))

# %% [markdown]
# ## Reporting checklists and model card
# Filled as far as the run knows; what a person must write is marked. The same lies beside as Markdown.

# %%
HTML(standards.section(run))

# %% [markdown]
# ## Sources

# %%
HTML(sections.sources(run))
