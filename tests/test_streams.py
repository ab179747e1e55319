"""Streams: a function of key, name and block, and of nothing else."""

from __future__ import annotations

import numpy as np

from synthetic_data.streams import Streams, draw_key, stream


def test_the_same_key_name_and_block_give_the_same_stream() -> None:
    key = draw_key(np.random.default_rng(3))
    streams = Streams(key, 4)
    _ = streams.generator("arms").random(9), stream(key, "arms").random(9)
    again = Streams(draw_key(np.random.default_rng(3)), 4)
    np.testing.assert_array_equal(streams.generator("arms").random(5), again.generator("arms").random(5))


def test_another_key_name_or_block_gives_another() -> None:
    key, other = (draw_key(np.random.default_rng(seed)) for seed in (3, 4))
    drawn = [
        Streams(key, 0).generator("arms").random(),
        Streams(key, 1).generator("arms").random(),
        Streams(other, 0).generator("arms").random(),
        Streams(key, 0).generator("times").random(),
        stream(key, "arms").random(),
    ]
    assert len(set(drawn)) == len(drawn)
