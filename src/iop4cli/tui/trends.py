"""Masters and calibrations beside others of their kind, as rows of a trend; for threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iop4cli.errors import NoSuchItem
from iop4cli.tui.widgets.trend import Trended, mjd_of

if TYPE_CHECKING:
    from iop4cli.pipeline.view import View

MASTER_QUANTITIES = {
    # A flat has no level: it is divided by it.
    "flat": (Trended("scatter", "", "scatter"), Trended("n_frames", "", "frames", whole=True)),
    "bias": (Trended("level", "", "level"), Trended("scatter", "", "scatter")),
}
MASTER_QUANTITIES["dark"] = MASTER_QUANTITIES["bias"]
CALIBRATION_QUANTITIES = (
    Trended("q_inst_percent", "q_inst_err_percent", "q %"), Trended("u_inst_percent", "u_inst_err_percent", "u %"),
    Trended("zero_angle_deg", "zero_angle_err_deg", "zero °"),
)  # fmt: skip
_UNITS = {"bias": "level and scatter in ADU", "dark": "level and scatter in ADU/s", "flat": "scatter relative"}
_COLUMNS = ("name", "instrument", "band", "night", "mjd_utc", "level", "scatter", "n_frames", "reason")

Trending = tuple[list[dict[str, Any]], str]


def master_trend(view: View, name: str) -> Trending:
    """The masters that `iop4 mkmaster` compares with one another and with this one, and what they are."""
    from iop4cli.archive.selection import Selection
    from iop4cli.pipeline.plotted_nights import master_rows
    from iop4cli.pipeline.standing import series_of

    masters = {row["name"]: row for row in view.rows("master")}
    this = masters.get(name)
    if this is None:
        raise NoSuchItem(f"there is no master {name} any more")
    rows = master_rows(view, Selection(instrument=this["instrument"], band=this["band"]), (this["kind"],))
    alike = [
        {
            **{column: row[column] for column in _COLUMNS}, "is_this": row["name"] == name,
            "standing": "accepted" if row["accepted"] else "rejected",
        }
        for row in rows
        if series_of(masters[row["name"]]) == series_of(this)
    ]  # fmt: skip
    angle = "" if this["angle_deg"] is None else f" {this['angle_deg']:g}°"
    size = f"{this['width_px']} x {this['height_px']}, binning {this['binning_x']} x {this['binning_y']}"
    what = " ".join(filter(None, (this["kind"], this["instrument"], this["band"]))) + angle
    return alike, f"{what}, {size}, {_UNITS[this['kind']]}"


def calibration_trend(view: View, name: str, instrument: str, band: str) -> Trending:
    """The calibrations of an instrument and band; those without a beginning hold always."""
    from iop4cli.commands.calib_choosing import all_calibrations
    from iop4cli.commands.calib_showing import row_of

    rows = [row_of(one) for one in all_calibrations(view, instrument, band)]
    alike = [
        {
            **{column: row[column] for column in ("name", "valid_from", "valid_until")},
            "standing": row["status"], "mjd_utc": None if row["valid_from"] is None else mjd_of(row["valid_from"]),
            **{f"{column}_percent": 100.0 * row[column] for column in ("q_inst", "q_inst_err", "u_inst", "u_inst_err")},
            "zero_angle_deg": row["zero_angle_deg"], "zero_angle_err_deg": row["zero_angle_err_deg"],
            "is_this": row["name"] == name,
        }
        for row in rows
    ]  # fmt: skip
    return alike, f"{instrument} {band}, by the night that each is valid from"
