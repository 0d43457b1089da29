"""One polarimetric calibration: its numbers, and itself beside the others of its instrument and band."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static, TabbedContent, TabPane

from iop4cli.shell import output
from iop4cli.tui.asking import ask
from iop4cli.tui.screens.tabbed import TABS_HELP, TabbedScreen, answer_of
from iop4cli.tui.trends import CALIBRATION_QUANTITIES, calibration_trend
from iop4cli.tui.widgets.trend import Trend

if TYPE_CHECKING:
    from iop4cli.tui.trends import Trending


class CalibrationScreen(TabbedScreen):
    """Everything about a calibration."""

    mode = "calibrations"
    about = (
        "A calibration as `iop4 calib show` tells it; and q and u of the instrument and the zero angle beside those "
        "of the other calibrations of the instrument and band, from the night that each is valid from (those that "
        f"are rejected are crosses and do not set the scale). {TABS_HELP}"
    )

    def __init__(self, name: str, instrument: str, band: str) -> None:
        super().__init__()
        # An instrument's file may use a name that another uses too.
        self.calibration, self.instrument, self.band = name, instrument, band
        self._rows: list[dict[str, Any]] = []

    def compose_body(self) -> ComposeResult:
        with TabbedContent():
            with TabPane("Numbers", id="tab-numbers"), VerticalScroll():
                yield Static("reading…", id="text-numbers", markup=False)
            with TabPane("Trend", id="tab-trend"):
                yield Trend(CALIBRATION_QUANTITIES)

    def load(self) -> None:
        name, n_columns = self.calibration, self.n_columns
        self.say(name)
        ask(self, "text", lambda: self._text(name, n_columns))
        ask(self, "trend", lambda: calibration_trend(self.desk.view(), name, self.instrument, self.band))

    def _text(self, name: str, n_columns: int) -> str:
        from iop4cli.commands.calib_choosing import calibrations_named
        from iop4cli.commands.calib_showing import document_of, show_document

        documents = [document_of(self.desk.store, one) for one in calibrations_named(self.desk.view(), name)]
        with output.kept(n_columns) as parts:
            for document in documents:
                show_document(document)
        return "".join(parts)

    def got_text(self, text: str, _tag: Any) -> None:
        self.show_text("numbers", text)

    def got_trend(self, answer: Trending, _tag: Any) -> None:
        self._rows, title = answer
        self.query_one(Trend).show(self._rows, title)

    @property
    def _trend_is_seen(self) -> bool:
        return self.query_one(TabbedContent).active == "tab-trend"

    def exporter(self, path: Path) -> Callable[[], str]:
        from iop4cli.tui.exporting import write_rows

        if self._trend_is_seen:
            return partial(write_rows, path, answer_of(self._rows))
        return super().exporter(path)

    def suggested_file(self) -> str:
        return "calibrations.csv" if self._trend_is_seen else super().suggested_file()

    def equivalent(self) -> list[str]:
        if self._trend_is_seen:
            return ["calib", "list", "--instrument", self.instrument, "--band", self.band]
        return ["calib", "show", self.calibration]
