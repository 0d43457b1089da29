"""From arguments and standard input to a selection."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator

from iop4cli.archive.selection import Selection
from iop4cli.errors import UsageError
from iop4cli.shell.options import FilterOptions, SelectionOptions

_LONGEST_LINE = 1 << 20


def selection_of(options: SelectionOptions) -> Selection:
    """What the options name; standard input is read only when `-` is among the items."""
    given = list(options.items or [])
    names = [name for name in given if name != "-"]
    from_stdin = "-" in given
    if from_stdin:
        names += list(names_from(sys.stdin))
    _check_mode(options.mode)
    return Selection(
        tuple(dict.fromkeys(names)), options.source, options.instrument, options.band, options.mode, options.since,
        options.until, options.where, from_stdin,
    )  # fmt: skip


def selection_by_filters(options: FilterOptions, source: str | None = None) -> Selection:
    """What the filters leave of one source, or of all."""
    _check_mode(options.mode)
    return Selection(
        (), source, options.instrument, options.band, options.mode, options.since, options.until, options.where
    )  # fmt: skip


def _check_mode(mode: str | None) -> None:
    if mode is not None and mode not in {"phot", "pol"}:
        raise UsageError(f"--mode {mode!r}: must be phot or pol")


def names_from(lines: Iterable[str], *, with_failed: bool = False) -> Iterator[str]:
    """Names, one a line, or NDJSON rows with `name` or `id`; what an earlier step failed on is left to it.

    Who asks what became of items wants those `with_failed`.
    """
    for number, text in enumerate(_bounded(lines), 1):
        stripped = text.strip()
        if not stripped:
            continue
        if len(text) > _LONGEST_LINE:
            raise UsageError(f"standard input, line {number}: longer than {_LONGEST_LINE} characters")
        if not stripped.startswith("{"):
            yield stripped
            continue
        name = _name_of_row(stripped, number, with_failed=with_failed)
        if name is not None:
            yield name


def _bounded(lines: Iterable[str]) -> Iterator[str]:
    """The lines, none of which is read for ever: one that does not end is cut."""
    readline = getattr(lines, "readline", None)
    return iter(lines) if readline is None else iter(lambda: readline(_LONGEST_LINE + 2), "")


def _name_of_row(text: str, number: int, *, with_failed: bool) -> str | None:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"standard input, line {number}: neither a name nor JSON ({error})") from None
    if not with_failed and row.get("status") in ("failed", "impossible", "blocked", "retired"):
        return None
    name = row.get("name") or row.get("id")
    if not isinstance(name, str) or not name:
        raise UsageError(f"standard input, line {number}: the row has neither `name` nor `id`")
    return name
