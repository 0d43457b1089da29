"""Screens on one thing: tabs, and back to the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Static, TabbedContent, TabPane

from iop4cli.archive.pages import Page
from iop4cli.archive.store import Answer
from iop4cli.tui.screens.base import ArchiveScreen
from iop4cli.tui.widgets.long_table import PAGE_ROWS, LongTable

if TYPE_CHECKING:
    from iop4cli.archive.pages import Row

TABS_HELP = "] and [ change the tab, Esc goes back."
_ROOM_BESIDE = 6
_LEAST_COLUMNS = 60


class TabbedScreen(ArchiveScreen):
    """A screen on top of a table."""

    AUTO_FOCUS = "FrameImage, LongTable, VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("left_square_bracket", "tab(-1)", "Tab before", show=False),
        Binding("right_square_bracket", "tab(1)", "Next tab", key_display="]"),
    ]

    @property
    def n_columns(self) -> int:
        """Columns that a text has."""
        return max(_LEAST_COLUMNS, self.app.size.width - _ROOM_BESIDE)

    def show_text(self, name: str, text: str) -> None:
        """Put text with ANSI colours into the Static `text-NAME`."""
        self.query_one(f"#text-{name}", Static).update(Text.from_ansi(text))

    def action_tab(self, by: int) -> None:
        tabs = self.query_one(TabbedContent)
        names = [str(pane.id) for pane in tabs.query(TabPane)]
        tabs.active = names[(names.index(tabs.active) + by) % len(names)]
        pane = tabs.get_pane(tabs.active)
        next(iter(pane.query("FrameImage, LongTable, PlotWidget, VerticalScroll"))).focus()

    def suggested_file(self) -> str:
        return f"{self.mode}.csv" if self._shown_table is not None else f"{self.mode}.txt"

    @property
    def _shown_table(self) -> LongTable | None:
        tabs = self.query_one(TabbedContent)
        return next(iter(tabs.get_pane(tabs.active).query(LongTable)), None)

    def exporter(self, path: Path) -> Callable[[], str]:
        from iop4cli.tui.exporting import write_page, write_rows

        table, tabs = self._shown_table, self.query_one(TabbedContent)
        if table is not None:
            columns = table.columns
            answer = Answer(columns, [tuple(row.get(name) for name in columns) for row in table.held_rows])
            return partial(write_rows, path, answer)
        texts = [str(text.render()) for text in tabs.get_pane(tabs.active).query(Static) if text.id]
        return partial(write_page, path, "\n".join(texts))

    def action_back(self) -> None:
        self.app.pop_screen()


def fill(table: LongTable, rows: Sequence[Row]) -> None:
    """Give a table all its rows at once."""
    table.expect_anew()
    for first in range(0, max(len(rows), 1), PAGE_ROWS):
        table.put(Page(first, len(rows), list(rows[first : first + PAGE_ROWS])))


def answer_of(rows: Sequence[Row]) -> Answer:
    """Rows that all have the same columns, to be written."""
    columns = tuple(rows[0]) if rows else ()
    return Answer(columns, [tuple(row[name] for name in columns) for row in rows])
