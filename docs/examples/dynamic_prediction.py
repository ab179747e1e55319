# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Prediction updated at every visit
# What scans and blood tests of simulated patients have shown by a landmark, against what was known before
# treatment. On the command line: `lungio dynamic keynote_189_dynamic`.

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
study = yaml.safe_load((CONFIGS / "studies" / "keynote_189_dynamic.yaml").read_text())
study["train"]["patients"] = 300 if SMALL else 2000
study["analysis"]["reference_patients"] = None
if SMALL:
    study["analysis"] |= {
        "landmarks_months": [3, 6], "models": {"baseline_cox": {}, "supermodel": {}}, "metrics": ["auc"],
        "bootstrap": {"replicates": 20, "level": 0.95},
    }  # fmt: skip
Path("study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
app(["dynamic", "study.yaml", "--out", "dynamic", "--no-report"], standalone_mode=False)

# %% [markdown]
# ## What a landmark adds
# Each model on other patients, at each landmark, among those still at risk.

# %%
run = load_run(Path("dynamic"))
scores = run.table("scores")
scores[scores["metric"] == "auc"].round(3)

# %%
Image(str(run.figures()[0]))
