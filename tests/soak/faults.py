"""What a fault is, and what is known after it was tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tried:
    """How often a fault was tried; a line for each thing that was lost or wrong; and what else is worth telling."""

    times: int
    lost: tuple[str, ...] = ()
    told: str = ""


@dataclass(frozen=True)
class Fault:
    """One kind of fault. `attempt(folder, times)` brings it about in an empty folder of its own.

    `quick` times are enough for the tests of every day, `whole` for the table of a release.
    """

    name: str
    quick: int
    whole: int
    attempt: Callable[[Path, int], Tried]
