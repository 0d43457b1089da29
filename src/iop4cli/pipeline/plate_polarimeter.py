"""A half-wave plate and two beams: the images of one exposure share its transparency, which cancels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from iop4cli.frames.quality import Quality
from iop4cli.pipeline.fluxes import Fluxes, over_exposures, spared
from iop4cli.pipeline.measurements import UNUSABLE
from iop4cli.pipeline.polarimeter import Fitted, Modulation, Polarimeter
from iop4cli.science.plate_outliers import PLATE_PERIOD_DEG
from iop4cli.science.retarder import RetarderFit, fit_retarder
from iop4cli.science.stokes import StokesFit

METHOD = "half-wave plate"
_BEAMS = ("O", "E")
# What the gains of two beams usually differ by: the error of a magnitude from one of them, if nothing tells.
_UNKNOWN_IMBALANCE = 0.03


class PlatePolarimeter(Polarimeter):
    """Fits both images of each star together, or one alone where the other is blended."""

    @cached_property
    def _sources(self) -> dict[str, dict[str, Fluxes]]:
        """Fluxes by source and beam."""
        rows: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
        for row in self.payload["apertures"]:
            if row["source"] in self.entries:
                rows.setdefault(row["source"], {}).setdefault(row["beam"], []).append(row)
        return {
            name: dict(
                zip(
                    _BEAMS,
                    spared(
                        [over_exposures(rows[name].get(beam, []), self.exposures, UNUSABLE) for beam in _BEAMS],
                        self.angles_deg, PLATE_PERIOD_DEG,
                    ),
                    strict=True,
                )
            )
            for name in sorted(rows)
        }  # fmt: skip

    def sources(self) -> list[str]:
        return list(self._sources)

    @cached_property
    def _totals(self) -> dict[str, Fluxes]:
        """O + E of each source, which carries no modulation."""
        return {name: beams["O"].plus(beams["E"]) for name, beams in self._sources.items()}

    def fitted(self, name: str) -> Fitted:
        beams = self._sources[name]
        only = self._only_beam(name)
        if only is not None:
            return self._one_beam(name, only)
        ordinary, extraordinary = beams["O"], beams["E"]
        fit = self._both_beams(beams)
        total, total_err = self._total(self._totals[name])
        return _as_fitted(fit, total, total_err, ordinary.bits | extraordinary.bits, ordinary.radius_px, METHOD)

    def _both_beams(self, beams: Mapping[str, Fluxes]) -> RetarderFit:
        ordinary, extraordinary = beams["O"], beams["E"]
        return fit_retarder(
            self.angles_deg, ordinary.flux, ordinary.error, extraordinary.flux, extraordinary.error,
            method=self.payload["params"]["plate_method"],
        )  # fmt: skip

    def _only_beam(self, name: str) -> str | None:
        """The beam to use alone: as people say in the source's settings, else the clean one of a blend."""
        said = self.entries[name].get("only_beam")
        if said in _BEAMS:
            return str(said)
        blended = {beam: bool(self._sources[name][beam].bits & Quality.BLENDED_BEAMS) for beam in _BEAMS}
        if blended["O"] == blended["E"]:
            return None
        return "E" if blended["O"] else "O"

    def _one_beam(self, name: str, beam: str) -> Fitted:
        """One image alone needs the transparency, from the sums of both images of other stars."""
        fluxes = self._sources[name][beam]
        others = [total for other, total in self._totals.items() if other != name and self.entries[other]["calibrates"]]
        stars = [star for star in (*self.field_stars, *others) if star.usable.any()]
        ensemble = self.transparency(stars, q_inst=0.0, u_inst=0.0, p_scatter=1e-4)
        measured = (fluxes.flux, fluxes.error)
        fit = fit_retarder(self.angles_deg, *measured, *measured, method=f"{beam} only", transparency=ensemble)
        bits = (fluxes.bits & ~int(Quality.BLENDED_BEAMS)) | int(Quality.ONE_BEAM)
        if ensemble is None:
            bits |= int(Quality.NO_TRANSPARENCY)
        k, k_err = self._field_imbalance
        gain = 1.0 + k if beam == "O" else 1.0 - k
        total = fit.intensity / gain
        total_err = float(np.hypot(fit.intensity_err / gain, total * k_err / gain))
        one = _as_fitted(fit, total, total_err, bits, fluxes.radius_px, f"{METHOD}, {beam} only")
        return replace(one, ensemble=ensemble, beam=beam)

    def modulation(self, name: str, one: Fitted) -> Modulation:
        fit = one.fit
        assert isinstance(fit, RetarderFit)
        angle = 4.0 * np.radians(self.angles_deg)
        fitted = fit.difference - fit.residual
        offset = one.gain_imbalance
        if offset is None:
            # A method in which it cancels, or one beam alone: what the fit has besides the modulation.
            offset = float(np.nanmean((fitted - fit.q * np.cos(angle) - fit.u * np.sin(angle))[fit.used]))
        return Modulation(4, fit.difference, fit.difference_err, fit.residual, offset, two_beams=one.beam is None)

    def again(self, name: str, first: Fitted) -> StokesFit:
        if first.beam is None:
            return self._both_beams(self._sources[name])
        fluxes = self._sources[name][first.beam]
        measured, method = (fluxes.flux, fluxes.error), f"{first.beam} only"
        return fit_retarder(self.angles_deg, *measured, *measured, method=method, transparency=first.ensemble)

    @cached_property
    def _field_imbalance(self) -> tuple[float, float]:
        """The beams' gain imbalance k and its error from the sources whose both images are clean."""
        found = []
        for name, beams in self._sources.items():
            if self._only_beam(name) is not None:
                continue
            try:
                fit = self._both_beams(beams)
            except ValueError:
                continue
            if fit.k is not None and fit.k_err:
                found.append((fit.k, 1.0 / fit.k_err**2))
        if not found:
            return 0.0, _UNKNOWN_IMBALANCE
        weight = sum(weight for _, weight in found)
        return sum(k * weight for k, weight in found) / weight, float(1.0 / np.sqrt(weight))

    def _total(self, total: Fluxes) -> tuple[float, float]:
        """Mean of O + E and its error over the exposures in which all sources were measured, else over its own.

        What the transparency does there is then common to all of the field, and cancels in the magnitude.
        """
        use = total.usable
        common = use.copy()
        for other in self._totals.values():
            if other.usable.sum() >= 0.5 * use.sum():
                common &= other.usable
        use = common if common.any() else use
        if not use.any():
            raise ValueError("no exposure shows both of its images")
        return float(total.flux[use].mean()), float(np.sqrt(np.sum(total.error[use] ** 2)) / use.sum())


def _as_fitted(fit: RetarderFit, total: float, total_err: float, bits: int, radius_px: float, method: str) -> Fitted:
    return Fitted(fit, fit, None, total, total_err, fit.used, bits, radius_px, method, fit.k, fit.k_err)
