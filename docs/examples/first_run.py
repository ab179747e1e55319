# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A first run
# KEYNOTE-189 drawn from its publications, once to learn from and once to be judged on; models trained,
# explained and set beside the ceiling. Every patient is simulated; for research only. On the command line:
# `lungio run keynote_189`.

# %%
import os
from pathlib import Path

import yaml
from IPython.display import Image

from experiments.cli import app
from experiments.config import CONFIGS
from pipeline.artifacts import load_run

SMALL = os.environ.get("LUNGIO_EXAMPLES") == "small"  # as the tests run it

# %% [markdown]
# ## One file says everything
# A shipped experiment, copied and changed. A wrong word is refused before any work is done.

# %%
experiment = yaml.safe_load((CONFIGS / "experiments" / "keynote_189.yaml").read_text())
experiment["train"]["patients"] = experiment["external"]["patients"] = 200 if SMALL else 2000
if SMALL:
    experiment["analysis"] |= {
        "models": {"cox": {"penalties": [0.1]}, "rsf": {"n_estimators": 10}, "oracle": {}},
        "published": "none",
        "cross_validation": {"folds": 2, "repeats": 1},
        "bootstrap": {"replicates": 20},
        "explanation": {"patients": 10, "waterfalls": 1, "horizon_months": 12},
    }
Path("experiment.yaml").write_text(yaml.safe_dump(experiment, sort_keys=False))
app(["run", "experiment.yaml", "--out", "first", "--no-track", "--no-report"], standalone_mode=False)

# %% [markdown]
# ## What came of it
# The run is a folder of tables, figures and models. On patients no fitting saw, with 95 % intervals:

# %%
run = load_run(Path("first"))
scores = run.table("scores").query("data == 'external' and group == 'all' and metric == 'uno_c'")
scores[["model", "value", "low", "high"]].round(3)

# %% [markdown]
# ## Is it the trial?
# Figures the patients were drawn from, and what they show: published against reproduced.

# %%
Image("first/figures/fidelity.png")

# %%
Image("first/figures/importance_cox.png")

# %% [markdown]
# `lungio report first` makes the whole page, with checklists and model card; `lungio push first` files the
# run in MLflow.
