"""Making an archive."""

from __future__ import annotations

from pathlib import Path

from iop4cli.archive.layout import FOLDERS, Layout
from iop4cli.archive.store import Store
from iop4cli.errors import UsageError
from iop4cli.unfinished import abandoned_beside, remove, unfinished_beside

_CONFIG = """\
# Settings of this archive. Flags and IOP4_* variables win over these; `iop4 doctor` shows what is in force and
# where it comes from, `iop4 STEP --show-params` what can be set.

# [solve]
# index_path = ["/data/astrometry"]   # folders of astrometry.net index files

# [phot]
# radius_fwhm = 1.2
"""


def create_archive(folder: Path, raw: Path | None = None, *, with_catalog: bool = False) -> Layout:
    """Make what is missing of an archive in `folder`; `raw` becomes the target of a link raw/."""
    root = folder.absolute()
    if root.exists() and not root.is_dir():
        raise UsageError(f"{folder} is a file, not a folder")
    root.mkdir(parents=True, exist_ok=True)
    layout = Layout(root.resolve())
    if raw is not None:
        _link_raw(layout, raw)
    for name in FOLDERS:
        (layout.root / name).mkdir(exist_ok=True)
    if not layout.config.exists():
        _write_config(layout.config)
    store = Store(layout.store)
    store.create()
    if with_catalog:
        from iop4cli.archive.catalog import read_catalog
        from iop4cli.archive.catalog_store import write_sources
        from iop4cli.share import share_dir

        write_sources(store, read_catalog(share_dir() / "catalogs" / "comparison_stars.ecsv"))
    return layout


def _write_config(path: Path) -> None:
    """Whole or not at all: that it is there makes a folder an archive."""
    for left in abandoned_beside(path):
        remove(left)
    temporary = unfinished_beside(path)
    try:
        temporary.write_text(_CONFIG, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _link_raw(layout: Layout, raw: Path) -> None:
    if not raw.is_dir():
        raise UsageError(f"--raw {raw}: no such folder")
    if layout.raw.is_symlink() and layout.raw.resolve() == raw.resolve():
        return
    if layout.raw.is_symlink() or (layout.raw.exists() and any(layout.raw.iterdir())):
        raise UsageError(f"{layout.raw} is already there; --raw would hide what it holds")
    if layout.raw.exists():
        layout.raw.rmdir()
    layout.raw.symlink_to(raw.resolve(), target_is_directory=True)
