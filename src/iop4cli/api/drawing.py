"""Plots and reports as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iop4cli.api.choosing import Filters, selection
from iop4cli.api.frames import frame_of
from iop4cli.errors import NoSuchItem, UsageError
from iop4cli.nearest import did_you_mean

if TYPE_CHECKING:
    import polars as pl

    from iop4cli.commands.opening import Opened
    from iop4cli.export.plots.plot import Plot
    from iop4cli.pipeline.view import View

_FILTERS = frozenset(Filters.__annotations__)
# Kind -> whether it is of one thing that must be named (None: it may be), and its options.
_KINDS: dict[str, tuple[bool | None, frozenset[str]]] = {
    "lightcurve": (True, _FILTERS - {"source"} | {"unwrap", "host", "debiased"}),
    "qu": (True, _FILTERS - {"source"} | {"host"}),
    "modulation": (True, frozenset()),
    "sweep": (True, frozenset()),
    "growth": (True, frozenset()),
    "astrometry": (True, frozenset()),
    "frame": (True, frozenset()),
    "finding": (True, frozenset({"radius_deg"})),
    "health": (None, frozenset()),
    "zeropoint": (None, _FILTERS - {"source"} | {"airmass"}),
    "masters": (False, frozenset({"instrument", "band", "since", "until", "kinds"})),
}


def plot(
    view: View, kind: str, what: str | None, path: Path | None, wide: bool, options: Mapping[str, Any]
) -> pl.DataFrame:
    """Draw, if there is a path; the values in any case."""
    from iop4cli.export.plots.plot import save_plot
    from iop4cli.export.plots.style import check_file

    _check(kind, what, options)
    if path is not None:
        check_file(path)
    drawn = _plot(view, kind, what, options)
    if not drawn.rows and drawn.nothing is not None:
        raise NoSuchItem(drawn.nothing)
    if path is not None:
        save_plot(drawn, path, wide=wide)
    return frame_of(drawn.rows, drawn.columns)


def _check(kind: str, what: str | None, options: Mapping[str, Any]) -> None:
    if kind not in _KINDS:
        raise UsageError(f"no plot is called {kind!r}{did_you_mean(kind, _KINDS)}")
    named, known = _KINDS[kind]
    if named is not None and named != (what is not None):
        raise UsageError(
            f"a plot of {kind} needs what it is of" if named else f"a plot of {kind} is of none in particular"
        )
    for name in options:
        if name not in known:
            raise UsageError(f"a plot of {kind} has no option {name!r}{did_you_mean(name, known)}")


def _plot(view: View, kind: str, what: str | None, options: Mapping[str, Any]) -> Plot:
    from iop4cli.pipeline import drawn_frames, drawn_nights, drawn_results

    filters: Any = {name: value for name, value in options.items() if name in _FILTERS}
    yes = {name: bool(options.get(name)) for name in ("unwrap", "host", "debiased", "airmass")}
    of = what or ""
    kinds: dict[str, Callable[[], Plot]] = {
        "lightcurve": lambda: drawn_results.lightcurve(
            view, selection((), {**filters, "source": of}),
            unwrap=yes["unwrap"], host=yes["host"], debiased=yes["debiased"],
        ),
        "qu": lambda: drawn_results.qu(view, selection((), {**filters, "source": of}), host=yes["host"]),
        "modulation": lambda: drawn_results.modulation(view, of),
        "sweep": lambda: drawn_results.sweep(view, of),
        "growth": lambda: drawn_frames.growth(view, of),
        "astrometry": lambda: drawn_frames.astrometry(view, of),
        "frame": lambda: drawn_frames.frame(view, of),
        "finding": lambda: drawn_frames.finding(view, of, options.get("radius_deg")),
        "health": lambda: drawn_nights.health(view, what),
        "zeropoint": lambda: drawn_nights.zeropoint(
            view, selection([what] if what else [], filters), airmass=yes["airmass"]
        ),
        "masters": lambda: drawn_nights.masters(view, selection((), filters), options.get("kinds", ())),
    }  # fmt: skip
    return kinds[kind]()


def report(opened: Opened, nights: Sequence[str], path: Path | None, since: str | None, until: str | None) -> str:
    """The report of nights as Markdown; none if there is no night."""
    from iop4cli.export.atomic import write_text
    from iop4cli.export.night_page import night_page
    from iop4cli.export.report_html import html
    from iop4cli.export.report_markdown import markdown
    from iop4cli.pipeline.catalog_health import calibrator_health
    from iop4cli.pipeline.night_report import night_facts
    from iop4cli.pipeline.reported_nights import reported_nights

    if path is not None and path.suffix.lower() not in {".html", ".md"}:
        raise UsageError(f"{path}: a report is written as .html or .md")
    registry = opened.surroundings().registry
    epochs = reported_nights(opened.store, opened.layout, registry, nights or None, since, until)
    if not epochs:
        return ""
    health = calibrator_health(opened.store)
    pages = [night_page(night_facts(opened.store, opened.layout, epoch, health)) for epoch in epochs]
    text = markdown(pages)
    if path is not None:
        write_text(path, text if path.suffix.lower() == ".md" else html(pages))
    return text
