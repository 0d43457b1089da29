"""Results as a table of Markdown (GitHub's), with what a reader must know below it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from iop4cli.export.printed_cells import DIGITS, printed_slabs
from iop4cli.export.results_table import ResultsTable
from iop4cli.export.text_escapes import escaped

_SPECIAL = re.compile(r"([`*_{}\[\]<>|#&~$])")


def markdown_parts(table: ResultsTable, meta: Mapping[str, Any]) -> Iterator[bytes]:
    """The table, with units in its header, then a list of `meta`; numbers are rounded as DIGITS says."""
    names = [f"{column.name} ({column.unit})" if column.unit else column.name for column in table.columns]
    rules = (":---" if column.kind == "text" else "---:" for column in table.columns)
    yield (_line(map(markdown_text, names)) + _line(rules)).encode()
    for rows in printed_slabs(table):
        yield "".join(_line(map(markdown_text, cells)) for cells in rows).encode()
    said = [f"- {name.replace('_', ' ')}: {markdown_text(text)}" for name, text in _said({**meta, "digits": DIGITS})]
    yield ("\n" + "\n".join(said) + "\n").encode()


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def markdown_text(text: str) -> str:
    """Text that looks as it is: nothing in it is markup, and it stays on one line."""
    # Backslashes of `escaped` must be seen, so that they are doubled once more.
    return _SPECIAL.sub(r"\\\1", escaped(text).replace("\\", "\\\\"))


def _said(meta: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, one if isinstance(one, str) else json.dumps(one, ensure_ascii=False))
        for name, value in meta.items()
        for one in (value if isinstance(value, list) else [value])
    ]
