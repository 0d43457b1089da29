"""Polarised filters: one image of each star, and a transparency that the field stars must tell."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from iop4cli.frames.quality import Quality
from iop4cli.pipeline.fluxes import Fluxes, over_exposures, spared
from iop4cli.pipeline.measurements import UNUSABLE
from iop4cli.pipeline.polarimeter import Fitted, Modulation, Polarimeter
from iop4cli.science.ensemble import correct
from iop4cli.science.stokes import StokesFit, fit_polarised_filter

METHOD = "polarised filter"


class FilterPolarimeter(Polarimeter):
    """Fits the fluxes behind each filter, divided by the ensemble of field stars."""

    @cached_property
    def _sources(self) -> dict[str, Fluxes]:
        rows: dict[str, list[Mapping[str, Any]]] = {}
        for row in self.payload["apertures"]:
            if row["source"] in self.entries:
                rows.setdefault(row["source"], []).append(row)
        return {
            name: spared([over_exposures(rows[name], self.exposures, UNUSABLE)], self.angles_deg, 180.0)[0]
            for name in sorted(rows)
        }

    def sources(self) -> list[str]:
        return list(self._sources)

    def fitted(self, name: str) -> Fitted:
        fluxes = self._sources[name]
        use = fluxes.usable
        try:
            raw = self._fit(fluxes.flux, np.diag(fluxes.error**2), use, np.ones(len(use)))
        except ValueError as error:
            raise ValueError(f"saturated; {error}" if fluxes.bits & Quality.SATURATED else str(error)) from error
        others = [
            self._sources[other]
            for other in self._sources
            if other != name and self.entries[other]["calibrates"] and self._sources[other].usable.any()
        ]
        calibration = self.calibration
        ensemble = self.transparency(
            [*self.field_stars, *others], q_inst=calibration.q_inst if calibration else 0.0,
            u_inst=calibration.u_inst if calibration else 0.0, p_scatter=self.payload["params"]["star_p_scatter"],
        )  # fmt: skip
        relative, fit, bits = np.ones(len(use)), raw, fluxes.bits
        if ensemble is None:
            bits |= int(Quality.NO_TRANSPARENCY)
        else:
            flux, covariance = correct(fluxes.flux, fluxes.error, ensemble)
            relative = ensemble.relative
            fit = self._fit(flux, covariance, use, relative)
        # For the magnitude only photons count: what the transparency lacks is common to the field and cancels.
        total = self._fit(fluxes.flux / relative, np.diag((fluxes.error / relative) ** 2), use, relative)
        return Fitted(
            fit, raw, ensemble, total.intensity, total.intensity_err, use, bits, fluxes.radius_px, METHOD
        )  # fmt: skip

    def modulation(self, name: str, one: Fitted) -> Modulation:
        flux, covariance, _ = self._corrected(self._sources[name], one)
        value = 2.0 * flux / one.fit.intensity - 1.0
        angle = 2.0 * np.radians(self.angles_deg)
        fitted = one.fit.q * np.cos(angle) + one.fit.u * np.sin(angle)
        return Modulation(2, value, 2.0 * np.sqrt(np.diag(covariance)) / one.fit.intensity, value - fitted)

    def again(self, name: str, first: Fitted) -> StokesFit:
        fluxes = self._sources[name]
        use = first.used & fluxes.usable
        flux, covariance, relative = self._corrected(fluxes, first)
        return self._fit(flux, covariance, use, relative)

    def _corrected(self, fluxes: Fluxes, one: Fitted) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(flux, its covariance, transparency) with the transparency that a source was fitted with."""
        if one.ensemble is None:
            return fluxes.flux, np.diag(fluxes.error**2), np.ones(len(fluxes.flux))
        return *correct(fluxes.flux, fluxes.error, one.ensemble), one.ensemble.relative

    def _fit(self, flux: np.ndarray, covariance: np.ndarray, use: np.ndarray, relative: np.ndarray) -> StokesFit:
        """Of the exposures in use, with fluxes over their relative transparency."""
        return fit_polarised_filter(
            self.angles_deg[use], flux[use], covariance[np.ix_(use, use)],
            shot_noise=1 / (self._exptimes_s * relative)[use],
        )  # fmt: skip

    @cached_property
    def _exptimes_s(self) -> np.ndarray:
        return np.array([frame["exptime_s"] for frame in self.exposures], float)
