"""Files of a folder of this machine (a mirror, a mounted disk): linked or copied to where they are wanted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from iop4cli.errors import BadFrame
from iop4cli.frames.fits import put_in_place, sync, temporary_beside
from iop4cli.remote.server import FileTrouble, NotThere, local_trouble
from iop4cli.remote.verify import check_whole


def find_in(folder: Path, series: str, name: str) -> Path | None:
    """FOLDER/SERIES/NAME or FOLDER/NAME."""
    return next((path for path in (folder / series / name, folder / name) if path.is_file()), None)


def take(found: Path | None, final: Path, inspect: Callable[[Path], None], *, copy: bool) -> None:
    """Put a mirror's file in its place, whole and checked, or raise a RemoteError."""
    if found is None:
        raise NotThere("not in the folder")
    try:
        check_whole(found, found.name)
        inspect(found)
    except BadFrame as error:
        raise FileTrouble(f"{found}: {error}") from None
    except OSError as error:
        raise FileTrouble(f"{found} cannot be read: {error.strerror or error}") from None
    try:
        if copy:
            temporary = temporary_beside(final)
            try:
                shutil.copyfile(found, temporary)
                sync(temporary)
                put_in_place(temporary, final)
            finally:
                temporary.unlink(missing_ok=True)
        elif not os.path.lexists(final):
            final.symlink_to(found.resolve())
    except OSError as error:
        raise local_trouble(error, final) from None
