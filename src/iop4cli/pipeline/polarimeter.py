"""Turns the fluxes of one group into measurements for the step pol."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from iop4cli.frames.quality import Quality
from iop4cli.pipeline.measurements import UNUSABLE, magnitude_bits, magnitude_columns, size_columns
from iop4cli.pipeline.step import measurement_id
from iop4cli.science.debias import polarisation
from iop4cli.science.ensemble import Transparency, correct, transparency
from iop4cli.science.magnitudes import FieldSource, calibrate
from iop4cli.science.stokes import Calibration, StokesFit, fit_polarised_filter, to_sky
from iop4cli.science.timing import barycentric


@dataclass(frozen=True)
class _Fluxes:
    """One star over the exposures: flux and error (electrons a second, NaN where not usable), all bits together."""

    flux: np.ndarray
    error: np.ndarray
    bits: int
    radius_px: float

    @property
    def usable(self) -> np.ndarray:
        return np.isfinite(self.flux) & np.isfinite(self.error)


@dataclass(frozen=True)
class Polarimeter:
    """One group: `payload` as the step pol prepares it."""

    item: str
    payload: Mapping[str, Any]
    method: str
    version: str

    def measure(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
        """(measurements, their inputs, what could not be measured and why)."""
        fits: dict[str, tuple[StokesFit, StokesFit, Transparency | None]] = {}
        problems = []
        for name, fluxes in self._sources.items():
            try:
                fits[name] = self._fit(name, fluxes)
            except ValueError as error:
                saturated = "saturated; " if fluxes.bits & Quality.SATURATED else ""
                problems.append(f"{name}: {saturated}{error}")
        field = [self._field_source(name) for name in fits]
        magnitudes = calibrate(field, self._frame["target"], self._frame["band"])
        measurements, inputs = [], []
        for name, (fit, raw, ensemble) in fits.items():
            row = self._row(name, fit, raw, ensemble, magnitudes[name])
            measurements.append(row)
            inputs += self._inputs(row["id"], name, magnitudes[name], ensemble)
        return measurements, inputs, problems

    @property
    def _frame(self) -> Mapping[str, Any]:
        frame: Mapping[str, Any] = self.payload["frame"]
        return frame

    @cached_property
    def _names(self) -> list[str]:
        return [frame["name"] for frame in self.payload["frames"]]

    @cached_property
    def _angles_deg(self) -> np.ndarray:
        return np.array([frame["angle_deg"] for frame in self.payload["frames"]], float)

    @cached_property
    def _entries(self) -> dict[str, Mapping[str, Any]]:
        return {entry["name"]: entry for entry in self.payload["catalog"]}

    @cached_property
    def _sources(self) -> dict[str, _Fluxes]:
        rows: dict[str, list[Mapping[str, Any]]] = {}
        for row in self.payload["apertures"]:
            if row["source"] in self._entries:
                rows.setdefault(row["source"], []).append(row)
        return {name: self._over_exposures(rows[name], UNUSABLE) for name in sorted(rows)}

    @cached_property
    def _stars(self) -> list[_Fluxes]:
        """Field stars; a cosmic ray or a bad pixel loses them the exposure, for there are others."""
        unfit = UNUSABLE | Quality.COSMIC_RAY | Quality.BAD_PIXEL | Quality.NONLINEAR
        rows: dict[int, list[Mapping[str, Any]]] = {}
        for row in self.payload["stars"]:
            rows.setdefault(row["star"], []).append(row)
        return [self._over_exposures(rows[number], unfit) for number in sorted(rows)]

    def _over_exposures(self, rows: Sequence[Mapping[str, Any]], unfit: int) -> _Fluxes:
        by_frame = {row["frame"]: row for row in rows}
        flux, error = np.full(len(self._names), np.nan), np.full(len(self._names), np.nan)
        bits = 0
        for i, frame in enumerate(self.payload["frames"]):
            row = by_frame.get(frame["name"])
            if row is None:
                continue
            bits |= row["bits"]
            if not row["bits"] & unfit and row["flux_e"] is not None and row["flux_err_e"] is not None:
                flux[i], error[i] = row["flux_e"] / frame["exptime_s"], row["flux_err_e"] / frame["exptime_s"]
        return _Fluxes(flux, error, bits, float(rows[0].get("radius_px") or math.nan))

    @cached_property
    def _calibration(self) -> Calibration | None:
        given = self.payload["calibration"]
        return None if given is None else Calibration(**given)

    def _transparency(self, source: str) -> Transparency | None:
        """From the field stars and the stars of the catalogue, the source itself left out."""
        params = self.payload["params"]
        if not params["transparency"]:
            return None
        others = [
            fluxes
            for name, fluxes in self._sources.items()
            if name != source and self._entries[name]["calibrates"] and fluxes.usable.any()
        ]
        stars = [*self._stars, *others]
        if len(stars) < params["min_stars"]:
            return None
        calibration = self._calibration
        return transparency(
            np.array([star.flux for star in stars]), np.array([star.error for star in stars]), self._angles_deg,
            q_inst=calibration.q_inst if calibration else 0.0, u_inst=calibration.u_inst if calibration else 0.0,
            star_p_scatter=params["star_p_scatter"], min_stars=params["min_stars"],
        )  # fmt: skip

    @cached_property
    def _ensembles(self) -> dict[str, Transparency | None]:
        return {name: self._transparency(name) for name in self._sources}

    def _fit(self, name: str, fluxes: _Fluxes) -> tuple[StokesFit, StokesFit, Transparency | None]:
        """(with transparency, as measured, the transparency or None)."""
        use = fluxes.usable
        raw = fit_polarised_filter(self._angles_deg[use], fluxes.flux[use], np.diag(fluxes.error[use] ** 2))
        ensemble = self._ensembles[name]
        if ensemble is None:
            return raw, raw, None
        flux, covariance = correct(fluxes.flux, fluxes.error, ensemble)
        fit = fit_polarised_filter(self._angles_deg[use], flux[use], covariance[np.ix_(use, use)])
        return fit, raw, ensemble

    def _field_source(self, name: str) -> FieldSource:
        """The source's total flux; what the transparency lacks is common to all of the field and cancels."""
        fluxes, entry = self._sources[name], self._entries[name]
        use = fluxes.usable
        ensemble = self._ensembles[name]
        relative = np.ones(len(use)) if ensemble is None else ensemble.relative
        flux, error = (fluxes.flux / relative)[use], (fluxes.error / relative)[use]
        total = fit_polarised_filter(self._angles_deg[use], flux, np.diag(error**2))
        return FieldSource(
            name,
            total.intensity,
            total.intensity_err,
            True,
            entry["mag"],
            entry["mag_err"],
            tuple(entry["calibrates"]),
        )

    def _row(
        self, name: str, fit: StokesFit, raw: StokesFit, ensemble: Transparency | None, magnitude: Any
    ) -> dict[str, Any]:
        entry, fluxes = self._entries[name], self._sources[name]
        used = [frame for frame, usable in zip(self.payload["frames"], fluxes.usable, strict=True) if usable]
        mjd = np.array([frame["mjd_utc"] for frame in used])
        bjd = barycentric(mjd.mean(), entry["ra_deg"], entry["dec_deg"], *self.payload["site"])[0]
        frame = self._frame
        row = {
            "id": measurement_id(name, "pol", self.method, self._names), "origin": self.item, "step": "pol",
            "source": name,
            "telescope": frame["telescope"], "night": frame["night"], "instrument": frame["instrument"], "mode": "pol",
            "band": frame["band"], "mjd_utc": float(mjd.mean()), "bjd_tdb": float(bjd), "exptime_s": frame["exptime_s"],
            "n_frames": len(used), "method": self.method, "version": self.version,
            **magnitude_columns(magnitude, 0), **size_columns(self.payload, fluxes.radius_px),
            **self._stokes_columns(fit, raw, ensemble),
        }  # fmt: skip
        row["bits"] = self._bits(fluxes, fit, ensemble, magnitude)
        return row

    def _stokes_columns(self, fit: StokesFit, raw: StokesFit, ensemble: Transparency | None) -> dict[str, Any]:
        common = {
            "q_instr": fit.q, "u_instr": fit.u, "q_raw": raw.q, "u_raw": raw.u, "q_err_photon": fit.q_err_photon,
            "u_err_photon": fit.u_err_photon, "chi2_red": fit.chi2_red, "dof": fit.dof,
            "transparency_stars": 0 if ensemble is None else ensemble.n_stars,
            "transparency_rms": None if ensemble is None else float(np.std(ensemble.relative)),
        }  # fmt: skip
        if self._calibration is None:
            return common
        sky = to_sky(fit, self._calibration, ensemble_corrected=ensemble is not None)
        degree = polarisation(sky.q, sky.u, sky.q_err, sky.u_err, sky.qu_cov)
        return common | {
            "q": sky.q, "q_err": sky.q_err, "u": sky.u, "u_err": sky.u_err, "qu_cov": sky.qu_cov, "p": degree.p,
            "p_err": degree.p_err, "p_debiased": degree.p_debiased, "p_lo68": degree.p_lo68, "p_hi68": degree.p_hi68,
            "p_upper95": degree.p_upper95, "chi_deg": degree.chi_deg, "chi_err_deg": degree.chi_err_deg,
            "q_sys": sky.q_sys, "u_sys": sky.u_sys, "p_sys": sky.p_sys, "chi_sys_deg": sky.chi_sys_deg,
            "calibration": self._calibration.name,
        }  # fmt: skip

    def _bits(self, fluxes: _Fluxes, fit: StokesFit, ensemble: Transparency | None, magnitude: Any) -> int:
        bits = magnitude_bits(fluxes.bits, magnitude, self.payload["fallback"])
        if self.payload["missing_angles"] or not fluxes.usable.all():
            bits |= Quality.MISSING_ANGLE
        if ensemble is None:
            bits |= Quality.NO_TRANSPARENCY
        if self._calibration is None:
            bits |= Quality.NO_CALIBRATION
        if fit.q_err > 1.001 * fit.q_err_photon:
            bits |= Quality.EXCESS_SCATTER
        return int(bits)

    def _inputs(self, identity: str, name: str, magnitude: Any, ensemble: Transparency | None) -> list[dict[str, Any]]:
        """What the measurement rests on: each frame with its transparency, and the calibrators used."""
        rows: list[dict[str, Any]] = []
        for i, frame in enumerate(self._names):
            value = None if ensemble is None else float(ensemble.relative[i])
            error = None if ensemble is None else float(math.sqrt(ensemble.cov[i, i]))
            role = "frame" if self._sources[name].usable[i] else "frame not used"
            rows.append({"measurement": identity, "origin": self.item, "input": frame, "role": role,
                         "value": value, "value_err": error})  # fmt: skip
        rows += [
            {"measurement": identity, "origin": self.item, "input": calibrator, "role": "calibrator"}
            for calibrator in magnitude.calibrators
        ]
        return rows
