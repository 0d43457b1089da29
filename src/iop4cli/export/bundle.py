"""A folder or ZIP file for a collaborator: filled under another name, then renamed, with checksums."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iop4cli.errors import UsageError
from iop4cli.full_disk import told_if_full
from iop4cli.unfinished import abandoned_beside, remove, unfinished_beside

CHECKSUMS = "SHA256SUMS"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9+.-]+")
# The first day of ZIP: the same results make the same file.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@contextmanager
def staged_bundle(path: Path) -> Iterator[Path]:
    """A folder to be filled; when that ends well it gets checksums and is `path`, else nothing is left of it."""
    _check_free(path)
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: its folder does not exist")
    stage = unfinished_beside(path.absolute())
    for left in abandoned_beside(path.absolute()):
        remove(left)
    folder = stage / path.stem if _is_zip(path) else stage
    try:
        with told_if_full(path):
            folder.mkdir(parents=True)
            yield folder
            _write_checksums(folder)
            made = _zipped(stage, folder) if _is_zip(path) else stage
            _sync(made)
            _check_free(path)
            made.rename(path)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def file_stem(name: str, taken: set[str]) -> str:
    """A name for files from that of a source; `taken` are those that others have, and gets this one."""
    plain = _NOT_IN_NAMES.sub("_", name).strip("._-") or "source"
    stem, number = plain, 1
    while stem.casefold() in taken:
        number += 1
        stem = f"{plain}_{number}"
    taken.add(stem.casefold())
    return stem


def _check_free(path: Path) -> None:
    if path.exists():
        raise UsageError(f"{path} is there already: say another name")


def _is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write_checksums(folder: Path) -> None:
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in _files(folder)
    ]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def _zipped(stage: Path, folder: Path) -> Path:
    made = stage / "bundle.zip"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _files(folder):
            entry = zipfile.ZipInfo(path.relative_to(stage).as_posix(), _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    return made


def _sync(made: Path) -> None:
    for path in [made] if made.is_file() else _files(made):
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
