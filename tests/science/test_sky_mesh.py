"""The sky of a whole frame: what is taken off where every second pixel tells of it."""

from __future__ import annotations

import numpy as np
import pytest

from iop4cli.frames.quality import Pixel
from iop4cli.science.detection import _extracted
from iop4cli.science.sky_mesh import subtract_sky

_NOISE_E = 10.0


def sloping_sky(shape: tuple[int, int]) -> np.ndarray:
    """Moonlight that grows by half from one corner to the other, bent."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    far = (rows / shape[0] + columns / shape[1]) / 2
    return np.asarray(500.0 * (1.0 + 0.3 * far + 0.2 * far**2))


@pytest.mark.parametrize("mesh_px", [16, 64, 100, 128])
@pytest.mark.parametrize("shape", [(512, 512), (511, 513), (800, 643)])
def test_the_sky_is_taken_off_everywhere(shape: tuple[int, int], mesh_px: int) -> None:
    sky = sloping_sky(shape)
    electrons = np.random.default_rng(1).normal(sky, _NOISE_E).astype(np.float32)
    without, level, _ = subtract_sky(electrons, np.zeros(shape, np.uint8), mesh_px)
    left = without - (electrons - sky)
    # Cells tell their level, of which sep takes 2.5 medians minus 1.5 means, to 2.4 sigma over the root of their
    # pixels, less than half of that after the median with their neighbours; a spline swings beyond that at the rim.
    per_cell = min(mesh_px, 32) ** 2
    inner = left[mesh_px // 2 : -(mesh_px // 2), mesh_px // 2 : -(mesh_px // 2)]
    assert np.abs(inner).max() < 15 * _NOISE_E / np.sqrt(per_cell)
    assert abs(inner.mean()) < 0.15 * _NOISE_E
    assert abs(level - np.median(sky)) < 0.1 * np.ptp(sky)


@pytest.mark.parametrize("shape", [(130, 97), (40, 40), (9, 7), (1, 5)])
def test_small_frames_have_a_sky_too(shape: tuple[int, int]) -> None:
    electrons = np.full(shape, 200.0, np.float32)
    without, level, _ = subtract_sky(electrons, np.zeros(shape, np.uint8), 64)
    assert level == pytest.approx(200.0)
    assert np.abs(without).max() < 1e-3


def test_rows_and_columns_between_are_not_shifted() -> None:
    """A steep plane without noise is gone to a fraction of what it rises by in a pixel."""
    rows, columns = np.mgrid[:512, :512]
    electrons = (100.0 + 3.0 * columns + 2.0 * rows).astype(np.float32)
    without, _, _ = subtract_sky(electrons, np.zeros(electrons.shape, np.uint8), 64)
    inner = without[128:-128, 128:-128]
    middle = [inner[row::2, column::2].mean() for row in (0, 1) for column in (0, 1)]
    assert np.ptp(middle) < 0.02


def test_bad_pixels_do_not_count() -> None:
    electrons = np.random.default_rng(2).normal(100.0, _NOISE_E, (256, 256)).astype(np.float32)
    dq = np.zeros(electrons.shape, np.uint8)
    dq[:, 100:140] = Pixel.BAD
    electrons[:, 100:140] = 1e6
    without, level, rms = subtract_sky(electrons, dq, 64)
    assert rms == pytest.approx(_NOISE_E, rel=0.03)
    assert level == pytest.approx(100.0, abs=1.0)
    assert abs(np.median(without[:, 200:])) < 1.0


def test_more_pixels_above_the_threshold_than_there_is_room_for_at_first() -> None:
    """A galaxy of half a million pixels, and a star beside it."""
    image = np.zeros((1200, 1200), np.float32)
    image[200:900, 200:900] = 100.0
    image[1000:1005, 1000:1005] = 50.0
    found = _extracted(image, 10.0, minarea=5, deblend_cont=0.005)
    assert len(found) == 2
    assert max(found["npix"]) >= 490_000
    with pytest.raises(ValueError, match="2-d"):
        _extracted(image[0], 10.0)
