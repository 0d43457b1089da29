"""Frames from local disk into the archive's raw/."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from iop4cli.archive.epochs import check_filename, parse_epoch
from iop4cli.archive.layout import Layout
from iop4cli.errors import BadFrame, Iop4Error
from iop4cli.frames.fits import put_in_place, sync, temporary_beside, whole_or_gone
from iop4cli.full_disk import DiskFull, told_if_full
from iop4cli.instruments.headers import read_night
from iop4cli.instruments.registry import Registry
from iop4cli.unfinished import abandoned_beside, remove

FITS_SUFFIXES = (".fit", ".fits", ".fts", ".fit.gz", ".fits.gz", ".fits.fz", ".fit.fz")


def frames_below(paths: Iterable[Path]) -> Iterator[Path]:
    """The files named, and all FITS files in the folders named, by name."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path, followlinks=True):
            folders.sort()
            for name in sorted(names):
                if name.lower().endswith(FITS_SUFFIXES) and not name.startswith("."):
                    yield Path(folder) / name


class LocalFetch:
    """Places frames; `copy` them (`read_only`), or link to where they are."""

    def __init__(self, layout: Layout, registry: Registry, copy: bool, read_only: bool = False) -> None:
        self.layout, self.registry, self.copy, self.read_only = layout, registry, copy, read_only

    def one(self, path: Path) -> tuple[str, str | None, str]:
        """(done, current or failed; name in the archive or None; reason)."""
        try:
            name = self._name(path)
        except Iop4Error as error:
            return "failed", None, str(error)
        final = self.layout.raw_frame(name)
        if os.path.lexists(final):
            return self._there_already(path, final, name)
        temporary = temporary_beside(final)
        for left in abandoned_beside(final):
            remove(left)
        if not self.copy:
            final.symlink_to(path.resolve())
            return "done", name, ""
        try:
            with told_if_full(final.parent, path.stat().st_size), whole_or_gone(temporary):
                shutil.copyfile(path, temporary)
                if self.read_only:
                    temporary.chmod(temporary.stat().st_mode & ~0o222)
                sync(temporary)
                put_in_place(temporary, final)
        except DiskFull as error:
            return "failed", name, str(error)
        return "done", name, ""

    def _name(self, path: Path) -> str:
        """TELESCOPE/NIGHT/FILENAME by the header, or by the folders for a frame that lies in such a tree already."""
        from iop4cli.frames.raw import read_header

        try:
            header = read_header(path)
            instrument = self.registry.recognise(header)
            night = read_night(header, instrument.site, instrument.headers.time)
            if night is None:
                raise BadFrame("the header has no time that tells the night")
            return f"{instrument.telescope}/{night}/{check_filename(path.name)}"
        except Iop4Error as error:
            placed = self._by_folders(path)
            if placed is None:
                raise BadFrame(f"{error}. Put it into raw/TELESCOPE/NIGHT/ by hand if it is worth keeping") from error
            return placed

    def _by_folders(self, path: Path) -> str | None:
        """A bad frame in a folder TELESCOPE/NIGHT/ goes where that says, so that classify can tell what is wrong."""
        folders = path.resolve().parent.parts
        if len(folders) < 2:
            return None
        try:
            epoch = parse_epoch("/".join(folders[-2:]), self.registry.telescope)
        except Iop4Error:
            return None
        return f"{epoch}/{check_filename(path.name)}"

    def _there_already(self, path: Path, final: Path, name: str) -> tuple[str, str | None, str]:
        if not final.exists():
            return "failed", name, f"{final} is a link to a file that is gone; remove it and fetch again"
        if final.samefile(path) or filecmp.cmp(path, final, shallow=False):
            return "current", name, ""
        return "failed", name, f"another file of that name is in the archive as {name}; rename one of them"
