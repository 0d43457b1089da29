"""Measured values as people write them; what is not known is None, and says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def number(value: float | None, digits: int) -> str | None:
    """So many digits after the point."""
    return None if value is None else f"{value:.{digits}f}"


def said(text: str | None, unit: str) -> str | None:
    """Text and its unit."""
    return None if text is None else text + unit


def measured(value: float | None, error: float | None, digits: int, unit: str = "") -> str | None:
    """A value with its error."""
    if value is None:
        return None
    return f"{value:.{digits}f}" + ("" if error is None else f" +- {error:.{digits}f}") + unit


def several(values: Mapping[str, float | None], digits: int, unit: str = "") -> str | None:
    """Named values in one line; None if none is known."""
    known = [f"{name} {value:.{digits}f}{unit}" for name, value in values.items() if value is not None]
    return ", ".join(known) or None


def sky(ra_deg: float | None, dec_deg: float | None) -> str | None:
    """A place on the sky."""
    return None if ra_deg is None or dec_deg is None else f"RA {ra_deg:.5f}, Dec {dec_deg:+.5f} deg"


def size(row: Mapping[str, Any]) -> str | None:
    """Size, binning and window of a frame or master."""
    if row["width_px"] is None:
        return None
    text = f"{row['width_px']} x {row['height_px']} px, binned {row['binning_x']} x {row['binning_y']}"
    windowed = row["window_x0"] or row["window_y0"]
    return text + (f", window at {row['window_x0']},{row['window_y0']}" if windowed else "")


def last(name: str | None) -> str | None:
    """The last part of a name."""
    return None if name is None else name.rsplit("/", 1)[-1]
