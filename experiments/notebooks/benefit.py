# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
RUN = "."  # the folder of a study of benefit; this notebook reads it and fits nothing

# %%
from pathlib import Path

from IPython.display import HTML

from pipeline.artifacts import load_run
from pipeline.report import sections

run = load_run(Path(RUN))
HTML(sections.study_opening(run))

# %% [markdown]
# ## Prognostic or predictive?
# A prognostic score tells who lives longer whatever the treatment. A predictive one tells who gains from it:
# its hazard ratio differs between the arms. An interaction of 1 is no difference; Holm's correction is over
# the scores of the table.

# %%
HTML(
    sections.study_table(
        run,
        "scores",
        headings={
            "score": "Score",
            "scale": "Scale",
            "patients": "Patients",
            "events": "Events",
            "prognostic": "Hazard ratio under control",
            "interaction": "Multiplied under treatment by",
            "p": "p",
            "p_holm": "p, Holm",
        },
        numbers_from=2,
    )
    + sections.study_table(
        run,
        "marker_groups",
        caption="Effect of treatment by marker",
        headings={
            "score": "Marker",
            "group": "Group",
            "patients": "Patients",
            "events": "Events",
            "hazard_ratio": "Hazard ratio of treatment",
            "survival_difference": "Difference in survival",
            "rmst_difference": "Difference in months",
        },
        numbers_from=2,
    )
)

# %% [markdown]
# ## Who gains
# Fold after fold, learners estimate patients' benefit from the folds before. The Qini coefficient is the mean
# gain by treating in the predicted order over treating at random: 0 says nothing of who gains, and
# C-for-benefit is 0.5 then. The interaction is by what a standard deviation of predicted benefit multiplies
# the hazard ratio of treatment: below 1 is right.

# %%
HTML(
    sections.study_figures(
        run,
        {
            "benefit_curve": "Gain by treating those said to gain most first",
            "benefit_groups": "Observed effect by group of predicted benefit, with intervals",
        },
    )
    + sections.study_table(
        run,
        "measures",
        headings={
            "quantity": "Benefit in",
            "learner": "Learner",
            "measure": "Measure",
            "value": "Value",
            "correlation": "Rank correlation with the truth",
            "error": "Error against the truth",
        },
        numbers_from=3,
    )
)

# %%
HTML(
    sections.study_table(
        run,
        "groups",
        caption="Effect of treatment by group of predicted benefit, least first",
        headings={
            "quantity": "Benefit in",
            "learner": "Learner",
            "group": "Group",
            "patients": "Patients",
            "predicted": "Predicted",
            "survival_difference": "Difference in survival",
            "rmst_difference": "Difference in months",
            "hazard_ratio": "Hazard ratio of treatment",
        },
        numbers_from=2,
    )
)

# %% [markdown]
# ## How it was done

# %%
HTML(sections.study_methods(run))
