# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
RUN = "."  # the folder of a dynamic study; this notebook reads it and fits nothing

# %%
from pathlib import Path

from IPython.display import HTML

from pipeline.artifacts import load_run
from pipeline.report import sections

run = load_run(Path(RUN))
HTML(sections.study_opening(run))

# %% [markdown]
# ## What serial measurements add
# At each landmark, patients who are still followed and have not had the event are predicted from all that
# is known of them by then, and judged on what comes after. The Cox model beside them knows baseline alone.

# %%
HTML(
    sections.study_figures(run, {"landmark_scores": "Scores at each landmark, with 95 % intervals"})
    + sections.landmark_scores(
        run, "gains", "Gain over Cox on baseline alone; intervals are paired.", ("auc", "brier")
    )
)

# %% [markdown]
# ## Scores at each landmark
# AUC of 0.5 is a coin; a Brier score is the mean squared error of the predicted probability.

# %%
HTML(
    sections.landmark_scores(run, "scores", "Patients no model has seen.")
    + sections.landmark_scores(
        run,
        "gaps",
        "Against the supermodel that learnt from many more drawn patients: a negative AUC is a gap.",
    )
    + sections.study_table(run, "dropped", caption="What could not be judged, and why.", numbers_from=3)
)

# %% [markdown]
# ## Patients over time
# The line on the right is the event, or (dotted) the last contact. Research use only: a page like this
# shows what a model would say of a patient and what has been published, not what to do.

# %%
HTML(sections.patient_pages(run))

# %% [markdown]
# ## How it was done
# Landmark supermodel: van Houwelingen, Scand J Stat 2007;34:70-85. Penalty by partial likelihood,
# cross-validated by patient; standard errors clustered by patient. A Bayesian one has the same form and
# starts from patients drawn from published trials; rows of one patient are not counted as independent
# (Ribatet, Cooley and Davison, Stat Sinica 2012;22:813-845).

# %%
HTML(sections.study_table(run, "parameters", numbers_from=9) + sections.study_methods(run))
