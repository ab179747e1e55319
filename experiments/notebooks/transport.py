# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
RUN = "."  # the folder of a transport study; this notebook reads it and fits nothing

# %%
from pathlib import Path

from IPython.display import HTML

from pipeline.artifacts import load_run
from pipeline.report import sections

run = load_run(Path(RUN))
HTML(sections.study_opening(run))

# %% [markdown]
# ## How well models trained on synthetic patients rank real ones
# External: on all patients of the test cohort. Cross-validation: within its folds, beside models trained on
# the other folds' real patients and published scores.

# %%
HTML(
    sections.study_table(run, "training", numbers_from=3)
    + sections.study_table(run, "scores", numbers_from=3)
)

# %% [markdown]
# ## Differences to models trained inside the test cohort
# On the same resamples of the same patients.

# %%
HTML(sections.study_table(run, "differences", numbers_from=4))

# %% [markdown]
# ## How many real patients it takes

# %%
HTML(
    sections.study_figures(
        run, {"learning_curve_*": "Concordance on held-out real patients; bands are one standard error"}
    )
    + sections.study_table(run, "matched", digits=0)
)

# %% [markdown]
# ## What each modality adds

# %%
HTML(sections.study_table(run, "ablation", numbers_from=4))

# %% [markdown]
# ## The evidence patients were drawn from
# Figures of the test cohort's own patients were put aside.

# %%
HTML(sections.study_table(run, "evidence", numbers_from=5))

# %% [markdown]
# ## How it was done

# %%
HTML(
    sections.study_table(
        run,
        "horizons",
        headings={
            "endpoint": "Endpoint",
            "shortest_followed": "Patients followed for the shortest time, who decide",
            "usable_to_months": "Usable to, months",
            "horizons": "Horizons kept, months",
        },
        numbers_from=2,
    )
    + sections.study_methods(run)
)
