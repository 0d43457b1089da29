"""Medians are those of numpy, whatever the number of values and the ties among them."""

import numpy as np
import pytest

from iop4cli.science.medians import median_of, median_over_frames, medians_of_rows


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


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8, 25, 64, 999, 1000, 20_001, 20_000])
def test_every_bit_of_values_and_rows_is_that_of_numpy(n, kind):
    rng = np.random.default_rng(n)
    for values in (rng.normal(1000, 30, (6, n)), rng.integers(-3, 3, (6, n)), np.full((6, n), 7.5)):
        rows = values.astype(kind)
        before = rows.copy()
        assert np.array_equal(medians_of_rows(rows), np.median(rows, axis=1))
        assert median_of(rows) == np.median(rows) and median_of(rows.T[::2]) == np.median(rows.T[::2])
        assert np.array_equal(rows, before)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 1001, 4000])
def test_what_is_no_number_makes_none_of_its_row_alone(n):
    rows = np.random.default_rng(n).normal(size=(3, n))
    rows[1, n // 3] = np.nan
    rows[2, 0] = np.inf
    assert np.array_equal(medians_of_rows(rows), np.median(rows, axis=1), equal_nan=True)
    assert np.isnan(median_of(rows)) and np.isnan(median_of(rows[0, :0]))
