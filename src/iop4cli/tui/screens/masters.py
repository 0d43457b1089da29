"""Masters: their statistics, whether they are used, and the word of a person."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static, TabbedContent, TabPane

from iop4cli.archive.listings import MASTERS
from iop4cli.tui.asking import ask
from iop4cli.tui.documents import document_text
from iop4cli.tui.screens.dialogs import YesNo
from iop4cli.tui.screens.list_screen import FILTER_HELP, ListScreen
from iop4cli.tui.screens.tabbed import TABS_HELP, TabbedScreen
from iop4cli.tui.widgets.long_table import LongTable

_WORDS = {"accept": "accept", "reject": "reject", "unsay": "take back what was said of"}


class MastersScreen(ListScreen):
    """A row for each master."""

    mode = "masters"
    about = f"""Masters: frames used, level, scatter, bad pixels, whether the master is accepted, and why not. Enter \
tells its whole history beside those of other nights. a accepts it whatever its comparison says, x rejects it, z takes \
back what was said: the same as `iop4 mkmaster --accept`, `--reject`, `--unsay` of its night, done as a job (8).

{FILTER_HELP}"""
    needed: ClassVar[tuple[str, ...]] = ("epoch",)
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
        self.app.push_screen(MasterScreen(str(event.row["name"])))

    def action_decide(self, word: str) -> None:
        row = self.table.row
        if row is None:
            return
        words = ["mkmaster", str(row["epoch"]), f"--{word}", str(row["name"])]

        def decide(said: bool | None) -> None:
            if said:
                cast("Any", self.app).start_job(words)

        self.app.push_screen(YesNo(f"{_WORDS[word].capitalize()} {row['name']}?"), decide)


class MasterScreen(TabbedScreen):
    """Everything about a master."""

    mode = "masters"
    about = f"A master as `iop4 show` tells it. {TABS_HELP}"

    def __init__(self, name: str) -> None:
        super().__init__()
        self.master = name

    def compose_body(self) -> ComposeResult:
        with TabbedContent(), TabPane("History", id="tab-history"), VerticalScroll():
            yield Static("reading…", id="text-history", markup=False)

    def load(self) -> None:
        name, n_columns = self.master, self.n_columns
        self.say(name)
        ask(self, "document", lambda: document_text(self.desk, "master", name, n_columns))

    def got_document(self, answer: tuple[dict[str, Any], str], _tag: Any) -> None:
        self.show_text("history", answer[1])
        self.query_one(VerticalScroll).focus()

    def equivalent(self) -> list[str]:
        return ["show", self.master]
