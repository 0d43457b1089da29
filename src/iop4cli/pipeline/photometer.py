"""Measures stars on one reduced frame for the step phot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from iop4cli.frames.fits import read_pixels, read_reduced
from iop4cli.science.apertures import ApertureSizes, Measured, Scene, measure
from iop4cli.science.cosmics import flag_cosmic_rays
from iop4cli.science.magnitudes import FieldSource


@dataclass(frozen=True)
class Photometer:
    """A frame, its coordinates and the sizes of the apertures."""

    scene: Scene
    wcs: Any
    sizes: ApertureSizes
    box_px: float
    find_cosmic_rays: bool
    sky_rms_e: float

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Photometer:
        from iop4cli.pipeline.solutions import wcs_of

        params, fwhm_px = payload["params"], payload["fwhm_px"]
        image = read_reduced(Path(payload["path"]))
        stars = np.array(payload["stars"], float).reshape(-1, 3)
        flat = None if payload["flat"] is None else _flat(payload["flat"])
        scene = Scene(image.electrons, image.dq, flat, stars, fwhm_px)
        radius_px = max(params["radius_fwhm"] * fwhm_px, params["radius_min_px"])
        inner_px = max(params["annulus_in_fwhm"] * fwhm_px, radius_px + 2.0)
        outer_px = max(params["annulus_out_fwhm"] * fwhm_px, inner_px + 4.0)
        return cls(
            scene, wcs_of(payload["wcs"]), ApertureSizes(radius_px, inner_px, outer_px),
            max(params["recentre_fwhm"] * fwhm_px, 1.5), bool(params["cosmic_rays"]), payload["wcs"]["sky_rms_e"],
        )  # fmt: skip

    def catalogue_row(self, frame: str, source: str, ra_deg: float, dec_deg: float) -> dict[str, Any]:
        """A row of the table `aperture`."""
        measured = self._at(ra_deg, dec_deg)
        return {
            "frame": frame, "source": source, "beam": "O", "x_px": measured.x_px, "y_px": measured.y_px,
            "ra_deg": ra_deg, "dec_deg": dec_deg, "fwhm_px": self.scene.fwhm_px, "radius_px": self.sizes.radius_px,
            "annulus_in_px": self.sizes.annulus_in_px, "annulus_out_px": self.sizes.annulus_out_px,
            "flux_e": measured.flux_e, "flux_err_e": measured.flux_err_e, "background_e": measured.background_e,
            "background_err_e": measured.background_err_e, "offset_px": measured.offset_px, "bits": measured.bits,
        }  # fmt: skip

    def field_row(self, frame: str, number: int, ra_deg: float, dec_deg: float) -> dict[str, Any]:
        """A row of the table `field_star`."""
        measured = self._at(ra_deg, dec_deg)
        return {
            "frame": frame, "star": number, "ra_deg": ra_deg, "dec_deg": dec_deg, "x_px": measured.x_px,
            "y_px": measured.y_px, "flux_e": measured.flux_e, "flux_err_e": measured.flux_err_e, "bits": measured.bits,
        }  # fmt: skip

    def _at(self, ra_deg: float, dec_deg: float) -> Measured:
        x, y = (float(value[0]) for value in self.wcs.to_pixel(np.array([ra_deg]), np.array([dec_deg])))
        if self.find_cosmic_rays and np.isfinite(x) and np.isfinite(y):
            flag_cosmic_rays(self.scene, x, y, self.sizes.radius_px + self.box_px + 2.0)
        return measure(self.scene, x, y, self.sizes, box_px=self.box_px)


@lru_cache(maxsize=12)
def _flat(path: str) -> np.ndarray | None:
    """A master is read once by each worker; its name holds its key, so it cannot change."""
    return read_pixels(Path(path)) if Path(path).is_file() else None


def field_sources(
    apertures: Sequence[Mapping[str, Any]],
    entries: Mapping[str, Mapping[str, Any]],
    exptime_s: float,
    unusable: int,
) -> list[FieldSource]:
    """The measured sources of a frame with what the catalogue says of them, fluxes in electrons a second."""
    return [
        FieldSource(
            name=aperture["source"], flux=aperture["flux_e"] / exptime_s, flux_err=aperture["flux_err_e"] / exptime_s,
            usable=not aperture["bits"] & unusable, catalog_mag=entries[aperture["source"]]["mag"],
            catalog_mag_err=entries[aperture["source"]]["mag_err"],
            calibrates=tuple(entries[aperture["source"]]["calibrates"]),
        )
        for aperture in apertures
    ]  # fmt: skip
