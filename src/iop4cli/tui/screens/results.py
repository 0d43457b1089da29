"""Results: all of them in pages, the light curve of the source beside them, flags."""

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
from iop4cli.archive.pages import read_place
from iop4cli.tui.asking import ask
from iop4cli.tui.flagging import flag, unflag
from iop4cli.tui.points import told
from iop4cli.tui.screens.list_screen import FILTER_HELP, ListScreen
from iop4cli.tui.widgets.curves import Curves
from iop4cli.tui.widgets.long_table import LongTable

if TYPE_CHECKING:
    from iop4cli.archive.curves import Curve
    from iop4cli.archive.pages import Page, Row
    from iop4cli.tui.app import Iop4App

_WIDE = 120
_CURVE_AFTER_S = 0.15


class ResultsScreen(ListScreen):
    """A row for each result; the one that is current is that of the table, or of the plots if these have the focus."""

    mode = "results"
    signs = True
    needed: ClassVar[tuple[str, ...]] = ("source", "band", "mjd_utc", "mode", "night", "flags")
    about = f"""Results: magnitude, polarisation, angle (fractions and degrees), quality, flags of people (!). p shows \
or hides the light curve of the source (beside the table where the terminal is wide; Tab goes there). Enter shows all \
of a result. space marks rows (*); f flags those that are marked, or the one of the cursor, with a reason; u takes \
their flags back; Esc unmarks all. o chooses columns.

In the light curve , and . (or h and l) step from point to point in time, PgUp and PgDn by 20, and the table follows; \
Home and End go to the first and last that are shown singly, and stepping on from there brings the next. space marks \
a point. b begins a box, which the steps make longer; Enter (or b) marks what is in it, Esc leaves it. With the \
mouse: a click is the cursor, Ctrl and a drag (or b and a drag) a box of times and values, a drag alone moves the \
plot. + - and arrows zoom and move, r shows all again. Of more than {Curves.N_MOST} results the nearest are points, \
the others bars from the lowest to the highest of a span of time; w shows all times, a click on a bar goes there. \
Flagged points (x) do not set the scale.

{FILTER_HELP}"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "flag", "Flag"),
        Binding("u", "unflag", "Unflag"),
        Binding("p", "curves", "Plot"),
    ]

    def __init__(self) -> None:
        super().__init__(results_listing(tuple(RESULTS)))
        self._curves_wanted: bool | None = None
        self._current: Row | None = None
        # The rows that come next are others: the first of them is current, wherever the focus is.
        self._begins_anew = False
        self._left_out = False

    def compose_table(self) -> ComposeResult:
        with Horizontal(id="results"):
            yield from super().compose_table()
            yield Curves(id="curves")

    def on_mount(self) -> None:
        self.curves.marked = self.table.marked

    @property
    def curves(self) -> Curves:
        return self.query_one(Curves)

    @property
    def _plots_lead(self) -> bool:
        return self.focused is not None and self.curves in self.focused.ancestors

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        """Both where there is room; else one or the other."""
        wide = self.app.size.width >= _WIDE
        shown = wide if self._curves_wanted is None else self._curves_wanted
        self.curves.display = shown
        self.table.display = wide or not shown
        self._focus_what_is_seen()
        if shown:
            self._show_current()

    def _focus_what_is_seen(self) -> None:
        if self._plots_lead and not self.curves.display:
            self.set_focus(self.table)
        elif self.focused in (self.table, None) and not self.table.display:
            self.set_focus(self.curves.query("PlotWidget").first())

    def action_curves(self) -> None:
        self._curves_wanted = not self.curves.display
        self._arrange()

    def _leave_filter(self) -> None:
        super()._leave_filter()
        self._focus_what_is_seen()

    def set_filter(self, text: str) -> None:
        self._begins_anew = True
        super().set_filter(text)

    # One current result.

    def load(self) -> None:
        self.curves.forget()
        super().load()

    def got_page(self, page: Page) -> None:
        super().got_page(page)
        if self._begins_anew:
            self._begins_anew, self._current = False, None

    def on_long_table_highlighted(self, event: LongTable.Highlighted) -> None:
        self._follow_table()

    def on_descendant_focus(self) -> None:
        self._follow_table()
        self.say_what()

    def _follow_table(self) -> None:
        row = self.table.row
        if row is None:
            return
        if self._plots_lead and self._current is not None and self._current["id"] != row["id"]:
            self._seek(self._current["id"])
        else:
            self._current, self._left_out = row, False
        self._show_current()

    def _show_current(self) -> None:
        row = self._current
        if row is None or not self.curves.display or row["mjd_utc"] is None:
            return
        if self.curves.holds(row["source"], row["band"], row["mjd_utc"]):
            self.curves.point_at(row["id"], row["mjd_utc"])
        else:
            self.set_timer(_CURVE_AFTER_S, self._ask_curve)

    def _ask_curve(self) -> None:
        row = self._current
        if row is not None and not self.curves.holds(row["source"], row["band"], row["mjd_utc"]):
            self._read_curve(row["source"], row["band"], row["mjd_utc"])

    def _read_curve(self, source: str, band: str | None, mjd_utc: float, by: int | None = None) -> None:
        """The results about a moment; with `by` the cursor goes there, and on by so many points."""
        store = self.desk.store
        ask(self, "curve", lambda: read_curve(store, source, band, mjd_utc, Curves.N_MOST), (mjd_utc, by))

    def got_curve(self, curve: Curve, asked: tuple[float, int | None]) -> None:
        row, (mjd_utc, by) = self._current, asked
        if row is not None and (row["source"], row["band"]) == (curve.source, curve.band):
            self.curves.show(curve, row["id"], row["mjd_utc"])
            if by is not None:
                self.curves.go_on(mjd_utc, by)
            self.say_what()

    def on_curves_others_wanted(self, event: Curves.OthersWanted) -> None:
        self._read_curve(event.curve.source, event.curve.band, event.mjd_utc, event.by)

    def on_curves_moved(self, event: Curves.Moved) -> None:
        if event.row is not None:
            before, self._current = self._current, event.row
            if before is None or before["id"] != event.row["id"]:
                self._seek(event.row["id"])
        self.say_what()

    def _seek(self, row_id: str) -> None:
        """Put the cursor of the table on a result."""
        place = self.table.place_of(row_id)
        if place is None:
            store, wanted = self.desk.store, self.wanted
            ask(self, "place", lambda: read_place(store, self.question(wanted), row_id), (row_id, self._asked))
        else:
            self.got_place(place, (row_id, self._asked))

    def got_place(self, place: int | None, asked: tuple[str, int]) -> None:
        if self._current is None or asked != (self._current["id"], self._asked):
            return
        self._left_out = place is None
        if place is not None:
            self.table.cursor_row = place
        self.say_what()

    def say_what(self) -> None:
        point = self.curves.row if self._plots_lead else None
        if point is None:
            super().say_what()
            return
        left_out = "  ·  not in the table" if self._left_out else ""
        self.say(told(point, marked=point["id"] in self.table.marked) + left_out)

    def on_long_table_chosen(self, event: LongTable.Chosen) -> None:
        self._open(event.row)

    def on_curves_opened(self, event: Curves.Opened) -> None:
        self._open(event.row)

    def _open(self, row: Row) -> None:
        from iop4cli.tui.screens.result import ResultScreen

        self.app.push_screen(ResultScreen(str(row["id"])))

    # Marks and flags.

    def on_long_table_marks_changed(self, _event: LongTable.MarksChanged) -> None:
        self.curves.draw()
        self.say_what()

    def on_curves_marks_changed(self) -> None:
        self.table.refresh()

    def action_unfilter(self) -> None:
        if self.curves.box is not None and not self.query_one("#filter").display:
            self.curves.leave_box()
            return
        super().action_unfilter()
        self.curves.draw()

    @property
    def _chosen(self) -> list[Row]:
        """What is marked, else the current result."""
        point = self.curves.row if self._plots_lead else None
        return self.table.chosen_rows if self.table.marked or point is None else [point]

    def action_flag(self) -> None:
        if self.curves.take_box():
            flag(self, self.desk.store, self._chosen)

    def action_unflag(self) -> None:
        if self.curves.take_box():
            unflag(self, self.desk.store, self._chosen)

    def got_flag(self, _answer: Any, said: str) -> None:
        self.table.marked.clear()
        self.curves.draw()
        self.notify(said, markup=False)
        cast("Iop4App", self.app).look()

    # Out of here.

    def equivalent(self) -> list[str]:
        from iop4cli.archive import terms

        said = terms.sql_said(self.filter_text)
        if said is None and self.filter_text:
            assert self.listing is not None
            said = terms.as_sql(terms.parsed(self.filter_text, self.listing.columns), self.listing.searched)
        words = ["export", "--flagged", "--columns", ",".join(self.table.columns)]
        return [*words, "--where", said] if said else words

    def exporter(self, path: Path) -> Callable[[], str]:
        from iop4cli.tui.exporting import is_table_of_results

        if not is_table_of_results(path):
            return super().exporter(path)
        wanted = self.wanted

        def write() -> str:
            from iop4cli.tui.exporting import write_results

            return write_results(self.desk, self.question(wanted).condition, wanted.columns, path)

        return write
