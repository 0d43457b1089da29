"""Plots of what was measured: light curves, tracks in q and u, modulations, sweeps of the aperture."""

from __future__ import annotations

from typing import Any

from iop4cli.archive.results import condition_of, result_columns, result_rows, source_named
from iop4cli.archive.selection import Selection
from iop4cli.export.plots.plot import Plot
from iop4cli.pipeline.view import View

_DRAWN = ("mag", "p_percent", "p_upper95_percent", "chi_deg")


def lightcurve(view: View, selection: Selection, *, unwrap: bool, host: bool, debiased: bool) -> Plot:
    """Magnitude, degree and angle of polarisation of the selection's source against time."""
    from iop4cli.export.plots.light_curve import COLUMNS, Shown, light_curve_chart, light_curve_rows

    name, rows = _results(view, selection)
    shown = Shown(host, debiased, unwrap)
    values = [row for row in light_curve_rows(rows, shown) if any(row[column] is not None for column in _DRAWN)]
    nothing = f"nothing to draw: no result of {name}{_left(selection)} has a value"
    return Plot(values, COLUMNS, nothing, lambda: light_curve_chart(rows, title=name, shown=shown))


def qu(view: View, selection: Selection, *, host: bool) -> Plot:
    """The track of the selection's source in the plane of q and u."""
    from iop4cli.export.plots.stokes_plane import COLUMNS, stokes_chart, stokes_figure, stokes_rows

    name, rows = _results(view, selection)
    values = stokes_rows(rows, host=host)
    return Plot(
        values, COLUMNS, f"nothing to draw: no result of {name}{_left(selection)} has q and u",
        lambda: stokes_chart(values, title=name), lambda wide: stokes_figure(values, title=name, wide=wide),
    )  # fmt: skip


def modulation(view: View, result: str) -> Plot:
    """The exposures of a polarimetric result against the angle of the analyser."""
    from iop4cli.export.plots.modulation import modulation_chart
    from iop4cli.pipeline.modulation import COLUMNS, modulation_rows

    rows, curve, quantity = modulation_rows(view, result)
    title = _title(view, result)
    nothing = f"nothing to draw: no exposure of {result} was measured"
    return Plot(rows, COLUMNS, nothing, lambda: modulation_chart(rows, curve, title=title, quantity=quantity))


def sweep(view: View, result: str) -> Plot:
    """How magnitude, q and u of a result change with the radius of the aperture."""
    from iop4cli.export.plots.apertures import sweep_chart
    from iop4cli.pipeline.swept_result import COLUMNS, sweep_rows

    rows = sweep_rows(view, result)
    title = _title(view, result)
    nothing = f"nothing to draw: {result} was measured in one circle only"
    return Plot(rows, COLUMNS, nothing, lambda: sweep_chart(rows, title=title))


def _results(view: View, selection: Selection) -> tuple[str, list[dict[str, Any]]]:
    """The name of the source, and its rows of the view `results` that the filters leave."""
    store = view.store
    name = source_named(store, selection.source or "")
    condition = condition_of(selection, store, view.surroundings.registry)
    return name, result_rows(store, condition, result_columns(store))


def _left(selection: Selection) -> str:
    """The filters in words, for what they left."""
    said = [
        f"--{name} {value}"
        for name in ("instrument", "band", "mode", "since", "until", "where")
        if (value := getattr(selection, name)) is not None
    ]
    return f" with {' '.join(said)}" if said else ""


def _title(view: View, result: str) -> str:
    question = "select source, instrument, band, night::text as night from results where id = ?"
    row = view.store.rows(question, [result])
    return ", ".join(str(value) for value in row[0].values() if value is not None)
