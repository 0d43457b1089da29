"""What all of `iop4 index` asks of an archive: its fields, the files here, and those that are needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import typer

from iop4cli.commands.opening import Opened, open_archive
from iop4cli.errors import UsageError
from iop4cli.shell import messages
from iop4cli.shell.options import PANEL_ITEMS, ArchiveOptions

if TYPE_CHECKING:
    from iop4cli.archive.index_files import IndexFile
    from iop4cli.pipeline.index_needs import Field, Need


def _which(flag: str, metavar: str, text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        flag, metavar=metavar, show_default=False, rich_help_panel=PANEL_ITEMS, help=text
    )
    return option


SourceNames = Annotated[
    list[str] | None, _which("--source", "NAME", "Only for this target, by any of its names; may be repeated.")
]
InstrumentNames = Annotated[
    list[str] | None, _which("--instrument", "NAME", "Only for this instrument; may be repeated.")
]
Scales = Annotated[str | None, _which("--scales", "N,N-M", "Only quads of these scale numbers, like 2-6.")]
SeriesNames = Annotated[
    str | None, _which("--series", "NAME,NAME", "Of these series (else the setting index.series): 5200, 5000, 4100.")
]


@dataclass(frozen=True)
class Wish:
    """Which fields and files are meant."""

    sources: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    scales: str | None = None
    series: str | None = None


@dataclass(frozen=True)
class Asked:
    """An archive, and what is asked about it."""

    opened: Opened
    wish: Wish
    warn: Callable[[str], object] = messages.warn

    @classmethod
    def of(cls, options: ArchiveOptions, wish: Wish) -> Asked:
        return cls(open_archive(options), wish)

    @cached_property
    def fields(self) -> list[Field]:
        from iop4cli.archive.catalog_store import read_sources
        from iop4cli.archive.source import target_names
        from iop4cli.commands.catalog_named import sources_named
        from iop4cli.pipeline.index_needs import fields_of

        registry = self.opened.surroundings().registry
        instruments = [registry.by_name(name) for name in self.wish.instruments] or registry.instruments.values()
        sources = read_sources(self.opened.store)
        targets = target_names(sources)
        named = sources_named(sources, self.wish.sources)
        # A calibrator lies in the field of what it calibrates.
        meant = {name for source in named for name in ((source.name, *source.calibrates))} & targets
        return [field for field in fields_of(sources, instruments) if field.source in meant]

    @cached_property
    def files(self) -> list[IndexFile]:
        from iop4cli.archive.index_files import BrokenIndex, examined, index_files

        folders = self.opened.config.index_folders()
        for one in examined(folders):
            if isinstance(one, BrokenIndex):
                self.warn(f"{one.path} is not used: {one.reason}")
        return index_files(folders)

    @cached_property
    def covered(self) -> dict[Field, list[IndexFile]]:
        from iop4cli.pipeline.index_needs import coverage

        return coverage(self.fields, self.files)

    def needed(self) -> list[Need]:
        """The published files that are not here."""
        from iop4cli.archive.index_series import published
        from iop4cli.pipeline.index_needs import needs

        said = self.wish.series if self.wish.series is not None else self.opened.config["index.series"]
        wanted = scale_numbers(self.wish.scales)
        names = [name.strip() for name in said.split(",") if name.strip()]
        files = [file for file in published(names) if wanted is None or file.scale in wanted]
        return needs(self.covered, files)


def scale_numbers(text: str | None) -> set[int] | None:
    """The numbers in 0,2-4; None means all."""
    if text is None:
        return None
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        ends = (first, last) if dash else (first, first)
        if not all(end.isascii() and end.isdigit() for end in ends) or int(ends[0]) > int(ends[1]):
            raise UsageError(f"--scales {text!r}: must be numbers like 2 or 2-6, separated by commas")
        found |= set(range(int(ends[0]), int(ends[1]) + 1))
    return found


def sized(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.1f} MB"


def summary(needed: Sequence[Need]) -> str:
    """How many files and bytes, by the sizes of their quads."""
    n_files: Counter[tuple[str, float, float]] = Counter()
    n_bytes: Counter[tuple[str, float, float]] = Counter()
    for need in needed:
        file = need.file
        key = (f"{file.series[:2]}{file.scale:02d}", file.quad_lower_arcsec / 60, file.quad_upper_arcsec / 60)
        n_files[key] += 1
        n_bytes[key] += file.size_bytes
    lines = [
        f"  {name}: {_counted(n_files[name, lower, upper]):>9}, {sized(n_bytes[name, lower, upper]):>9}, quads of "
        f"{lower:g} to {upper:g} arcmin"
        for name, lower, upper in sorted(n_files)
    ]
    total = sized(sum(n_bytes.values()))
    return "\n".join([f"{_counted(len(needed))}, about {total}:", *lines])


def _counted(n_files: int) -> str:
    return f"{n_files} file{'s' if n_files != 1 else ''}"
