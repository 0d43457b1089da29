"""A screen that is a table: filtered, sorted, read in pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from iop4cli.archive.pages import Listing, Page, Question, question_of, read_all, read_page
from iop4cli.archive.store import Answer
from iop4cli.tui.asking import ask
from iop4cli.tui.screens.base import ArchiveScreen
from iop4cli.tui.screens.dialogs import ChoiceDialog, ColumnsDialog
from iop4cli.tui.widgets.long_table import PAGE_ROWS, LongTable

if TYPE_CHECKING:
    from iop4cli.archive.pages import Row

FILTER_HELP = """Filter (/): words that must all be found; comparisons like band=R, mag<15.5, night>=2022-09-01, \
reason~clouds, flags=none; or `where` and a condition in SQL. Several are joined by and. Esc takes it back."""


@dataclass(frozen=True)
class Wanted:
    """What a person wants to see, as a thread may know it."""

    text: str
    order: str
    descending: bool
    columns: tuple[str, ...]


class ListScreen(ArchiveScreen):
    """Shows a Listing; those that are short are made in Python by `read_rows` instead."""

    # Columns that the screen needs of the rows beside those that are shown.
    needed: ClassVar[tuple[str, ...]] = ()
    signs: ClassVar[bool] = False
    AUTO_FOCUS = "LongTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter"),
        Binding("s", "sort", "Sort"),
        Binding("S", "reverse", "Reverse the order", show=False),
        Binding("o", "columns", "Columns", show=False),
        Binding("escape", "unfilter", "Take the filter back", show=False),
    ]

    def __init__(self, listing: Listing | None = None) -> None:
        super().__init__()
        self.listing = listing
        self.filter_text = ""
        self.order = listing.order if listing else ""
        self.descending = listing.descending if listing else False
        self._asked = 0
        self._answered: Wanted | None = None

    @property
    def table(self) -> LongTable:
        return self.query_one(LongTable)

    def compose_body(self) -> ComposeResult:
        yield from self.compose_table()
        yield Input(placeholder="filter: words, band=R, mag<15, where SQL", id="filter", compact=True)

    def compose_table(self) -> ComposeResult:
        listing = self.listing
        yield LongTable(listing.key if listing else "name", listing.shown if listing else (), signs=self.signs)

    def on_mount(self) -> None:
        self.query_one("#filter").display = False

    # Reading; the functions named read_ run in threads.

    def load(self) -> None:
        self._asked += 1
        self.table.expect_anew()
        self.say("reading…")
        self._ask_page(self.table.cursor_row // PAGE_ROWS * PAGE_ROWS)

    def _ask_page(self, first: int) -> None:
        kind = "page" if first == 0 else f"page {first}"
        ask(self, kind, partial(self.read_page, self.wanted, first), self._asked)

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.filter_text, self.order, self.descending, self.table.columns)

    def read_page(self, wanted: Wanted, first: int) -> Page:
        question = self.question(wanted)
        columns = list(dict.fromkeys((question.listing.key, *self.needed, *wanted.columns)))
        return read_page(self.desk.store, question, columns, first, PAGE_ROWS)

    def question(self, wanted: Wanted) -> Question:
        assert self.listing is not None
        question = question_of(self.desk.store, self.listing, wanted.text)
        return replace(question, order=wanted.order, descending=wanted.descending)

    def take(self, kind: str, answer: Any, tag: Any) -> None:
        if kind.startswith("page"):
            if tag == self._asked:
                self._answered = self.wanted
                self.got_page(answer)
        else:
            super().take(kind, answer, tag)

    def got_page(self, page: Page) -> None:
        self.table.empty = self.nothing()
        self.table.put(page)
        if page.total and page.first >= page.total:
            self._ask_page((page.total - 1) // PAGE_ROWS * PAGE_ROWS)
        self.say_what()

    def refuse(self, kind: str, reason: str) -> None:
        super().refuse(kind, reason)
        if kind.startswith("page") and self._answered is not None:
            # What cannot be had leaves what was there.
            before = self._answered
            self.filter_text, self.order, self.descending = before.text, before.order, before.descending
        self.say_what()

    def on_long_table_page_wanted(self, event: LongTable.PageWanted) -> None:
        self._ask_page(event.first)

    def nothing(self) -> str:
        """What an empty table says."""
        return "nothing fits the filter (Esc takes it back)" if self.filter_text else "nothing here yet"

    def say_what(self) -> None:
        """How many rows, of which filter and order, how many marked."""
        table = self.table
        place = f"{table.cursor_row + 1 if table.total else 0}/{table.total:,}"
        parts = [f"{place} {self.mode}", f"by {self.order}{' ↓' if self.descending else ' ↑'}" if self.order else ""]
        parts.append(f"filter: {self.filter_text}" if self.filter_text else "")
        parts.append(f"{len(table.marked)} marked" if table.marked else "")
        self.say("  ·  ".join(filter(None, parts)))

    def on_long_table_highlighted(self, event: LongTable.Highlighted) -> None:
        self.say_what()

    # Filter, order, columns.

    def set_filter(self, text: str) -> None:
        self.filter_text = text.strip()
        self.table.action_move_to_end(-1)
        self.load()

    def action_filter(self) -> None:
        line = self.query_one("#filter", Input)
        line.display = True
        line.value = self.filter_text
        line.cursor_position = len(line.value)
        # At once, not when there is time: what is typed next belongs to the filter.
        self.set_focus(line)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "filter":
            event.stop()
            self._leave_filter()
            self.set_filter(event.value)

    def _leave_filter(self) -> None:
        self.query_one("#filter").display = False
        self.set_focus(self.table)

    def action_unfilter(self) -> None:
        if self.query_one("#filter").display:
            self._leave_filter()
        elif self.table.marked:
            self.table.marked.clear()
            self.table.refresh()
            self.say_what()
        elif self.filter_text:
            self.set_filter("")

    def all_columns(self) -> Sequence[str]:
        return self.listing.columns if self.listing else self.table.columns

    def action_sort(self) -> None:
        names = (*self.table.columns, *(name for name in self.all_columns() if name not in self.table.columns))

        def take(name: str | None) -> None:
            if name is not None:
                self.descending = not self.descending if name == self.order else False
                self.order = name
                self.load()

        self.app.push_screen(ChoiceDialog("Sort by (the same again: reversed)", names, self.order), take)

    def action_reverse(self) -> None:
        self.descending = not self.descending
        self.load()

    def action_columns(self) -> None:
        def take(names: tuple[str, ...] | None) -> None:
            if names:
                self.table.set_columns(names)
                self.load()

        self.app.push_screen(ColumnsDialog(self.all_columns(), self.table.columns), take)

    # Out of here.

    def read_all(self, wanted: Wanted) -> Answer:
        return read_all(self.desk.store, self.question(wanted), wanted.columns)

    def exporter(self, path: Path) -> Callable[[], str]:
        wanted = self.wanted

        def write() -> str:
            from iop4cli.tui.exporting import write_rows

            return write_rows(path, self.read_all(wanted))

        return write


class ShortListScreen(ListScreen):
    """A table whose rows are few and made in Python."""

    searched: ClassVar[tuple[str, ...]] = ("name",)

    def read_rows(self) -> list[Row]:
        raise NotImplementedError

    def read_page(self, wanted: Wanted, first: int) -> Page:
        rows = self._chosen(wanted)
        return Page(first, len(rows), rows[first : first + PAGE_ROWS])

    def _chosen(self, wanted: Wanted) -> list[Row]:
        from iop4cli.archive import terms

        rows = self.read_rows()
        said = terms.parsed(wanted.text, list(rows[0]) if rows else wanted.columns)
        rows = [row for row in rows if terms.fits(row, said, self.searched)]
        known = [row for row in rows if row.get(wanted.order) is not None]
        known.sort(key=lambda row: row[wanted.order], reverse=wanted.descending)
        return known + [row for row in rows if row.get(wanted.order) is None]

    def read_all(self, wanted: Wanted) -> Answer:
        rows = self._chosen(wanted)
        return Answer(wanted.columns, [tuple(row.get(name) for name in wanted.columns) for row in rows])
