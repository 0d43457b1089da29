"""A report as Markdown (CommonMark with tables), which reads well as it is too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from iop4cli.export.report_page import Block, Drawing, Heading, Listing, Numbers, Page, Paragraph, Table, clean

_MARKS = re.compile(r"([\\`*\[\]<>|~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;))")
# At the beginning of a paragraph or an item these would be a list, a heading, a quotation or a line across.
_BEGINNING = re.compile(r"^([-+#>]|\d+[.)])(?=\s|$|#|-)")


def markdown(pages: Sequence[Page]) -> str:
    """The pages one after the other; drawings are left out."""
    return "\n\n---\n\n".join(_page(page) for page in pages) + "\n"


def _page(page: Page) -> str:
    parts = [f"# {_escaped(page.title)}", f"**{_escaped(page.lead.text)}**"]
    return "\n\n".join([*parts, *(text for block in page.blocks if (text := _block(block)))])


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"## {_escaped(text)}"
        case Paragraph(text):
            return _beginning(_escaped(text))
        case Numbers(items):
            return ", ".join(f"{_escaped(number)} {_escaped(what)}" for number, what in items)
        case Listing(items):
            return "\n".join(f"- {_beginning(_escaped(item))}" for item in items)
        case Table():
            return _table(block)
        case Drawing():
            return ""


def _table(block: Table) -> str:
    cells = [[_escaped(cell) for cell in row] for row in (block.columns, *block.rows)]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(block.columns))]
    right = [name in block.numeric for name in block.columns]
    rule = ["-" * (width - 1) + ":" if is_right else "-" * width for width, is_right in zip(widths, right, strict=True)]
    lines = [_row(cells[0], widths, right), _row(rule, widths, right)]
    return "\n".join([*lines, *(_row(row, widths, right) for row in cells[1:])])


def _row(cells: Iterable[str], widths: Iterable[int], right: Iterable[bool]) -> str:
    padded = [
        cell.rjust(width) if is_right else cell.ljust(width)
        for cell, width, is_right in zip(cells, widths, right, strict=True)
    ]
    return f"| {' | '.join(padded)} |"


def _escaped(text: str) -> str:
    return _MARKS.sub(r"\\\1", clean(text))


def _beginning(text: str) -> str:
    return _BEGINNING.sub(r"\\\1", text.strip())
