"""Polarised filters: one image of each star, and a transparency that the field stars must tell."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from iop4cli.frames.quality import Quality
from iop4cli.pipeline.fluxes import Fluxes, over_exposures, spared
from iop4cli.pipeline.measurements import UNUSABLE
from iop4cli.pipeline.polarimeter import Fitted, Polarimeter
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
            raw = fit_polarised_filter(self.angles_deg[use], fluxes.flux[use], np.diag(fluxes.error[use] ** 2))
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
            fit = fit_polarised_filter(self.angles_deg[use], flux[use], covariance[np.ix_(use, use)])
            relative = ensemble.relative
        # For the magnitude only photons count: what the transparency lacks is common to the field and cancels.
        total = fit_polarised_filter(
            self.angles_deg[use], (fluxes.flux / relative)[use], np.diag((fluxes.error / relative)[use] ** 2)
        )
        return Fitted(
            fit, raw, ensemble, total.intensity, total.intensity_err, use, bits, fluxes.radius_px, METHOD
        )  # fmt: skip

    def again(self, name: str, first: Fitted) -> StokesFit:
        fluxes = self._sources[name]
        use = first.used & fluxes.usable
        flux, covariance = fluxes.flux, np.diag(fluxes.error**2)
        if first.ensemble is not None:
            flux, covariance = correct(fluxes.flux, fluxes.error, first.ensemble)
        return fit_polarised_filter(self.angles_deg[use], flux[use], covariance[np.ix_(use, use)])
