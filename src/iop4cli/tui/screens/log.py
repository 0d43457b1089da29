"""The log: what happened, the newest last; it follows what comes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from iop4cli.archive.listings import LOG
from iop4cli.tui.screens.dialogs import Notice
from iop4cli.tui.screens.list_screen import FILTER_HELP, ListScreen, Wanted
from iop4cli.tui.widgets.cells import cell_text
from iop4cli.tui.widgets.long_table import LongTable

if TYPE_CHECKING:
    from iop4cli.archive.pages import Page, Question

_LEVELS = ("info", "warning", "error")


class LogScreen(ListScreen):
    """A row for each line of the log."""

    mode = "log"
    about = f"""What every run did, the newest last. While the cursor is on the last line (End goes there) the table \
follows what comes. l goes round the levels: all, warnings and errors, errors. Enter shows a whole line.

{FILTER_HELP}"""
    needed: ClassVar[tuple[str, ...]] = ("run", "time_utc", "level", "step", "item", "message")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("l", "level", "Level")]

    def __init__(self) -> None:
        super().__init__(LOG)
        self.level = 0
        self._follows = True

    def load(self) -> None:
        table = self.table
        self._follows = self._follows or table.cursor_row >= table.total - 1
        super().load()

    def question(self, wanted: Wanted) -> Question:
        question = super().question(wanted)
        levels = ", ".join(f"'{level}'" for level in _LEVELS[self.level :])
        return (
            replace(question, condition=f"({question.condition}) and level in ({levels})") if self.level else question
        )

    def got_page(self, page: Page) -> None:
        super().got_page(page)
        if self._follows:
            self.table.action_move_to_end(1)
            self._follows = False

    def say_what(self) -> None:
        """The message of the cursor's line, for which a small terminal has no column."""
        super().say_what()
        row = self.table.row
        if row is not None and row["message"]:
            place = f"{self.table.cursor_row + 1}/{self.table.total:,} log"
            item = str(row["item"] or "").rsplit("/", 1)[-1]
            said = f"{item}: {row['message']}" if item else str(row["message"])
            self.say("  ·  ".join(filter(None, (place, self.filter_text and f"filter: {self.filter_text}", said))))

    def set_filter(self, text: str) -> None:
        super().set_filter(text)
        self._follows = True

    def action_level(self) -> None:
        self.level = (self.level + 1) % len(_LEVELS)
        self._follows = True
        self.notify(("all levels", "warnings and errors", "errors")[self.level])
        self.load()

    def equivalent(self) -> list[str]:
        level = ["--level", _LEVELS[self.level]] if self.level else []
        return ["log", *level, *([str(self.table.row["item"])] if self.table.row and self.filter_text else [])]

    def on_long_table_chosen(self, event: LongTable.Chosen) -> None:
        row = event.row
        text = "\n".join(f"{name:>8}  {cell_text(name, row[name])}" for name in self.needed)
        self.app.push_screen(Notice("A line of the log", text))
