"""One result of the store as a function of the radius of its aperture: rows for tables and plots."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from iop4cli.errors import NoSuchItem, UsageError
from iop4cli.pipeline.step import Parameters
from iop4cli.pipeline.view import View

if TYPE_CHECKING:
    from iop4cli.pipeline.polarimeter import Fitted, Polarimeter
    from iop4cli.pipeline.sweep import Sweep

COLUMNS = (
    "radius_px", "radius_arcsec", "used", "mag", "mag_change", "mag_change_err", "q", "q_err", "q_change_err", "u",
    "u_err", "u_change_err", "p", "chi_deg",
)  # fmt: skip


def sweep_rows(view: View, result_id: str) -> list[dict[str, Any]]:
    """A row (see COLUMNS) for each radius, `used` for that of the result.

    Magnitudes and fluxes are brought to the aperture in use with the frames' curves of growth. The errors of changes
    are those against the aperture in use, with which the others have most of their noise in common: small.
    """
    found = view.store.rows("select * from measurement where id = ?", [result_id])
    if not found:
        raise NoSuchItem(f"no result has the id {result_id}")
    result = found[0]
    rows = _of_group(view, result) if result["mode"] == "pol" else _of_frame(view, result)
    if not rows:
        raise UsageError(
            f"{result_id}: no circles were measured in all its frames, or too few stars to know the curve of growth"
        )
    return rows


def _of_frame(view: View, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    from iop4cli.pipeline.sweep import magnitude_sweep

    frame = result["origin"]
    apertures = [row for row in view.rows_of("aperture", [frame]) if row["source"] == result["source"]]
    sweep = magnitude_sweep(apertures, {row["frame"]: row for row in view.rows_of("growth", [frame])})
    return [] if sweep is None else _magnitudes(sweep, result)


def _of_group(view: View, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """As the step pol would measure it now, with the parameters that it had."""
    polarimeter = polarimeter_of(view, result)
    try:
        one = polarimeter.fitted(result["source"])
    except (KeyError, ValueError) as problem:
        raise UsageError(f"{result['id']} cannot be measured as it was ({problem}): run `iop4 pol`") from problem
    sweep = polarimeter.sweep(result["source"], one)
    if sweep is None:
        return []
    rows = _magnitudes(sweep, result)
    for index, row in enumerate(rows):
        row |= _stokes(polarimeter, one, sweep, index)
    return rows


def polarimeter_of(view: View, result: Mapping[str, Any]) -> Polarimeter:
    """What measured a result of a group, with the parameters that it had."""
    from iop4cli.pipeline.steps.pol import STEP

    stored = view.store.rows("select parts from item where step = 'pol' and name = ?", [result["origin"]])
    parts = json.loads(stored[0]["parts"] or "{}") if stored else {}
    had = {
        name.removeprefix("parameter "): json.loads(value)
        for name, value in parts.items()
        if name.startswith("parameter ")
    }
    given = {**view.surroundings.parameters.given, "pol": had}
    night = frozenset({f"{result['telescope']}/{result['night']}"})
    again = View(view.store, replace(view.surroundings, parameters=Parameters(given)), night, force=True)
    jobs = [
        decision.job
        for decision in STEP.plan(again, "")
        if decision.item == result["origin"] and decision.job is not None
    ]
    if not jobs:
        raise UsageError(f"{result['origin']} is no group of the frames as they are now: run `iop4 pol`")
    return STEP.polarimeter(STEP.prepare(again, jobs)[0])


def _magnitudes(sweep: Sweep, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    used_px = float(sweep.radius_px[sweep.used])
    rows = []
    for index, radius_px in enumerate(sweep.radius_px):
        change, error = _known(sweep.mag_change[index]), _known(sweep.mag_change_err[index])
        mag = None if result["mag"] is None or change is None else result["mag"] + change
        rows.append(dict.fromkeys(COLUMNS) | {
            "radius_px": float(radius_px), "radius_arcsec": float(radius_px) / used_px * result["aperture_arcsec"],
            "used": index == sweep.used, "mag": mag, "mag_change": change, "mag_change_err": error,
        })  # fmt: skip
    return rows


def _stokes(polarimeter: Polarimeter, one: Fitted, sweep: Sweep, index: int) -> dict[str, Any]:
    """q, u, p and chi on the sky; in the instrument's frame, without angle, where there is no calibration."""
    from iop4cli.science.debias import polarisation
    from iop4cli.science.stokes import to_sky

    fit = sweep.fits[index] if sweep.fits else None
    if fit is None or sweep.q_change_err is None or sweep.u_change_err is None:
        return {}
    changes = {"q_change_err": _known(sweep.q_change_err[index]), "u_change_err": _known(sweep.u_change_err[index])}
    if polarimeter.calibration is None:
        return changes | {"q": fit.q, "q_err": fit.q_err, "u": fit.u, "u_err": fit.u_err}
    sky = to_sky(fit, polarimeter.calibration, ensemble_corrected=one.ensemble is not None)
    degree = polarisation(sky.q, sky.u, sky.q_err, sky.u_err, sky.qu_cov)
    return changes | {
        "q": sky.q, "q_err": sky.q_err, "u": sky.u, "u_err": sky.u_err, "p": degree.p, "chi_deg": degree.chi_deg,
    }  # fmt: skip


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
