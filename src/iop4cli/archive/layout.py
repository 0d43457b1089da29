"""Where things lie in an archive, and what they are called."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from iop4cli.errors import UsageError

CONFIG_NAME = "iop4.toml"
STORE_NAME = "iop4.duckdb"
FOLDERS = ("raw", "master", "reduced", "plots", "reports", "log", "instruments", "archives", "host_galaxies")
# Where the steps put files of a night: below FOLDER/TELESCOPE/NIGHT.
PRODUCT_FOLDERS = ("master", "reduced")


@dataclass(frozen=True)
class Layout:
    """The paths of one archive; `root` is absolute."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / CONFIG_NAME

    @property
    def store(self) -> Path:
        return self.root / STORE_NAME

    @property
    def raw(self) -> Path:
        return self.root / "raw"

    @property
    def locks(self) -> Path:
        """Locks of nights; made by the first run."""
        return self.root / ".locks"

    @property
    def instruments(self) -> Path:
        return self.root / "instruments"

    @property
    def host_galaxies(self) -> Path:
        return self.root / "host_galaxies"

    def raw_frame(self, name: str) -> Path:
        return self.root / "raw" / name

    def reduced_frame(self, name: str) -> Path:
        """The reduced file bears the raw one's name; it is never compressed."""
        return self.root / "reduced" / product_name(name)

    def master_file(self, name: str, key: str) -> Path:
        return self.root / "master" / f"{name}-{key[:8]}.fits"

    def relative(self, path: Path) -> str:
        return str(path.relative_to(self.root))


def product_name(name: str) -> str:
    """The name of a frame's reduced file, from that of the raw one."""
    for suffix in (".gz", ".bz2", ".fz"):
        name = name.removesuffix(suffix)
    return name


def find_archive(explicit: Path | None) -> Layout:
    """The archive named by the option, else by IOP4_ARCHIVE, else the nearest folder above that is one."""
    if explicit is not None:
        return _archive_at(explicit, "--archive")
    named = os.environ.get("IOP4_ARCHIVE")
    if named:
        return _archive_at(Path(named), "IOP4_ARCHIVE")
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return Layout(folder)
    raise UsageError(
        f"no archive here: neither {here} nor a folder above it holds {CONFIG_NAME}. "
        "Make one with `iop4 init FOLDER`, or name one with --archive or IOP4_ARCHIVE."
    )


def _archive_at(folder: Path, named_by: str) -> Layout:
    if not (folder / CONFIG_NAME).is_file():
        raise UsageError(
            f"{folder} ({named_by}) is not an archive: it holds no {CONFIG_NAME}. Make one with `iop4 init {folder}`."
        )
    return Layout(folder.resolve())
