"""Results as a table of Markdown (GitHub's), with what a reader must know below it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from iop4cli.archive.store import Answer
from iop4cli.export.column_types import TypedColumn, typed_columns
from iop4cli.export.printed_cells import DIGITS, printed_columns
from iop4cli.export.text_escapes import escaped

_SPECIAL = re.compile(r"([`*_{}\[\]<>|#&~$])")


def markdown_bytes(answer: Answer, meta: Mapping[str, Any]) -> bytes:
    """The table, then a list of `meta`; numbers are rounded as DIGITS says."""
    table = markdown_table(typed_columns(answer))
    said = [f"- {name.replace('_', ' ')}: {markdown_text(text)}" for name, text in _said({**meta, "digits": DIGITS})]
    return (table + "\n" + "\n".join(said) + "\n").encode("utf-8")


def markdown_table(columns: list[TypedColumn]) -> str:
    """Only the table; units are in its header."""
    names = [f"{column.name} ({column.unit})" if column.unit else column.name for column in columns]
    rules = [":---" if column.kind == "text" else "---:" for column in columns]
    rows = zip(*([markdown_text(cell) for cell in cells] for cells in printed_columns(columns)), strict=True)
    lines = [[markdown_text(name) for name in names], rules, *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


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
