"""Sources: the catalogue, and what was measured of each."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from iop4cli.archive.listings import SOURCES
from iop4cli.tui.editing import edit_source
from iop4cli.tui.screens.list_screen import FILTER_HELP, ListScreen
from iop4cli.tui.screens.source import SourceScreen
from iop4cli.tui.widgets.long_table import LongTable


class SourcesScreen(ListScreen):
    """A row for each source of the catalogue."""

    mode = "sources"
    about = f"""The catalogue: how many results each source has and the last night, how many calibrators it has, and \
what it calibrates. Enter opens a source: its entry, finding chart and results, and the residuals of its calibrators. \
E opens its entry in your editor ($VISUAL, $EDITOR), as `iop4 catalog edit` does.

{FILTER_HELP}"""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("E", "edit", "Edit")]

    def __init__(self) -> None:
        super().__init__(SOURCES)

    def equivalent(self) -> list[str]:
        row = self.table.row
        return ["show", str(row["name"])] if row else ["catalog", "list"]

    def on_long_table_chosen(self, event: LongTable.Chosen) -> None:
        self.app.push_screen(SourceScreen(str(event.row["name"])))

    def action_edit(self) -> None:
        row = self.table.row
        if row is not None:
            edit_source(self, str(row["name"]))
