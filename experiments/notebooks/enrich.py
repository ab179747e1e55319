# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
RUN = "."  # the folder of a study of enrichment; this notebook reads it and fits nothing

# %%
from pathlib import Path

from IPython.display import HTML

from pipeline.artifacts import load_run
from pipeline.report import sections

run = load_run(Path(RUN))
HTML(sections.study_opening(run))

# %% [markdown]
# ## What has been published
# Every trial of lung cancer in the register with an arm of such an agent, however it came out. "No
# difference shown": the interval of the hazard ratio holds 1.

# %%
HTML(
    sections.study_figures(run, {"evidence": "Trials that compared the agents with none"})
    + sections.published_trials(run.table("evidence"))
)

# %% [markdown]
# ## Is a concentration compatible with it?
# The published hazard ratios by groups of one marker, beside what each assumed concentration would give in
# the same groups. A small p speaks against the assumption; a large one does not speak for it.

# %%
HTML(
    sections.study_figures(run, {"groups": "Published groups beside hypothetical concentrations"})
    + sections.enrich_groups(run)
)

# %% [markdown]
# ## Who would gain (hypothetical)
# True months gained by patients at or above each threshold, under each assumed concentration; then by
# signature, with the true state itself for comparison, under the concentration of the cohort's file. Bands
# are over patients.

# %%
HTML(
    sections.study_figures(
        run,
        {
            "value": "Hypothetical gain by threshold of the whole signature, a line an assumption",
            "signatures": "Hypothetical gain by threshold, a line a signature",
        },
    )
    + sections.enrich_gains(run)
)

# %% [markdown]
# ## Which trial would have been positive (hypothetical)
# Power of a trial of the published size that enrols from each threshold on: by formula for every
# assumption, and from drawn trials for one. "Averaged over the interval" takes in that the average effect
# itself is not well known.

# %%
HTML(
    sections.study_figures(run, {"power": "Chance of a positive trial by threshold; dotted: 80 %"})
    + sections.enrich_needed(run)
    + sections.enrich_drawn(run)
)

# %% [markdown]
# ## How it was done
# Hazard ratios are the limits of Cox's estimate (Struthers and Kalbfleisch, Biometrika 1986;73:363). Power:
# Schoenfeld, Biometrika 1981;68:316. Averaged over the interval: O'Hagan et al., Pharm Stat 2005;4:187.

# %%
HTML(sections.study_methods(run))
