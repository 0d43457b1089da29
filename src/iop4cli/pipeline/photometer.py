"""Measures stars on one reduced frame for the step phot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from iop4cli.frames.fits import MasterImage, map_reduced, read_master
from iop4cli.frames.quality import Quality
from iop4cli.pipeline.growth import aperture_sizes, curve_of
from iop4cli.science.apertures import ApertureSizes, Measured, Scene, measure
from iop4cli.science.cosmics import flag_cosmic_rays, mend
from iop4cli.science.magnitudes import FieldSource
from iop4cli.science.profile import StarProfile, star_profile

# An image in the other beam of less than this share of the star's flux does no harm.
_SPOILING_SHARE = 0.01


@dataclass(frozen=True)
class Photometer:
    """A frame, its coordinates and the sizes of the apertures."""

    scene: Scene
    wcs: Any
    wcs_extraordinary: Any | None
    sizes: ApertureSizes
    box_px: float
    find_cosmic_rays: bool
    by_place: bool
    correction_mag: tuple[float, float] | None
    profile: StarProfile | None

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Photometer:
        from iop4cli.pipeline.solutions import wcs_of

        params, fwhm_px = payload["params"], payload["fwhm_px"]
        image = map_reduced(Path(payload["path"]))
        stars = np.array(payload["stars"], float).reshape(-1, 3)
        flat = _flat_of(payload["flat"], image.electrons.shape)
        scene = Scene(
            image.electrons, image.dq, None if flat is None else flat.image, stars, fwhm_px,
            None if flat is None else flat.uncertainty, np.zeros(image.electrons.shape, np.float32),
        )  # fmt: skip
        sizes = aperture_sizes(params, fwhm_px, payload["radius_fwhm"])
        other = payload["wcs_extraordinary"]
        box_px = max(params["recentre_fwhm"] * fwhm_px, 1.5)
        return cls(
            scene, wcs_of(payload["wcs"]), None if other is None else wcs_of(other),
            sizes, box_px, bool(params["cosmic_rays"]), payload["wcs"]["method"] == "central pair",
            _correction(payload["growth"], sizes.radius_px),
            star_profile(scene, sizes.radius_px + box_px + 2.0) if params["cosmic_rays"] else None,
        )  # fmt: skip

    def catalogue_rows(self, frame: str, source: str, ra_deg: float, dec_deg: float) -> list[dict[str, Any]]:
        """Rows of the table `aperture`, one for each beam."""
        rows = []
        correction_mag, correction_err_mag = self.correction_mag or (None, None)
        for beam, measured in self._in_beams(ra_deg, dec_deg, self.sizes):
            rows.append({
                "frame": frame, "source": source, "beam": beam, "x_px": measured.x_px, "y_px": measured.y_px,
                "ra_deg": ra_deg, "dec_deg": dec_deg, "fwhm_px": self.scene.fwhm_px, "radius_px": self.sizes.radius_px,
                "annulus_in_px": self.sizes.annulus_in_px, "annulus_out_px": self.sizes.annulus_out_px,
                "flux_e": measured.flux_e, "flux_err_e": measured.flux_err_e, "background_e": measured.background_e,
                "background_err_e": measured.background_err_e, "offset_px": measured.offset_px, "bits": measured.bits,
                "correction_mag": correction_mag, "correction_err_mag": correction_err_mag,
                "growth_radius_px": self.sizes.growth_px if measured.growth_e else None,
                "growth_flux_e": measured.growth_e or None, "growth_flux_err_e": measured.growth_err_e or None,
            })  # fmt: skip
        return rows

    def field_row(self, frame: str, number: int, ra_deg: float, dec_deg: float) -> dict[str, Any]:
        """A row of the table `field_star`; with two beams their sum, which carries no modulation."""
        beams = [measured for _, measured in self._in_beams(ra_deg, dec_deg, replace(self.sizes, growth_px=()))]
        bits = 0
        for measured in beams:
            bits |= measured.bits
        return {
            "frame": frame, "star": number, "ra_deg": ra_deg, "dec_deg": dec_deg, "x_px": beams[0].x_px,
            "y_px": beams[0].y_px, "flux_e": sum(measured.flux_e for measured in beams),
            "flux_err_e": float(np.sqrt(sum(measured.flux_err_e**2 for measured in beams))), "bits": bits,
        }  # fmt: skip

    def _in_beams(self, ra_deg: float, dec_deg: float, sizes: ApertureSizes) -> list[tuple[str, Measured]]:
        place = self._at(self.wcs, ra_deg, dec_deg)
        if self.wcs_extraordinary is None:
            return [("O", self._measured(*place, sizes))]
        other = self._at(self.wcs_extraordinary, ra_deg, dec_deg)
        way = other[0] - place[0], other[1] - place[1]
        # What falls on the ordinary image is the extraordinary one of a star a displacement before it; what falls
        # on the extraordinary image is the ordinary one of a star whose other image is a displacement after it.
        before, after = (place[0] - way[0], place[1] - way[1]), (other[0] + way[0], other[1] + way[1])
        return [
            ("O", self._measured(*place, sizes, partner=before)),
            ("E", self._measured(*other, sizes, partner=after)),
        ]

    def _at(self, wcs: Any, ra_deg: float, dec_deg: float) -> tuple[float, float]:
        x, y = wcs.to_pixel(np.array([ra_deg]), np.array([dec_deg]))
        return float(x[0]), float(y[0])

    def _measured(
        self, x_px: float, y_px: float, sizes: ApertureSizes, partner: tuple[float, float] | None = None
    ) -> Measured:
        if self.find_cosmic_rays and np.isfinite(x_px) and np.isfinite(y_px):
            reach_px = self.sizes.radius_px + self.box_px + 2.0
            if self.profile is not None:
                mend(self.scene, self.profile, x_px, y_px, reach_px)
            else:
                flag_cosmic_rays(self.scene, x_px, y_px, reach_px)
        measured = measure(self.scene, x_px, y_px, sizes, box_px=self.box_px)
        bits = measured.bits | (int(Quality.IDENTIFIED_BY_PLACE) if self.by_place else 0)
        if partner is not None and self._blends(partner, measured.flux_e):
            bits |= int(Quality.BLENDED_BEAMS)
        return replace(measured, bits=bits)

    def _blends(self, partner: tuple[float, float], flux_e: float) -> bool:
        """Whether an image stands where the other image of a star that would spoil this aperture must be."""
        stars = self.scene.stars_px
        if len(stars) == 0 or not flux_e > 0:
            return False
        away = np.hypot(stars[:, 0] - partner[0], stars[:, 1] - partner[1])
        near = away <= self.sizes.radius_px + 0.5 * self.scene.fwhm_px
        return bool((near & (stars[:, 2] > _SPOILING_SHARE * flux_e)).any())


def _correction(growth: Mapping[str, Any] | None, radius_px: float) -> tuple[float, float] | None:
    """(aperture correction in magnitudes, its error) of a frame with a curve of growth."""
    if growth is None:
        return None
    return curve_of(growth).correction_mag(radius_px / growth["fwhm_px"])


def _flat_of(said: tuple[str, tuple[int, int] | None] | None, shape: tuple[int, ...]) -> MasterImage | None:
    """The part of a master flat that this frame was divided by."""
    if said is None or said[1] is None:
        return None
    flat, (x, y) = _flat(said[0]), said[1]
    return None if flat is None else flat.cut(x, y, shape[1], shape[0])


@lru_cache(maxsize=8)
def _flat(path: str) -> MasterImage | None:
    """A master is read once by each worker; its name holds its key, so it cannot change."""
    return read_master(Path(path), uncertainty=True) if Path(path).is_file() else None


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
            colour=entries[aperture["source"]]["colour"],
        )
        for aperture in apertures
    ]  # fmt: skip


def both_beams(apertures: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row for each source: of two beams the sum, with the bits of both."""
    found: dict[str, dict[str, Any]] = {}
    for row in apertures:
        first = found.get(row["source"])
        if first is None:
            found[row["source"]] = dict(row)
            continue
        first["flux_e"] += row["flux_e"]
        first["flux_err_e"] = float(np.hypot(first["flux_err_e"], row["flux_err_e"]))
        first["bits"] |= row["bits"]
    return list(found.values())
