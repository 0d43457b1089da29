"""Masters: their statistics, whether they are used, and the word of a person."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from textual.binding import Binding, BindingType

from iop4cli.archive.listings import MASTERS
from iop4cli.tui.screens.dialogs import YesNo
from iop4cli.tui.screens.list_screen import FILTER_HELP, ListScreen
from iop4cli.tui.screens.master import MasterScreen
from iop4cli.tui.widgets.long_table import LongTable

_WORDS = {"accept": "accept", "reject": "reject", "unsay": "take back what was said of"}


class MastersScreen(ListScreen):
    """A row for each master."""

    mode = "masters"
    about = f"""Masters: frames used, level, scatter, bad pixels, whether the master is accepted, and why not. Enter \
tells its whole history, and shows it beside those of other nights and as an image. a accepts it whatever its \
comparison says, x rejects it, z takes back what was said: the same as `iop4 mkmaster --accept`, `--reject`, \
`--unsay` of its night, done as a job (8).

{FILTER_HELP}"""
    needed: ClassVar[tuple[str, ...]] = ("epoch", "kind")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "decide('accept')", "Accept"),
        Binding("x", "decide('reject')", "Reject"),
        Binding("z", "decide('unsay')", "Unsay"),
    ]

    def __init__(self) -> None:
        super().__init__(MASTERS)

    def equivalent(self) -> list[str]:
        row = self.table.row
        return ["show", str(row["name"])] if row else ["mkmaster", "--dry-run"]

    def on_long_table_chosen(self, event: LongTable.Chosen) -> None:
        self.app.push_screen(MasterScreen(str(event.row["name"]), str(event.row["kind"])))

    def action_decide(self, word: str) -> None:
        row = self.table.row
        if row is None:
            return
        words = ["mkmaster", str(row["epoch"]), f"--{word}", str(row["name"])]

        def decide(said: bool | None) -> None:
            if said:
                cast("Any", self.app).start_job(words)

        self.app.push_screen(YesNo(f"{_WORDS[word].capitalize()} {row['name']}?"), decide)
