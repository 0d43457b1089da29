"""Polarimetric calibrations: numbers, standing, and the word of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from iop4cli.tui.screens.calibration import CalibrationScreen
from iop4cli.tui.screens.dialogs import TextDialog
from iop4cli.tui.screens.list_screen import FILTER_HELP, ShortListScreen
from iop4cli.tui.widgets.long_table import LongTable

if TYPE_CHECKING:
    from iop4cli.archive.pages import Row

_COLUMNS = (
    "name", "status", "instrument", "band", "q_inst", "u_inst", "zero_angle_deg", "efficiency", "valid_from",
    "valid_until", "n_measurements", "source",
)  # fmt: skip


class CalibrationsScreen(ShortListScreen):
    """A row for each calibration, of the archive and of the instruments' files."""

    mode = "calibrations"
    about = f"""Polarimetric calibrations: those of the archive (proposed, accepted, rejected) and of the instruments' \
files. Enter tells the numbers, each standard that they rest on, and the results that use it, and shows them beside \
the others of the instrument and band. a accepts, x rejects, with a reason: \
the same as `iop4 calib accept` and `reject`, done as a job (8).

{FILTER_HELP}"""
    searched: ClassVar[tuple[str, ...]] = ("name", "instrument", "band", "status", "source")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "decide('accept')", "Accept"),
        Binding("x", "decide('reject')", "Reject"),
    ]

    def compose_table(self) -> ComposeResult:
        yield LongTable("number", _COLUMNS)

    def read_rows(self) -> list[Row]:
        from iop4cli.commands.calib_choosing import all_calibrations
        from iop4cli.commands.calib_showing import row_of

        rows = [row_of(one) for one in all_calibrations(self.desk.view())]
        return [{**row, "number": number} for number, row in enumerate(reversed(rows))]

    def equivalent(self) -> list[str]:
        row = self.table.row
        return ["calib", "show", str(row["name"])] if row else ["calib", "list"]

    def on_long_table_chosen(self, event: LongTable.Chosen) -> None:
        name, instrument, band = (str(event.row[column]) for column in ("name", "instrument", "band"))
        self.app.push_screen(CalibrationScreen(name, instrument, band))

    def action_decide(self, word: str) -> None:
        row = self.table.row
        if row is None:
            return
        name = str(row["name"])

        def decide(reason: str | None) -> None:
            if reason is not None:
                words = ["calib", word, name]
                cast("Any", self.app).start_job([*words, "--reason", reason] if reason else words)

        self.app.push_screen(TextDialog(f"{word.capitalize()} {name}: why? (kept as a note)"), decide)
