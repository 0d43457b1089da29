"""Plots of what changes from night to night: zero points, calibrators, masters."""

from __future__ import annotations

from collections.abc import Sequence

from iop4cli.archive.selection import Selection
from iop4cli.errors import NoSuchItem, UsageError
from iop4cli.export.plots.plot import Plot
from iop4cli.pipeline.view import View

MASTER_KINDS = ("bias", "dark", "flat")
_HEALTH_COLUMNS = (
    "source", "instrument", "band", "night", "mjd_utc", "mag", "catalog_mag", "catalog_mag_err", "residual_mag",
    "residual_err_mag", "n_calibrators", "id",
)  # fmt: skip


def zeropoint(view: View, selection: Selection, *, airmass: bool) -> Plot:
    """The zero points of frames and groups, against time or airmass."""
    from iop4cli.export.plots.nights import zero_point_chart
    from iop4cli.pipeline.plotted_nights import ZERO_POINT_COLUMNS, zero_point_rows

    rows = zero_point_rows(view, selection)
    drawn = [row for row in rows if not airmass or row["airmass"] is not None]
    title = "zero points" + (f", {', '.join(selection.names)}" if selection.names else "")
    return Plot(
        drawn, ZERO_POINT_COLUMNS, "nothing to draw: no result that was asked for has a zero point",
        lambda: zero_point_chart(drawn, title=title, by_airmass=airmass),
    )  # fmt: skip


def health(view: View, source: str | None) -> Plot:
    """What calibrators were measured to be, less the catalogue's magnitude, against time."""
    from iop4cli.archive.results import source_named
    from iop4cli.export.plots.nights import health_chart
    from iop4cli.pipeline.catalog_health import calibrator_health, calibrators_named, residual_rows

    store = view.store
    names, title = None, "calibrators"
    if source is not None:
        title = source_named(store, source)
        names = calibrators_named(store, title)
        if not names:
            raise NoSuchItem(f"{title} calibrates nothing and has no calibrators")
    verdicts: dict[str, str] = {}
    for row in calibrator_health(store, names):
        # A row for each instrument and band; the worst of a star comes first.
        verdicts.setdefault(row["source"], row["verdict"])
    rows = residual_rows(store, names)
    nothing = "nothing to draw: no calibrator was measured against others yet (`iop4 run`)"
    return Plot(rows, _HEALTH_COLUMNS, nothing, lambda: health_chart(rows, verdicts, title=title))


def masters(view: View, selection: Selection, kinds: Sequence[str]) -> Plot:
    """Level, scatter and number of frames of masters, night by night; no kinds: all."""
    from iop4cli.export.plots.nights import masters_chart
    from iop4cli.pipeline.plotted_nights import MASTER_COLUMNS, master_rows

    for one in kinds:
        if one not in MASTER_KINDS:
            raise UsageError(f"--kind {one!r}: choose of {', '.join(MASTER_KINDS)}")
    rows = master_rows(view, selection, kinds or MASTER_KINDS)
    nothing = "nothing to draw: no master that was asked for has been made"
    return Plot(rows, MASTER_COLUMNS, nothing, lambda: masters_chart(rows, title="masters"))
