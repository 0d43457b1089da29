"""A table of any length: it holds the pages that are seen and asks for those that are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from iop4cli.tui.widgets import cells

if TYPE_CHECKING:
    from textual import events

    from iop4cli.archive.pages import Page, Row

PAGE_ROWS = 100
_PAGES_KEPT = 30


class LongTable(ScrollView, can_focus=True):
    """Rows by number, in columns as wide as what has been seen of them; the first column stays in sight."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"long-table--{name}" for name in ("header", "cursor", "marked", "good", "warn", "bad", "waiting")
    }
    DEFAULT_CSS = """
    LongTable {
        height: 1fr; background: $background; scrollbar-size-horizontal: 0; scrollbar-size-vertical: 1;
        & > .long-table--header { background: $panel; color: $text; text-style: bold; }
        & > .long-table--cursor { background: $primary; color: $text; text-style: bold; }
        & > .long-table--marked { background: $warning-muted; }
        & > .long-table--good { color: $text-success; }
        & > .long-table--warn { color: $text-warning; }
        & > .long-table--bad { color: $text-error; }
        & > .long-table--waiting { color: $foreground-muted; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "move_page(-1)", "Page up", show=False),
        Binding("pagedown", "move_page(1)", "Page down", show=False),
        Binding("home,g", "move_to_end(-1)", "First", show=False),
        Binding("end,G", "move_to_end(1)", "Last", show=False),
        Binding("left", "shift_columns(-12)", "Columns to the left", show=False),
        Binding("right", "shift_columns(12)", "Columns to the right", show=False),
        Binding("enter", "choose", "Open", show=False),
        Binding("space", "mark", "Mark", show=False),
    ]
    cursor_row = reactive(0, repaint=True)

    @dataclass
    class PageWanted(Message):
        """Rows from `first` on are seen and not there."""

        table: LongTable
        first: int

    @dataclass
    class Highlighted(Message):
        """The cursor is on another row; None if it has not come yet."""

        table: LongTable
        row: Row | None

    @dataclass
    class Chosen(Message):
        """Enter or a click on the row of the cursor."""

        table: LongTable
        row: Row

    @dataclass
    class MarksChanged(Message):
        """A row was marked, or is not any more."""

        table: LongTable

    def __init__(self, key: str, columns: Sequence[str], *, signs: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.add_class("takes-keys")
        self.key, self.columns = key, tuple(columns)
        # Before each row what is seen without colours too: * marked, ! flagged.
        self.signs = signs
        self.empty = ""
        self.total = 0
        self.marked: dict[str, Row] = {}
        self._pages: dict[int, list[Row]] = {}
        self._wanted: set[int] = set()
        self._widths: dict[str, int] = {}
        self._right: set[str] = set()
        self._stale = False
        self._gap = 2

    def set_columns(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self._measure([row for page in self._pages.values() for row in page])
        self._resize()

    def expect_anew(self) -> None:
        """What is held will be replaced by the next page that comes; until then it stays on the screen."""
        self._stale = True
        self._wanted.clear()

    def put(self, page: Page) -> None:
        """Take a page in."""
        if self._stale:
            self._pages.clear()
            self._widths.clear()
            self._right.clear()
            self._stale = False
        self._pages[page.first // PAGE_ROWS] = page.rows
        self._wanted.discard(page.first)
        while len(self._pages) > _PAGES_KEPT:
            farthest = max(self._pages, key=lambda number: abs(number - self.cursor_row // PAGE_ROWS))
            del self._pages[farthest]
        self.total = page.total
        self._measure(page.rows)
        self._resize()
        before = self.cursor_row
        self.cursor_row = max(0, min(self.cursor_row, self.total - 1))
        if before == self.cursor_row:
            self.post_message(self.Highlighted(self, self.row_at(self.cursor_row)))

    def row_at(self, number: int) -> Row | None:
        page = self._pages.get(number // PAGE_ROWS, [])
        place = number % PAGE_ROWS
        return page[place] if number >= 0 and place < len(page) else None

    def place_of(self, key: str) -> int | None:
        """The number of a row, if it is held and not about to be replaced."""
        if self._stale:
            return None
        for page, rows in self._pages.items():
            for place, row in enumerate(rows):
                if row.get(self.key) == key:
                    return page * PAGE_ROWS + place
        return None

    @property
    def held_rows(self) -> list[Row]:
        """The rows that are there, in order."""
        return [row for number in sorted(self._pages) for row in self._pages[number]]

    @property
    def row(self) -> Row | None:
        """The row of the cursor."""
        return self.row_at(self.cursor_row)

    @property
    def chosen_rows(self) -> list[Row]:
        """The marked rows, else that of the cursor."""
        if self.marked:
            return list(self.marked.values())
        return [self.row] if self.row is not None else []

    def _measure(self, rows: Sequence[Row]) -> None:
        for name in self.columns:
            values = [row.get(name) for row in rows]
            widest = max((len(cells.cell_text(name, value)) for value in values), default=0)
            known = self._widths.get(name, len(cells.title(name)))
            last = name == self.columns[-1]
            self._widths[name] = max(known, widest if last else min(widest, cells.WIDEST))
            if any(cells.is_number(value) for value in values):
                self._right.add(name)

    def _resize(self) -> None:
        widths = sum(self._widths.get(name, len(name)) for name in self.columns)
        self._gap = 2 if 2 * self.signs + widths + 2 * len(self.columns) <= self.size.width else 1
        self.virtual_size = Size(2 * self.signs + widths + self._gap * len(self.columns), self.total + 1)
        self.refresh()

    def on_resize(self) -> None:
        self._resize()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        number = y - 1 + round(self.scroll_offset.y)
        if y == 0:
            return self._laid_out(self._cells({}, header=True), self._style("header"), width)
        if y == 2 and self.total == 0 and self.empty:
            text = f"  {self.empty}"[:width].ljust(width)
            return Strip([Segment(text, self.rich_style + self._style("waiting"))], width)
        if number >= self.total:
            return Strip.blank(width, self.rich_style)
        row = self.row_at(number)
        style = self.rich_style
        if row is not None and str(row.get(self.key)) in self.marked:
            style += self._style("marked")
        if number == self.cursor_row:
            style += self._style("cursor")
        if row is None:
            self._want(number)
            return Strip([Segment("…".ljust(width), style + self._style("waiting"))], width)
        return self._laid_out(self._cells(row), style, width, plain=number == self.cursor_row)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"long-table--{name}", partial=name in {"good", "warn", "bad", "waiting"})

    def _want(self, number: int) -> None:
        first = number // PAGE_ROWS * PAGE_ROWS
        if first not in self._wanted:
            self._wanted.add(first)
            self.post_message(self.PageWanted(self, first))

    def _cells(self, row: Row, *, header: bool = False) -> list[tuple[str, str]]:
        found = []
        if self.signs:
            found.append((self._signs_of(row), ""))
        for name in self.columns:
            width = self._widths.get(name, len(name))
            value = row.get(name)
            text = cells.title(name) if header else cells.cell_text(name, value)
            text = text if len(text) <= width else text[: width - 1] + "…"
            text = text.rjust(width) if name in self._right else text.ljust(width)
            found.append((text + " " * self._gap, "" if header else cells.cell_style(name, value)))
        return found

    def _signs_of(self, row: Row) -> str:
        marked = str(row.get(self.key)) in self.marked
        return ("*" if marked else " ") + ("!" if row.get("flags") else " ")

    def _laid_out(self, parts: list[tuple[str, str]], style: Style, width: int, *, plain: bool = True) -> Strip:
        segments = [Segment(text, style if plain or not word else style + self._style(word)) for text, word in parts]
        whole = Strip(segments)
        fixed = min(sum(len(text) for text, _ in parts[: 1 + self.signs]), width * 2 // 3)
        shift = round(self.scroll_offset.x)
        strip = Strip.join([whole.crop(0, fixed), whole.crop(fixed + shift, shift + width)])
        if whole.cell_length - shift - self._gap > width:
            # What does not fit goes on to the right.
            strip = strip.crop(0, width - 1)
            return Strip.join([strip, Strip([Segment("›", style)], 1)])
        return strip.adjust_cell_length(width, style)

    def watch_cursor_row(self, _before: int, number: int) -> None:
        self.scroll_to_region(
            Region(round(self.scroll_offset.x), number, 1, 2), animate=False, force=True, immediate=True
        )
        self.post_message(self.Highlighted(self, self.row_at(number)))

    def action_move(self, by: int) -> None:
        self.cursor_row = max(0, min(self.cursor_row + by, self.total - 1))

    def action_move_page(self, by: int) -> None:
        self.action_move(by * max(1, self.size.height - 2))

    def action_move_to_end(self, side: int) -> None:
        self.cursor_row = 0 if side < 0 else max(0, self.total - 1)

    def action_shift_columns(self, by: int) -> None:
        self.scroll_to(x=max(0, self.scroll_offset.x + by), animate=False, force=True)

    def action_choose(self) -> None:
        if self.row is not None:
            self.post_message(self.Chosen(self, self.row))

    def action_mark(self) -> None:
        row = self.row
        if row is None:
            return
        name = str(row[self.key])
        if name in self.marked:
            del self.marked[name]
        else:
            self.marked[name] = row
        self.post_message(self.MarksChanged(self))
        self.action_move(1)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        number = event.y - 1 + round(self.scroll_offset.y)
        if event.y == 0 or number >= self.total:
            return
        if number == self.cursor_row:
            self.action_choose()
        self.cursor_row = number
