"""Calibrations as text for people, and as rows."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from iop4cli.pipeline.calibrations import NUMBERS, SHIPPED
from iop4cli.shell import page, words

if TYPE_CHECKING:
    from iop4cli.archive.store import Store
    from iop4cli.pipeline.calibrating import FittedCalibration
    from iop4cli.pipeline.calibrations import DatedCalibration

LIST_COLUMNS = (
    "name", "instrument", "band", "status", *NUMBERS, "valid_from", "valid_until", "chi2", "dof", "n_measurements",
    "made_utc", "source",
)  # fmt: skip
_SHOWN_COLUMNS = ("star", "night", "q_percent", "u_percent", "pull_q", "pull_u", "remark")
_PARAMETERS = ("q_inst", "u_inst", "zero_angle_deg", "efficiency")
_ABOUT = (
    "chi2", "dof", "n_measurements", "n_stars", "scatter", "star_scatter", "raw_scatter", "held", "made_utc",
    "made_by", "decided_utc", "decided_by",
)  # fmt: skip


def row_of(one: DatedCalibration) -> dict[str, Any]:
    """A calibration as one flat row."""
    row: dict[str, Any] = {name: getattr(one, name) for name in ("name", "instrument", "band", "status", *NUMBERS)}
    row |= {"valid_from": one.valid_from, "valid_until": one.valid_until, "source": one.source}
    row["covariance"] = None if one.cov is None else json.dumps([list(line) for line in one.cov])
    return row | {name: one.about.get(name) for name in _ABOUT}


def measurements_of(one: DatedCalibration) -> list[dict[str, Any]]:
    """The measurements that it rests on, and those left out, with what is left of each."""
    found: list[dict[str, Any]] = json.loads(one.about.get("residuals") or "[]")
    return found


def document_of(store: Store, one: DatedCalibration) -> dict[str, Any]:
    """All about one calibration."""
    from iop4cli.archive.people import calibration_notes

    users = store.rows(
        "select source, night::text as night, count(*) as results from results "
        "where calibration = ? and instrument = ? and band = ? group by all order by night, source",
        [one.name, one.instrument, one.band],
    )
    return {
        **row_of(one), "covariance": one.cov, "correlation": _correlation(one), "measurements": measurements_of(one),
        "decisions": [] if one.status == SHIPPED else calibration_notes(store, one.name), "used_by": users,
    }  # fmt: skip


def _correlation(one: DatedCalibration) -> list[list[float | None]] | None:
    """Correlation coefficients of the four numbers; None for one that has no error."""
    if one.cov is None:
        return None
    errors = [math.sqrt(one.cov[i][i]) for i in range(4)]
    return [[one.cov[i][j] / (a * b) if a * b else None for j, b in enumerate(errors)] for i, a in enumerate(errors)]


def title_of(one: DatedCalibration) -> str:
    return (
        f"{one.name}: q {100 * one.q_inst:.3f} +- {100 * one.q_inst_err:.3f} %, u {100 * one.u_inst:.3f} +- "
        f"{100 * one.u_inst_err:.3f} %,\nangle zero {one.zero_angle_deg:.2f} +- {one.zero_angle_err_deg:.2f} deg, "
        f"efficiency {one.efficiency:.4f} +- {one.efficiency_err:.4f}; chi2 {one.about['chi2']:.1f} "
        f"for {one.about['dof']}"
    )


def show_list(rows: Sequence[Mapping[str, Any]]) -> None:
    """A table on a terminal."""
    page.table([{**row, **_said(row)} for row in rows],
               ("name", "instrument", "band", "status", "q", "u", "zero", "efficiency", "valid"), indent=0)  # fmt: skip


def _said(row: Mapping[str, Any]) -> dict[str, Any]:
    begins, ends = row["valid_from"], row["valid_until"]
    return {
        "q": words.measured(row["q_inst"], row["q_inst_err"], 4),
        "u": words.measured(row["u_inst"], row["u_inst_err"], 4),
        "zero": words.measured(row["zero_angle_deg"], row["zero_angle_err_deg"], 2),
        "efficiency": words.measured(row["efficiency"], row["efficiency_err"], 3),
        "valid": f"{begins or '...'} to {ends or '...'}" if begins or ends else "always",
    }


def show_fit(fitted: FittedCalibration) -> None:
    """The numbers of a new calibration, and each measurement."""
    page.heading(fitted.row["name"])
    _show_numbers(fitted.row)
    _show_measurements(fitted.results)


def show_document(document: Mapping[str, Any]) -> None:
    """Write a document of `document_of` to stdout."""
    page.heading(f"calibration {document['name']}")
    page.text(f"{document['instrument']}, {document['band']}; {document['status']}")
    _show_numbers(document)
    if document["correlation"]:
        page.heading("Correlations")
        rows = [
            {"": name, **{other: words.number(value, 2) for other, value in zip(_PARAMETERS, line, strict=True)}}
            for name, line in zip(_PARAMETERS, document["correlation"], strict=True)
        ]
        page.table(rows, ("", *_PARAMETERS))
    _show_measurements(document["measurements"])
    if document["decisions"]:
        page.heading("Decisions")
        page.table(document["decisions"], ("text", "who", "time_utc"))
    page.heading("Results that use it")
    if document["used_by"]:
        page.table(document["used_by"], ("source", "night", "results"))
    else:
        page.text("none")


def _show_numbers(row: Mapping[str, Any]) -> None:
    page.pairs(
        {
            "q": words.measured(row["q_inst"], row["q_inst_err"], 5),
            "u": words.measured(row["u_inst"], row["u_inst_err"], 5),
            "angle zero": words.measured(row["zero_angle_deg"], row["zero_angle_err_deg"], 3, " deg, to be added"),
            "efficiency": words.measured(row["efficiency"], row["efficiency_err"], 4),
            "valid": _said(row)["valid"],
            "from": row["source"],
            "kept as known before": row["held"],
            "chi squared": words.said(words.number(row["chi2"], 1), f" for {row['dof']} degrees of freedom"),
            "scatter of measurements": _percent(row["scatter"]),
            "scatter of stars": _percent(row["star_scatter"]),
            "scatter by transparency": _percent(row["raw_scatter"]),
            "made by": row.get("made_by"),
            "made (UTC)": row.get("made_utc"),
        }
    )


def _percent(fraction: float | None) -> str | None:
    """A scatter; none where there is none to speak of."""
    return f"{100 * fraction:.3f} %" if fraction else None


def _show_measurements(results: Sequence[Mapping[str, Any]]) -> None:
    if not results:
        return
    page.heading("Standards: measured - fitted")
    rows = []
    for row in results:
        known = row["q"] is not None
        rows.append(
            {
                **row,
                "q_percent": words.measured(100 * row["q"], 100 * row["q_err"], 3) if known else None,
                "u_percent": words.measured(100 * row["u"], 100 * row["u_err"], 3) if known else None,
                "pull_q": words.number(row["q"] / row["q_err"], 1) if known else None,
                "pull_u": words.number(row["u"] / row["u_err"], 1) if known else None,
                "remark": "" if row["used"] else f"left out: {row['reason']}",
            }
        )
    page.table(rows, _SHOWN_COLUMNS)
