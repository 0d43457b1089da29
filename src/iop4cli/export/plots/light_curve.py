"""The light curve of a source: magnitude, degree and angle of polarisation against time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iop4cli.export.plots.chart import Chart, Panel, Point, Series, known, point_of, points, time_axis
from iop4cli.export.plots.chart_figure import chart_figure

_PERCENT = 100.0
# Below this many sigmas a degree of polarisation is an upper limit.
_LIMIT_SIGMAS = 3.0

COLUMNS = (
    "id", "source", "telescope", "instrument", "night", "mode", "band", "mjd_utc", "bjd_tdb", "mag", "mag_err",
    "p_percent", "p_err_percent", "p_upper95_percent", "chi_deg", "chi_err_deg", "chi_shown_deg", "chi_step_ambiguous",
    "flags",
)  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """Which of the values are drawn: without the host galaxy, without the bias of p, angles as a continuous series."""

    host: bool = False
    debiased: bool = False
    unwrap: bool = False


def light_curve_rows(rows: Sequence[Mapping[str, Any]], shown: Shown) -> list[dict[str, Any]]:
    """What is drawn, from rows of the view `results`, in time; a value that is not drawn is None.

    p is in percent; an upper limit is there instead of p where p is below 3 sigma. A limit without the host galaxy
    is that with it times p_host / p: the same factor as of p, whose error it leaves out.
    """
    found = [_shown_row(row, shown) for row in sorted(rows, key=lambda row: (known(row["mjd_utc"]) or 0.0, row["id"]))]
    if shown.unwrap:
        _unwrap(found)
    return found


def _shown_row(row: Mapping[str, Any], shown: Shown) -> dict[str, Any]:
    mag, p, p_err = ("mag_host", "p_host", "p_host_err") if shown.host else ("mag", "p", "p_err")
    measured, error = known(row.get(p)), known(row.get(p_err))
    limit = known(row.get("p_upper95"))
    if shown.host and limit is not None:
        with_host = known(row.get("p"))
        limit = limit * measured / with_host if measured is not None and with_host else None
    is_limit = limit is not None and measured is not None and bool(error) and measured < _LIMIT_SIGMAS * (error or 0.0)
    value = known(row.get("p_host_debiased" if shown.host else "p_debiased")) if shown.debiased else measured
    return {
        **{name: row.get(name) for name in COLUMNS},
        "mag": known(row.get(mag)), "mag_err": known(row.get(f"{mag}_err")),
        "p_percent": None if value is None or is_limit else _PERCENT * value,
        "p_err_percent": None if value is None or error is None or is_limit else _PERCENT * error,
        "p_upper95_percent": _PERCENT * limit if is_limit and limit is not None else None,
        "chi_deg": known(row.get("chi_deg")), "chi_err_deg": known(row.get("chi_err_deg")),
        "chi_shown_deg": known(row.get("chi_deg")), "chi_step_ambiguous": None,
    }  # fmt: skip


def _unwrap(found: Sequence[dict[str, Any]]) -> None:
    """Angles of all instruments and bands as one series, for a panel shows them together."""
    from iop4cli.science.position_angles import unwrap

    angled = [row for row in found if row["chi_deg"] is not None and known(row["mjd_utc"]) is not None]
    angles, ambiguous = unwrap(
        [row["chi_deg"] for row in angled],
        [float("nan") if row["chi_err_deg"] is None else row["chi_err_deg"] for row in angled],
        [_leads(row) for row in angled],
    )
    for row, angle, doubtful in zip(angled, angles, ambiguous, strict=True):
        row |= {"chi_shown_deg": float(angle), "chi_step_ambiguous": bool(doubtful)}


def _leads(row: Mapping[str, Any]) -> bool:
    """Whether later angles are moved to be near this one: the angle of what is not polarised at 3 sigma is noise."""
    return row["flags"] is None and row["p_upper95_percent"] is None


def light_curve_chart(rows: Sequence[Mapping[str, Any]], *, title: str, shown: Shown | None = None) -> Chart:
    """Panels with magnitude, p and chi, of those that have a value; `rows` of the view `results`."""
    shown = shown or Shown()
    found = light_curve_rows(rows, shown)
    bands = list(dict.fromkeys(row["band"] for row in found))
    axis = time_axis(row["mjd_utc"] for row in found)
    series = _split(found, len(bands) > 1)

    def panel(label: str, column: str, error: str, **more: Any) -> Panel:
        made = tuple(
            Series(name, points(_point(row, column, error, axis.origin_mjd) for row in chosen), look)
            for look, (name, chosen) in enumerate(series.items())
        )
        return Panel(label, made, **more)

    host = " without host\n" if shown.host else " "
    panels = [
        panel(f"{bands[0] if len(bands) == 1 else 'magnitude'}{host}(mag)", "mag", "mag_err", inverted=True),
        panel(f"p{' debiased' if shown.debiased else ''}{host}(%)", "p_percent", "p_err_percent"),
        _with_doubts(panel("$\\chi$ (deg)", "chi_shown_deg", "chi_err_deg"), found, axis.origin_mjd),
    ]
    kept = [one for one in panels if any(series.points for series in one.series)]
    return Chart(title, axis.label, tuple(kept), origin_mjd=axis.origin_mjd)


def _split(found: Sequence[dict[str, Any]], by_band: bool) -> dict[str, list[dict[str, Any]]]:
    """Rows by instrument, and by band where there are several, in the order of names: looks must not hang on time."""
    split: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(found, key=lambda row: (row["instrument"] or "", row["band"] or "")):
        name = f"{row['instrument']} {row['band']}" if by_band else str(row["instrument"])
        split.setdefault(name, []).append(row)
    return {name: sorted(chosen, key=lambda row: known(row["mjd_utc"]) or 0.0) for name, chosen in split.items()}


def _point(row: Mapping[str, Any], column: str, error: str, origin_mjd: float) -> Point | None:
    hollow = row["flags"] is not None
    if column == "p_percent" and row["p_upper95_percent"] is not None:
        return point_of(row, "mjd_utc", "p_upper95_percent", less=origin_mjd, hollow=hollow, limit=True)
    return point_of(row, "mjd_utc", column, error, less=origin_mjd, hollow=hollow)


def _with_doubts(panel: Panel, found: Sequence[Mapping[str, Any]], origin_mjd: float) -> Panel:
    """With a dotted line along each step that may have gone the other way."""
    steps = []
    before: Mapping[str, Any] | None = None
    for row in found:
        if row["chi_shown_deg"] is None or known(row["mjd_utc"]) is None:
            continue
        if row["chi_step_ambiguous"] and before is not None:
            ends = points(point_of(one, "mjd_utc", "chi_shown_deg", less=origin_mjd) for one in (before, row))
            steps.append(Series("ambiguous step", ends, _DOUBT_LOOK, joined=True, dashed=True))
        if _leads(row):
            before = row
    return Panel(panel.y_label, (*panel.series, *steps))


_DOUBT_LOOK = 6


def light_curve_figure(
    rows: Sequence[Mapping[str, Any]], *, title: str, shown: Shown | None = None, wide: bool = False
) -> Any:
    """A figure of `light_curve_chart`: magnitudes inverted, MJD below and dates above, limits as arrows."""
    return chart_figure(light_curve_chart(rows, title=title, shown=shown), wide=wide)
