"""Sources: the catalogue, what was measured of each, its calibrators and what the results say of them."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static, TabbedContent, TabPane

from iop4cli.archive.listings import SOURCES
from iop4cli.tui.asking import ask
from iop4cli.tui.documents import document_text
from iop4cli.tui.screens.list_screen import FILTER_HELP, ListScreen
from iop4cli.tui.screens.tabbed import TABS_HELP, TabbedScreen, fill
from iop4cli.tui.widgets.long_table import LongTable

_HEALTH = (
    "source", "verdict", "instrument", "band", "n", "mean_mag", "mean_err_mag", "scatter_mag", "chi2_red",
    "trend_mag_yr", "largest_mag", "note",
)  # fmt: skip


class SourcesScreen(ListScreen):
    """A row for each source of the catalogue."""

    mode = "sources"
    about = f"""The catalogue: how many results each source has and the last night, how many calibrators it has, and \
what it calibrates. Enter opens a source: its entry and results, and the residuals of its calibrators.

{FILTER_HELP}"""

    def __init__(self) -> None:
        super().__init__(SOURCES)

    def equivalent(self) -> list[str]:
        row = self.table.row
        return ["show", str(row["name"])] if row else ["catalog", "list"]

    def on_long_table_chosen(self, event: LongTable.Chosen) -> None:
        self.app.push_screen(SourceScreen(str(event.row["name"])))


class SourceScreen(TabbedScreen):
    """Everything about a source."""

    mode = "sources"
    about = (
        "A source: its entry and results as `iop4 show` tells them, and what the results say of its calibrators "
        "(or of itself, if it calibrates others), as `iop4 catalog health` tells it: residuals are measured minus "
        f"catalogue, in magnitudes. {TABS_HELP}"
    )

    def __init__(self, name: str) -> None:
        super().__init__()
        self.source = name

    def compose_body(self) -> ComposeResult:
        with TabbedContent():
            with TabPane("Entry", id="tab-entry"), VerticalScroll():
                yield Static("reading…", id="text-entry", markup=False)
            with TabPane("Residuals", id="tab-residuals"):
                yield LongTable("source", _HEALTH)

    def load(self) -> None:
        name, n_columns = self.source, self.n_columns
        self.say(name)
        ask(self, "document", lambda: document_text(self.desk, "source", name, n_columns))
        ask(self, "health", lambda: self._health(name))

    def _health(self, name: str) -> list[dict[str, Any]]:
        from iop4cli.pipeline.catalog_health import calibrator_health, calibrators_named

        names = calibrators_named(self.desk.store, name)
        return calibrator_health(self.desk.store, names) if names else []

    def got_document(self, answer: tuple[dict[str, Any], str], _tag: Any) -> None:
        self.show_text("entry", answer[1])

    def got_health(self, rows: list[dict[str, Any]], _tag: Any) -> None:
        fill(self.query_one(LongTable), rows)

    def equivalent(self) -> list[str]:
        residuals = self.query_one(TabbedContent).active == "tab-residuals"
        return ["catalog", "health", self.source] if residuals else ["show", self.source]
