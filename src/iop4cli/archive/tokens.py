"""The word that opens a served store: from the environment or a file, and shown to nobody."""

from __future__ import annotations

import os
from pathlib import Path

from iop4cli.archive.served_at import token_file_of
from iop4cli.errors import UsageError

VARIABLE = "IOP4_DB_TOKEN"


def found_token(file: str, store: Path) -> str:
    """What the environment says, else the setting's file, else what a server left beside the store's file."""
    said = os.environ.get(VARIABLE, "").strip()
    if said:
        return said
    if file:
        return read_token(Path(file).expanduser())
    beside = token_file_of(store)
    if beside.is_file():
        return read_token(beside)
    raise UsageError(
        f"a store at a server needs its token: in {VARIABLE}, or in the file that the setting db_token_file names "
        f"(`iop4 serve` says where it has left one)"
    )


def read_token(file: Path) -> str:
    try:
        said = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: the token cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not said:
        raise UsageError(f"{file} holds no token")
    return said
