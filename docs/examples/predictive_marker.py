# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Which marker is predictive?
# Prognostic markers tell who lives longer; predictive ones tell who gains from one treatment over the
# other. Here POPLAR is simulated, so that each patient's true benefit is known; with its real table the
# same study is `lungio benefit poplar_benefit --data FILE`. On the command line: `lungio benefit
# poplar_simulated_benefit`.

# %%
import os
from pathlib import Path

import yaml
from IPython.display import Image

from experiments.cli import app
from experiments.config import CONFIGS
from pipeline.artifacts import load_run

SMALL = os.environ.get("LUNGIO_EXAMPLES") == "small"  # as the tests run it

# %%
study = yaml.safe_load((CONFIGS / "studies" / "poplar_simulated_benefit.yaml").read_text())
if SMALL:
    study |= {"bootstrap": {"replicates": 20}, "train": {"cohort": "poplar_simulated", "patients": 400}}
Path("study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
app(["benefit", "study.yaml", "--out", "benefit", "--no-report"], standalone_mode=False)

# %% [markdown]
# ## By marker
# The hazard ratio of treatment below and above a cut. A difference between groups is shown only where the
# interaction is.

# %%
run = load_run(Path("benefit"))
run.table("marker_groups").round(3)

# %% [markdown]
# ## By learner
# Patients not learnt from, ranked by predicted benefit. The row of the truth is the best that can be.

# %%
run.table("measures").round(3)

# %%
Image(str(run.figures()[0]))
