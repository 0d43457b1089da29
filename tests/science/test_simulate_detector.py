"""The simulated CCD behaves like one."""

from dataclasses import replace

import numpy as np
import pytest

from iop4cli.simulate.cameras import CAMERAS
from iop4cli.simulate.detector import Detector

SIZE = 384


def detector(name="AndorT90", **options) -> Detector:
    plain = {"hot_pixels": False, "cosmic_rays": False, **options}
    return Detector(CAMERAS[name], SIZE, "2022-09-08", **plain)


def uniform(electrons: float) -> np.ndarray:
    return np.full((SIZE, SIZE), electrons, dtype=np.float32)


@pytest.mark.parametrize("name", CAMERAS)
def test_bias_frames_have_the_level_and_noise_of_the_camera(name):
    camera = CAMERAS[name]
    rng = np.random.default_rng(1)
    ccd = detector(name)
    first, second = (ccd.bias(rng).astype(float) for _ in range(2))
    noise_adu = np.hypot(camera.read_noise_e / camera.gain_e_per_adu, np.sqrt(1 / 12))
    # The scatter of n differences is known to 1/sqrt(2 n); five sigmas.
    assert (first - second).std() / np.sqrt(2) == pytest.approx(noise_adu, rel=5 / np.sqrt(2 * SIZE**2))
    # The mean holds the drift of the frame (0.4) and of the columns (1.5 / sqrt(384)).
    assert first.mean() == pytest.approx(camera.bias_adu, abs=5 * np.hypot(0.4, 1.5 / np.sqrt(SIZE)))


def test_the_bias_has_a_structure_that_repeats():
    ccd, rng = detector(), np.random.default_rng(2)
    columns = [np.mean([ccd.bias(rng).mean(axis=0) for _ in range(4)], axis=0) for _ in range(2)]
    assert np.corrcoef(*columns)[0, 1] > 0.95


@pytest.mark.parametrize("name", CAMERAS)
def test_variance_against_mean_gives_the_gain(name):
    camera, rng, ccd = CAMERAS[name], np.random.default_rng(3), detector(name)
    signals, variances = [], []
    # Up to three quarters of what the converter or the pixels hold.
    most = 0.75 * min(camera.full_well_e, 65535 * camera.gain_e_per_adu, 220_000)
    for electrons in most * np.array([0.0125, 0.06, 0.25, 0.55, 1.0]):
        first, second = (ccd.expose(uniform(electrons), "R", 4.0, rng).astype(float) for _ in range(2))
        signals.append((first + second).mean() / 2 - camera.bias_adu)
        variances.append((first - second).var() / 2)
    slope, offset = np.polyfit(signals, variances, 1, w=1 / np.array(variances))
    # Each variance is good to sqrt(2 / n) = 0.4 %, the slope of five to about 0.3 %; four sigmas.
    assert 1 / slope == pytest.approx(camera.gain_e_per_adu, rel=0.012)
    assert offset < 30


def test_faint_light_arrives_as_whole_photons():
    """A camera that gives 100 counts per electron and has no read noise counts them one by one."""
    counting = replace(CAMERAS["AndorT90"], gain_e_per_adu=0.01, read_noise_e=0.0)
    ccd = Detector(counting, SIZE, "2022-09-08", hot_pixels=False, cosmic_rays=False)
    counts = ccd.expose(uniform(0.05), "R", 1.0, np.random.default_rng(4)).astype(float)
    electrons = np.rint((counts - counting.bias_adu) / 100)
    share = np.mean(electrons == 0)
    expected = float(np.exp(-0.05 * ccd.response("R")).mean())
    assert share == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / SIZE**2))
    assert set(np.unique(electrons)) <= {0.0, 1.0, 2.0, 3.0, 4.0}


def test_the_corner_is_18_percent_darker():
    response = detector().response("R")
    corners = np.median([response[:8, :8], response[-8:, :8], response[:8, -8:], response[-8:, -8:]], axis=(1, 2))
    middle = np.median(response[SIZE // 2 - 8 : SIZE // 2 + 8, SIZE // 2 - 8 : SIZE // 2 + 8])
    # Eight pixels from the corner the vignetting is 17 %; a dust grain may take 5 % more.
    assert 0.14 < np.median(1 - corners / middle) < 0.22


def test_dust_differs_from_filter_to_filter_and_pixels_do_not():
    ccd = detector()
    ratio = ccd.response("R0") / ccd.response("R90")
    assert 0.005 < 1 - ratio.min() < 0.5
    assert np.abs(np.median(ratio) - 1) < 0.005
    rough = ccd.response("R") - np.roll(ccd.response("R"), 1, axis=1)
    assert rough.std() / np.sqrt(2) == pytest.approx(0.01, rel=0.2)


def test_the_converter_stops_at_65535():
    ccd, rng = detector(), np.random.default_rng(5)
    counts = ccd.expose(uniform(2e6), "R", 10.0, rng)
    assert counts.dtype == np.uint16
    assert counts.min() == counts.max() == 65535


def test_hot_pixels_repeat_and_cosmic_rays_do_not():
    rng = np.random.default_rng(6)
    ccd = Detector(CAMERAS["AndorT90"], 1024, "2022-09-08", cosmic_rays=False)
    first, second = (ccd.expose(np.zeros((1024, 1024), np.float32), "R", 300.0, rng) for _ in range(2))
    hot = [set(zip(*np.nonzero(f > 1200), strict=True)) for f in (first, second)]
    assert hot[0] and hot[0] == hot[1]
    ccd = Detector(CAMERAS["AndorT90"], 1024, "2022-09-08", hot_pixels=False)
    first, second = (ccd.expose(np.zeros((1024, 1024), np.float32), "R", 300.0, rng) for _ in range(2))
    hit = [set(zip(*np.nonzero(f > 1100), strict=True)) for f in (first, second)]
    assert hit[0] and hit[1] and not hit[0] & hit[1]


def test_light_without_noise_leaves_the_noise_of_the_rest_as_it_is():
    ccd = detector()
    sky, star = uniform(1000.0), uniform(30_000.0)
    dark, bright = (
        ccd.expose(sky, "R", 1.0, np.random.default_rng(7), noiseless_e=light).astype(float) for light in (None, star)
    )
    expected = star * ccd.response("R") / ccd.camera.gain_e_per_adu
    # Both are cut into whole counts.
    assert np.abs(bright - dark - expected).max() <= 1.01


def test_noise_can_be_switched_off():
    ccd = detector(noise=False)
    first, second = (ccd.expose(uniform(1000.0), "R", 1.0, np.random.default_rng(s)) for s in (7, 8))
    assert np.array_equal(first, second)
