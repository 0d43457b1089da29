"""One source: its entry, the chart of its field, its results, what the results say of its calibrators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static, TabbedContent, TabPane

from iop4cli.errors import UsageError
from iop4cli.tui.asking import ask
from iop4cli.tui.documents import document_text
from iop4cli.tui.editing import edit_source
from iop4cli.tui.finding import read_chart
from iop4cli.tui.screens.tabbed import TABS_HELP, TabbedScreen, fill
from iop4cli.tui.widgets.chart import ChartImage
from iop4cli.tui.widgets.image import FrameImage
from iop4cli.tui.widgets.long_table import LongTable
from iop4cli.tui.widgets.source_results import SourceResults

if TYPE_CHECKING:
    from iop4cli.tui.app import Iop4App
    from iop4cli.tui.finding import FindingChart

_HEALTH = (
    "source", "verdict", "instrument", "band", "n", "mean_mag", "mean_err_mag", "scatter_mag", "chi2_red",
    "trend_mag_yr", "largest_mag", "note",
)  # fmt: skip


class SourceScreen(TabbedScreen):
    """Everything about a source."""

    mode = "sources"
    about = (
        "A source: its entry and results as `iop4 show` tells them; its field on the solved frame that shows most "
        "stars, turned so that north is up and east left (green the source, red its calibrators, blue others of the "
        "catalogue; + - arrows 0 t as on frames, a hides the names); its results with the light curve (p shows or "
        "hides that, Enter opens a result, f flags; all keys as on the screen of results); and what the "
        "results say of its calibrators (or of itself, if it calibrates others), as `iop4 catalog health` tells it: "
        "residuals are measured minus catalogue, in magnitudes. E opens the entry in your editor, as "
        "`iop4 catalog edit` does. " + TABS_HELP
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("E", "edit", "Edit")]

    def __init__(self, name: str) -> None:
        super().__init__()
        self.source = name

    def compose_body(self) -> ComposeResult:
        with TabbedContent():
            with TabPane("Entry", id="tab-entry"), VerticalScroll():
                yield Static("reading…", id="text-entry", markup=False)
            with TabPane("Chart", id="tab-chart"):
                yield ChartImage()
            with TabPane("Results", id="tab-results"):
                yield SourceResults(self.source)
            with TabPane("Residuals", id="tab-residuals"):
                yield LongTable("source", _HEALTH, id="residuals")

    def load(self) -> None:
        name, n_columns = self.source, self.n_columns
        self._tell()
        ask(self, "document", lambda: document_text(self.desk, "source", name, n_columns))
        ask(self, "health", lambda: self._health(name))
        self.query_one(SourceResults).load()
        chart = self.query_one(ChartImage).chart
        ask(self, "chart", lambda: read_chart(self.desk.view(), name, chart))

    def _health(self, name: str) -> list[dict[str, Any]]:
        from iop4cli.pipeline.catalog_health import calibrator_health, calibrators_named

        names = calibrators_named(self.desk.store, name)
        return calibrator_health(self.desk.store, names) if names else []

    def got_document(self, answer: tuple[dict[str, Any], str], _tag: Any) -> None:
        self.show_text("entry", answer[1])

    def got_health(self, rows: list[dict[str, Any]], _tag: Any) -> None:
        table = self.query_one("#residuals", LongTable)
        table.empty = f"nothing calibrates {self.source}, or it was not measured yet"
        fill(table, rows)

    def got_chart(self, chart: FindingChart, _tag: Any) -> None:
        self.query_one(ChartImage).show_chart(chart)

    def got_flag(self, _answer: Any, said: str) -> None:
        self.query_one(SourceResults).table.marked.clear()
        self.notify(said, markup=False)
        cast("Iop4App", self.app).look()

    def refuse(self, kind: str, reason: str) -> None:
        if kind == "chart":
            self.query_one(ChartImage).say(f"no chart: {reason}")
        else:
            super().refuse(kind, reason)

    def on_frame_image_moved(self, _event: FrameImage.Moved) -> None:
        self._tell()

    def on_tabbed_content_tab_activated(self) -> None:
        self._tell()

    def _tell(self) -> None:
        """In the line below what is seen of the chart, else whose screen this is."""
        image = self.query_one(ChartImage)
        charted = self.query_one(TabbedContent).active == "tab-chart" and image.picture is not None
        self.say(image.described if charted else self.source)

    def action_edit(self) -> None:
        edit_source(self, self.source)

    def action_back(self) -> None:
        curves = self.query_one(SourceResults).curves
        if curves.box is not None:
            curves.leave_box()
        else:
            super().action_back()

    def exporter(self, path: Path) -> Callable[[], str]:
        if self.query_one(TabbedContent).active == "tab-results":
            return self.query_one(SourceResults).exporter(path)
        if self.query_one(TabbedContent).active == "tab-chart":
            raise UsageError(f"`iop4 plot finding {self.source!r} -o FILE` writes the chart")
        return super().exporter(path)

    def equivalent(self) -> list[str]:
        verbs = {
            "tab-chart": ["plot", "finding"], "tab-results": ["plot", "lightcurve"],
            "tab-residuals": ["catalog", "health"],
        }  # fmt: skip
        return [*verbs.get(self.query_one(TabbedContent).active, ["show"]), self.source]
