"""A report as data: headings, paragraphs, tables and drawings, to be written as HTML or Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

DASH = "–"
Tone = Literal["", "good", "bad", "note"]


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Paragraph:
    """One paragraph; the tone only adds to what the words say."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Numbers:
    """(number, what it counts), to be seen at a glance."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Listing:
    """Short texts, one below the other."""

    items: tuple[str, ...]
    tone: Tone = ""


@dataclass(frozen=True)
class Table:
    """Cells of text under column headings; rows of `marked` are those to look at, and say so themselves."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[str] = frozenset()
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Drawing:
    """A picture with its words; `draw` makes inline SVG whose ids begin with the prefix it is given."""

    caption: str
    draw: Callable[[str], str]


Block = Heading | Paragraph | Numbers | Listing | Table | Drawing


@dataclass(frozen=True)
class Page:
    """One night."""

    title: str
    lead: Paragraph
    blocks: tuple[Block, ...]


def table(columns: Sequence[str], rows: Sequence[Sequence[str | None]], marked: Sequence[int] = ()) -> Table:
    """A table without the columns that are empty in all rows; what is not known is a dash.

    A column is of numbers if every cell that is known begins with a figure or a sign before one.
    """
    cells = [[one or "" for one in row] for row in rows]
    kept = [i for i in range(len(columns)) if any(row[i] for row in cells)] or list(range(len(columns)))
    numeric = {columns[i] for i in kept if all(_is_number(row[i]) for row in cells if row[i])}
    shown = tuple(tuple(row[i] or DASH for i in kept) for row in cells)
    return Table(tuple(columns[i] for i in kept), shown, frozenset(numeric), frozenset(marked))


def _is_number(text: str) -> bool:
    first = text.split(" ")[0].lstrip("+-−<")
    return bool(first) and first.replace(".", "", 1).isdigit()


def clean(text: str) -> str:
    """Text of headers and people without what would command a terminal or break a file."""
    return "".join(
        letter if letter.isprintable() else " " if letter in "\t\n\r" else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )
