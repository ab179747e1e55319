"""Random streams found by name: of a stage, of a marker, of a block of patients."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


def stream(key: tuple[int, ...], name: str, block: int | None = None) -> np.random.Generator:
    """Return a generator that is a function of the key, the name and the block alone."""
    words = np.frombuffer(hashlib.sha256(name.encode()).digest()[:16], dtype="<u4")
    place = () if block is None else (block,)
    return np.random.default_rng(np.random.SeedSequence([*key, *map(int, words), *place]))


def draw_key(rng: np.random.Generator) -> tuple[int, ...]:
    """Draw the key of a family of streams."""
    return tuple(int(word) for word in rng.integers(0, 2**32, size=4, dtype=np.uint32))


@dataclass(frozen=True)
class Streams:
    """The streams of one block of patients: one a stage, found by the stage's name.

    A block's draws depend on the key and its number only: not on how many blocks there are, which of
    them are drawn together, or by which worker. A new stage leaves the others' draws alone.
    """

    key: tuple[int, ...]
    block: int

    def generator(self, stage: str) -> np.random.Generator:
        """Return the generator of a stage; the same one from its start whenever it is asked for."""
        return stream(self.key, stage, self.block)
