"""What an observer is told of frames as they come, from the rows of a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from iop4cli.archive.create import create_archive
from iop4cli.archive.store import Batch, Store
from iop4cli.frames.quality import Quality
from iop4cli.instruments.registry import Registry
from iop4cli.pipeline.live_notes import ExposureAdviser, FrameNote, frame_notes, width_trend
from iop4cli.pipeline.step import Parameters

EPOCH = "OSN-T090/2022-09-08"
CAMERA = Registry.load([]).by_name("AndorT90")
EXPTIME_S = 100.0


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(create_archive(tmp_path / "archive").store)


def write(store: Store, fwhm_arcsec: list[float], bits: int = 0, zp: float = 22.0) -> list[str]:
    """A frame every 3 minutes near the zenith, each with its target's aperture and magnitude."""
    names = [f"{EPOCH}/BLLac-{number:04d}R.fit" for number in range(len(fwhm_arcsec))]
    rows: dict[str, list[dict[str, Any]]] = {"frame": [], "wcs": [], "aperture": [], "measurement": []}
    for number, (name, fwhm) in enumerate(zip(names, fwhm_arcsec, strict=True)):
        mjd_utc = 59830.98 + number * 3.0 / 1440.0
        common = {
            "telescope": "OSN-T090",
            "night": "2022-09-08",
            "instrument": CAMERA.name,
            "mode": "phot",
            "band": "R",
        }
        rows["frame"].append({"name": name, "kind": "light", "status": "done", "target": "2200+420", "mjd_utc": mjd_utc,
                              "exptime_s": EXPTIME_S, "angle_deg": None, **common})  # fmt: skip
        rows["wcs"].append({"frame": name, "beam": "O", "method": "index", "fwhm_arcsec": fwhm, "sky_e": 3000.0,
                            "ra_deg": 330.68, "dec_deg": 42.28, "scale_arcsec_per_px": 0.387})  # fmt: skip
        rows["aperture"].append({"frame": name, "source": "2200+420", "beam": "O", "flux_e": 1e6, "flux_err_e": 2e3,
                                 "bits": bits})  # fmt: skip
        rows["measurement"].append({"id": f"{number:012x}", "source": "2200+420", "mjd_utc": mjd_utc, "mag": 14.0,
                                    "mag_err": 0.02, "zp": zp, "aperture_arcsec": 3.0, "n_frames": 1,
                                    "exptime_s": EXPTIME_S, **common})  # fmt: skip
    store.write([Batch(table, kept) for table, kept in rows.items()])
    return names


def last(store: Store, names: list[str]) -> FrameNote:
    return frame_notes(store, names)[-1]


def test_a_note_has_what_was_measured(store: Store) -> None:
    note = last(store, write(store, [2.0, 2.1]))
    assert (note.target, note.fwhm_arcsec, note.snr, note.sky_e, note.saturated) == (
        "2200+420",
        2.1,
        500.0,
        3000.0,
        False,
    )


def test_only_growing_stars_are_worth_a_word(store: Store) -> None:
    steady = [2.0, 2.1, 1.9, 2.0, 2.1, 2.0, 1.9, 2.0, 2.1, 1.9]
    assert width_trend(store, CAMERA, last(store, write(store, steady))) == ""


def test_a_drifting_focus_is_told(store: Store) -> None:
    words = width_trend(store, CAMERA, last(store, write(store, [1.8 + 0.1 * step for step in range(10)])))
    assert "stars grew from 1.8 to 2.7 arcsec" in words and "27 min, 10 frames" in words


def test_stars_that_shrink_are_no_trouble(store: Store) -> None:
    assert width_trend(store, CAMERA, last(store, write(store, [2.8 - 0.1 * step for step in range(10)]))) == ""


def test_a_saturated_target_is_told_how_long_it_may_be_exposed(store: Store) -> None:
    """By hand: the brightest pixel has 4 ln 2 / pi / FWHM^2 of the light, FWHM = 2.0 / 0.387 px, beside the sky's."""
    note = last(store, write(store, [2.0] * 3, bits=int(Quality.SATURATED)))
    assert note.saturated
    words = ExposureAdviser(store, Parameters({})).on_saturation(note, CAMERA)
    detector = CAMERA.detector
    full_e = 0.8 * min(detector.saturation_adu, detector.linear_limit_adu or 1e9) * detector.gain_e_per_adu
    peak_e_per_s = 10 ** (0.4 * (22.0 - 14.0)) * 0.8825 / (2.0 / 0.387) ** 2 + 30.0
    # Never more than four fifths of what was too long.
    limit_s = min(full_e / peak_e_per_s, 0.8 * EXPTIME_S)
    assert f"saturated in {EXPTIME_S:g} s" in words
    told_s = float(words.split("expose ")[1].split(" s")[0])
    assert 0.9 * limit_s < told_s <= limit_s


def test_advice_scales_as_photons_do(store: Store) -> None:
    """Four times the time for twice the signal-to-noise of a star far above its sky and read noise."""
    write(store, [2.0] * 3, zp=24.0)
    (row,) = store.rows("select * from measurement order by id limit 1")
    total_s = []
    for snr in (500.0, 1000.0):
        words = ExposureAdviser(store, Parameters({}), snr=snr).on_result(row, CAMERA)
        number, _, seconds = words.split("takes ")[1].split(" s")[0].partition(" x ")
        total_s.append(float(number) * float(seconds))
    # Three digits are shown, and the sky has a share of some percent.
    assert total_s[1] / total_s[0] == pytest.approx(4.0, rel=0.02)
    assert ExposureAdviser(store, Parameters({})).on_result(row, CAMERA) == ""
