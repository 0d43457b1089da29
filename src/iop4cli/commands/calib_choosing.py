"""Which calibration a name means: used by all of `iop4 calib`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from iop4cli.commands.opening import Opened
from iop4cli.errors import NoSuchItem, UsageError

if TYPE_CHECKING:
    from iop4cli.pipeline.calibrations import DatedCalibration
    from iop4cli.pipeline.view import View


def view_of(opened: Opened) -> View:
    from iop4cli.pipeline.view import View

    return View(opened.store, opened.surroundings())


def all_calibrations(view: View, instrument: str | None = None, band: str | None = None) -> list[DatedCalibration]:
    from iop4cli.pipeline.calibrations import shipped_calibrations

    wanted = None if instrument is None else view.instrument(instrument).name
    known = [*shipped_calibrations(view.surroundings.registry), *view.calibrations]
    return [one for one in known if wanted in {None, one.instrument} and band in {None, one.band}]


def calibrations_named(view: View, name: str) -> list[DatedCalibration]:
    """The calibrations of that name (an instrument's file may use one that another uses too)."""
    from iop4cli.archive.results import suggestion

    known = all_calibrations(view)
    found = [one for one in known if one.name.casefold() == name.casefold()]
    if not found:
        raise NoSuchItem(f"no calibration is called {name!r}{suggestion(name, [one.name for one in known])}")
    return found


def own_calibration(view: View, name: str) -> DatedCalibration:
    """One of the archive's own."""
    from iop4cli.pipeline.calibrations import SHIPPED

    one = calibrations_named(view, name)[0]
    if one.status == SHIPPED:
        raise UsageError(
            f"{one.name} is in the file of {one.instrument}, where it holds unless the archive has another"
        )
    return one


def calibrations_as_text(view: View, names: Sequence[str], form: str | None, to: Path | None) -> str:
    """Those named, or all accepted ones, as `toml` or `ecsv` (None: by the file's name, else TOML)."""
    from iop4cli.commands.calib_showing import row_of
    from iop4cli.export.calibrations import to_ecsv, to_toml
    from iop4cli.pipeline.calibrations import ACCEPTED

    form = form or (to.suffix.lstrip(".").lower() if to else "toml")
    if form not in {"toml", "ecsv"}:
        raise UsageError(f"{form!r} is no format for calibrations: toml or ecsv")
    chosen = [one for name in names for one in calibrations_named(view, name)] if names else [
        one for one in view.calibrations if one.status == ACCEPTED
    ]  # fmt: skip
    if not chosen:
        raise NoSuchItem("no calibration is accepted: name those to export (`iop4 calib list`)")
    rows = [row_of(one) for one in chosen]
    return to_toml(rows) if form == "toml" else to_ecsv(rows)
