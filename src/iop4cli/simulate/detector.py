"""A CCD: what the pixels make of the light that falls on them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from iop4cli.simulate.cameras import Camera
from iop4cli.simulate.seeds import stream

_PIXEL_RESPONSE_RMS = 0.01
_CORNER_VIGNETTING = 0.18
_DUST_GRAINS = 10
_HOT_FRACTION, _DEAD_FRACTION = 1.5e-5, 4e-5
_COSMIC_RAYS_PER_PX_S = 4.4e-8
_BIAS_GRADIENT_ADU, _BIAS_COLUMN_RMS_ADU, _BIAS_DRIFT_RMS_ADU = 6.0, 1.5, 0.4
_WHITE_ADU = 65535


@dataclass
class Detector:
    """One camera in one night: its lasting defects, and the dust of the night, filter by filter.

    `noise=False` gives the expected counts, still cut into whole counts.
    """

    camera: Camera
    size_px: int
    night: str
    noise: bool = True
    hot_pixels: bool = True
    cosmic_rays: bool = True
    _responses: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = stream("detector", self.camera.name, self.size_px)
        shape = (self.size_px, self.size_px)
        self._pixel_response = 1 + _PIXEL_RESPONSE_RMS * rng.standard_normal(shape, dtype=np.float32)
        self._bias_adu = self._bias_pattern(rng)
        n_hot = rng.poisson(_HOT_FRACTION * self.size_px**2) if self.hot_pixels else 0
        self._hot = tuple(rng.integers(0, self.size_px, (2, n_hot)))
        self._hot_e_per_s = np.exp(rng.uniform(np.log(2.0), np.log(200.0), n_hot))
        if self.hot_pixels:
            self._spoil_pixels(rng)

    def _bias_pattern(self, rng: np.random.Generator) -> np.ndarray:
        ramp = np.linspace(-0.5, 0.5, self.size_px, dtype=np.float32) * _BIAS_GRADIENT_ADU
        columns = _BIAS_COLUMN_RMS_ADU * rng.standard_normal(self.size_px, dtype=np.float32)
        return self.camera.bias_adu + ramp[:, None] + columns[None, :]

    def _spoil_pixels(self, rng: np.random.Generator) -> None:
        n_dead = rng.poisson(_DEAD_FRACTION * self.size_px**2)
        rows, columns = rng.integers(0, self.size_px, (2, n_dead))
        self._pixel_response[rows, columns] *= rng.uniform(0.02, 0.5, n_dead).astype(np.float32)
        column, foot = rng.integers(0, self.size_px, 2)
        self._pixel_response[foot : foot + self.size_px // 8, column] *= np.float32(0.3)

    def response(self, filter_name: str) -> np.ndarray:
        """Relative sensitivity of each pixel behind a filter, shape (y, x), near 1 in the middle."""
        if filter_name not in self._responses:
            vignetting = self._vignetting() - self._dust(filter_name)
            self._responses[filter_name] = (self._pixel_response * vignetting).astype(np.float32)
        return self._responses[filter_name]

    def _vignetting(self) -> np.ndarray:
        along = np.linspace(-1, 1, self.size_px, dtype=np.float32) ** 2
        return 1 - _CORNER_VIGNETTING * (along[:, None] + along[None, :]) / 2

    def _dust(self, filter_name: str) -> np.ndarray:
        """Shadows of dust grains: rings, since the grains lie out of focus."""
        rng = stream("dust", self.camera.name, self.night, filter_name)
        shadow = np.zeros((self.size_px, self.size_px), dtype=np.float32)
        across = np.arange(self.size_px, dtype=np.float32)
        for _ in range(_DUST_GRAINS):
            x, y = rng.uniform(0, self.size_px, 2)
            radius, depth = rng.uniform(0.008, 0.02) * self.size_px, rng.uniform(0.01, 0.05)
            near_y, near_x = (slice(int(max(c - 2 * radius, 0)), int(c + 2 * radius) + 1) for c in (y, x))
            distance = np.hypot(across[near_y][:, None] - y, across[near_x][None, :] - x)
            shadow[near_y, near_x] += depth * np.exp(-(((distance - radius) / (0.35 * radius)) ** 2))
        return shadow

    def bias(self, rng: np.random.Generator) -> np.ndarray:
        """A bias frame in counts."""
        return self._read_out(np.zeros_like(self._bias_adu), rng)

    def expose(self, light_e: np.ndarray, filter_name: str, exptime_s: float, rng: np.random.Generator) -> np.ndarray:
        """A frame in counts, uint16, of the light (expected electrons per pixel of response 1).

        Photon noise is drawn from Poisson's law in every pixel, bright or faint.
        """
        expected_e = (light_e * self.response(filter_name)).astype(np.float64)
        np.add.at(expected_e, self._hot, self._hot_e_per_s * exptime_s)
        electrons = rng.poisson(expected_e) if self.noise else expected_e
        electrons = electrons.astype(np.float32)
        if self.cosmic_rays:
            self._hit_by_cosmic_rays(electrons, exptime_s, rng)
        return self._read_out(np.minimum(electrons, np.float32(self.camera.full_well_e)), rng)

    def _hit_by_cosmic_rays(self, electrons: np.ndarray, exptime_s: float, rng: np.random.Generator) -> None:
        """Steep arrivals mark a point or two, slanting ones a track; about 11 a minute on 2048 x 2048."""
        for _ in range(rng.poisson(_COSMIC_RAYS_PER_PX_S * self.size_px**2 * exptime_s)):
            x, y, direction = (
                rng.uniform(0, self.size_px),
                rng.uniform(0, self.size_px),
                rng.uniform(0, np.pi),
            )
            length_px = min(abs(1.2 / np.tan(rng.uniform(0.03, np.pi / 2))) + 1, self.size_px / 4)
            steps = np.arange(0, length_px, 0.5)
            charge_e = rng.gamma(6.0, 130.0, steps.size)
            columns = (x + steps * np.cos(direction)).astype(int)
            rows = (y + steps * np.sin(direction)).astype(int)
            inside = (rows >= 0) & (rows < self.size_px) & (columns >= 0) & (columns < self.size_px)
            np.add.at(electrons, (rows[inside], columns[inside]), charge_e[inside].astype(np.float32))

    def _read_out(self, electrons: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        counts = electrons / np.float32(self.camera.gain_e_per_adu) + self._bias_adu
        if self.noise:
            read_noise_adu = np.float32(self.camera.read_noise_e / self.camera.gain_e_per_adu)
            counts += read_noise_adu * rng.standard_normal(counts.shape, dtype=np.float32)
            counts += np.float32(_BIAS_DRIFT_RMS_ADU * rng.standard_normal())
        return np.clip(np.rint(counts), 0, _WHITE_ADU).astype(np.uint16)
