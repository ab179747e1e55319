"""One random stream a stage, found by the stage's name: a new stage leaves the others' draws alone."""

from __future__ import annotations

import hashlib

import numpy as np


def stage_generator(rng: np.random.Generator, stage: str) -> np.random.Generator:
    """Return the child generator of `rng` that belongs to `stage`; `rng` itself is not advanced.

    >>> rng = np.random.default_rng(7)
    >>> first = stage_generator(rng, "folds").random()
    >>> _ = stage_generator(rng, "another stage").random(), rng.spawn(3)
    >>> first == stage_generator(rng, "folds").random()
    True
    """
    parent = rng.bit_generator.seed_seq
    if not isinstance(parent, np.random.SeedSequence):
        raise TypeError("the generator must have been made by numpy.random.default_rng or spawn")
    words = np.frombuffer(hashlib.sha256(stage.encode()).digest()[:8], dtype="<u4")
    key = (*parent.spawn_key, *(int(w) for w in words))
    return np.random.default_rng(np.random.SeedSequence(parent.entropy, spawn_key=key))
