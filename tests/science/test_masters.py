"""Masters: their noise is what they say, their defects are found, and those that differ are told."""

from __future__ import annotations

import numpy as np
import pytest

from iop4cli.frames.quality import Pixel
from iop4cli.science.clipped_mean import PixelVariance, clipped_mean
from iop4cli.science.defects import defects, harmful_dark_rate
from iop4cli.science.master_checks import (
    FrameStatistics,
    Shape,
    change,
    failed_criterion,
    frame_statistics,
    structure,
    structure_noise,
    unfit_frames,
)
from iop4cli.science.masters import Combined, PixelNoise, combine

SIZE = 320
GAIN, READ_NOISE_E, BIAS_ADU = 4.5, 7.5, 1000.0
NOISE = PixelNoise(READ_NOISE_E / GAIN, GAIN)
LIMITS = {
    "flat_min_level": 0.02, "flat_max_level": 0.9, "max_flat_change": 0.02, "max_level_change": 20.0,
    "max_structure_change": 1.0, "max_scatter_ratio": 1.5,
}  # fmt: skip


def hit(electrons: np.ndarray, n_tracks: int, rng: np.random.Generator) -> None:
    """Add tracks of cosmic rays: some 800 electrons a step, a few pixels long."""
    for _ in range(n_tracks):
        x, y, direction = rng.uniform(0, SIZE), rng.uniform(0, SIZE), rng.uniform(0, np.pi)
        steps = np.arange(0, rng.exponential(4.0) + 1, 0.5)
        columns = np.clip(x + steps * np.cos(direction), 0, SIZE - 1).astype(int)
        rows = np.clip(y + steps * np.sin(direction), 0, SIZE - 1).astype(int)
        np.add.at(electrons, (rows, columns), rng.gamma(6.0, 130.0, steps.size))


def read_out(electrons: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noisy = BIAS_ADU + (electrons + READ_NOISE_E * rng.standard_normal(electrons.shape)) / GAIN
    return np.rint(noisy).astype(np.float32)


def response() -> np.ndarray:
    """Vignetting of 18 %, pixels that differ by 1 %, and weak ones."""
    y, x = np.mgrid[:SIZE, :SIZE] / (SIZE / 2) - 1
    pixels = 1 + 0.01 * np.random.default_rng(1).standard_normal((SIZE, SIZE))
    pixels[5::40, 7::40] *= 0.3
    return (1 - 0.18 * (x**2 + y**2) / 2) * pixels


def pulls_of_bias(n_frames: int, n_tracks: int, seed: int) -> tuple[Combined, np.ndarray]:
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(n_frames):
        electrons = np.full((SIZE, SIZE), 1.8 * rng.standard_normal())  # the level drifts from frame to frame
        hit(electrons, n_tracks, rng)
        frames.append(read_out(electrons, rng))
    master = combine(frames, noise=NOISE)
    # The drift of the level is common to all pixels; it is not in the uncertainty.
    return master, (master.image - np.median(master.image)) / master.uncertainty


def pulls_of_flat(n_frames: int, levels_e: tuple[float, ...], n_tracks: int) -> tuple[Combined, np.ndarray]:
    rng = np.random.default_rng(n_frames)
    frames = []
    for number in range(n_frames):
        electrons = rng.poisson(levels_e[number % len(levels_e)] * response()).astype(float)
        hit(electrons, n_tracks, rng)
        frames.append(read_out(electrons, rng))
    bias = np.full((SIZE, SIZE), BIAS_ADU, np.float32)
    master = combine(frames, bias=bias, normalise=True, noise=NOISE)
    truth = response() * np.median(master.image / response())
    return master, (master.image - truth) / master.uncertainty


def expect_unit_width(pulls: np.ndarray, noise_known_to: float) -> None:
    """Width 1 within 4 standard errors, and what the noise of each frame is known to."""
    width = 4 / np.sqrt(2 * pulls.size) + noise_known_to
    assert pulls.std() == pytest.approx(1.0, abs=width)


@pytest.mark.parametrize("n_tracks", [0, 4])
@pytest.mark.parametrize("n_frames", [3, 5, 15, pytest.param(50, marks=pytest.mark.night)])
def test_the_uncertainty_of_a_bias_is_its_scatter_about_the_truth(n_frames, n_tracks):
    master, pulls = pulls_of_bias(n_frames, n_tracks, seed=n_frames)
    # From 100,000 pixels the noise of a frame is known to 0.3 %; whole counts add structure of up to 1 % of a sigma.
    expect_unit_width(pulls, 0.02)
    assert abs(pulls.mean()) < 5 / np.sqrt(pulls.size) + 0.2  # the median of whole counts is a count's part off
    assert master.noise_ratio == pytest.approx(1.0, abs=0.04)  # rounding adds 1.5 %
    assert not master.noisy.any()


@pytest.mark.parametrize("levels_e", [(1e5,), (2e4, 5e4, 1e5, 2e5)])
@pytest.mark.parametrize("n_frames", [3, 5, 15, pytest.param(50, marks=pytest.mark.night)])
def test_the_uncertainty_of_a_flat_holds_in_every_pixel_whatever_the_levels(n_frames, levels_e):
    for n_tracks in (0, 4):
        master, pulls = pulls_of_flat(n_frames, levels_e, n_tracks)
        expect_unit_width(pulls, 0.015)
        assert abs(pulls.mean()) < 5 / np.sqrt(pulls.size)
        third = SIZE // 3
        expect_unit_width(pulls[third:-third, third:-third], 0.015)
        expect_unit_width(pulls[:third, :third], 0.015)
        expect_unit_width(pulls[5::40, 7::40], 0.015)
        # A bias of 0.1 sigma from the clipping would show: the cut takes as much from above as from below.
        assert master.clipped_fraction < 2e-4 + n_tracks * 40 / SIZE**2


def test_frames_weigh_by_their_light():
    """Four levels with weights reach the error of all their photons together."""
    levels = (2e4, 5e4, 1e5, 2e5)
    master, pulls = pulls_of_flat(4, levels, 0)
    rms = float((pulls * master.uncertainty)[SIZE // 3 : -SIZE // 3, SIZE // 3 : -SIZE // 3].std())
    assert rms * np.median(response()) == pytest.approx(1 / np.sqrt(sum(levels)), rel=0.03)


def test_a_pixel_that_jumps_is_noisy_and_one_hit_by_a_cosmic_ray_is_not():
    rng = np.random.default_rng(9)
    frames = [read_out(np.zeros((SIZE, SIZE)), rng) for _ in range(10)]
    for frame in frames[::2]:
        frame[100, 50] += 20
    frames[3][200, 60] += 3000
    master = combine(frames, noise=NOISE)
    assert np.argwhere(master.noisy).tolist() == [[100, 50]]
    assert master.uncertainty[100, 50] > 5 * master.uncertainty[0, 0]
    found = defects("bias", master.image, master.uncertainty, master.noisy)
    assert np.argwhere(found).tolist() == [[100, 50]] and found[100, 50] == Pixel.BAD


def test_weak_pixels_are_found_and_dust_is_not():
    flat, y, x = response().astype(np.float32), *np.mgrid[:SIZE, :SIZE]
    flat *= 1 - 0.2 * np.exp(-(((np.hypot(x - 200, y - 120) - 14) / 5) ** 2))
    found = defects("flat", flat, np.full_like(flat, 1e-3), np.zeros(flat.shape, bool))
    weak = np.zeros(flat.shape, bool)
    weak[5::40, 7::40] = True
    assert np.array_equal((found & Pixel.DEAD) != 0, weak)


def test_hot_pixels_of_a_dark_are_those_whose_own_noise_spoils_them():
    rng = np.random.default_rng(5)
    rate_e = np.zeros((SIZE, SIZE))
    rate_e[10::40, 10::40], rate_e[20::40, 20::40] = 200.0, 2.0
    bias = np.full((SIZE, SIZE), BIAS_ADU, np.float32)
    frames = [read_out(rng.poisson(rate_e * 60).astype(float), rng) for _ in range(5)]
    master = combine(frames, bias=bias, exptimes_s=[60] * 5, per_second=True, noise=NOISE)
    limit = harmful_dark_rate(60, GAIN, NOISE.read_noise_adu)
    # 2 electrons a second for 60 s have a noise of 11, 200 of 110 electrons; the limit is three times 7.5.
    found = defects("dark", master.image, master.uncertainty, master.noisy, limit)
    assert np.array_equal(found == Pixel.HOT, rate_e == 200.0)
    pulls = ((master.image * GAIN - rate_e) / (master.uncertainty * GAIN))[rate_e > 0]
    assert pulls.std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * pulls.size))


def test_a_bias_that_saw_light_and_a_noisy_one_are_left_out():
    rng = np.random.default_rng(3)
    frames = [read_out(np.zeros((SIZE, SIZE)), rng) for _ in range(6)]
    frames[1] += 40
    frames[4] = (frames[4] + 12 * rng.standard_normal((SIZE, SIZE))).astype(np.float32)
    reasons = unfit_frames("bias", [frame_statistics(f, 64000) for f in frames], [0.0] * 6, 64000, LIMITS)
    assert [bool(reason) for reason in reasons] == [False, True, False, False, True, False]
    assert "1040 ADU where the others have 1000" in reasons[1] and "noise" in reasons[4]


@pytest.mark.parametrize(
    ("statistics", "reason"),
    [
        (FrameStatistics(60000, 100, 0.0), "saturated: median"),
        (FrameStatistics(30000, 100, 0.05), "5 % of its pixels are saturated"),
        (FrameStatistics(800, 10, 0.0), "too faint"),
        (FrameStatistics(30000, 100, 0.0), ""),
    ],
)
def test_a_flat_frame_must_be_neither_faint_nor_saturated(statistics, reason):
    [said] = unfit_frames("flat", [statistics], [5.0], 64000, LIMITS)
    assert reason in said and bool(reason) == bool(said)


def shape(kind: str, master: Combined) -> Shape:
    return Shape(kind, master.level, master.scatter, structure(master.image), structure_noise(master.uncertainty))


def test_two_good_masters_do_not_differ_and_a_gradient_a_level_and_another_gain_do():
    good, other = (shape("bias", pulls_of_bias(5, 2, seed)[0]) for seed in (1, 2))
    found = change(other, good)
    assert found is not None and not failed_criterion("bias", found, LIMITS)
    assert found.structure < 0.05 and abs(found.level or 0) < 2
    shifted = Shape("bias", good.level + 25 * good.scatter, good.scatter, good.cells, good.cell_noise)
    assert "above" in failed_criterion("bias", change(shifted, good), LIMITS)
    striped = Shape("bias", good.level, good.scatter, good.cells + 3 * good.scatter * (np.arange(256) % 2), 0.0)
    assert "structure" in failed_criterion("bias", change(striped, good), LIMITS)
    noisier = Shape("bias", good.level, 2 * good.scatter, good.cells, good.cell_noise)
    assert "2.0 times" in failed_criterion("bias", change(noisier, good), LIMITS)


def test_a_flat_with_a_gradient_differs_by_its_rms():
    good, other = (shape("flat", pulls_of_flat(n, (1e5,), 0)[0]) for n in (3, 4))
    assert not failed_criterion("flat", change(other, good), LIMITS)
    slope = np.tile(np.linspace(0.92, 1.08, 16), 16)
    tilted = Shape("flat", good.level, good.scatter, good.cells * slope, good.cell_noise)
    found = change(tilted, good)
    # Half of the cells are beyond 0.04 of a gradient from -0.08 to 0.08.
    assert found.structure == pytest.approx(1.4826 * 0.0427, rel=0.02)
    assert "6.3 % rms" in failed_criterion("flat", found, LIMITS)


def test_blocks_that_are_combined_at_once_make_the_same_master(monkeypatch):
    monkeypatch.setattr("iop4cli.science.masters._BLOCK_PIXELS", 5 * 64 * 7)
    rng = np.random.default_rng(11)
    frames = rng.normal(1000.0, 8.0, (5, 50, 64)).astype(np.float32)
    frames[2, 10:13, 20] += 500.0
    one, three = (combine(frames, noise=PixelNoise(8.0, 1.5), n_threads=n) for n in (1, 3))
    assert one.n_frames == 5 and one.clipped_fraction > 0
    for name in ("image", "uncertainty", "noisy"):
        assert np.array_equal(getattr(one, name), getattr(three, name))
    assert (one.level, one.scatter, one.clipped_fraction) == (three.level, three.scatter, three.clipped_fraction)


def test_the_error_of_what_is_kept_is_its_own_however_little_it_weighs():
    """Two good frames are hit in a pixel, and what is left is a frame a thousand times noisier."""
    sigmas = np.array([1.0, 1.0, 1000.0])
    block = np.zeros((3, 1, 4), np.float32)
    block[:2, 0, 2] = 1e4
    mean = clipped_mean(
        block, np.zeros((1, 4), np.float32), PixelVariance(sigmas**2, np.zeros(3)), np.zeros(3), sigmas, np.ones(3)
    )
    assert mean.n_clipped == 2 and mean.image[0, 2] == 0.0
    assert mean.uncertainty[0, 2] == pytest.approx(1000.0, rel=1e-6)
    assert mean.uncertainty[0, 0] == pytest.approx(np.sqrt(0.5), rel=1e-5)
