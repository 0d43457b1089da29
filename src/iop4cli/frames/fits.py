"""FITS files of our own: atomic writing of products, and reading them again (raw frames: raw.py)."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iop4cli.errors import BadFrame
from iop4cli.frames.reduced import ascii_text
from iop4cli.full_disk import told_if_full
from iop4cli.unfinished import unfinished_beside

if TYPE_CHECKING:
    import numpy as np
    from astropy.io.fits import HDUList, Header

_BLOCK_BYTES = 2880
_KEY_IN_NAME = 8


@contextmanager
def _opened(path: Path, **options: Any) -> Iterator[HDUList]:
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyWarning

    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise BadFrame(f"{path} is not there any more") from None
    if size == 0:
        raise BadFrame("the file is empty (0 bytes): copy or fetch it again")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            hdus = fits.open(path, **options)
        except Exception as error:
            raise BadFrame(f"not a readable FITS file: {_first_line(error)}") from error
        with hdus:
            yield hdus


def _first_line(error: Exception) -> str:
    """The library's word on it, without advice to programmers."""
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    for advice in (", try with", ". Try with", ". If this is really"):
        text = text.split(advice)[0]
    return text


def temporary_beside(final: Path) -> Path:
    """A hidden name in the same folder, so that the rename to the final one is atomic."""
    make_folder(final.parent)
    return unfinished_beside(final)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are not there, and make their names last through a power cut."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync(folder.parent)


def put_in_place(temporary: Path, final: Path) -> None:
    """Give a finished file, synced, its final name, and make the name last through a power cut."""
    temporary.replace(final)
    sync(final.parent)


def put_all_in_place(files: Iterable[tuple[Path, Path]]) -> None:
    """Give finished files (temporary, final), synced, their final names, and make the names last through a power cut.

    What has its name already, from an earlier try, keeps it.
    """
    folders = dict[Path, None]()
    for temporary, final in files:
        if temporary.exists() or not final.exists():
            temporary.replace(final)
        folders[final.parent] = None
    for folder in folders:
        sync(folder)


@contextmanager
def whole_or_gone(temporary: Path) -> Iterator[None]:
    """What is interrupted leaves no half of a file, under whatever name."""
    try:
        yield
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Make what a file holds, or which names a folder holds, last through a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_image(
    path: Path,
    header: Header,
    image: np.ndarray,
    extensions: Iterable[tuple[str, np.ndarray]] = (),
    cards: Iterable[tuple[str, Any, str]] = (),
) -> None:
    """Write an image and named image extensions under this (temporary) name; who gives it a final one syncs it.

    The header is sound: one that comes from a raw frame was made so when that was read (frames/raw.py).
    `cards` are set in the header as it will be in the file.
    """
    from astropy.io import fits
    from astropy.io.fits.verify import VerifyWarning

    primary = fits.PrimaryHDU(image, header=header)
    hdus = fits.HDUList([primary, *(fits.ImageHDU(pixels, name=name) for name, pixels in extensions)])
    for keyword, value, comment in cards:
        primary.header[keyword] = (value, comment)
    n_bytes = image.nbytes + sum(hdu.data.nbytes for hdu in hdus[1:])
    with warnings.catch_warnings(), told_if_full(path.parent, n_bytes), whole_or_gone(path):
        warnings.simplefilter("ignore", VerifyWarning)
        hdus.writeto(path, output_verify="ignore", overwrite=True)


def with_new_cards(source: Path, temporary: Path, cards: Iterable[tuple[str, Any, str]]) -> None:
    """Copy a file under a temporary name with cards of its primary header set; the pixels are copied as bytes.

    Who gives it a final name syncs it.
    """
    from astropy.io.fits.verify import VerifyWarning

    with _opened(source) as hdus:
        header, start = hdus[0].header.copy(), hdus[0].fileinfo()["datLoc"]
    for keyword, value, comment in cards:
        header[keyword] = (value, comment)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VerifyWarning)
        text = header.tostring().encode("ascii")
    full = told_if_full(temporary.parent, source.stat().st_size)
    with full, whole_or_gone(temporary), source.open("rb") as old, temporary.open("wb") as new:
        assert len(text) % _BLOCK_BYTES == 0
        new.write(text)
        old.seek(start)
        shutil.copyfileobj(old, new, 1 << 22)


@dataclass(frozen=True)
class ReducedImage:
    """A reduced frame: electrons (float32), pixel bits (uint8), both (height, width), and its header."""

    electrons: np.ndarray
    dq: np.ndarray
    header: Header


def write_reduced(path: Path, image: ReducedImage, cards: Iterable[tuple[str, Any, str]] = ()) -> None:
    write_image(path, image.header, image.electrons, [("DQ", image.dq)], cards)


def read_reduced(path: Path) -> ReducedImage:
    import numpy as np

    with _opened(path, memmap=False) as hdus:
        return ReducedImage(
            np.ascontiguousarray(hdus[0].data, dtype=np.float32),
            np.ascontiguousarray(hdus["DQ"].data, dtype=np.uint8),
            hdus[0].header.copy(),
        )


def map_reduced(path: Path) -> ReducedImage:
    """The same for who looks at a few places only: pixels are read where they are looked at, as the file has them.

    What is written to them stays in memory. Products are never changed in place, and so not while they are mapped.
    """
    with _opened(path, memmap=True) as hdus:
        return ReducedImage(hdus[0].data, hdus["DQ"].data, hdus[0].header)


def read_pixels(path: Path) -> np.ndarray:
    """The primary image of one of our own products as float32."""
    import numpy as np

    with _opened(path, memmap=False) as hdus:
        return np.ascontiguousarray(hdus[0].data, dtype=np.float32)


@dataclass(frozen=True)
class MasterImage:
    """A master, its pixel bits, and its uncertainty if that was asked for, all (height, width)."""

    image: np.ndarray
    dq: np.ndarray
    uncertainty: np.ndarray | None

    def cut(self, x: int, y: int, width: int, height: int) -> MasterImage:
        part = slice(y, y + height), slice(x, x + width)
        return MasterImage(
            self.image[part], self.dq[part], None if self.uncertainty is None else self.uncertainty[part]
        )


def read_master(path: Path, *, uncertainty: bool = False) -> MasterImage:
    import numpy as np

    with _opened(path, memmap=False) as hdus:
        return MasterImage(
            np.ascontiguousarray(hdus[0].data, dtype=np.float32),
            np.ascontiguousarray(hdus["DQ"].data, dtype=np.uint8),
            np.ascontiguousarray(hdus["UNCERT"].data, dtype=np.float32) if uncertainty else None,
        )


def is_own_master(path: Path) -> bool:
    """Whether a file is a master of ours under the name that it was given: that ends with the key."""
    key = _primary_card(path, "IOP4 KEY")
    return len(key) >= _KEY_IN_NAME and path.name.endswith(f"-{key[:_KEY_IN_NAME]}.fits")


def is_own_reduced(path: Path, folder: Path) -> bool:
    """Whether a file below `folder` is a reduced frame of ours under its own name; compressed names are shorter."""
    frame, name = _primary_card(path, "IOP4 FRAME"), ascii_text(str(path.relative_to(folder)))
    return frame.startswith(name) and frame[len(name) :] in {"", ".gz", ".bz2", ".fz"}


def _primary_card(path: Path, keyword: str) -> str:
    """The text of a card; empty if there is none, or no header that can be read."""
    try:
        with _opened(path) as hdus:
            return str(hdus[0].header.get(keyword, ""))
    except (BadFrame, OSError):
        return ""
