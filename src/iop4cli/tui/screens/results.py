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
from iop4cli.archive.people import add_flags, remove_flags
from iop4cli.tui.asking import ask
from iop4cli.tui.desk import who
from iop4cli.tui.screens.dialogs import TextDialog
from iop4cli.tui.screens.list_screen import FILTER_HELP, ListScreen
from iop4cli.tui.widgets.curves import Curves
from iop4cli.tui.widgets.long_table import LongTable

if TYPE_CHECKING:
    from iop4cli.archive.curves import Curve
    from iop4cli.archive.pages import Row
    from iop4cli.tui.app import Iop4App

_WIDE = 120
_CURVE_AFTER_S = 0.15


class ResultsScreen(ListScreen):
    """A row for each result."""

    mode = "results"
    signs = True
    needed: ClassVar[tuple[str, ...]] = ("source", "band", "mjd_utc", "mode", "night", "flags")
    about = f"""Results: magnitude, polarisation, angle (fractions and degrees), quality, flags of people (!). p shows \
or hides the light curve of the source (beside the table where the terminal is wide; Tab goes there, + - and arrows \
zoom and move). Enter shows all of a result. space marks rows (*); f flags those that are marked, or the one of the \
cursor, with a reason; u takes their flags back. o chooses columns.

{FILTER_HELP}"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "flag", "Flag"),
        Binding("u", "unflag", "Unflag"),
        Binding("p", "curves", "Plot"),
    ]

    def __init__(self) -> None:
        super().__init__(results_listing(tuple(RESULTS)))
        self._curves_wanted: bool | None = None

    def compose_table(self) -> ComposeResult:
        with Horizontal(id="results"):
            yield from super().compose_table()
            yield Curves(id="curves")

    @property
    def curves(self) -> Curves:
        return self.query_one(Curves)

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        """Both where there is room; else one or the other."""
        wide = self.app.size.width >= _WIDE
        shown = wide if self._curves_wanted is None else self._curves_wanted
        self.curves.display = shown
        self.table.display = wide or not shown
        if shown:
            self._ask_curve()

    def action_curves(self) -> None:
        self._curves_wanted = not self.curves.display
        self._arrange()
        (self.table if self.table.display else self.curves.query("PlotWidget").first()).focus()

    def load(self) -> None:
        self.curves.forget()
        super().load()

    def on_long_table_highlighted(self, event: LongTable.Highlighted) -> None:
        self.set_timer(_CURVE_AFTER_S, self._ask_curve)

    def _ask_curve(self) -> None:
        row = self.table.row
        if row is None or not self.curves.display or row["mjd_utc"] is None:
            return
        source, band, mjd_utc = row["source"], row["band"] or "", float(row["mjd_utc"])
        if self.curves.holds(source, band, row["id"]):
            self.curves.mark(row["id"])
            return
        store = self.desk.store
        ask(self, "curve", lambda: read_curve(store, source, band, mjd_utc, Curves.N_MOST), row["id"])

    def got_curve(self, curve: Curve, row_id: str) -> None:
        self.curves.show(curve, row_id)

    def on_long_table_chosen(self, event: LongTable.Chosen) -> None:
        from iop4cli.tui.screens.result import ResultScreen

        self.app.push_screen(ResultScreen(str(event.row["id"])))

    # Flags, as `iop4 flag` writes them.

    def action_flag(self) -> None:
        rows = self.table.chosen_rows
        if not rows:
            return

        def flag(reason: str | None) -> None:
            words = " ".join((reason or "").split())
            if words:
                ids, store = _ids(rows), self.desk.store
                ask(self, "flag", lambda: add_flags(store, ids, words, who()), f"{_counted(ids)} flagged: {words}")

        self.app.push_screen(TextDialog(f"Why flag {_counted(_ids(rows))}?", hint=_named(rows)), flag)

    def action_unflag(self) -> None:
        rows = [row for row in self.table.chosen_rows if row["flags"]]
        if not rows:
            self.notify("no flag on these")
            return
        ids, store = _ids(rows), self.desk.store
        ask(self, "flag", lambda: remove_flags(store, ids), f"flags of {_counted(ids)} taken back")

    def got_flag(self, _answer: Any, said: str) -> None:
        self.table.marked.clear()
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
        if path.suffix.lower() != ".ecsv":
            return super().exporter(path)
        wanted = self.wanted

        def write() -> str:
            from iop4cli.tui.exporting import write_results

            return write_results(self.desk, self.question(wanted).condition, wanted.columns, path)

        return write


def _ids(rows: list[Row]) -> list[str]:
    return [str(row["id"]) for row in rows]


def _counted(ids: list[str]) -> str:
    return f"{len(ids)} result{'s' if len(ids) > 1 else ''}"


def _named(rows: list[Row]) -> str:
    named = ", ".join(f"{row['source']} {row['band']} {row['night']}" for row in rows[:3])
    return named + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")
