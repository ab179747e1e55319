"""Verdicts of `lungio drift`: false alarms where nothing differs, and planted differences found."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
from scipy.stats import beta

from benchmarks.planted_drift import PLANTS, SPEC, planted, trained, verdict_of
from pipeline.run.streams import stage_generator
from synthetic_data.cohort import simulate_cohort

TRAINED, NEW, NULLS, DRAWS = 2000, 500, 200, 12


def main() -> None:
    """Print how often each verdict is given, by what was planted."""
    rng = np.random.default_rng(1)
    known = trained(TRAINED, stage_generator(rng, "trained"))
    print(f"{TRAINED:,} patients trained on, {NEW} new ones each time; {NULLS} draws without a difference")
    for name, (plant, right) in PLANTS.items():
        draws, started = NULLS if name == "nothing" else DRAWS, time.process_time()
        found, alarms = Counter[str](), Counter[str]()
        for draw in range(draws):
            own = stage_generator(rng, f"{name} {draw}")
            new = planted(simulate_cohort(SPEC, NEW, stage_generator(own, "new")), plant, own)
            drift = verdict_of(known, new, stage_generator(own, "judge"))
            found[drift.verdict] += 1
            alarms.update(set(drift.alarms["what"] + " of " + drift.alarms["subject"]))
        hit = sum(found[v] for v in right)
        low, high = beta.ppf([0.025, 0.975], [hit, hit + 1], [draws - hit + 1, draws - hit])
        seconds = (time.process_time() - started) / draws
        within = f"{np.nan_to_num(low):.1%} to {1 if hit == draws else high:.1%}"
        reasons = ", ".join(reason for reason, _ in alarms.most_common(3)) or "-"
        print(
            f"{name:<40} right {hit / draws:6.1%} ({within}) {dict(found)}; {seconds:.2f} s a verdict; "
            f"by {reasons}"
        )


if __name__ == "__main__":
    main()
