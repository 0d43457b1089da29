"""Where the sky falls on the detector: tangent plane, turned by any angle, and where the telescope looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pointing:
    """A telescope's view; angle_deg is the position angle (north through east) of the image's +y axis.

    Pixels count from 0 at the centre of the first one; seen from the back of the camera, east is left of
    north (normal parity). `distortion` is the radial displacement at half the width in x and y, as a fraction
    of the radius. With `rows_reversed` the image is mirrored, and +y points the other
    way. `size_px` is the width, and the height too unless that is given.
    """

    ra_deg: float
    dec_deg: float
    angle_deg: float
    scale_arcsec: float
    size_px: int
    distortion: float = 0.0
    height_px: int | None = None
    rows_reversed: bool = False

    def pixels(self, ra_deg, dec_deg) -> tuple[np.ndarray, np.ndarray]:
        """(x, y) of positions within 90 degrees of the centre."""
        east, north = self._tangent_plane_arcsec(ra_deg, dec_deg)
        turn = np.radians(self.angle_deg)
        up = (north * np.cos(turn) + east * np.sin(turn)) / self.scale_arcsec
        left = (east * np.cos(turn) - north * np.sin(turn)) / self.scale_arcsec
        stretch = 1 + self.distortion * (left**2 + up**2) / (self.size_px**2 / 2)
        middle_x, middle_y = (self.size_px - 1) / 2, ((self.height_px or self.size_px) - 1) / 2
        return middle_x - left * stretch, middle_y + (-up if self.rows_reversed else up) * stretch

    def beside(self, ra_deg: float, dec_deg: float, dx_px: float, dy_px: float) -> tuple[float, float]:
        """The position whose image falls some pixels beside that of another (to 0.01" within an arcminute)."""
        turn = np.radians(self.angle_deg)
        left, up = -dx_px * self.scale_arcsec, dy_px * self.scale_arcsec * (-1.0 if self.rows_reversed else 1.0)
        east, north = left * np.cos(turn) + up * np.sin(turn), up * np.cos(turn) - left * np.sin(turn)
        return moved(ra_deg, dec_deg, float(east), float(north))

    def _tangent_plane_arcsec(self, ra_deg, dec_deg) -> tuple[np.ndarray, np.ndarray]:
        ra = np.radians(np.asarray(ra_deg, float) - self.ra_deg)
        dec, dec0 = np.radians(np.asarray(dec_deg, float)), np.radians(self.dec_deg)
        depth = np.sin(dec) * np.sin(dec0) + np.cos(dec) * np.cos(dec0) * np.cos(ra)
        east = np.cos(dec) * np.sin(ra) / depth
        north = (np.sin(dec) * np.cos(dec0) - np.cos(dec) * np.sin(dec0) * np.cos(ra)) / depth
        return np.degrees(east) * 3600, np.degrees(north) * 3600


def moved(ra_deg: float, dec_deg: float, east_arcsec: float, north_arcsec: float) -> tuple[float, float]:
    """A position a little to the east and north of another."""
    new_dec = dec_deg + north_arcsec / 3600
    return float((ra_deg + east_arcsec / 3600 / np.cos(np.radians(dec_deg))) % 360), float(new_dec)


def altitude_deg(ra_deg: float, dec_deg: float, mjd_utc: float) -> float:
    """Height above the horizon of the observatory (37.0642 N, 3.3847 W), good to a tenth of a degree."""
    sidereal_deg = 280.46062 + 360.98564737 * (mjd_utc - 51544.5) - 3.3847
    hour_angle, dec, latitude = np.radians(sidereal_deg - ra_deg), np.radians(dec_deg), np.radians(37.0642)
    sine = np.sin(dec) * np.sin(latitude) + np.cos(dec) * np.cos(latitude) * np.cos(hour_angle)
    return float(np.degrees(np.arcsin(sine)))
