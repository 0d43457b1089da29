"""What all screens have: the line of screens, a line that says what is shown, help, and the shell command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from iop4cli.errors import UsageError
from iop4cli.tui.asking import Answered, Refused, ask
from iop4cli.tui.desk import Desk, shell_command
from iop4cli.tui.screens.dialogs import Notice, TextDialog

if TYPE_CHECKING:
    from iop4cli.tui.app import Iop4App

SCREENS = ("nights", "frames", "results", "sources", "masters", "calibrations", "log", "jobs")
_SHORT = {"calibrations": "Calibs"}


class ArchiveScreen(Screen[None]):
    """A screen over the archive; `mode` is its place in SCREENS, `about` its help."""

    mode: ClassVar[str] = ""
    about: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help"),
        Binding("c", "command", "Command"),
        Binding("e", "export", "Export", show=False),
        Binding("r", "reload", "Refresh", show=False),
        Binding("q", "app.leave", "Quit"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.seen_version = -1

    @property
    def desk(self) -> Desk:
        return cast("Iop4App", self.app).desk

    def compose(self) -> ComposeResult:
        yield Static(self._screens(), id="screens")
        yield from self.compose_body()
        yield Static("", id="said", markup=False)
        yield Footer(show_command_palette=False, compact=True)

    def compose_body(self) -> ComposeResult:
        """The widgets between the line of screens and the line that says what is shown."""
        yield from ()

    def _screens(self) -> Content:
        """On one line of 80 columns, the one that is seen marked."""
        parts = []
        for number, name in enumerate(SCREENS, start=1):
            style = "bold reverse" if name == self.mode else "dim"
            parts.append(Content.styled(f" {number} {_SHORT.get(name, name.capitalize())} ", style))
        return Content("").join(parts)

    def say(self, text: str) -> None:
        """One line on what is shown."""
        self.query_one("#said", Static).update(text, layout=False)

    def load(self) -> None:
        """Ask for what the screen shows; called when it comes to sight and when the store has changed."""

    def equivalent(self) -> list[str]:
        """The arguments of `iop4` that show the same in the shell."""
        return []

    def on_screen_resume(self) -> None:
        self.load_if_changed()

    def load_if_changed(self) -> None:
        version = cast("Iop4App", self.app).store_version
        # Something may be written while the program ends, and the screen has no widgets any more.
        if self.seen_version != version and self.query("#said"):
            self.seen_version = version
            self.load()

    # Textual calls the on_ methods of all base classes; what screens extend has other names.

    def on_answered(self, message: Answered) -> None:
        self.take(message.kind, message.answer, message.tag)

    def on_refused(self, message: Refused) -> None:
        self.refuse(message.kind, message.reason)

    def take(self, kind: str, answer: Any, tag: Any) -> None:
        """What a thread found."""
        getattr(self, f"got_{kind}")(answer, tag)

    def refuse(self, kind: str, reason: str) -> None:
        """Why a thread found nothing."""
        self.notify(reason, severity="error", markup=False, timeout=8)

    def action_reload(self) -> None:
        self.load()

    def action_help(self) -> None:
        keys = [
            f"{self.app.get_key_display(active.binding):>8}  {active.binding.description}"
            for active in self.active_bindings.values()
            if active.binding.description and not active.binding.system
        ]
        self.app.push_screen(Notice(f"Help: {self.mode}", f"{self.about}\n\n" + "\n".join(dict.fromkeys(keys))))

    def action_command(self) -> None:
        text = shell_command([*self.equivalent(), *self.place()])
        self.app.copy_to_clipboard(text)
        self.app.push_screen(Notice("The same in the shell (copied to the clipboard)", text))

    def place(self) -> list[str]:
        """Which archive and server, unless the shell finds them from the folder where it is."""
        root = self.desk.layout.root
        here = Path.cwd()
        server = ["--db", self.desk.opened.config["db"]] if self.desk.opened.config.origins["db"] == "--db" else []
        return [*([] if root in (here, *here.parents) else ["--archive", str(root)]), *server]

    def suggested_file(self) -> str:
        """A name for an export of what is shown."""
        return f"{self.mode}.csv"

    def action_export(self) -> None:
        def write(name: str | None) -> None:
            if not name:
                return
            try:
                ask(self, "export", self.exporter(Path(name).expanduser()), name)
            except UsageError as problem:
                self.refuse("export", str(problem))

        kinds = ".csv, .ndjson, of results also .ecsv .vot .fits .parquet .md .tex; of texts .txt"
        self.app.push_screen(TextDialog(f"Export to ({kinds})", self.suggested_file()), write)

    def exporter(self, path: Path) -> Callable[[], str]:
        """What writes what is shown, in a thread, and returns what was written, in words."""
        raise UsageError("there is nothing to export here")

    def got_export(self, said: str, name: str) -> None:
        self.notify(f"{name}: {said}", markup=False)
