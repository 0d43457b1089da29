"""A detector: what the pixels make of the light that falls on them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from iop4cli.simulate.cameras import Camera
from iop4cli.simulate.seeds import stream

_PIXEL_RESPONSE_RMS = 0.01
_CORNER_VIGNETTING = 0.18
_DUST_GRAINS = 10
_DEAD_FRACTION = 4e-5
_COSMIC_RAYS_PER_PX_S = 4.4e-8
_BIAS_GRADIENT_ADU, _BIAS_COLUMN_RMS_ADU, _BIAS_DRIFT_RMS_ADU = 6.0, 1.5, 0.4
_WHITE_ADU = 65535
# Large frames are made in strips, which stay in the processor's cache: twice as fast.
_ROWS_AT_ONCE = 64


@dataclass
class Detector:
    """One camera in one night: its lasting defects, and the dust of the night, filter by filter.

    `size_px` is the width, and the height too unless that is given. `noise=False` gives the expected counts,
    still cut into whole counts.
    """

    camera: Camera
    size_px: int
    night: str
    noise: bool = True
    hot_pixels: bool = True
    cosmic_rays: bool = True
    height_px: int | None = None
    _responses: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = stream("detector", self.camera.name, self.size_px)
        self.shape = (self.height_px or self.size_px, self.size_px)
        self._pixel_response = 1 + _PIXEL_RESPONSE_RMS * rng.standard_normal(self.shape, dtype=np.float32)
        self._bias_adu = self._bias_pattern(rng)
        n_hot = rng.poisson(self.camera.hot_fraction * self._n_px) if self.hot_pixels else 0
        self._hot = tuple(rng.integers(0, extent, n_hot) for extent in self.shape)
        self._hot_e_per_s = np.exp(rng.uniform(np.log(2.0), np.log(200.0), n_hot))
        if self.hot_pixels:
            self._spoil_pixels(rng)

    @property
    def _n_px(self) -> int:
        return self.shape[0] * self.shape[1]

    def _bias_pattern(self, rng: np.random.Generator) -> np.ndarray:
        ramp = np.linspace(-0.5, 0.5, self.shape[0], dtype=np.float32) * _BIAS_GRADIENT_ADU
        columns = _BIAS_COLUMN_RMS_ADU * rng.standard_normal(self.size_px, dtype=np.float32)
        return self.camera.bias_adu + ramp[:, None] + columns[None, :]

    def _spoil_pixels(self, rng: np.random.Generator) -> None:
        n_dead = rng.poisson(_DEAD_FRACTION * self._n_px)
        rows, columns = (rng.integers(0, extent, n_dead) for extent in self.shape)
        self._pixel_response[rows, columns] *= rng.uniform(0.02, 0.5, n_dead).astype(np.float32)
        column, foot = (int(rng.integers(0, extent)) for extent in self.shape[::-1])
        self._pixel_response[foot : foot + self.size_px // 8, column] *= np.float32(0.3)

    def response(self, filter_name: str) -> np.ndarray:
        """Relative sensitivity of each pixel behind a filter, shape (y, x), near 1 in the middle."""
        if filter_name not in self._responses:
            vignetting = self._vignetting() - self._dust(filter_name)
            self._responses[filter_name] = (self._pixel_response * vignetting).astype(np.float32)
        return self._responses[filter_name]

    def _vignetting(self) -> np.ndarray:
        along_y, along_x = (np.linspace(-1, 1, extent, dtype=np.float32) ** 2 for extent in self.shape)
        return 1 - _CORNER_VIGNETTING * (along_y[:, None] + along_x[None, :]) / 2

    def _dust(self, filter_name: str) -> np.ndarray:
        """Shadows of dust grains: rings, since the grains lie out of focus."""
        rng = stream("dust", self.camera.name, self.night, filter_name)
        shadow = np.zeros(self.shape, dtype=np.float32)
        down, across = (np.arange(extent, dtype=np.float32) for extent in self.shape)
        for _ in range(_DUST_GRAINS):
            x, y = rng.uniform(0, self.shape[::-1])
            radius, depth = rng.uniform(0.008, 0.02) * self.size_px, rng.uniform(0.01, 0.05)
            near_y, near_x = (slice(int(max(c - 2 * radius, 0)), int(c + 2 * radius) + 1) for c in (y, x))
            distance = np.hypot(down[near_y][:, None] - y, across[near_x][None, :] - x)
            shadow[near_y, near_x] += depth * np.exp(-(((distance - radius) / (0.35 * radius)) ** 2))
        return shadow

    def bias(self, rng: np.random.Generator) -> np.ndarray:
        """A bias frame in counts."""
        return self._read_out(np.zeros(self.shape, dtype=np.float32), rng, self._whole)

    def expose(
        self,
        light_e: np.ndarray,
        filter_name: str,
        exptime_s: float,
        rng: np.random.Generator,
        window: tuple[slice, slice] | None = None,
        noiseless_e: np.ndarray | None = None,
    ) -> np.ndarray:
        """A frame in counts, uint16, of the light (expected electrons per pixel of response 1).

        Photon noise is drawn from Poisson's law in every pixel, bright or faint. `window` (rows, columns) is
        the part of the chip on which the light falls and which is read. `noiseless_e` is light besides, whose
        photons come as expected.
        """
        return self._expose(light_e, self.response(filter_name), exptime_s, rng, window or self._whole, noiseless_e)

    def dark(self, exptime_s: float, rng: np.random.Generator) -> np.ndarray:
        """A frame in counts with the shutter closed."""
        return self._expose(None, None, exptime_s, rng, self._whole)

    @property
    def _whole(self) -> tuple[slice, slice]:
        return slice(0, self.shape[0]), slice(0, self.shape[1])

    def _expose(
        self,
        light_e: np.ndarray | None,
        response: np.ndarray | None,
        exptime_s: float,
        rng: np.random.Generator,
        window: tuple[slice, slice],
        noiseless_e: np.ndarray | None = None,
    ) -> np.ndarray:
        rows, columns = window
        electrons = np.empty((rows.stop - rows.start, columns.stop - columns.start), dtype=np.float32)
        for first in range(0, len(electrons), _ROWS_AT_ONCE):
            part = slice(first, min(first + _ROWS_AT_ONCE, len(electrons)))
            on_chip = (slice(rows.start + part.start, rows.start + part.stop), columns)
            if light_e is None or response is None:
                expected_e = np.zeros(electrons[part].shape)
            else:
                expected_e = (light_e[part] * response[on_chip]).astype(np.float64)
            self._add_dark_current(expected_e, exptime_s, on_chip)
            electrons[part] = rng.poisson(expected_e) if self.noise else expected_e
            if noiseless_e is not None and response is not None:
                electrons[part] += noiseless_e[part] * response[on_chip]
        if self.cosmic_rays:
            self._hit_by_cosmic_rays(electrons, exptime_s, rng)
        np.minimum(electrons, np.float32(self.camera.full_well_e), out=electrons)
        return self._read_out(electrons, rng, window)

    def _add_dark_current(self, expected_e: np.ndarray, exptime_s: float, window: tuple[slice, slice]) -> None:
        if self.camera.dark_e_per_s:
            expected_e += self.camera.dark_e_per_s * exptime_s
        rows, columns = (place - part.start for place, part in zip(self._hot, window, strict=True))
        inside = (rows >= 0) & (rows < expected_e.shape[0]) & (columns >= 0) & (columns < expected_e.shape[1])
        np.add.at(expected_e, (rows[inside], columns[inside]), self._hot_e_per_s[inside] * exptime_s)

    def _hit_by_cosmic_rays(self, electrons: np.ndarray, exptime_s: float, rng: np.random.Generator) -> None:
        """Steep arrivals mark a point or two, slanting ones a track; about 11 a minute on 2048 x 2048."""
        height, width = electrons.shape
        for _ in range(rng.poisson(_COSMIC_RAYS_PER_PX_S * (height * width) * exptime_s)):
            x, y, direction = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0, np.pi)
            length_px = min(abs(1.2 / np.tan(rng.uniform(0.03, np.pi / 2))) + 1, min(height, width) / 4)
            steps = np.arange(0, length_px, 0.5)
            charge_e = rng.gamma(6.0, 130.0, steps.size)
            columns = (x + steps * np.cos(direction)).astype(int)
            rows = (y + steps * np.sin(direction)).astype(int)
            inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
            np.add.at(electrons, (rows[inside], columns[inside]), charge_e[inside].astype(np.float32))

    def _read_out(self, electrons: np.ndarray, rng: np.random.Generator, window: tuple[slice, slice]) -> np.ndarray:
        """Counts of the electrons (float32), whose array is used up."""
        counts = np.divide(electrons, np.float32(self.camera.gain_e_per_adu), out=electrons)
        counts += self._bias_adu[window]
        if self.noise:
            read_noise_adu = np.float32(self.camera.read_noise_e / self.camera.gain_e_per_adu)
            for first in range(0, len(counts), _ROWS_AT_ONCE):
                part = counts[first : first + _ROWS_AT_ONCE]
                part += read_noise_adu * rng.standard_normal(part.shape, dtype=np.float32)
            counts += np.float32(_BIAS_DRIFT_RMS_ADU * rng.standard_normal())
        np.clip(np.rint(counts, out=counts), 0, _WHITE_ADU, out=counts)
        return counts.astype(np.uint16)
