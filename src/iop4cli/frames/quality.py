"""What the bits of a pixel and of a measurement mean."""

from __future__ import annotations

from enum import IntFlag
from typing import Any


class Pixel(IntFlag):
    """Bits of the DQ extension of a master and of a reduced frame.

    COSMIC_RAY is found around apertures only, while they are measured: it is in no file, but in the bits of the
    aperture (Quality.COSMIC_RAY).
    """

    BAD = 1
    DEAD = 2
    HOT = 4
    SATURATED = 8
    NONLINEAR = 16
    COSMIC_RAY = 32
    EDGE = 64
    NO_FLAT = 128


class Quality(IntFlag):
    """Bits of an aperture and of a measurement (`quality` of the view `results`)."""

    SATURATED = 1 << 0
    NONLINEAR = 1 << 1
    COSMIC_RAY = 1 << 2
    BAD_PIXEL = 1 << 3
    EDGE = 1 << 4
    NEIGHBOUR = 1 << 5
    BLENDED_BEAMS = 1 << 6
    NEGATIVE_FLUX = 1 << 7
    NOT_CENTRED = 1 << 8
    FALLBACK_MASTER = 1 << 9
    MISSING_ANGLE = 1 << 10
    NO_TRANSPARENCY = 1 << 11
    EXCESS_SCATTER = 1 << 12
    FEW_CALIBRATORS = 1 << 13
    NO_MAGNITUDE = 1 << 14
    NO_CALIBRATION = 1 << 15
    CLOUDS = 1 << 16
    BAD_SEEING = 1 << 17
    SAME_TIME = 1 << 18
    ZERO_POINT_SCATTER = 1 << 19
    ONE_BEAM = 1 << 20
    IDENTIFIED_BY_PLACE = 1 << 21
    APERTURE_UNSTABLE = 1 << 22
    COLOUR_UNKNOWN = 1 << 23


MEANING = {
    Quality.SATURATED: "saturated pixel in the aperture",
    Quality.NONLINEAR: "pixel beyond the detector's linear range in the aperture",
    Quality.COSMIC_RAY: "cosmic ray in the aperture, mended or left out",
    Quality.BAD_PIXEL: "bad, dead or hot pixel in the aperture",
    Quality.EDGE: "aperture or annulus reaches over the frame's edge",
    Quality.NEIGHBOUR: "another star within the aperture's reach",
    Quality.BLENDED_BEAMS: "another star's second image in the aperture",
    Quality.NEGATIVE_FLUX: "flux not above zero",
    Quality.NOT_CENTRED: "no star found at the position; measured where the catalogue says",
    Quality.FALLBACK_MASTER: "a calibration frame of another night or angle was used",
    Quality.MISSING_ANGLE: "one or more analyser angles are missing",
    Quality.NO_TRANSPARENCY: "too few field stars to correct changes of transparency",
    Quality.EXCESS_SCATTER: "the angles scatter more than photon noise",
    Quality.FEW_CALIBRATORS: "fewer than two calibrators",
    Quality.NO_MAGNITUDE: "no calibrated magnitude",
    Quality.NO_CALIBRATION: "no polarimetric calibration for this band and night",
    Quality.CLOUDS: "zero point much fainter than the night's best",
    Quality.BAD_SEEING: "seeing much worse than the night's typical",
    Quality.SAME_TIME: "another frame bears the same time",
    Quality.ONE_BEAM: "measured in one of the two beams, for the other is blended",
    Quality.IDENTIFIED_BY_PLACE: "taken for the target because it is the only pair, near the middle",
    Quality.APERTURE_UNSTABLE: "the result depends on the radius of the aperture",
    Quality.COLOUR_UNKNOWN: "its colour is not in the catalogue: taken as typical for the colour term",
    Quality.ZERO_POINT_SCATTER: "the calibrators disagree by more than their errors",
}


def byte(bits: int) -> Any:
    """Pixel bits as the type of a DQ image, so that arithmetic with one stays in bytes."""
    import numpy as np

    return np.uint8(int(bits))


def describe(bits: int) -> str:
    """The bits in words, separated by `; `; empty for none."""
    return "; ".join(text for bit, text in MEANING.items() if bits & bit)
