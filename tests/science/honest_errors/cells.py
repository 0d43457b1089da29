"""The cells of the table: signal to noise, polarisation, angles, analyser, clouds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

FILTER, RETARDER = "filter", "retarder"
SNRS = (10.0, 30.0, 100.0, 1000.0)
DEGREES = (0.0, 0.01, 0.1, 0.3)
N_ANGLES = (4, 8, 16)
CLOUDS_RMS = (0.0, 0.3)
_FOUR_FILTERS_DEG = np.array([-45.0, 0.0, 45.0, 90.0])
_CAFOS_PLATE_DEG = np.array([0.0, 22.48, 44.98, 67.48])


@dataclass(frozen=True, order=True)
class Setting:
    """What the exposures of a group have in common."""

    analyser: str
    n_angles: int
    clouds_rms: float


@dataclass(frozen=True, order=True)
class Cell:
    """One setting, signal to noise of a clear exposure (of the image, or of both together) and polarisation."""

    setting: Setting
    snr: float
    p: float

    def __str__(self) -> str:
        s = self.setting
        return f"{s.analyser:9}{s.n_angles:3}{s.clouds_rms:7.0%}{self.snr:6.0f}{self.p:6.2f}"


def all_settings() -> list[Setting]:
    return [Setting(*values) for values in product((FILTER, RETARDER), N_ANGLES, CLOUDS_RMS)]


def cells_of(setting: Setting) -> list[Cell]:
    """In the order of the targets of a group."""
    return [Cell(setting, snr, p) for snr in SNRS for p in DEGREES]


def angles_deg(setting: Setting, evenly: bool) -> np.ndarray:
    """The angles of a group: of the filter, or of the plate.

    Eight or sixteen angles of a filter are the usual four, two or four times over, or (`evenly`) a polariser that
    turns by 22.5 degrees from one exposure to the next. A plate has CAFOS' four angles, or turns by 22.5 degrees.
    """
    if setting.analyser == RETARDER:
        return _CAFOS_PLATE_DEG if setting.n_angles == 4 else 22.5 * np.arange(setting.n_angles)
    if evenly and setting.n_angles > 4:
        return 22.5 * np.arange(setting.n_angles)
    return np.tile(_FOUR_FILTERS_DEG, setting.n_angles // 4)
