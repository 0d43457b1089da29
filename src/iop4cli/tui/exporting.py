"""Files of what is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from iop4cli.errors import UsageError

if TYPE_CHECKING:
    from iop4cli.archive.store import Answer
    from iop4cli.tui.desk import Desk


def write_rows(path: Path, answer: Answer) -> str:
    """CSV or NDJSON of any rows, as the file is called; a file that is there is not overwritten."""
    from iop4cli.export.atomic import write_text
    from iop4cli.export.formats import BARE, SUFFIXES
    from iop4cli.export.tables import csv_text, ndjson_text

    form = SUFFIXES.get(path.suffix.lower())
    if form not in BARE:
        raise UsageError(f"{path}: its name must end in .csv or .ndjson")
    refuse_overwriting(path)
    text = csv_text(answer.columns, answer.rows) if form == "csv" else ndjson_text(answer.columns, answer.rows)
    write_text(path, text)
    return f"{len(answer.rows)} rows"


def write_page(path: Path, text: str) -> str:
    """A text as it is shown, without its colours."""
    from iop4cli.export.atomic import write_text

    if path.suffix.lower() != ".txt":
        raise UsageError(f"{path}: its name must end in .txt")
    refuse_overwriting(path)
    lines = [line.rstrip() for line in text.splitlines()]
    write_text(path, "\n".join(lines) + "\n")
    return f"{len(lines)} lines"


def refuse_overwriting(path: Path) -> None:
    if path.exists():
        raise UsageError(f"{path} is there already: say another name")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: its folder does not exist")


def write_results(desk: Desk, condition: str, columns: tuple[str, ...], path: Path) -> str:
    """Results with all that a reader must know, as `iop4 export --flagged` writes them in the format of the suffix."""
    from iop4cli.archive.results import select_results
    from iop4cli.archive.selection import Selection
    from iop4cli.export.atomic import write_parts
    from iop4cli.export.formats import SUFFIXES, written
    from iop4cli.pipeline.provenance import provenance

    refuse_overwriting(path)
    registry = desk.opened.surroundings().registry
    found = select_results(desk.store, condition, columns, flagged=True)
    said = Selection(where=None if condition == "true" else condition.strip())
    known = provenance(desk.store, registry, said, condition, flagged=True, n_flagged=found.n_flagged)
    write_parts(path, written(found.frame, SUFFIXES[path.suffix.lower()], known.meta))
    return f"{found.frame.height} rows"


def is_table_of_results(path: Path) -> bool:
    """Whether a file is of a format that has room for more than the rows."""
    from iop4cli.export.formats import BARE, SUFFIXES

    return SUFFIXES.get(path.suffix.lower(), "csv") not in BARE
