"""Nights: what is there of each, and how far it has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult

from iop4cli.archive.queries import night_rows
from iop4cli.tui.screens.list_screen import FILTER_HELP, ShortListScreen
from iop4cli.tui.widgets.long_table import LongTable

if TYPE_CHECKING:
    from iop4cli.archive.pages import Row
    from iop4cli.tui.app import Iop4App

_COLUMNS = ("night", "frames", "masters", "reduced", "solved", "phot", "groups", "results", "problems")


class NightsScreen(ShortListScreen):
    """A row for each night."""

    mode = "nights"
    about = f"""A line for each night: frames, accepted masters, frames reduced, solved and measured, polarimetric \
groups, results, and items with problems. Enter shows the frames of a night, 3 the results of all.

{FILTER_HELP}"""
    searched: ClassVar[tuple[str, ...]] = ("night", "instruments")

    def __init__(self) -> None:
        super().__init__()
        self.order, self.descending = "date", True

    def compose_table(self) -> ComposeResult:
        yield LongTable("night", _COLUMNS)

    def read_rows(self) -> list[Row]:
        rows = night_rows(self.desk.store, None, None)
        return [{**row, "night": row["name"], "date": row["name"].split("/")[1]} for row in rows]

    def nothing(self) -> str:
        return super().nothing() if self.filter_text else "no frames yet: `iop4 fetch FILES`, then `iop4 run`"

    def equivalent(self) -> list[str]:
        return ["status", *([str(self.table.row["night"])] if self.table.row else [])]

    def on_long_table_highlighted(self, event: LongTable.Highlighted) -> None:
        if event.row is not None:
            cast("Iop4App", self.app).night = str(event.row["night"])

    def on_long_table_chosen(self, event: LongTable.Chosen) -> None:
        cast("Iop4App", self.app).show_frames_of(str(event.row["night"]))
