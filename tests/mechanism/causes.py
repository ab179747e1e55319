"""Patients whose cause of failure follows from one marker of each deficit."""

import numpy as np
import pandas as pd

from pipeline.immune_mechanisms import deficits
from pipeline.schema import Column

MARKERS = {name: deficit.columns[0] for name, deficit in deficits().items()}
MARKERS["antigen_presentation_lost"] = "copy_number_altered_fraction"
COLUMNS = tuple(Column(m, "baseline", "number", m, "", "blood") for m in MARKERS.values())


def drawn(patients, seed, strength=1.5, missing=0.0):
    """Features and causes: odds rise by `strength` a standard deviation of the deficit's marker."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(patients, len(MARKERS)))
    odds = np.exp(strength * z)
    chance = odds / odds.sum(axis=1, keepdims=True)
    place = (chance.cumsum(axis=1) < rng.random((patients, 1))).sum(axis=1)
    names = np.array(list(MARKERS), dtype=object)
    frame = pd.DataFrame(z, columns=list(MARKERS.values()))
    frame = frame.mask(rng.random(frame.shape) < missing)
    frame.index.name = "patient"
    return frame, names[np.minimum(place, len(names) - 1)], chance
