"""Flags of people on results, as `iop4 flag` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from iop4cli.archive.people import add_flags, remove_flags
from iop4cli.tui.asking import ask
from iop4cli.tui.desk import who
from iop4cli.tui.points import counted
from iop4cli.tui.screens.dialogs import TextDialog

if TYPE_CHECKING:
    from textual.screen import Screen

    from iop4cli.archive.pages import Row
    from iop4cli.archive.store import Store


def flag(screen: Screen[None], store: Store, rows: Sequence[Row]) -> None:
    """Ask why and flag results; without a reason nothing is done. The screen is answered as `flag`, with words."""
    if not rows:
        return
    ids = _ids(rows)

    def take(reason: str | None) -> None:
        words = " ".join((reason or "").split())
        if words:
            ask(
                screen,
                "flag",
                lambda: add_flags(store, ids, words, who()),
                f"{counted(len(ids), 'result')} flagged: {words}",
            )

    screen.app.push_screen(TextDialog(f"Why flag {counted(len(ids), 'result')}?", hint=_named(rows)), take)


def unflag(screen: Screen[None], store: Store, rows: Sequence[Row]) -> None:
    """Take all flags of results back."""
    ids = _ids([row for row in rows if row["flags"]])
    if ids:
        ask(screen, "flag", lambda: remove_flags(store, ids), f"flags of {counted(len(ids), 'result')} taken back")
    else:
        screen.notify("no flag on these")


def _ids(rows: Sequence[Row]) -> list[str]:
    return [str(row["id"]) for row in rows]


def _named(rows: Sequence[Row]) -> str:
    named = ", ".join(f"{row['source']} {row['band']} {row['night']}" for row in rows[:3])
    return named + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")
