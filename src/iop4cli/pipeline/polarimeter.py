"""Turns the fluxes of one group into measurements for the step pol, whatever the analyser."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from iop4cli.frames.quality import Quality
from iop4cli.pipeline.fluxes import Fluxes, over_exposures
from iop4cli.pipeline.measurements import UNUSABLE, colour_term_of, magnitude_bits, magnitude_columns, size_columns
from iop4cli.pipeline.step import measurement_id
from iop4cli.pipeline.sweep import Sweep, at_radius, circles_of, magnitude_sweep
from iop4cli.science.debias import polarisation
from iop4cli.science.ensemble import Transparency, transparency
from iop4cli.science.magnitudes import FieldSource, Magnitude, calibrate
from iop4cli.science.nested import stokes_change_err
from iop4cli.science.stokes import Calibration, StokesFit, to_sky
from iop4cli.science.timing import barycentric


@dataclass(frozen=True)
class Fitted:
    """One source: Stokes parameters with and without transparency, total flux (e-/s), exposures used (n,).

    `beam` is the only one of two that was used, None for both or where there is one.
    """

    fit: StokesFit
    raw: StokesFit
    ensemble: Transparency | None
    total: float
    total_err: float
    used: np.ndarray
    bits: int
    radius_px: float
    method: str
    gain_imbalance: float | None = None
    gain_imbalance_err: float | None = None
    beam: str | None = None


@dataclass(frozen=True)
class Modulation:
    """What each exposure (n,) says of q cos mt + u sin mt (m is `turns`): its value, error, and the fit's residual.

    For two beams the value is (O - E)/(O + E), for one flux its share of the mean less 1, over the transparency; NaN
    where not measured. It oscillates about `offset`, the beams' gain imbalance: (offset + s)/(1 + offset s).
    """

    turns: int
    value: np.ndarray
    error: np.ndarray
    residual: np.ndarray
    offset: float = 0.0
    two_beams: bool = False


@dataclass(frozen=True)
class Polarimeter(ABC):
    """One group: `payload` as the step pol prepares it."""

    item: str
    payload: Mapping[str, Any]
    version: str

    @abstractmethod
    def sources(self) -> list[str]:
        """The catalogue sources that were measured in the group."""

    @abstractmethod
    def fitted(self, name: str) -> Fitted:
        """The polarisation of one source; a ValueError says why there is none."""

    @abstractmethod
    def again(self, name: str, first: Fitted) -> StokesFit:
        """The same fit to other fluxes of one source: what the first found of transparency stays."""

    @abstractmethod
    def modulation(self, name: str, one: Fitted) -> Modulation:
        """The exposures of a source against the angle of the analyser."""

    def sweep(self, name: str, one: Fitted) -> Sweep | None:
        """The measurement of a source as a function of the radius of its aperture; None if that is not known."""
        used = {frame for frame, use in zip(self.names, one.used, strict=True) if use}
        rows = [
            row
            for row in self.payload["apertures"]
            if row["source"] == name and row["frame"] in used and one.beam in {None, row["beam"]}
        ]
        magnitudes = magnitude_sweep(rows, self.payload["growth"])
        two_beams = len({row["beam"] for row in rows}) == 2
        circles = circles_of(rows, self.payload["growth"], beams_cancel=two_beams)
        if circles is None:
            return magnitudes
        fits: list[StokesFit | None] = []
        for index in range(len(circles.radius_px)):
            payload = {**self.payload, "apertures": at_radius(rows, circles, index)}
            try:
                fits.append(one.fit if index == circles.used else replace(self, payload=payload).again(name, one))
            except ValueError:
                fits.append(None)  # nothing left in a small circle
        q_change_err, u_change_err = stokes_change_err(circles, one.raw.q_err_photon, one.raw.u_err_photon)
        if magnitudes is None:
            unknown = np.full(len(circles.radius_px), np.nan)
            magnitudes = Sweep(circles.radius_px, circles.used, unknown, unknown)
        return replace(magnitudes, fits=tuple(fits), q_change_err=q_change_err, u_change_err=u_change_err)

    def measure(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
        """(measurements, their inputs, what could not be measured and why)."""
        fits: dict[str, Fitted] = {}
        problems = []
        for name in self.sources():
            try:
                fits[name] = self.fitted(name)
            except ValueError as error:
                problems.append(f"{name}: {error}")
        magnitudes = calibrate(
            [self._field_source(name, one) for name, one in fits.items()],
            self.frame["target"],
            self.frame["band"],
            colour_term_of(self.payload),
        )
        measurements, inputs = [], []
        for name, one in fits.items():
            row = self._row(name, one, magnitudes[name])
            measurements.append(row)
            if self.clouds_would_pass_for_polarisation(one):
                problems.append(
                    f"{name}: no q and u: one of its images is blended, and too few stars tell the transparency that "
                    "the other needs (--param pol.transparency=no if the night was clear)"
                )
            inputs += self._inputs(row["id"], one, magnitudes[name])
        return measurements, inputs, problems

    @property
    def frame(self) -> Mapping[str, Any]:
        """What the frames of the group have in common."""
        frame: Mapping[str, Any] = self.payload["frame"]
        return frame

    @property
    def exposures(self) -> Sequence[Mapping[str, Any]]:
        exposures: Sequence[Mapping[str, Any]] = self.payload["frames"]
        return exposures

    @cached_property
    def names(self) -> list[str]:
        return [frame["name"] for frame in self.exposures]

    @cached_property
    def angles_deg(self) -> np.ndarray:
        return np.array([frame["angle_deg"] for frame in self.exposures], float)

    @cached_property
    def entries(self) -> dict[str, Mapping[str, Any]]:
        """The catalogue's word on each source of the field."""
        return {entry["name"]: entry for entry in self.payload["catalog"]}

    @cached_property
    def calibration(self) -> Calibration | None:
        given = self.payload["calibration"]
        return None if given is None else Calibration(**given)

    @cached_property
    def field_stars(self) -> list[Fluxes]:
        """Stars that are not in the catalogue; a cosmic ray or a bad pixel loses them the exposure.

        One star is what has one place on the sky: numbers differ between frames where a source of the catalogue lies
        beyond the edge of some of them.
        """
        unfit = UNUSABLE | Quality.COSMIC_RAY | Quality.BAD_PIXEL | Quality.NONLINEAR
        rows: dict[tuple[float, float], list[Mapping[str, Any]]] = {}
        for row in self.payload["stars"]:
            rows.setdefault((row["ra_deg"], row["dec_deg"]), []).append(row)
        return [over_exposures(rows[place], self.exposures, unfit) for place in sorted(rows)]

    def transparency(
        self, stars: Sequence[Fluxes], *, q_inst: float, u_inst: float, p_scatter: float
    ) -> Transparency | None:
        """Of the exposures, from these stars, if there are enough of them and it is wanted."""
        params = self.payload["params"]
        if not params["transparency"] or len(stars) < params["min_stars"]:
            return None
        return transparency(
            np.array([star.flux for star in stars]), np.array([star.error for star in stars]), self.angles_deg,
            q_inst=q_inst, u_inst=u_inst, star_p_scatter=p_scatter, min_stars=params["min_stars"],
        )  # fmt: skip

    def _field_source(self, name: str, one: Fitted) -> FieldSource:
        entry, usable = self.entries[name], not one.bits & Quality.ONE_BEAM
        return FieldSource(
            name,
            one.total,
            one.total_err,
            usable,
            entry["mag"],
            entry["mag_err"],
            tuple(entry["calibrates"]),
            entry["colour"],
        )

    def _row(self, name: str, one: Fitted, magnitude: Magnitude) -> dict[str, Any]:
        entry, frame = self.entries[name], self.frame
        used = [exposure for exposure, usable in zip(self.exposures, one.used, strict=True) if usable]
        mjd_utc = float(np.mean([exposure["mjd_utc"] for exposure in used]))
        bjd_tdb = barycentric(mjd_utc, entry["ra_deg"], entry["dec_deg"], *self.payload["site"])[0]
        row = {
            "id": measurement_id(name, "pol", one.method, self.names), "origin": self.item, "step": "pol",
            "source": name, "telescope": frame["telescope"], "night": frame["night"], "instrument": frame["instrument"],
            "mode": "pol", "band": frame["band"], "mjd_utc": mjd_utc, "bjd_tdb": float(bjd_tdb),
            "exptime_s": frame["exptime_s"], "n_frames": len(used), "method": one.method, "version": self.version,
            **magnitude_columns(magnitude, 0), **size_columns(self.payload, one.radius_px), **self._stokes_columns(one),
        }  # fmt: skip
        row["bits"] = self._bits(name, one, magnitude)
        return row

    def clouds_would_pass_for_polarisation(self, one: Fitted) -> bool:
        """Whether one of two images was measured alone without a transparency, which people did not say is constant.

        A cloud that drifts over the exposures is as good a modulation as any, and leaves little in the residuals.
        """
        return one.beam is not None and one.ensemble is None and bool(self.payload["params"]["transparency"])

    def _stokes_columns(self, one: Fitted) -> dict[str, Any]:
        fit, raw, ensemble = one.fit, one.raw, one.ensemble
        common = {
            "q_instr": fit.q, "u_instr": fit.u, "q_raw": raw.q, "u_raw": raw.u, "q_err_photon": fit.q_err_photon,
            "u_err_photon": fit.u_err_photon, "chi2_red": fit.chi2_red, "dof": fit.dof,
            "gain_imbalance": one.gain_imbalance, "gain_imbalance_err": one.gain_imbalance_err,
            "transparency_stars": 0 if ensemble is None else ensemble.n_stars,
            "transparency_rms": None if ensemble is None else float(np.std(ensemble.relative)),
            "q_inst": self.calibration.q_inst if self.calibration else None,
            "u_inst": self.calibration.u_inst if self.calibration else None,
        }  # fmt: skip
        if self.calibration is None or self.clouds_would_pass_for_polarisation(one):
            return common
        sky = to_sky(fit, self.calibration, ensemble_corrected=ensemble is not None)
        degree = polarisation(sky.q, sky.u, sky.q_err, sky.u_err, sky.qu_cov)
        return common | {
            "q": sky.q, "q_err": sky.q_err, "u": sky.u, "u_err": sky.u_err, "qu_cov": sky.qu_cov, "p": degree.p,
            "p_err": degree.p_err, "p_debiased": degree.p_debiased, "p_lo68": degree.p_lo68, "p_hi68": degree.p_hi68,
            "p_upper95": degree.p_upper95, "chi_deg": degree.chi_deg, "chi_err_deg": degree.chi_err_deg,
            "q_sys": sky.q_sys, "u_sys": sky.u_sys, "p_sys": sky.p_sys, "chi_sys_deg": sky.chi_sys_deg,
            "calibration": self.calibration.name,
        }  # fmt: skip

    def _bits(self, name: str, one: Fitted, magnitude: Magnitude) -> int:
        bits = magnitude_bits(one.bits, magnitude, self.payload["fallback"])
        if self.payload["missing_angles"] or not one.used.all():
            bits |= Quality.MISSING_ANGLE
        if self.calibration is None:
            bits |= Quality.NO_CALIBRATION
        if one.fit.q_err > 1.001 * one.fit.q_err_photon:
            bits |= Quality.EXCESS_SCATTER
        sweep = self.sweep(name, one)
        if sweep is not None and (
            sweep.polarisation_is_unstable(one.fit.q_err, one.fit.u_err)
            or (magnitude.mag_err is not None and sweep.magnitude_is_unstable(magnitude.mag_err))
        ):
            bits |= Quality.APERTURE_UNSTABLE
        return int(bits)

    def _inputs(self, identity: str, one: Fitted, magnitude: Magnitude) -> list[dict[str, Any]]:
        """What the measurement rests on: each frame with its transparency, and the calibrators used."""
        rows: list[dict[str, Any]] = []
        for i, frame in enumerate(self.names):
            value = None if one.ensemble is None else float(one.ensemble.relative[i])
            error = None if one.ensemble is None else float(math.sqrt(one.ensemble.cov[i, i]))
            role = "frame" if one.used[i] else "frame not used"
            rows.append({"measurement": identity, "origin": self.item, "input": frame, "role": role,
                         "value": value, "value_err": error})  # fmt: skip
        rows += [
            {"measurement": identity, "origin": self.item, "input": calibrator, "role": "calibrator",
             "value": self.entries[calibrator]["mag"], "value_err": self.entries[calibrator]["mag_err"]}
            for calibrator in magnitude.calibrators
        ]  # fmt: skip
        return rows
