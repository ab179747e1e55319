# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Planning a study
# How many patients must be randomised to show that PD-L1 predicts the benefit of adding pembrolizumab? A
# trial of each size is simulated again and again, each time from another sample of the published evidence,
# and asked. On the command line: `lungio power keynote_189_power`.

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
plan = yaml.safe_load((CONFIGS / "studies" / "keynote_189_power.yaml").read_text())
plan |= {"sizes": [200], "replicates": 10} if SMALL else {"sizes": [300, 600, 1200], "replicates": 60}
Path("plan.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
app(
    ["power", "plan.yaml", "--out", "power", "--no-report", "--jobs", "1" if SMALL else "2"],
    standalone_mode=False,
)

# %% [markdown]
# ## Share of studies that find it
# By size and by what is recorded of each patient, with intervals for the number of replicates.

# %%
run = load_run(Path("power"))
run.table("power").round(3)

# %% [markdown]
# The smallest size from which on the chance is at least 80 %, also by the lower ends of the intervals.

# %%
run.table("needed")

# %%
Image(str(run.figures()[0]))
