"""Telescope, half-wave plate and polarisers as Mueller matrices: what each image receives of a star's light.

Stokes vectors (..., 4) are (I, Q, U, V) on the sky, +Q to the north, +U to the north-east. Nothing here is taken from
the reduction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


def axes_turned(angle_deg: Array | float) -> Array:
    """Mueller matrices (..., 4, 4) that give a vector in axes turned by an angle."""
    double = 2 * np.radians(np.asarray(angle_deg, float))
    matrix = np.zeros((*double.shape, 4, 4))
    matrix[..., 0, 0] = matrix[..., 3, 3] = 1.0
    matrix[..., 1, 1] = matrix[..., 2, 2] = np.cos(double)
    matrix[..., 1, 2] = np.sin(double)
    matrix[..., 2, 1] = -np.sin(double)
    return matrix


def polariser(along: float, across: float) -> Array:
    """One that lets the given shares of the light polarised along and across its axis (the first) pass."""
    amplitude = np.sqrt(along * across)
    return np.array(
        [
            [(along + across) / 2, (along - across) / 2, 0, 0],
            [(along - across) / 2, (along + across) / 2, 0, 0],
            [0, 0, amplitude, 0],
            [0, 0, 0, amplitude],
        ]
    )


def retarder(retardance_deg: float) -> Array:
    """One whose fast axis is the first."""
    delta = np.radians(retardance_deg)
    return np.array(
        [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, np.cos(delta), np.sin(delta)], [0, 0, -np.sin(delta), np.cos(delta)]]
    )


def turned(element: Array, angle_deg: Array | float) -> Array:
    """An element turned by an angle, in the axes of the whole."""
    return axes_turned(-np.asarray(angle_deg, float)) @ element @ axes_turned(angle_deg)


@dataclass(frozen=True)
class Instrument:
    """Axes turned by `zero_angle_deg` on the sky, polarisation added (fractions, any common shape) and analyser.

    `efficiency` is that of the polarisers, (along - across) / (along + across). With `diattenuates` the telescope is a
    weak polariser in full, which also dims what is polarised across it, instead of one that adds polarisation.
    """

    zero_angle_deg: float
    q_added: Array | float
    u_added: Array | float
    efficiency: float = 1.0
    gain_imbalance: float = 0.0
    diattenuates: bool = False

    def telescope(self) -> Array:
        """Mueller matrices from the sky to the analyser's axes."""
        q, u = np.asarray(self.q_added, float), np.asarray(self.u_added, float)
        matrix = np.zeros((*q.shape, 4, 4))
        matrix[...] = np.eye(4)
        matrix[..., 1, 0], matrix[..., 2, 0] = q, u
        if self.diattenuates:
            matrix[..., 0, 1], matrix[..., 0, 2] = q, u
        return matrix @ axes_turned(self.zero_angle_deg)

    def behind_polariser(self, stokes: Array, angles_deg: Array) -> Array:
        """Intensity (..., n) behind a polariser at n angles."""
        along, across = (1 + self.efficiency) / 2, (1 - self.efficiency) / 2
        analyser = turned(polariser(along, across), angles_deg)
        return self._intensity(analyser, stokes)

    def behind_plate(self, stokes: Array, plate_angles_deg: Array) -> tuple[Array, Array]:
        """Intensities (..., n) of the ordinary and the extraordinary image behind a half-wave plate at n angles."""
        plate = turned(retarder(180.0), plate_angles_deg)
        along, across = (1 + self.efficiency) / 2, (1 - self.efficiency) / 2
        ordinary, extraordinary = polariser(along, across), polariser(across, along)
        return (
            (1 + self.gain_imbalance) * self._intensity(ordinary @ plate, stokes),
            (1 - self.gain_imbalance) * self._intensity(extraordinary @ plate, stokes),
        )

    def _intensity(self, analyser: Array, stokes: Array) -> Array:
        at_analyser = np.einsum("...ij,...j->...i", self.telescope(), stokes)
        return np.einsum("nj,...j->...n", analyser[:, 0, :], at_analyser)


def starlight(intensity: Array | float, p: Array | float, chi_deg: Array | float) -> Array:
    """Stokes vectors of linearly polarised light, degree as a fraction, angle north through east."""
    intensity, p, chi_deg = np.broadcast_arrays(*(np.asarray(value, float) for value in (intensity, p, chi_deg)))
    double = 2 * np.radians(chi_deg)
    return intensity[..., None] * np.stack([np.ones_like(p), p * np.cos(double), p * np.sin(double), 0 * p], axis=-1)
