"""The only writer of stdout: names, NDJSON rows, tables, files' text. What is written there is data."""

from __future__ import annotations

import datetime
import errno
import json
import math
import os
import select
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_closed = False
# Set where text for people is wanted as text: its parts so far, and how many columns they have.
_kept: ContextVar[tuple[list[str], int] | None] = ContextVar("kept", default=None)


@contextmanager
def kept(n_columns: int) -> Iterator[list[str]]:
    """What this thread writes meanwhile goes into a list, as for a terminal of so many columns."""
    parts: list[str] = []
    token = _kept.set((parts, n_columns))
    try:
        yield parts
    finally:
        _kept.reset(token)


def is_terminal() -> bool:
    return _kept.get() is not None or sys.stdout.isatty()


def columns() -> int | None:
    """Columns of the terminal; None in a pipe, where lines are as long as they are."""
    keeping = _kept.get()
    if keeping is not None:
        return keeping[1]
    return shutil.get_terminal_size((80, 24)).columns if is_terminal() else None


def write(text: str) -> bool:
    """Write text as it is; False once the reader has closed the pipe, which is no error."""
    keeping = _kept.get()
    if keeping is not None:
        keeping[0].append(text)
        return True
    if _closed:
        return False
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as problem:
        if not is_nobody_there(problem):
            raise
        let_go()
        return False
    return True


def write_bytes(content: bytes) -> bool:
    """Write what is no text, for a pipe or a file; False once the reader has closed the pipe."""
    if _closed:
        return False
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        let_go()
        return False
    return True


def flush() -> None:
    """Send on what libraries wrote (the help)."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        let_go()


def is_nobody_there(problem: OSError) -> bool:
    """Whether the reader has closed the pipe, or the terminal is gone."""
    return problem.errno in {errno.EPIPE, errno.EIO}


def let_go() -> None:
    """The reader is gone: what is still to come, and what Python flushes at its exit, goes nowhere."""
    global _closed
    _closed = True
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def markdown(text: str) -> None:
    """Markdown as it is; on a terminal as it looks."""
    if not is_terminal():
        write(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    with console.capture() as shown:
        console.print(Markdown(text, hyperlinks=False))
    write(shown.get())


def open_what_is_closed() -> None:
    """Started without standard input, output or errors (`>&-`): what would go there goes nowhere.

    In this order, so that each gets its own number and no file of ours does.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def is_read_for(seconds: float) -> bool:
    """Wait so long; False as soon as nobody reads stdout any more, which else only the next line would tell."""
    if _closed:
        return False
    try:
        watched = select.poll()
        watched.register(sys.stdout.fileno(), 0)
    except OSError:  # not a file of the system's
        time.sleep(seconds)
        return True
    return not watched.poll(1000 * seconds)


def line(text: str) -> bool:
    return write(clean(text) + "\n")


def json_row(row: Mapping[str, Any]) -> bool:
    """One NDJSON row; what is not known is null, never NaN."""
    return write(_escaped(json.dumps({name: plain(value) for name, value in row.items()}, ensure_ascii=False)) + "\n")


def _escaped(text: str) -> str:
    """JSON in which nothing is left that could command a terminal or has no place in UTF-8."""
    return text if text.isprintable() else "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


def utc_iso(time_utc: datetime.datetime, timespec: str = "auto") -> str:
    """A time as the store has it (UTC, without a zone), so that nobody takes it for local time."""
    if time_utc.tzinfo is not None:
        time_utc = time_utc.astimezone(datetime.UTC).replace(tzinfo=None)
    return f"{time_utc.isoformat(timespec=timespec)}Z"


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime.datetime):
        return utc_iso(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def clean(text: str) -> str:
    """Text without control characters: a file's name must not command the terminal."""
    return "".join(letter if letter.isprintable() or letter in "\t" else "\N{REPLACEMENT CHARACTER}" for letter in text)


def table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str = "", *, header: bool = True
) -> None:  # fmt: skip
    """A table for people on a terminal; in a pipe, tab-separated values with a header."""
    if not is_terminal():
        if header:
            line("\t".join(columns))
        for row in rows:
            if not line("\t".join(cell(row.get(name)) for name in columns)):
                return
        return
    if not rows:
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=title or None, box=box.SIMPLE, title_justify="left", pad_edge=False)
    for name in columns:
        numeric = any(isinstance(row.get(name), (int, float)) and not isinstance(row.get(name), bool) for row in rows)
        shown.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        shown.add_row(
            *(Text(clean(cell(row.get(name))), style=_STYLES.get(str(row.get(name)), "")) for name in columns)
        )
    Console().print(shown)


def drawing(text: Any) -> None:
    """A drawing of rich.text.Text for a terminal, as wide as it is."""
    from rich.console import Console

    Console().print(text, end="", no_wrap=True, overflow="crop", highlight=False)


def has_colours() -> bool:
    """Whether a drawing keeps its colours (the terminal's kind, NO_COLOR)."""
    from rich.console import Console

    console = Console()
    return console.color_system is not None and not console.no_color


def can_show(letters: str) -> bool:
    """Whether the encoding of stdout has these letters."""
    try:
        letters.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


_STYLES = {"done": "green", "failed": "red", "impossible": "yellow", "blocked": "yellow", "due": "cyan"}


def cell(value: Any) -> str:
    """A value in a table: nothing for what is not known, seven significant digits for a number."""
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.7g}" if abs(value) < 40000 else f"{value:.5f}"
    if isinstance(value, (list, tuple)):
        return ";".join(cell(item) for item in value)
    if isinstance(value, datetime.datetime):
        return utc_iso(value, "seconds")
    return str(value).replace("\t", " ").replace("\n", " ")


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    found: dict[str, None] = {}
    for row in rows:
        found.update(dict.fromkeys(row))
    return list(found)
