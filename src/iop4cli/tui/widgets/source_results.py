"""The results of one source, and its light curve in the band of the current one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from iop4cli.archive.columns import RESULTS
from iop4cli.archive.curves import read_curve
from iop4cli.archive.listings import results_listing
from iop4cli.archive.pages import Question, read_all, read_page
from iop4cli.archive.people import quoted
from iop4cli.tui.asking import Answered, Refused, ask
from iop4cli.tui.flagging import flag, unflag
from iop4cli.tui.widgets.curves import Curves
from iop4cli.tui.widgets.long_table import PAGE_ROWS, LongTable

if TYPE_CHECKING:
    from iop4cli.archive.curves import Curve
    from iop4cli.archive.pages import Page, Row
    from iop4cli.tui.app import Iop4App

_WIDE = 120
_HIDDEN = ("source",)
_NEEDED = ("id", "source", "band", "mjd_utc", "night", "flags")


class SourceResults(Horizontal):
    """A table, newest first, and plots beside it, or one of them where there is no room for both."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "flag", "Flag"),
        Binding("u", "unflag", "Unflag"),
        Binding("p", "curves", "Plot"),
    ]

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        listing = results_listing(tuple(RESULTS))
        self._columns = tuple(name for name in listing.shown if name not in _HIDDEN)
        self._question = Question(listing, f"source = {quoted(source)}", "mjd_utc", True)
        self._curves_wanted: bool | None = None
        self._current: Row | None = None

    def compose(self) -> ComposeResult:
        yield LongTable("id", self._columns, signs=True, id="own-results")
        yield Curves()

    @property
    def table(self) -> LongTable:
        return self.query_one(LongTable)

    @property
    def curves(self) -> Curves:
        return self.query_one(Curves)

    def load(self) -> None:
        """Ask for the rows that are seen."""
        self.table.expect_anew()
        self.curves.forget()
        self._ask_page(self.table.cursor_row // PAGE_ROWS * PAGE_ROWS)

    def _ask_page(self, first: int) -> None:
        store, columns = cast("Iop4App", self.app).desk.store, list(dict.fromkeys((*_NEEDED, *self._columns)))
        question = self._question
        ask(self, f"page {first}", lambda: read_page(store, question, columns, first, PAGE_ROWS))

    def on_answered(self, message: Answered) -> None:
        if message.kind == "curve":
            self._show_curve(message.answer, *message.tag)
        else:
            self._put(message.answer)

    def on_refused(self, message: Refused) -> None:
        self.notify(message.reason, severity="error", markup=False)

    def _put(self, page: Page) -> None:
        self.table.empty = "no result of it yet"
        self.table.put(page)

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        wide = self.app.size.width >= _WIDE
        self.curves.display = wide if self._curves_wanted is None else self._curves_wanted
        self.table.display = wide or not self.curves.display
        self._show_current()

    def action_curves(self) -> None:
        self._curves_wanted = not self.curves.display
        self._arrange()
        (self.table if self.table.display else self.curves.query("PlotWidget").first()).focus()

    # One current result, of the table or of the plots.

    def on_long_table_page_wanted(self, event: LongTable.PageWanted) -> None:
        event.stop()
        self._ask_page(event.first)

    def on_long_table_highlighted(self, event: LongTable.Highlighted) -> None:
        event.stop()
        if event.row is not None:
            self._current = event.row
            self._show_current()

    def on_curves_moved(self, event: Curves.Moved) -> None:
        if event.row is not None:
            self._current = event.row
            place = self.table.place_of(str(event.row["id"]))
            if place is not None:
                self.table.cursor_row = place

    def _show_current(self) -> None:
        row = self._current
        if row is None or not self.curves.display or row["mjd_utc"] is None:
            return
        if self.curves.holds(self.source, row["band"], row["mjd_utc"]):
            self.curves.point_at(row["id"], row["mjd_utc"])
        else:
            self._ask_curve(row["band"], row["mjd_utc"], None)

    def _ask_curve(self, band: str | None, mjd_utc: float, by: int | None) -> None:
        store, source = cast("Iop4App", self.app).desk.store, self.source
        ask(self, "curve", lambda: read_curve(store, source, band, mjd_utc, Curves.N_MOST), (mjd_utc, by))

    def _show_curve(self, curve: Curve, mjd_utc: float, by: int | None) -> None:
        row = self._current
        if row is not None and row["band"] == curve.band:
            self.curves.show(curve, row["id"], row["mjd_utc"])
            if by is not None:
                self.curves.go_on(mjd_utc, by)

    def on_curves_others_wanted(self, event: Curves.OthersWanted) -> None:
        self._ask_curve(event.curve.band, event.mjd_utc, event.by)

    def on_long_table_chosen(self, event: LongTable.Chosen) -> None:
        event.stop()
        self._open(event.row)

    def on_curves_opened(self, event: Curves.Opened) -> None:
        self._open(event.row)

    # Marks, of which there is one set, and flags.

    def on_mount(self) -> None:
        self.curves.marked = self.table.marked

    def on_long_table_marks_changed(self, _event: LongTable.MarksChanged) -> None:
        self.curves.draw()

    def on_curves_marks_changed(self) -> None:
        self.table.refresh()

    @property
    def _chosen(self) -> list[Row]:
        """What is marked, else the current result, which need not be in the table yet."""
        return list(self.table.marked.values()) or ([self._current] if self._current is not None else [])

    def action_flag(self) -> None:
        flag(cast("Any", self.screen), cast("Iop4App", self.app).desk.store, self._chosen)

    def action_unflag(self) -> None:
        unflag(cast("Any", self.screen), cast("Iop4App", self.app).desk.store, self._chosen)

    def exporter(self, path: Path) -> Callable[[], str]:
        """What writes all rows, for a thread."""
        from iop4cli.tui.exporting import write_rows

        store, question, columns = cast("Iop4App", self.app).desk.store, self._question, self._columns
        return lambda: write_rows(path, read_all(store, question, columns))

    def _open(self, row: dict[str, Any]) -> None:
        from iop4cli.tui.screens.result import ResultScreen

        self.app.push_screen(ResultScreen(str(row["id"])))
