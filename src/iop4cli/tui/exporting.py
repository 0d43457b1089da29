"""Files of what is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from iop4cli.errors import UsageError

if TYPE_CHECKING:
    from iop4cli.archive.store import Answer


def write_rows(path: Path, answer: Answer) -> None:
    """CSV or NDJSON of any rows, as the file is called; a file that is there is not overwritten."""
    from iop4cli.export.atomic import write_text
    from iop4cli.export.tables import SUFFIXES, csv_text, ndjson_text

    form = SUFFIXES.get(path.suffix.lower())
    if form not in {"csv", "ndjson"}:
        raise UsageError(f"{path}: its name must end in .csv or .ndjson")
    refuse_overwriting(path)
    text = csv_text(answer.columns, answer.rows) if form == "csv" else ndjson_text(answer.columns, answer.rows)
    write_text(path, text)


def refuse_overwriting(path: Path) -> None:
    if path.exists():
        raise UsageError(f"{path} is there already: say another name")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: its folder does not exist")
