"""Medians over frames are those of numpy, whatever the number of frames and the ties among them."""

import numpy as np
import pytest

from iop4cli.science.medians import median_over_frames


@pytest.mark.parametrize("n_frames", [*range(1, 34), 50, 101])
def test_every_bit_is_that_of_numpy(n_frames):
    rng = np.random.default_rng(n_frames)
    for block in (
        rng.normal(1000, 30, (n_frames, 7, 41)).astype(np.float32),
        rng.integers(0, 4, (n_frames, 7, 41)).astype(np.float32),  # ties
        rng.normal(size=(n_frames, 3, 20_000)).astype(np.float32),  # more than is sorted at once
    ):
        assert np.array_equal(median_over_frames(block), np.median(block, axis=0))


def test_every_order_of_a_few_frames_is_sorted():
    """A network that sorts all rows of zeros and ones sorts everything (Knuth, TAOCP 3, 5.3.4)."""
    for n_frames in range(2, 15):
        bits = np.arange(2**n_frames)
        block = np.array([(bits >> k) & 1 for k in range(n_frames)], np.float32)
        assert np.array_equal(median_over_frames(block), np.median(block, axis=0))


def test_what_is_no_number_is_not_hidden_and_the_block_stays_as_it_is():
    block = np.random.default_rng(1).normal(size=(5, 4, 6)).astype(np.float32)
    block[2, 1, 3] = np.nan
    before = block.copy()
    found = median_over_frames(block)
    assert np.isnan(found[1, 3]) and np.isfinite(found).sum() == found.size - 1
    assert np.array_equal(block, before, equal_nan=True)
