"""Light through the telescope, as matrices on (I, Q, U): what fraction a filter or a beam lets through."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from iop4cli.simulate.cameras import Calibration

FloatArray = np.ndarray


def light(p: FloatArray | float, chi_deg: FloatArray | float) -> FloatArray:
    """(I, Q, U), shape (3, ...), of light of unit intensity polarised by the fraction p along chi."""
    p_, double_angle = np.broadcast_arrays(np.asarray(p, float), 2 * np.radians(chi_deg))
    return np.stack([np.ones_like(p_), p_ * np.cos(double_angle), p_ * np.sin(double_angle)])


def turned_axes(angle_deg: float) -> FloatArray:
    """Matrix that gives (I, Q, U) in axes turned by an angle in the sense in which chi grows."""
    c, s = np.cos(2 * np.radians(angle_deg)), np.sin(2 * np.radians(angle_deg))
    return np.array([[1, 0, 0], [0, c, s], [0, -s, c]])


def polarising_mirrors(q: float, u: float) -> FloatArray:
    """Matrix of optics that add the polarisation (q, u) to whatever comes, without changing its intensity.

    A real mirror also transmits light polarised along its axis better (the matrix would be symmetric); for
    6 % that changes a polarisation of 10 % by 0.06 %, and the published calibrations leave it out.
    """
    return np.array([[1, 0, 0], [q, 1, 0], [u, 0, 1]])


def depolariser(left: float) -> FloatArray:
    """Matrix of what leaves that share of the linear polarisation: an analyser less than perfect."""
    return np.diag([1.0, left, left])


def linear_polariser(angle_deg: float) -> FloatArray:
    """Matrix of a perfect linear polariser whose axis stands at an angle of the instrument's frame."""
    c, s = np.cos(2 * np.radians(angle_deg)), np.sin(2 * np.radians(angle_deg))
    return 0.5 * np.array([[1, c, s], [c, c * c, c * s], [s, c * s, s * s]])


def half_wave_plate(angle_deg: float) -> FloatArray:
    """Matrix of a plate that delays one axis by half a wave: in the axes of the plate U changes its sign.

    It mirrors the plane of polarisation at the plate's axis, which for a steady source turns it by twice the
    plate's angle.
    """
    in_its_axes = np.diag([1.0, 1.0, -1.0])
    return turned_axes(-angle_deg) @ in_its_axes @ turned_axes(angle_deg)


def two_beams(
    stokes: FloatArray, calibration: Calibration, plate_angle_deg: float, imbalance: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Fractions of the light in the ordinary and the extraordinary image, behind plate and prism.

    The ordinary beam is polarised along the instrument's zero, the other across it; the imbalance k makes
    the one brighter by 1 + k and the other fainter by 1 - k.
    """
    before_prism = (
        half_wave_plate(plate_angle_deg)
        @ depolariser(calibration.efficiency)
        @ polarising_mirrors(calibration.q, calibration.u)
        @ turned_axes(calibration.angle_zero_deg)
    )
    ordinary, extraordinary = (
        np.tensordot((linear_polariser(axis_deg) @ before_prism)[0], stokes, axes=1) for axis_deg in (0.0, 90.0)
    )
    return (1 + imbalance) * ordinary, (1 - imbalance) * extraordinary


def transmitted(stokes: FloatArray, calibration: Calibration, filter_angle_deg: float | None) -> FloatArray:
    """Fraction of the light, shape (...), that reaches the detector; filter angle None = no polariser."""
    elements: Sequence[FloatArray] = (
        np.eye(3) if filter_angle_deg is None else linear_polariser(filter_angle_deg),
        depolariser(calibration.efficiency) @ polarising_mirrors(calibration.q, calibration.u),
        turned_axes(calibration.angle_zero_deg),
    )
    train = elements[0] @ elements[1] @ elements[2]
    return np.tensordot(train[0], stokes, axes=1)
