# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A table of your own
# What a hospital keeps, in days, codes and percent signs; a map says what each column means. The file here
# is simulated, so that the example shows nobody. On the command line: `lungio init demo`, `lungio cohort
# check`, `lungio run own_data_config.yaml --data patients.csv`.

# %%
import os
from contextlib import chdir
from pathlib import Path

import pandas as pd
import yaml

from experiments.cli import app
from pipeline.artifacts import load_run

SMALL = os.environ.get("LUNGIO_EXAMPLES") == "small"  # as the tests run it

# %%
app(["init", "demo"], standalone_mode=False)
pd.read_csv("demo/patients.csv").head()

# %% [markdown]
# ## The map
# One entry a column: where it stands, its unit, what its codes mean. `lungio cohort map FILE` drafts one
# from a header.

# %%
print("\n".join(Path("demo/own_data.yaml").read_text().splitlines()[:30]))

# %% [markdown]
# ## Looked at before anything is fitted
# Every fault with its column, count and remedy.

# %%
with chdir("demo"):
    app(["cohort", "check", "patients.csv", "--map", "own_data.yaml"], standalone_mode=False)

# %% [markdown]
# ## The same analysis as of a trial
# No external patients: cross-validation is the test.

# %%
experiment = yaml.safe_load(Path("demo/own_data_config.yaml").read_text())
if SMALL:
    experiment["analysis"] |= {
        "models": {"cox": {"penalties": [0.1]}}, "published": "none",
        "cross_validation": {"folds": 2, "repeats": 1}, "bootstrap": {"replicates": 20},
        "explanation": {"patients": 10, "waterfalls": 1, "horizon_months": 12},
    }  # fmt: skip
Path("demo/mine.yaml").write_text(yaml.safe_dump(experiment, sort_keys=False))
with chdir("demo"):
    app(
        ["run", "mine.yaml", "--data", "patients.csv", "--out", "mine", "--no-track", "--no-report"],
        standalone_mode=False,
    )

# %%
run = load_run(Path("demo/mine"))
overall = run.table("scores").query("group == 'all'")
overall[overall["horizon_months"].isna()].pivot_table(index="metric", columns="model", values="value").round(
    3
)
