"""One image of a pair alone, the other blended: without field stars nothing tells a cloud from polarisation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from iop4cli.frames.quality import Quality
from iop4cli.pipeline.fluxes import Fluxes
from iop4cli.pipeline.plate_polarimeter import PlatePolarimeter

PLATE_DEG = 22.5 * np.arange(16)
# A cloud that comes and goes in the time of four exposures, as the modulation does.
DRIFT = 1 + 0.03 * np.sin(2 * np.pi * np.arange(16) / 4.2)
Q, U = 0.04, -0.02
CLEAN, BLENDED = 0, int(Quality.BLENDED_BEAMS)


def star(brightness_e_s: float, q: float, u: float, bits: int = CLEAN) -> dict[str, Fluxes]:
    turn = 4 * np.radians(PLATE_DEG)
    beams = {}
    for beam, sign in (("O", 1), ("E", -1)):
        flux = brightness_e_s / 2 * (1 + sign * (q * np.cos(turn) + u * np.sin(turn))) * DRIFT
        beams[beam] = Fluxes(flux, 0.002 * flux, bits if beam == "O" else CLEAN, 4.0, np.zeros(16, bool))
    return beams


def polarimeter(n_calibrators: int, *, clear: bool = False) -> PlatePolarimeter:
    names = ["target", *(f"star {number}" for number in range(n_calibrators))]
    made = PlatePolarimeter(
        "group",
        {
            "params": {"transparency": not clear, "min_stars": 3, "plate_method": "difference with k"},
            "frames": [{"name": str(number), "angle_deg": angle} for number, angle in enumerate(PLATE_DEG)],
            "catalog": [{"name": name, "calibrates": () if name == "target" else ("target",)} for name in names],
            "calibration": {
                "q_inst": 0.0, "q_inst_err": 0.0, "u_inst": 0.0, "u_inst_err": 0.0, "zero_angle_deg": 0.0,
                "zero_angle_err_deg": 0.0, "efficiency": 1.0, "name": "none",
            },
            "stars": [],
        },
        "test",
    )  # fmt: skip
    # What `apertures` would be read into.
    made.__dict__["_sources"] = {
        name: star(1e4, Q, U, BLENDED) if name == "target" else star(2e4, 0.0, 0.0) for name in names
    }
    return made


def test_without_stars_there_is_no_polarisation_but_what_was_measured_is_kept() -> None:
    group = polarimeter(0)
    one = group.fitted("target")
    columns = group._stokes_columns(one)
    assert group.clouds_would_pass_for_polarisation(one)
    assert "q" not in columns and "p" not in columns
    assert one.bits & Quality.NO_TRANSPARENCY and one.bits & Quality.ONE_BEAM
    # Why: the drift is many of the stated errors of q or u.
    off = math.hypot((columns["q_instr"] - Q) / one.fit.q_err, (columns["u_instr"] - U) / one.fit.u_err)
    assert off > 5


def test_stars_tell_the_transparency_and_one_image_is_enough() -> None:
    group = polarimeter(4)
    one = group.fitted("target")
    columns = group._stokes_columns(one)
    assert not group.clouds_would_pass_for_polarisation(one)
    # The fluxes carry no noise, so what is left is far below the errors.
    assert columns["q"] == pytest.approx(Q, abs=0.1 * columns["q_err"])
    assert columns["u"] == pytest.approx(U, abs=0.1 * columns["u_err"])


def test_people_can_say_that_the_night_was_clear() -> None:
    group = polarimeter(0, clear=True)
    assert "q" in group._stokes_columns(group.fitted("target"))


def test_both_images_need_no_stars() -> None:
    group = polarimeter(0)
    group.__dict__["_sources"]["target"] = star(1e4, Q, U)
    one = group.fitted("target")
    assert one.beam is None
    assert group._stokes_columns(one)["q"] == pytest.approx(Q, abs=1e-6)
