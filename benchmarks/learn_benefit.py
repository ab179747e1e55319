"""Learn configs/evidence/benefit.yaml: `python -m benchmarks.learn_benefit` writes it anew.

The weight of what biomarker studies say about benefit, from the subgroups of all trials of the register
(`lungio subgroups` leaves out the trial it predicts instead). Under a minute.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import yaml

from synthetic_data.evidence import load_register
from synthetic_data.subgroup_effects import LEARNT_FILE, learn
from synthetic_data.subgroups import Study, departures

PATIENTS = 20_000
SEED = 2018


def main() -> None:
    """Draw the patients of every trial with subgroups, learn, and write the file."""
    study = Study.of(load_register(), PATIENTS, np.random.default_rng(SEED))
    effects = learn(departures(study.exposed))
    learnt = {
        name: value if isinstance(value, int) else round(value, 4)
        for name, value in dataclasses.asdict(effects).items()
    }
    source = "Subgroup hazard ratios against their whole trials', on what biomarker studies say"
    text = yaml.safe_dump({"source": source, "learnt": learnt}, sort_keys=False, width=110)
    LEARNT_FILE.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
