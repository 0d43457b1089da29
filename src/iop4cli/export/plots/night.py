"""Small drawings of a night as inline SVG that takes its colours from the page around it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from iop4cli.export.night_facts import Result, Sample, Series
from iop4cli.science.departures import typical

# Legible on white and on black alike.
_COLOURS = {"U": "#9467c8", "B": "#3f86d0", "V": "#2f9e5c", "R": "#d9534a", "I": "#b0703c"}
_OTHERS = ("#d08a1e", "#1f9aa5", "#c0569b", "#7a8a1f", "#6f7fd8")
# Stands for the ink of the page, which SVG calls currentColor; no other colour is it.
_INK = "#010203"
_WIDTH_IN, _PANEL_IN, _ALONE_IN, _EDGE_IN = 4.6, 1.15, 1.5, 0.5
_LEAST_AROUND_H = 0.1
_MINUTES = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 360)
_Point = tuple[float, float, float]  # MJD, value, error
_MJD_ZERO = datetime(1858, 11, 17)
_HOURS_PER_DAY = 24.0


def source_svg(
    prefix: str, night: str, days_before: int, series: Sequence[Series], results: Iterable[Result],
    before: Iterable[Result],
) -> str:  # fmt: skip
    """Magnitude, p and chi of one source in all bands against the date: hollow the medians of the nights before."""
    bands = [one.band for one in series]
    both = (list(before), list(results))
    panels = [
        (label, name, error, factor)
        for label, name, error, factor in (
            ("mag", "mag", "mag_err", 1.0), ("p (%)", "p", "p_err", 100.0), ("χ (deg)", "chi_deg", "chi_err_deg", 1.0),
        )
        if any(getattr(one, name) is not None for some in both for one in some)
    ]  # fmt: skip
    if not panels:
        return ""
    with _settings():
        figure, all_axes = _figure(len(panels))
        for axes, (label, name, error, factor) in zip(all_axes, panels, strict=True):
            for band in bands:
                own = [[one for one in some if one.band == band] for some in both]
                period = 180.0 if name == "chi_deg" else None
                for points, is_now in (
                    (_by_night(own[0], name, error, period), False),
                    (_each(own[1], name, error), True),
                ):
                    axes.errorbar(
                        [mjd for mjd, _, _ in points], [factor * value for _, value, _ in points],
                        yerr=[factor * err for _, _, err in points], fmt="o", ms=4.5 if is_now else 4,
                        lw=0, elinewidth=0.8, color=_colour(band, bands), mfc=None if is_now else "none",
                        alpha=1.0 if is_now else 0.75, label=band if is_now else None,
                    )  # fmt: skip
            axes.set_ylabel(label)
            if name == "mag":
                axes.invert_yaxis()
            if name == "chi_deg":
                axes.set_ylim(-8, 188)
                axes.set_yticks([0, 45, 90, 135, 180])
        if len(bands) > 1:
            all_axes[0].legend(ncols=len(bands), loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
        evening = _mjd(datetime.fromisoformat(night))
        all_axes[-1].set_xlim(evening - days_before, evening + 2)
        all_axes[-1].xaxis.set_major_formatter(lambda mjd, _: f"{_MJD_ZERO + timedelta(days=round(mjd)):%d %b}")
        all_axes[-1].xaxis.get_major_locator().set_params(nbins=5, integer=True, min_n_ticks=1)
        return _svg(figure, prefix)


def samples_svg(prefix: str, label: str, groups: Sequence[tuple[str, Sequence[Sample]]]) -> str:
    """Values against the time of the night, one colour a group."""
    from matplotlib.ticker import MultipleLocator

    with _settings():
        figure, (axes,) = _figure(1, _ALONE_IN)
        for number, (name, samples) in enumerate(groups):
            axes.plot(
                [_HOURS_PER_DAY * _mjd(one.time) for one in samples], [one.value for one in samples],
                "os^Dv"[number % 5], ms=4, color=_OTHERS[(number + 1) % len(_OTHERS)], label=name,
            )  # fmt: skip
        axes.set_ylabel(label)
        if len(groups) > 1:
            axes.legend(ncols=3, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
        axes.xaxis.set_major_formatter(lambda hours, _: f"{_MJD_ZERO + timedelta(minutes=round(60 * hours)):%H:%M}")
        times = [_HOURS_PER_DAY * _mjd(one.time) for _, samples in groups for one in samples]
        span_h = max(times) - min(times)
        # Around a single time the library would show years, with a tick every few minutes.
        around_h = max(0.05 * span_h, _LEAST_AROUND_H)
        axes.set_xlim(min(times) - around_h, max(times) + around_h)
        axes.xaxis.set_major_locator(MultipleLocator(_hours_between(span_h)))
        axes.set_xlabel("UTC")
        return _svg(figure, prefix)


def _each(results: Iterable[Result], name: str, error: str) -> list[_Point]:
    return [
        (_mjd(one.time), getattr(one, name), getattr(one, error) or 0.0)
        for one in results
        if one.time is not None and getattr(one, name) is not None
    ]


def _by_night(results: Iterable[Result], name: str, error: str, period: float | None) -> list[_Point]:
    """The median of each night, at the mean time."""
    nights: dict[str, list[Result]] = {}
    for one in results:
        if one.time is not None and getattr(one, name) is not None:
            nights.setdefault(one.night, []).append(one)
    found = []
    for own in nights.values():
        middle = typical(
            [getattr(one, name) for one in own],
            [getattr(one, error) for one in own],
            [one.night for one in own],
            period,
        )
        assert middle is not None
        found.append((sum(_mjd(one.time) for one in own) / len(own), middle.value, middle.error or 0.0))
    return found


def _mjd(time: datetime | None) -> float:
    assert time is not None
    return (time - _MJD_ZERO) / timedelta(days=1)


def _colour(band: str, bands: Sequence[str]) -> str:
    others = [one for one in bands if one not in _COLOURS]
    return _COLOURS.get(band) or _OTHERS[others.index(band) % len(_OTHERS)]


def _settings() -> Any:
    from matplotlib import rc_context

    return rc_context({
        "svg.fonttype": "none", "svg.hashsalt": "iop4", "font.size": 9, "text.color": _INK, "axes.labelcolor": _INK,
        "axes.edgecolor": _INK, "xtick.color": _INK, "ytick.color": _INK, "axes.spines.top": False,
        "axes.spines.right": False, "axes.linewidth": 0.6, "legend.frameon": False, "legend.handletextpad": 0.1,
        "legend.columnspacing": 0.8, "axes.formatter.useoffset": False, "axes.unicode_minus": True,
        "text.parse_math": False,
    })  # fmt: skip


def _hours_between(span_h: float) -> float:
    """Between ticks: as clocks are read."""
    return next((minutes / 60 for minutes in _MINUTES if span_h * 60 < 5 * minutes), span_h / 5)


def _figure(n_panels: int, panel_in: float = _PANEL_IN) -> tuple[Any, list[Any]]:
    from matplotlib.figure import Figure

    height_in = n_panels * panel_in + _EDGE_IN
    figure = Figure(figsize=(_WIDTH_IN, height_in), layout="constrained")
    return figure, list(figure.subplots(n_panels, 1, sharex=True, squeeze=False)[:, 0])


# A hundredth of a point is finer than any screen, and half the size of what matplotlib writes.
_COORDINATES = re.compile(r' (?:d|x|y|transform)="[^"]*"')
_MORE_DECIMALS = re.compile(r"(\.\d\d)\d+")
_SIZES = re.compile(r'^<svg[^>]*?viewBox="([^"]+)"[^>]*>', re.DOTALL)


def _svg(figure: Any, prefix: str) -> str:
    """The figure as an element of HTML: without XML's head and name spaces, ids its own, ink that of the page."""
    stream = io.StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(stream, format="svg", transparent=True, metadata=no_metadata)
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    view = _SIZES.match(text)
    assert view is not None
    text = f'<svg viewBox="{view[1]}" role="img">' + text[view.end() :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<style[^>]*>(.*?)</style>", "", text, flags=re.DOTALL)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda found: f' id="{prefix}-{found[1]}"' if found[1] in used else "", text)
    text = re.sub(r'(?:xlink:)?href="#', f'href="#{prefix}-', text).replace("url(#", f"url(#{prefix}-")
    text = _COORDINATES.sub(lambda found: _MORE_DECIMALS.sub(r"\1", found[0]), text)
    text = text.replace(_INK, "currentColor")
    text = re.sub(r"font: ([0-9.]+)px [^;\"]+", r"font-size: \1px", text)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    return re.sub(r">\s+<", "><", text).strip()
