"""A calibration from the archive's own results of standard stars."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iop4cli.archive.epochs import parse_night
from iop4cli.archive.people import quoted
from iop4cli.archive.standards import StandardStar, read_standards, same_stars, shipped_standards
from iop4cli.errors import NoSuchItem, UsageError
from iop4cli.frames.quality import Quality
from iop4cli.pipeline.calibrations import calibration_in_force, shipped_calibrations
from iop4cli.pipeline.steps import step_named
from iop4cli.pipeline.view import View

if TYPE_CHECKING:
    from iop4cli.science.standards import CalibrationFit, Known, StandardMeasurement

Row = dict[str, Any]

# What the two components of an unpolarised standard are known to: the published ones show 0.02 to 0.1 % (B and V,
# errors 0.03 %; Schmidt, Elston & Lupie 1992, Turnshek et al. 1990).
ZERO_SCATTER = 0.0004
# Such results say nothing of the instrument.
_UNFIT = Quality.SATURATED | Quality.ONE_BEAM


@dataclass(frozen=True)
class FitRequest:
    """What to fit: nights are inclusive; `hold` names numbers to keep as they are known before."""

    instrument: str
    band: str | None = None
    since: str | None = None
    until: str | None = None
    standards: Path | None = None
    doubtful: bool = False
    hold: tuple[str, ...] = ()
    zero_scatter: float = ZERO_SCATTER


@dataclass(frozen=True)
class FittedCalibration:
    """The fit, the row for the table `calibration` (without who and when), and all results of standards.

    `results`: id, star, night, residuals in q and u with errors and pull, whether used, and why not.
    """

    row: Row
    fit: CalibrationFit
    results: list[Row]


def fit_calibration(view: View, request: FitRequest, name: str | None) -> FittedCalibration:
    """Fit the results of standards; NoSuchItem says what is missing and what to do."""
    from iop4cli.science.standards import fit_standards

    instrument = view.instrument(request.instrument)
    table = request.standards or shipped_standards()
    stars = read_standards(table)
    rows = _results_of_standards(view, request, instrument.name, stars, table)
    band = _band(rows, request)
    rows = [row for row in rows if row["band"] == band]
    useful = [row for row in rows if not row["why"]]
    if not useful:
        reasons = sorted({f"{row['star']}: {row['why']}" for row in rows})
        raise NoSuchItem(f"no result of a standard can be used ({'; '.join(reasons)})")
    nights = sorted(str(row["night"]) for row in useful)
    assumed = float(view.parameters(step_named("pol"), instrument.name)["star_p_scatter"])
    wanted = [star for star in stars if star.serves(band)]
    try:
        fit = fit_standards(
            [_measured(row, assumed) for row in useful],
            [_standard(star, request.zero_scatter) for star in wanted],
            _known(view, instrument.name, band, nights[-1]),
            request.hold,
        )
    except ValueError as problem:
        raise NoSuchItem(
            f"{instrument.name}, {band}: {problem}; observe one of "
            f"{', '.join(star.name for star in wanted if not star.doubt)}"
        ) from None
    results = list(_with_residuals(rows, fit))
    row = _row(fit, results, request, instrument.name, band, nights, table.name)
    row["name"] = _new_name(view, name, f"{instrument.name} {band} {nights[0]}")
    return FittedCalibration(row, fit, results)


def _results_of_standards(
    view: View, request: FitRequest, instrument: str, stars: Sequence[StandardStar], table: Path
) -> list[Row]:
    """Polarimetric results of standards: star, and why each cannot be used (empty if it can)."""
    names = same_stars(view.catalog.values(), stars)
    if not names:
        raise NoSuchItem(
            f"the catalogue holds none of the {len(stars)} standards of {table}: "
            f"`iop4 catalog import {table}`, then `iop4 run`"
        )
    conditions = ["mode = 'pol'", f"instrument = {quoted(instrument)}"]
    conditions += [f"band = {quoted(request.band)}"] if request.band else []
    conditions += [f"night >= {quoted(parse_night(request.since))}"] if request.since else []
    conditions += [f"night <= {quoted(parse_night(request.until))}"] if request.until else []
    where = " and ".join(conditions)
    rows = view.store.rows(
        "select id, source, night, band, mjd_utc, q_instr, u_instr, q_raw, u_raw, q, u, q_err, u_err, qu_cov, "
        "q_err_photon, u_err_photon, q_inst, u_inst, transparency_stars, quality, flags from results "
        f"where {where} order by mjd_utc, source"
    )
    known = [row | {"star": names[row["source"]]} for row in rows if row["source"] in names]
    if not known:
        others = f"; there are {len(rows)} results of other sources" if rows else ""
        raise NoSuchItem(
            f"no polarimetric result of a standard by {instrument}"
            f"{f' in {request.band}' if request.band else ''}{_when(request)}{others}. "
            f"Observe standards ({', '.join(sorted(set(names.values()))[:4])}...), `iop4 run`, and fit again"
        )
    doubts = {star.name: star.doubt for star in stars}
    bands = {star.name: [other.band for other in stars if other.name == star.name] for star in stars}
    serving = {(star.name, band) for star in stars for band in {row["band"] for row in known} if star.serves(band)}
    return [row | {"why": _why_not(row, request, doubts, bands, serving)} for row in known]


def _why_not(
    row: Row,
    request: FitRequest,
    doubts: Mapping[str, str],
    bands: Mapping[str, Sequence[str]],
    serving: set[tuple[str, str]],
) -> str:
    if row["flags"]:
        return f"flagged: {row['flags']}"
    if (row["star"], row["band"]) not in serving:
        return f"the table has its figures in {', '.join(bands[row['star']])} only"
    if doubts[row["star"]] and not request.doubtful:
        return f"doubtful standard: {doubts[row['star']]}"
    if row["quality"] & _UNFIT:
        return "saturated" if row["quality"] & Quality.SATURATED else "one beam only"
    if row["q_instr"] is None or not row["q_err_photon"] or not row["u_err_photon"]:
        return "no polarisation"
    return ""


def _when(request: FitRequest) -> str:
    said = [f" since {request.since}" if request.since else "", f" until {request.until}" if request.until else ""]
    return "".join(said)


def _band(rows: Sequence[Row], request: FitRequest) -> str:
    bands = sorted({row["band"] for row in rows if not row["why"]} or {row["band"] for row in rows})
    if len(bands) > 1:
        raise UsageError(f"standards were measured in {', '.join(bands)}: say which with --band")
    return str(bands[0])


def _measured(row: Row, star_p_scatter: float) -> StandardMeasurement:
    """A result as the instrument saw it, in its own frame."""
    from iop4cli.science.standards import StandardMeasurement

    q_err, u_err, qu_cov = _errors_in_instrument(row)
    relative, field_scatter = None, 0.0
    if row["transparency_stars"]:
        relative = (row["q_instr"] - (row["q_inst"] or 0.0), row["u_instr"] - (row["u_inst"] or 0.0))
        field_scatter = star_p_scatter / math.sqrt(row["transparency_stars"])
    return StandardMeasurement(
        row["id"], row["star"], row["q_raw"], row["u_raw"], q_err, u_err, qu_cov, relative, field_scatter
    )


def _errors_in_instrument(row: Row) -> tuple[float, float, float]:
    """Errors of q and u and their covariance before the rotation to the sky, which is undone.

    The rotation is what turned the corrected (q, u) of the instrument into those on the sky.
    """
    import numpy as np

    corrected = complex(row["q_instr"] - (row["q_inst"] or 0.0), row["u_instr"] - (row["u_inst"] or 0.0))
    if row["q"] is None or row["q_err"] is None or corrected == 0:
        return row["q_err_photon"], row["u_err_photon"], 0.0
    turn = corrected / complex(row["q"], row["u"])
    back = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    cov = back @ [[row["q_err"] ** 2, row["qu_cov"]], [row["qu_cov"], row["u_err"] ** 2]] @ back.T
    return math.sqrt(cov[0, 0]), math.sqrt(cov[1, 1]), float(cov[0, 1])


def _standard(star: StandardStar, zero_scatter: float) -> Any:
    from iop4cli.science.standards import Standard

    source = star.source
    if source.p is None or source.chi_deg is None:
        return Standard.zero(star.name, zero_scatter)
    errors = source.p_err or zero_scatter, source.chi_err_deg or 0.0
    return Standard.of(star.name, source.p, errors[0], source.chi_deg, errors[1], polarised=star.polarised)


def _known(view: View, instrument: str, band: str, night: str) -> Known | None:
    """The calibration in force, for what the standards do not tell."""
    from iop4cli.science.standards import Known

    one = calibration_in_force(view, instrument, band, night)
    if one is None:
        return None
    return Known(
        (one.q_inst, one.u_inst, one.zero_angle_deg, one.efficiency),
        (one.q_inst_err, one.u_inst_err, one.zero_angle_err_deg, one.efficiency_err),
    )


def _with_residuals(rows: Sequence[Row], fit: CalibrationFit) -> Iterator[Row]:
    left = {residual.name: residual for residual in fit.residuals}
    for row in rows:
        shown = {"id": row["id"], "star": row["star"], "source": row["source"], "night": str(row["night"])}
        residual = left.get(row["id"])
        if residual is None:
            yield shown | {"q": None, "u": None, "q_err": None, "u_err": None, "used": False, "reason": row["why"]}
        else:
            yield shown | {
                "q": residual.q, "u": residual.u, "q_err": residual.q_err, "u_err": residual.u_err,
                "used": residual.used, "reason": residual.reason,
            }  # fmt: skip


def _row(
    fit: CalibrationFit, results: Sequence[Row], request: FitRequest, instrument: str, band: str,
    nights: Sequence[str], table: str,
) -> Row:  # fmt: skip
    used = [row for row in results if row["used"]]
    stars = sorted({row["star"] for row in used})
    errors = [math.sqrt(fit.cov[i, i]) for i in range(4)]
    (q_inst, u_inst, zero_angle_deg, efficiency) = map(float, fit.values)
    return {
        "name": "", "instrument": instrument, "band": band, "q_inst": q_inst, "q_inst_err": errors[0],
        "u_inst": u_inst, "u_inst_err": errors[1], "zero_angle_deg": zero_angle_deg, "zero_angle_err_deg": errors[2],
        "efficiency": efficiency, "efficiency_err": errors[3],
        "valid_from": parse_night(request.since) if request.since else nights[0],
        "valid_until": parse_night(request.until) if request.until else None,
        "source": f"fit to {len(used)} measurements of {', '.join(stars)} from {nights[0]} to {nights[-1]}; "
        f"figures of {table}",
        "covariance": json.dumps(fit.cov.tolist()), "chi2": fit.chi2, "dof": fit.dof, "n_measurements": len(used),
        "n_stars": len(stars), "scatter": fit.scatter, "star_scatter": fit.star_scatter,
        "raw_scatter": fit.raw_scatter, "held": ", ".join(fit.held), "residuals": json.dumps(list(results)),
    }  # fmt: skip


def _new_name(view: View, wanted: str | None, usual: str) -> str:
    """The name for a new calibration; results say it, so that it must not mean two."""
    taken = {one.name for one in (*view.calibrations, *shipped_calibrations(view.surroundings.registry))}
    if wanted is not None:
        name = " ".join(wanted.split())
        if not name or name in taken:
            raise UsageError(f"--name {wanted!r}: " + ("there is one of this name" if name else "is no name"))
        return name
    numbered = (usual if number == 1 else f"{usual} ({number})" for number in range(1, len(taken) + 2))
    return next(name for name in numbered if name not in taken)
