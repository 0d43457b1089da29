"""Exposure times: what the formulas promise is what simulated frames scatter."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from iop4cli.science.exposure import Conditions, exptime_for, p_error, plan, saturation_s, snr
from iop4cli.simulate.cameras import CAMERAS
from iop4cli.simulate.detector import Detector
from iop4cli.simulate.stars import BETA, add_stars, moffat_alpha_px

SIZE, FWHM_PX, RADIUS_PX, ANNULUS_PX = 49, 4.0, 5.0, (14.0, 22.0)
CAMERA = CAMERAS["AndorT90"]
EXPTIME_S, SKY_E_PER_S, MAG = 60.0, 3.0, 15.0
# Of a Moffat profile within the aperture.
INSIDE = 1 - (1 + (RADIUS_PX / moffat_alpha_px(FWHM_PX)) ** 2) ** (1 - BETA)


def conditions(**others) -> Conditions:
    known = Conditions(
        CAMERA.zero_points["R"] + 2.5 * math.log10(INSIDE), SKY_E_PER_S, CAMERA.read_noise_e, RADIUS_PX, ANNULUS_PX,
        FWHM_PX, 64500 * CAMERA.gain_e_per_adu,
    )  # fmt: skip
    return dataclasses.replace(known, **others)


def fluxes(n: int, mag: float, exptime_s: float, through: float = 1.0, seed: int = 1) -> np.ndarray:
    """Aperture sums (n,) in electrons above the sky, of the simulator's frames; known bias and response taken off."""
    detector = Detector(CAMERA, SIZE, "2022-09-08", hot_pixels=False, cosmic_rays=False)
    rng = np.random.default_rng(seed)
    middle = (SIZE - 1) / 2
    light = np.full((SIZE, SIZE), SKY_E_PER_S * exptime_s, dtype=np.float32)
    star_e = through * 10 ** (0.4 * (CAMERA.zero_points["R"] - mag)) * exptime_s
    add_stars(light, [middle], [middle], [star_e], FWHM_PX)
    bias = np.mean([detector.bias(rng) for _ in range(400)], axis=0)
    rows, columns = np.indices(light.shape) - middle
    distance = np.hypot(rows, columns)
    inside = np.clip(RADIUS_PX + 0.5 - distance, 0, 1)
    ring = (distance > ANNULUS_PX[0]) & (distance < ANNULUS_PX[1])
    found = []
    for _ in range(n):
        counts = detector.expose(light, "R", exptime_s, rng).astype(float)
        electrons = (counts - bias) * CAMERA.gain_e_per_adu / detector.response("R")
        found.append(float((inside * (electrons - electrons[ring].mean())).sum()))
    return np.array(found)


# The scatter of n draws is known to 1 / sqrt(2 n); vignetting and rounding to whole counts are below 2 %.
@pytest.mark.parametrize(("mag", "exptime_s"), [(12.0, 20.0), (15.0, 60.0), (18.0, 60.0), (17.0, 3.0)])
def test_the_signal_to_noise_is_that_of_simulated_frames(mag, exptime_s):
    n = 600
    found = fluxes(n, mag, exptime_s)
    measured = found.mean() / found.std(ddof=1)
    tolerance = 4 * math.hypot(1 / math.sqrt(2 * n), found.std() / math.sqrt(n) / found.mean()) + 0.02
    assert measured == pytest.approx(snr(conditions(), mag, exptime_s), rel=tolerance)


def test_the_error_of_p_is_that_of_simulated_groups_of_four_filters():
    n, q, u = 500, 0.08, -0.05
    angles = np.radians([0, 45, 90, 135])
    sums = [
        fluxes(n, MAG, EXPTIME_S, 0.5 * (1 + q * math.cos(2 * t) + u * math.sin(2 * t)), seed)
        for seed, t in enumerate(angles)
    ]
    f0, f45, f90, f135 = sums
    found = np.array([(f0 - f90) / (f0 + f90), (f45 - f135) / (f45 + f135)])
    expected = p_error(conditions(share=0.5), MAG, EXPTIME_S, 4)
    for values, truth in zip(found, (q, u), strict=True):
        assert values.std(ddof=1) == pytest.approx(expected, rel=4 / math.sqrt(2 * n) + 0.02)
        assert abs(values.mean() - truth) < 4 * expected / math.sqrt(n)


def test_the_error_of_p_is_that_of_simulated_groups_of_four_plates_and_two_beams():
    n, q = 300, 0.06
    parts = {(beam, sign): fluxes(n, MAG, EXPTIME_S, 0.5 * (1 + sign * q), 10 * beam + sign) for beam, sign in
             ((1, 1), (2, -1), (3, -1), (4, 1))}  # fmt: skip
    o0, e0, o45, e45 = parts.values()
    ratio = np.sqrt((o0 / e0) / (o45 / e45))
    found = (ratio - 1) / (ratio + 1)
    expected = p_error(conditions(share=0.5, n_images=2), MAG, EXPTIME_S, 4)
    assert found.std(ddof=1) == pytest.approx(expected, rel=4 / math.sqrt(2 * n) + 0.02)
    assert abs(found.mean() - q) < 4 * expected / math.sqrt(n)


def test_an_uncertain_transparency_adds_to_the_error_of_p():
    """Each exposure divided by a transparency of its own that is known to 0.5 %."""
    n, known_to = 2000, 0.005
    rng = np.random.default_rng(3)
    ideal = conditions(share=0.5)
    one = 1 / snr(ideal, MAG, EXPTIME_S)
    f0, f90 = 1 + math.hypot(one, known_to) * rng.standard_normal((2, n))
    worse = dataclasses.replace(ideal, transparency_err=known_to * math.sqrt(EXPTIME_S))
    assert ((f0 - f90) / (f0 + f90)).std() == pytest.approx(p_error(worse, MAG, EXPTIME_S, 4), rel=4 / math.sqrt(2 * n))
    longer = exptime_for(worse, MAG, 500.0)
    assert snr(worse, MAG, longer) == pytest.approx(500.0)
    assert longer > exptime_for(ideal, MAG, 500.0)


def test_the_exposure_time_gives_the_signal_to_noise_that_was_asked_for():
    for mag in (10.0, 15.0, 20.0):
        for wanted in (3.0, 100.0, 1000.0):
            assert snr(conditions(), mag, exptime_for(conditions(), mag, wanted)) == pytest.approx(wanted, rel=1e-9)


def test_a_bright_star_is_exposed_often_and_briefly_and_no_plan_saturates():
    one = plan(conditions(), 8.0, 3000.0, longest_s=300.0)
    assert one is not None
    assert one.limit == "saturation"
    assert one.exptime_s <= saturation_s(conditions(), 8.0) * (1 + 1e-9)
    assert one.snr == pytest.approx(3000.0)
    fewer = snr(conditions(), 8.0, saturation_s(conditions(), 8.0), one.n_exposures - 1)
    assert fewer < 3000.0  # one exposure less would not do
    alpha_px = moffat_alpha_px(FWHM_PX)
    peak_share = (BETA - 1) / (math.pi * alpha_px**2)
    peak_e = 10 ** (0.4 * (CAMERA.zero_points["R"] - 8.0)) * one.exptime_s * peak_share + SKY_E_PER_S * one.exptime_s
    assert peak_e < conditions().saturation_e


def test_sets_of_angles_stay_whole_and_what_is_hopeless_is_said():
    faint = plan(conditions(share=0.5), 17.0, 1000.0, longest_s=100.0, at_once=4)
    assert faint is not None
    assert faint.n_exposures % 4 == 0
    assert faint.limit == "longest exposure"
    assert plan(conditions(), 27.0, 1000.0, longest_s=100.0) is None
