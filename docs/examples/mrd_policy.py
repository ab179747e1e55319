# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Treatment guided by ctDNA after surgery
# A policy of declared rules, played in simulated patients of KEYNOTE-671 with the same luck under every
# strategy: what it is worth, whom it harms, and what becomes of it when its triggers are reversed. What its
# actions do is hypothetical: no trial has tested it. On the command line: `lungio decide mrd_policy`.

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
# ## The rules
# Tests, triggers and actions in one file; each action with its source and whether it is an assumption.

# %%
study = yaml.safe_load((CONFIGS / "studies" / "mrd_policy.yaml").read_text())
study["policies"]["mrd_guided"]["rules"]

# %%
study["train"]["patients"] = 500 if SMALL else 5000
sensitivity = study["vary"]["sensitivity of the assay"]
if SMALL:
    study |= {"bootstrap": {"replicates": 20, "level": 0.95}, "cohorts": 1}
study["vary"] = {"sensitivity of the assay": sensitivity | {"values": [0.4, 0.95]}}
Path("study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
app(["decide", "study.yaml", "--out", "mrd", "--no-report"], standalone_mode=False)

# %% [markdown]
# ## What it is worth
# Months without an event, of 60, against fixed treatment, the reversed triggers and others; paired.

# %%
run = load_run(Path("mrd"))
differences = run.table("differences").query("quantity == 'rmst'")
differences.round(2)

# %%
Image(str(next(iter(run.figures("values")))))
