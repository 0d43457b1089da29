"""Measured values and names as a report writes them; what is not known is empty text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from iop4cli.archive.epochs import Epoch

_NAMES_SHOWN = 6


def measured(value: float | None, error: float | None, digits: int, factor: float = 1.0) -> str:
    """A value with its error, both times `factor`."""
    if value is None:
        return ""
    return f"{factor * value:.{digits}f}" + ("" if error is None else f" ± {factor * error:.{digits}f}")


def number(value: float | None, digits: int, unit: str = "") -> str:
    return "" if value is None else f"{value:.{digits}f}{unit}"


def counted(n: int, what: str) -> str:
    return f"{n} {what}{'s' if n != 1 else ''}"


def at_time(time: datetime | None) -> str:
    return "" if time is None else f"{time:%H:%M:%S}"


def band_of(band: str) -> str:
    return band or "none"


def seconds(exptimes_s: Sequence[float]) -> str:
    """One exposure time, a few, or from the shortest to the longest."""
    said = [f"{one:g}" for one in exptimes_s]
    return ", ".join(said) if len(said) <= 3 else f"{said[0]} to {said[-1]}"


def frames_in_words(names: Sequence[str], epoch: Epoch) -> str:
    """Names of items of the night, without the night."""
    short = [without_night(name, epoch) for name in names]
    more = f" and {len(short) - _NAMES_SHOWN} more" if len(short) > _NAMES_SHOWN else ""
    return ", ".join(short[:_NAMES_SHOWN]) + more


def without_night(text: str, epoch: Epoch) -> str:
    """The page is about one night: names in it need not say so."""
    return text.replace(f"{epoch}/", "")
