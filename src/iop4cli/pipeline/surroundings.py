"""What a plan depends on besides the store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from iop4cli.archive.layout import Layout
from iop4cli.pipeline.step import Parameters

if TYPE_CHECKING:
    from iop4cli.instruments.registry import Registry


@dataclass(frozen=True)
class Surroundings:
    """What a plan depends on besides the store."""

    layout: Layout
    registry: Registry
    parameters: Parameters
    index_folders: tuple[Path, ...] = ()
    instrument_folders: tuple[Path, ...] = ()
