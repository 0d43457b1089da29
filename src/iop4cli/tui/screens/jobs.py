"""Jobs: steps that were started here, how far they are, what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import ProgressBar, RichLog, Static

from iop4cli.errors import UsageError
from iop4cli.tui.jobs import RUNNABLE, Job, parsed_command
from iop4cli.tui.screens.dialogs import ChoiceDialog, TextDialog
from iop4cli.tui.screens.list_screen import FILTER_HELP, ShortListScreen
from iop4cli.tui.widgets.long_table import LongTable

if TYPE_CHECKING:
    from iop4cli.archive.pages import Row
    from iop4cli.tui.app import Iop4App

_COLUMNS = ("number", "command", "status", "progress", "done", "failed", "seconds", "started")


class JobsScreen(ShortListScreen):
    """A row for each job, the newest first; below, what the one of the cursor says."""

    mode = "jobs"
    about = f"""Jobs: n starts a step, or `run` for all steps, on what you say (a night, frames; nothing is all that \
is due) with any option of the command. They run beside this screen, one after the other, each in a process of its \
own. x stops one: what it has finished is recorded, and the same command goes on from there. When you quit, jobs are \
stopped so.

{FILTER_HELP}"""
    searched: ClassVar[tuple[str, ...]] = ("command", "status")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New job"),
        Binding("x", "stop", "Stop"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.order, self.descending = "number", True
        self._shown: tuple[int, int] = (-1, 0)

    @property
    def jobs(self) -> list[Job]:
        return cast("Iop4App", self.app).jobs

    def compose_table(self) -> ComposeResult:
        yield LongTable("number", _COLUMNS)
        with Vertical(id="job"):
            yield Static("", id="job-command", markup=False)
            yield ProgressBar(show_eta=False, id="job-progress")
            yield RichLog(id="job-lines", max_lines=1000, wrap=True, markup=False, highlight=False)

    def on_mount(self) -> None:
        self.query_one("#job").display = False

    def read_rows(self) -> list[Row]:
        return [job.row() for job in self.jobs]

    def job_changed(self) -> None:
        """Something new of some job."""
        self.load()
        self._show_job()

    def on_long_table_highlighted(self, event: LongTable.Highlighted) -> None:
        self._show_job()

    def _show_job(self) -> None:
        row = self.table.row
        job = next((job for job in self.jobs if row is not None and job.number == row["number"]), None)
        self.query_one("#job").display = job is not None
        if job is None:
            return
        self.query_one("#job-command", Static).update(f"{job.command}: {job.status}")
        bar = self.query_one(ProgressBar)
        bar.update(total=max(job.n_due, 1), progress=max(job.n_due, 1) if job.is_over else job.n_ended)
        lines, (number, seen) = self.query_one(RichLog), self._shown
        if number != job.number or len(job.lines) < seen:
            lines.clear()
            seen = 0
        for line in list(job.lines)[seen:]:
            lines.write(line)
        self._shown = (job.number, len(job.lines))

    def action_new(self) -> None:
        app = cast("Iop4App", self.app)

        def choose(step: str | None) -> None:
            if step is not None:
                app.push_screen(TextDialog("iop4", f"{step} {app.night}".strip(), _HINT), start)

        def start(text: str | None) -> None:
            if text:
                try:
                    app.start_job(parsed_command(text))
                except UsageError as problem:
                    self.notify(str(problem), severity="error", markup=False)

        app.push_screen(ChoiceDialog("Which step?", RUNNABLE, "run"), choose)

    def action_stop(self) -> None:
        row = self.table.row
        if row is not None:
            cast("Iop4App", self.app).stop_job(int(row["number"]))

    def nothing(self) -> str:
        return super().nothing() if self.filter_text else "no jobs yet: n starts one"

    def equivalent(self) -> list[str]:
        row = self.table.row
        job = next((job for job in self.jobs if row is not None and job.number == row["number"]), None)
        return list(job.words) if job else ["run"]


_HINT = "Enter: start, Esc: leave; a night, frames, or nothing: all that is due"
