"""The application: its screens, its keys, and an eye on what other processes write."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from iop4cli.tui.asking import Answered, Refused, ask
from iop4cli.tui.jobs import CANCELLED, Job, JobChanged, next_job, perform, stop
from iop4cli.tui.screens.base import SCREENS, ArchiveScreen
from iop4cli.tui.screens.dialogs import YesNo
from iop4cli.tui.typing_ahead import TypingAhead

if TYPE_CHECKING:
    from iop4cli.tui.desk import Desk
    from iop4cli.tui.pixels import Canvas

_LOOK_EVERY_S = 1.5
_ENDS = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130}


def _maker(name: str) -> Callable[[], Screen[Any]]:
    """Makes a screen when it is first shown, so that the first one is there quickly."""

    def make() -> Screen[Any]:
        module = import_module(f"iop4cli.tui.screens.{name}")
        return cast("Screen[Any]", getattr(module, f"{name.capitalize()}Screen")())

    return make


class Iop4App(TypingAhead, App[int]):
    """All screens over one archive."""

    TITLE = "iop4"
    CSS_PATH = "iop4.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {name: _maker(name) for name in SCREENS}
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"screen('{name}')", name.capitalize(), show=False)
            for number, name in enumerate(SCREENS, start=1)
        ),
        Binding("ctrl+q", "leave", "Quit", show=False),
    ]

    def __init__(self, desk: Desk, make_canvas: Callable[[], Canvas] | None = None) -> None:
        super().__init__()
        self.desk = desk
        # Makes what images of real pixels are drawn on; without it they are half blocks.
        self.make_canvas = make_canvas
        # Grows with each change of the store; a screen that has seen less reads anew when it is shown.
        self.store_version = 0
        self._store_seen: object = None
        self.animation_level = "none"
        self.jobs: list[Job] = []
        # The night that a new job is about, unless the person says another.
        self.night = ""

    async def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for number, code in _ENDS.items():
            loop.add_signal_handler(number, self._end, code)
        self._store_seen = self.desk.changed()
        await self.switch_mode(SCREENS[0])
        self.set_interval(_LOOK_EVERY_S, self.look)

    def _end(self, code: int) -> None:
        self.exit(code, return_code=code)

    def on_unmount(self) -> None:
        """Their threads read what jobs say, and end with them."""
        for job in self.jobs:
            stop(job)

    def look(self) -> None:
        """See whether the store has changed."""
        ask(cast("Any", self), "changed", self.desk.changed)

    def on_answered(self, message: Answered) -> None:
        if message.kind == "job":
            self._job_over(message.tag)
        elif message.kind == "changed" and message.answer != self._store_seen:
            self._store_seen = message.answer
            self.store_changed()

    def on_refused(self, message: Refused) -> None:
        self.notify(message.reason, severity="error", markup=False)
        if message.kind == "job":
            message.tag.status, message.tag.is_over = "failed", True
            self._next_job()

    def store_changed(self) -> None:
        """Something was written, here or elsewhere: what is seen reads anew."""
        self.store_version += 1
        for screen in self.screen_stack:
            if isinstance(screen, ArchiveScreen):
                screen.load_if_changed()

    async def action_screen(self, name: str) -> None:
        """Go to a table; what lies upon it stays there, until its key is hit again."""
        if self.current_mode == name:
            while len(self.screen_stack) > 1:
                await self.pop_screen()
        await self.switch_mode(name)

    def show_frames_of(self, epoch: str) -> None:
        """The frames of one night."""
        self.night = epoch
        self.run_worker(self._show_filtered("frames", f"epoch={epoch}"))

    async def _show_filtered(self, name: str, text: str) -> None:
        from iop4cli.tui.screens.list_screen import ListScreen

        await self.switch_mode(name)
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        for screen in self.screen_stack:
            if isinstance(screen, ListScreen) and screen.mode == name:
                screen.set_filter(text)

    # Jobs: one after the other, for they would wait for each other's products anyway.

    def start_job(self, words: Sequence[str]) -> None:
        """Start a command, or let it wait for those before."""
        job = Job(len(self.jobs) + 1, tuple(words))
        self.jobs.append(job)
        self.notify(f"job {job.number}: {job.command}", markup=False)
        self._next_job()

    def stop_job(self, number: int) -> None:
        stop(self.jobs[number - 1])
        self._show_jobs()

    def _next_job(self) -> None:
        job = next_job(self.jobs)
        if job is not None:
            ask(cast("Any", self), "job", partial(perform, job, self.desk.layout.root, self._job_changed), job)
        self._show_jobs()

    def _job_changed(self, job: Job) -> None:
        """Called by the thread of a job."""
        self.post_message(JobChanged(job))

    def on_job_changed(self, _message: JobChanged) -> None:
        self._show_jobs()

    def _show_jobs(self) -> None:
        show = getattr(self.screen, "job_changed", None)
        if show is not None:
            show()

    def _job_over(self, job: Job) -> None:
        bad = job.status not in {"done", CANCELLED}
        said = f"job {job.number} {job.status}: {job.lines[-1] if job.lines else job.command}"
        self.notify(said, severity="warning" if bad else "information", markup=False)
        self.look()
        self._next_job()

    def action_leave(self) -> None:
        if all(job.is_over for job in self.jobs):
            self.exit(0)
            return
        question = "Jobs are running. Stop them and quit? What they have finished is recorded."
        self.push_screen(YesNo(question), lambda said: self.exit(0) if said else None)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        for number, name in enumerate(SCREENS, start=1):
            yield SystemCommand(
                f"{name.capitalize()} ({number})", f"Go to {name}", lambda name=name: self.switch_mode(name)
            )
        yield from super().get_system_commands(screen)
