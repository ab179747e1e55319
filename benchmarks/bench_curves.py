"""Curves of overall survival beside digitised ones, each with shapes learnt without its own trial.

Needs the digitised curves (see `synthetic_data.digitised_curves`); says so when they are not there. The last
columns are what sampling alone leaves: the gaps, on average, of samples as large and as censored as the arm
from a known curve that is put through each sample's own figures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.schema import Floats
from synthetic_data.curve_shapes import curve_like
from synthetic_data.digitised_curves import (
    Digitised,
    Gap,
    compare,
    digitised,
    digitised_curves,
    gap,
)
from synthetic_data.evidence import load_register
from synthetic_data.published_figures import as_of, choose_figures
from synthetic_data.survival_curves import SurvivalCurve, inverse
from synthetic_data.trial_curves import built_points

FILE = Path(__file__).resolve().parents[2] / "shared" / "realdata" / "digitised_os_curves.csv"
SAMPLES = 40


def sampling_gap(published: Digitised, truth: SurvivalCurve, months: Floats, rng: np.random.Generator) -> Gap:
    """Mean gaps of samples from `truth` to the curve through the sample's survival at `months`."""
    censored = published.time[published.event == 0]
    gaps = []
    for _ in range(SAMPLES):
        n = len(published.time)
        death = inverse(truth.months, truth.cumulative_hazard, rng.exponential(size=n))
        watched = rng.choice(censored, n)
        sample = digitised(
            published.trial, published.arm, 0.0, np.minimum(death, watched), (death <= watched).astype(float)
        )
        seen = np.interp(months, sample.months, sample.survival)
        points = [(m, s) for m, s in zip(months, seen, strict=True) if 0 < s < 1]
        falling = [p for p, before in zip(points, [(0.0, 1.0), *points], strict=False) if p[1] < before[1]]
        gaps.append(gap(curve_like(truth, falling, 1.0, 1.0, 0.0), sample))
    return Gap(*(float(np.mean([abs(getattr(g, f)) for g in gaps])) for f in Gap.__dataclass_fields__))


def main() -> None:
    """Print the table."""
    if not FILE.exists():
        print("no digitised curves beside this checkout (shared/realdata/digitised_os_curves.csv)")
        return
    register = load_register()
    rng = np.random.default_rng(2020)
    print("largest gap where 20 or more are at risk; largest anywhere; mean absolute gap")
    print(f"{'':35} {'left-out shapes':>30} {'plain interpolation':>25} {'sampling alone':>23}")
    table = []
    for arm, ours, plain, curve in compare(register, digitised_curves(FILE, register)):
        known = as_of(register.trial(arm.trial), arm.until_follow_up_months)
        months = np.array([m for m, _ in built_points(choose_figures(known, "os", arm.arm))])
        alone = sampling_gap(arm, curve, months, rng)
        table.append([abs(v) for g in (ours, plain, alone) for v in (g.largest, g.largest_anywhere, g.mean)])
        print(
            f"{arm.trial:14} {arm.arm:20} {ours.largest:+8.3f} at {ours.month:4.1f} "
            f"{ours.largest_anywhere:+7.3f} {ours.mean:6.3f} {plain.largest:+10.3f} "
            f"{plain.largest_anywhere:+7.3f} {plain.mean:6.3f} {alone.largest:9.3f} "
            f"{alone.largest_anywhere:6.3f} {alone.mean:6.3f}"
        )
    for name, row in (("mean", np.mean(table, axis=0)), ("worst", np.max(table, axis=0))):
        o, oa, om, p, pa, pm, s, sa, sm = row
        print(
            f"{name:35} {o:8.3f}         {oa:7.3f} {om:6.3f} {p:10.3f} {pa:7.3f} {pm:6.3f} {s:9.3f} "
            f"{sa:6.3f} {sm:6.3f}"
        )


if __name__ == "__main__":
    main()
