"""Simulated dual-beam frames: two images of each star, where and as bright as optics say, in whole and cut frames."""

import numpy as np
import pytest
from astropy.io import fits

from iop4cli.simulate.cameras import CAMERAS, Calibration
from iop4cli.simulate.detector import Detector
from iop4cli.simulate.night import NightRecipe, simulate_night
from iop4cli.simulate.optics import half_wave_plate, light, turned_axes, two_beams

NIGHT = "2023-11-08"
SIZES = {"CAFOS": {"size_px": 320}, "DIPOL": {"size_px": 1200, "window_px": (640, 500), "n_angles": 4}}
QUIET = {"noise": False, "hot_pixels": False, "cosmic_rays": False, "seeing_rms": 0.0}
PLATE_ANGLES = np.arange(0.0, 360.0, 22.5)


def recipe_for(instrument, mode="pol", night=NIGHT, **options) -> NightRecipe:
    plain = {"targets": ("BL Lac",), "n_bias": 1, "n_flats": 1, "n_darks": 1, **SIZES[instrument]}
    return NightRecipe(instrument, mode, night, **{**plain, **options})


def electrons(night, frame, radius_px) -> tuple[float, float]:
    """Of the target's ordinary and extraordinary image: bias, dark and sky off, true response divided out."""
    recipe = night.recipe
    ccd = Detector(
        recipe.camera, recipe.image_size_px, recipe.night, hot_pixels=False, height_px=recipe.image_height_px
    )
    window = np.s_[
        frame.window_y0_px : frame.window_y0_px + frame.height_px,
        frame.window_x0_px : frame.window_x0_px + frame.width_px,
    ]
    counts = fits.getdata(night.night_folder / frame.file).astype(float) - ccd._bias_adu[window]
    dark_e = (recipe.camera.dark_e_per_s or 0.0) * frame.exptime_s
    filter_label = "R" if recipe.instrument == "DIPOL" else frame.filter
    image = (counts * recipe.camera.gain_e_per_adu - dark_e) / ccd.response(filter_label)[window]
    y, x = np.indices(image.shape)
    fluxes = []
    for x0, y0 in ((frame.target_x_px, frame.target_y_px), (frame.target_e_x_px, frame.target_e_y_px)):
        distance = np.hypot(x - x0, y - y0)
        fluxes.append(float((image - np.median(image))[distance < radius_px].sum()))
    return fluxes[0], fluxes[1]


def test_the_plate_turns_polarisation_by_twice_its_angle():
    for angle in PLATE_ANGLES:
        steady = light(1.0, 20.0)
        turned = half_wave_plate(angle) @ half_wave_plate(0.0) @ steady
        assert np.allclose(turned, light(1.0, 20.0 + 2 * angle), atol=1e-14)
        assert np.allclose(half_wave_plate(angle) @ half_wave_plate(angle), np.eye(3), atol=1e-14)
        assert np.allclose(turned_axes(angle) @ turned_axes(-angle), np.eye(3), atol=1e-14)


@pytest.mark.parametrize("angle_deg", [0.0, 22.48, 22.5, 67.48, 101.3, 337.5])
@pytest.mark.parametrize("imbalance", [0.0, 0.05])
def test_the_two_beams_follow_the_law_of_the_half_wave_plate(angle_deg, imbalance):
    """O = I/2 (1 + k) (1 + q' cos 4t + u' sin 4t), E = I/2 (1 - k) (1 - q' cos 4t - u' sin 4t)."""
    p, chi = 0.23, np.radians(71.0)
    q, u = p * np.cos(2 * chi) + 0.0004, p * np.sin(2 * chi) - 0.0455
    signal = q * np.cos(4 * np.radians(angle_deg)) + u * np.sin(4 * np.radians(angle_deg))
    both = two_beams(light(p, 71.0), Calibration(0.0004, -0.0455, 0.0), angle_deg, imbalance)
    assert both[0] == pytest.approx((1 + imbalance) / 2 * (1 + signal), abs=1e-14)
    assert both[1] == pytest.approx((1 - imbalance) / 2 * (1 - signal), abs=1e-14)


def test_the_angle_zero_is_added_to_the_measured_angle():
    """Light along Z on the sky is along zero in the instrument: all of it goes to O with the plate at zero."""
    both = two_beams(light(1.0, 41.0), Calibration(0.0, 0.0, 41.0), 0.0)
    assert both == (pytest.approx(1.0, abs=1e-14), pytest.approx(0.0, abs=1e-14))


@pytest.mark.parametrize("instrument", SIZES)
@pytest.mark.parametrize("chi_deg", [12.0, 100.0])
def test_noise_free_frames_hold_the_true_polarisation_whatever_clouds_and_gains_do(tmp_path, instrument, chi_deg):
    """The ratios of the two beams, less the instrument's polarisation, turned by twice the angle zero.

    0.15 % covers the rounding to whole counts and the wings of neighbours inside the aperture.
    """
    recipe = recipe_for(
        instrument, targets=("3C 66A",), target_mag=12.0, target_p=0.2, target_chi_deg=chi_deg, transparency_rms=0.3,
        beam_imbalance=0.05, exposure_s=60.0, pointing_rms_arcsec=0.0, star_density=0.0, **QUIET,
    )  # fmt: skip
    night = simulate_night(tmp_path, recipe)
    radius_px = 6.0 / recipe.scale_arcsec
    frames = [frame for frame in night.frames if frame.filter != "R"]
    assert np.ptp([frame.transparency for frame in frames]) > 0.1
    ratios = [o / e for o, e in (electrons(night, frame, radius_px) for frame in frames)]
    table = recipe.camera.polarisation
    q, u = ((np.sqrt(ratios[i] / ratios[i + 2]) - 1) / (np.sqrt(ratios[i] / ratios[i + 2]) + 1) for i in (0, 1))
    # At 22.48, 44.98 and 67.48 degrees u is mixed with 0.0014 of q, at most 0.03 %.
    q, u = q - table.q, u - table.u
    assert np.hypot(q, u) == pytest.approx(0.2, abs=0.0015)
    off = np.degrees(np.arctan2(u, q)) / 2 + table.angle_zero_deg - chi_deg
    assert (off + 90) % 180 - 90 == pytest.approx(0.0, abs=np.degrees(0.0015 / 0.2))
    # The imbalance: sqrt of the mean of (O/E at 0) (O/E at 45) is (1 + k)/(1 - k).
    assert np.sqrt(ratios[0] * ratios[2]) == pytest.approx(1.05 / 0.95, rel=0.003)


def test_the_sum_of_the_beams_is_the_star(tmp_path):
    recipe = recipe_for(
        "CAFOS", target_mag=13.0, target_p=0.0, transparency_rms=0.0, exposure_s=60.0, pointing_rms_arcsec=0.0, **QUIET
    )
    night = simulate_night(tmp_path, recipe)
    expected = 60.0 * 10 ** (0.4 * (recipe.camera.zero_points["R"] - 13.0))
    # Beyond 12 pixels (three times the FWHM) lies 0.2 % of the light.
    assert sum(electrons(night, night.frames[0], 12.0)) == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize("instrument", SIZES)
def test_the_displacement_is_constant_in_a_night_and_within_half_the_spread(tmp_path, instrument):
    beams = CAMERAS[instrument].beams
    drawn = set()
    small = {"size_px": 600, "window_px": (200, 100)} if instrument == "DIPOL" else {"size_px": 128}
    for seed in (1, 2, 3):
        night = simulate_night(tmp_path / str(seed), recipe_for(instrument, seed=seed, **small))
        ways = {
            (round(f.target_e_x_px - f.target_x_px, 6), round(f.target_e_y_px - f.target_y_px, 6)) for f in night.frames
        }
        assert len(ways) == 1
        dx, dy = ways.pop()
        assert abs(dx - beams.dx_px) <= beams.dx_spread_px / 2
        assert abs(dy - beams.dy_px) <= beams.dy_spread_px / 2
        drawn.add((dx, dy))
    assert len(drawn) == 3


def test_the_images_are_where_the_table_says(tmp_path):
    recipe = recipe_for("CAFOS", target_mag=12.5, star_density=0.0, pointing_rms_arcsec=20.0, **QUIET)
    night = simulate_night(tmp_path, recipe)
    frame = night.frames[0]
    image = fits.getdata(night.night_folder / frame.file).astype(float)
    y, x = np.indices(image.shape)
    for x0, y0 in ((frame.target_x_px, frame.target_y_px), (frame.target_e_x_px, frame.target_e_y_px)):
        near = np.clip(image - np.median(image), 0, None) * (np.hypot(x - x0, y - y0) < 8)
        assert (near * x).sum() / near.sum() == pytest.approx(x0, abs=0.1)
        assert (near * y).sum() / near.sum() == pytest.approx(y0, abs=0.1)


def test_each_image_falls_off_the_edge_by_itself(tmp_path):
    """With the target near the right edge its extraordinary image is outside, and the other as it should be."""
    # With this seed the telescope stands off to one side.
    recipe = recipe_for("CAFOS", size_px=100, pointing_rms_arcsec=15.0, seed=10, **QUIET)
    night = simulate_night(tmp_path, recipe)
    cut = [f for f in night.frames if f.target_e_x_px > 103 and 20 < f.target_y_px < 80 and f.target_x_px < 95]
    assert cut
    frame = cut[0]
    image = fits.getdata(night.night_folder / frame.file)
    row, column = round(frame.target_y_px), round(frame.target_x_px)
    assert image[row, column] > 2 * np.median(image)


@pytest.mark.parametrize("beam", ["O", "E"])
def test_a_companion_falls_on_one_beam_of_the_target(tmp_path, beam):
    quiet = {"target_mag": 14.0, "target_p": 0.0, "transparency_rms": 0.0, "pointing_rms_arcsec": 0.0, **QUIET}
    alone = simulate_night(tmp_path / "a", recipe_for("CAFOS", **quiet))
    joined = simulate_night(tmp_path / "b", recipe_for("CAFOS", companion=beam, companion_mag=14.0, **quiet))
    before, after = (electrons(night, night.frames[0], 8.0) for night in (alone, joined))
    growth = dict(zip("OE", (b / a for a, b in zip(before, after, strict=True)), strict=True))
    # The neighbour's share lies between the beams by its polarisation of some 0.2 %.
    assert growth[beam] == pytest.approx(2.0, abs=0.03)
    assert growth["OE".replace(beam, "")] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("beam", ["O", "E"])
def test_a_blocked_beam_of_the_target_is_dark(tmp_path, beam):
    night = simulate_night(tmp_path, recipe_for("CAFOS", block_beam=beam, star_density=0.0, target_mag=13.5, **QUIET))
    light_in = dict(zip("OE", electrons(night, night.frames[0], 8.0), strict=True))
    assert abs(light_in[beam]) < 0.01 * light_in["OE".replace(beam, "")]


def test_a_flipped_frame_is_mirrored_and_keeps_the_ordinary_image_on_the_left(tmp_path):
    plain = {"pointing_rms_arcsec": 0.0, "star_density": 0.0, **QUIET}
    straight = simulate_night(tmp_path / "a", recipe_for("DIPOL", "phot", **plain))
    flipped = simulate_night(tmp_path / "b", recipe_for("DIPOL", "phot", flip=True, **plain))
    first, second = (
        fits.getdata(night.night_folder / night.frames[0].file).astype(float) for night in (straight, flipped)
    )
    header = fits.getheader(flipped.night_folder / flipped.frames[0].file)
    assert header["FLIPSTAT"] == "Flip" and flipped.frames[0].flip
    # Photons, response and columns of the bias stay with the pixels: the likeness is that of the stars.
    stars = [np.where(image > np.median(image) + 200, 1.0, 0.0) for image in (first, second)]
    assert (stars[0][::-1] * stars[1]).sum() > 0.9 * stars[0].sum()
    a, b = straight.frames[0], flipped.frames[0]
    assert b.target_e_x_px - b.target_x_px == pytest.approx(a.target_e_x_px - a.target_x_px, abs=1e-6)
    assert b.target_e_x_px > b.target_x_px
    assert b.target_e_y_px - b.target_y_px == pytest.approx(a.target_y_px - a.target_e_y_px, abs=1e-6)


def test_a_window_is_the_same_piece_of_the_chip_in_lights_and_masters(tmp_path):
    """Hot pixels of the dark, cut at XORGSUBF, YORGSUBF, are hot in the window of a light."""
    night = simulate_night(tmp_path, recipe_for("DIPOL", cosmic_rays=False, star_density=0.0))
    light_file = night.night_folder / next(f.file for f in night.frames if f.filter == "R22.5")
    header, image = fits.getheader(light_file), fits.getdata(light_file).astype(float)
    x0, y0 = header["XORGSUBF"], header["YORGSUBF"]
    assert image.shape == (500, 640) and (x0, y0) != (0, 0)
    dark = fits.getdata(night.night_folder / "Dark2x2-0001.fit").astype(float)
    assert dark.shape == (817, 1200)
    cut = dark[y0 : y0 + 500, x0 : x0 + 640]
    hot = cut > np.median(cut) + 1500
    assert hot.sum() >= 5
    assert np.median(image[hot]) > np.median(image) + 500
    assert np.median(image[np.roll(hot, 3, axis=1)]) < np.median(image) + 100


def test_darks_grow_with_the_time_and_flats_and_bias_are_whole():
    ccd = Detector(CAMERAS["DIPOL"], 400, NIGHT, cosmic_rays=False, height_px=272)
    rng = np.random.default_rng(1)
    bias, short, long = (np.median(f) for f in (ccd.bias(rng), ccd.dark(100.0, rng), ccd.dark(1100.0, rng)))
    # 0.05 electrons a second; medians of 1e5 pixels are good to 0.1, the drift of the bias is 0.4 rms.
    assert long - short == pytest.approx(50.0, abs=2.5)
    assert short - bias == pytest.approx(5.0, abs=2.5)


@pytest.mark.night
def test_whole_frames_are_made_quickly(tmp_path):
    import time

    marks = []
    recipe = NightRecipe("DIPOL", "pol", NIGHT, targets=("BL Lac",), n_bias=1, n_flats=1, n_darks=1)
    night = simulate_night(tmp_path, recipe, lambda *_: marks.append(time.process_time()))
    seconds = dict(zip((path.name for path in night.files[1:]), np.diff(marks), strict=True))
    assert len(seconds) == 19
    # Processor time; some twice what an idle machine takes.
    assert seconds["BLLac-0001Redfull.fit"] < 3.0
    assert np.median([seconds[f.file] for f in night.frames[1:]]) < 0.4
