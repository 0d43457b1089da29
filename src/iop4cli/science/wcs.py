"""A gnomonic (TAN) world coordinate system: small, exact, and without a heavy import."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TanWcs:
    """Pixels count from 0 here; `crpix` too (FITS counts from 1: see `cards`). `cd` is in degrees a pixel."""

    crval_deg: tuple[float, float]
    crpix_px: tuple[float, float]
    cd: tuple[tuple[float, float], tuple[float, float]]

    def to_sky(self, x_px: np.ndarray, y_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Right ascension and declination in degrees of pixel positions (n,)."""
        dx, dy = np.asarray(x_px) - self.crpix_px[0], np.asarray(y_px) - self.crpix_px[1]
        (a, b), (c, d) = self.cd
        return from_plane(a * dx + b * dy, c * dx + d * dy, *self.crval_deg)

    def to_pixel(self, ra_deg: np.ndarray, dec_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixel positions (n,); NaN for the half of the sky behind the tangent plane."""
        xi, eta = to_plane(np.asarray(ra_deg, float), np.asarray(dec_deg, float), *self.crval_deg)
        (a, b), (c, d) = self.cd
        determinant = a * d - b * c
        return (
            (d * xi - b * eta) / determinant + self.crpix_px[0],
            (a * eta - c * xi) / determinant + self.crpix_px[1],
        )

    @property
    def scale_arcsec_per_px(self) -> float:
        return 3600.0 * float(np.sqrt(abs(np.linalg.det(np.array(self.cd)))))

    @property
    def mirrored(self) -> bool:
        """True where east is to the right of north: a positive determinant."""
        return bool(np.linalg.det(np.array(self.cd)) > 0)

    @property
    def angle_deg(self) -> float:
        """Position angle of the image's +y axis, degrees from north through east, 0 to 360."""
        return float(np.degrees(np.arctan2(self.cd[0][1], self.cd[1][1])) % 360.0)

    def cards(self, alternate: str = "") -> list[tuple[str, object, str]]:
        """FITS header cards (pixels from 1) of the primary or an alternate WCS."""
        a = alternate
        return [
            (f"WCSAXES{a}", 2, "number of axes"),
            (f"CTYPE1{a}", "RA---TAN", "gnomonic projection"),
            (f"CTYPE2{a}", "DEC--TAN", "gnomonic projection"),
            (f"CUNIT1{a}", "deg", ""),
            (f"CUNIT2{a}", "deg", ""),
            (f"CRVAL1{a}", self.crval_deg[0], "[deg] RA at the reference pixel"),
            (f"CRVAL2{a}", self.crval_deg[1], "[deg] Dec at the reference pixel"),
            (f"CRPIX1{a}", self.crpix_px[0] + 1.0, "reference pixel, from 1"),
            (f"CRPIX2{a}", self.crpix_px[1] + 1.0, "reference pixel, from 1"),
            (f"CD1_1{a}", self.cd[0][0], "[deg/px]"),
            (f"CD1_2{a}", self.cd[0][1], "[deg/px]"),
            (f"CD2_1{a}", self.cd[1][0], "[deg/px]"),
            (f"CD2_2{a}", self.cd[1][1], "[deg/px]"),
            (f"RADESYS{a}", "ICRS", "reference frame"),
        ]


def to_plane(ra_deg: np.ndarray, dec_deg: np.ndarray, ra0_deg: float, dec0_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Gnomonic projection about (ra0, dec0): (xi, eta) in degrees, NaN behind the plane."""
    ra, dec, ra0, dec0 = np.radians(ra_deg), np.radians(dec_deg), np.radians(ra0_deg), np.radians(dec0_deg)
    cos_c = np.sin(dec0) * np.sin(dec) + np.cos(dec0) * np.cos(dec) * np.cos(ra - ra0)
    cos_c = np.where(cos_c > 0.01, cos_c, np.nan)
    xi = np.cos(dec) * np.sin(ra - ra0) / cos_c
    eta = (np.cos(dec0) * np.sin(dec) - np.sin(dec0) * np.cos(dec) * np.cos(ra - ra0)) / cos_c
    return np.degrees(xi), np.degrees(eta)


def from_plane(
    xi_deg: np.ndarray, eta_deg: np.ndarray, ra0_deg: float, dec0_deg: float
) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `to_plane`: (ra, dec) in degrees, ra in [0, 360)."""
    xi, eta = np.radians(xi_deg), np.radians(eta_deg)
    ra0, dec0 = np.radians(ra0_deg), np.radians(dec0_deg)
    below = np.cos(dec0) - eta * np.sin(dec0)
    ra = ra0 + np.arctan2(xi, below)
    dec = np.arctan2(np.sin(dec0) + eta * np.cos(dec0), np.hypot(xi, below))
    return np.degrees(ra) % 360.0, np.degrees(dec)


def towards(ra_deg: np.ndarray | float, dec_deg: np.ndarray | float) -> np.ndarray:
    """Unit vectors (..., 3) towards places (...) of the sky."""
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


def separation_deg(ra_deg: np.ndarray, dec_deg: np.ndarray, ra0_deg: float, dec0_deg: float) -> np.ndarray:
    """Angular distance on the sphere in degrees, right at any distance."""
    ra, dec, ra0, dec0 = np.radians(ra_deg), np.radians(dec_deg), np.radians(ra0_deg), np.radians(dec0_deg)
    half = np.sin((dec - dec0) / 2) ** 2 + np.cos(dec) * np.cos(dec0) * np.sin((ra - ra0) / 2) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0))))
