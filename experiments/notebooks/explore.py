# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What the newest run found
# For research only: nothing here is for decisions about the care of any patient. Run `lungio run config.yaml`
# first, then this notebook from the same folder.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from pipeline.artifacts import load_run
from pipeline.models import load_model

newest = max(Path("runs").glob("*/run.json"), key=lambda file: file.stat().st_mtime).parent
run = load_run(newest)
print(newest, "simulated" if run.facts["simulated"] else "real patients", run.tables)

# %% [markdown]
# ## How well the models do
# Each on patients it had not seen, with 95 % intervals. Further horizons and subgroups are in the same table.

# %%
scores = run.table("scores")
overall = scores[(scores["group"] == "all") & scores["horizon_months"].isna()]
overall.pivot_table(index=["data", "metric"], columns="model", values="value").round(3)

# %% [markdown]
# ## One patient under each model
# The typical patient of the training cohort: what each stored model expects of him or her.

# %%
patient = run.table("typical_patients").iloc[[0]]
months = np.arange(1.0, max(run.facts["analysis"]["horizons_months"]) + 1)
figure, axes = plt.subplots(figsize=(6, 3.5))
for name, folder in run.models().items():
    axes.plot(months, load_model(folder).predict(patient, months).survival[0], label=name)
axes.set(xlabel="Months from the start of treatment", ylabel="Probability of no event yet", ylim=(0, 1))
axes.legend(frameon=False)
patient.T

# %% [markdown]
# ## What the models rest on
# Mean absolute contribution of each column at the explained horizon: to the predicted survival of a forest,
# to the log hazard of a Cox model.

# %%
run.table("importance").head(20) if "importance" in run.tables else run.tables
