"""iop4 watch."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iop4cli.archive.store import utc_now
from iop4cli.commands.opening import Opened, open_archive, parameter_flags
from iop4cli.commands.stepping import record_run
from iop4cli.errors import Iop4Error, StoreBusy, UsageError
from iop4cli.pipeline.engine import Ended, Planned, Tally, Waiting
from iop4cli.pipeline.watching import Trouble
from iop4cli.shell import messages
from iop4cli.shell.options import PANEL_HOW, PANEL_ITEMS, ArchiveOptions, Json, takes_options

if TYPE_CHECKING:
    import datetime

    from iop4cli.commands.watching import Screen
    from iop4cli.instruments.registry import Registry
    from iop4cli.pipeline.executor import Executor
    from iop4cli.pipeline.watching import Watch
    from iop4cli.remote.feeds import Feed

EPILOG = """Examples:

  iop4 watch

  iop4 watch --incoming /mnt/camera --on-result 'mail -s "$IOP4_RESULT_SOURCE" me@example.org'

  iop4 watch --from osn-t090 --alert 'mag < mag_30d - 0.5' --alert 'p > 0.2' --on-alert ./wake-me.sh
"""

_FROM, _TELL, _PACE = "Where frames come from", "What is told", "Pace"


def _option(flag: str, metavar: str | None, panel: str, text: str, **more: Any) -> Any:
    return typer.Option(flag, metavar=metavar, show_default=False, rich_help_panel=panel, help=text, **more)


@takes_options
def command(
    options: ArchiveOptions,
    items: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NIGHTS",
            show_default=False,
            rich_help_panel=PANEL_ITEMS,
            help="Only these epochs (OSN-T090/2022-09-08); else whatever comes.",
        ),
    ] = None,
    incoming: Annotated[
        list[Path] | None,
        _option("--incoming", "DIR", _FROM, "Link (fetch.copy: copy) what a camera writes below DIR; repeatable."),
    ] = None,
    server: Annotated[str | None, _option("--from", "ARCHIVE", _FROM, "Fetch the newest nights of a server.")] = None,
    every: Annotated[float, _option("--every", "S", _FROM, "Look at the server every S seconds (60).", min=1)] = 60.0,
    on_result: Annotated[
        str | None,
        _option(
            "--on-result",
            "CMD",
            _TELL,
            "Run for each new result; the row is JSON on its stdin, and in IOP4_RESULT_SOURCE, _MAG, _P...",
        ),
    ] = None,
    alert: Annotated[
        list[str] | None,
        _option(
            "--alert",
            "SQL",
            _TELL,
            "Condition on a result's columns and mag_30d, p_30d, chi_30d_deg, the medians of 30 days; repeatable.",
        ),
    ] = None,
    on_alert: Annotated[
        str | None, _option("--on-alert", "CMD", _TELL, "Run where an --alert holds; else it is only said.")
    ] = None,
    all_sources: Annotated[bool, _option("--all-sources", None, _TELL, "Tell of calibrators too.")] = False,
    p_error: Annotated[
        float | None, _option("--p-error", "X", _TELL, "Advise exposures for this error of p (fraction).", min=1e-6)
    ] = None,
    snr: Annotated[
        float | None, _option("--snr", "X", _TELL, "Advise exposures for this signal-to-noise.", min=0.1)
    ] = None,
    catch_up: Annotated[
        int, _option("--catch-up", "N", _PACE, "First do what is due in the newest N nights (2).", min=0)
    ] = 2,
    patience: Annotated[
        float, _option("--patience", "S", _PACE, "A file that is not whole is taken when unchanged for S (10).", min=0)
    ] = 10.0,
    calibration_pause: Annotated[
        float,
        _option("--calibration-pause", "S", _PACE, "Masters are made when no further frame came for S (60).", min=0),
    ] = 60.0,
    poll: Annotated[float, _option("--poll", "S", _PACE, "Look for files every S seconds (0.1).", min=0.05)] = 0.1,
    stop_when_idle: Annotated[
        float | None, _option("--stop-when-idle", "S", _PACE, "End when nothing came for S seconds.", min=0)
    ] = None,
    jobs: Annotated[int | None, _option("-j", "N", PANEL_HOW, "Worker processes; 0 is one a core.", min=0)] = None,
    param: Annotated[
        list[str] | None, _option("--param", "STEP.NAME=VALUE", PANEL_HOW, "Set a parameter of a step; repeatable.")
    ] = None,
    json: Json = False,
) -> int:
    """Take frames through all steps as they come, and tell of results within seconds.

    Reads raw/ (and --incoming folders, or a server) until it is stopped, and writes what `iop4 run` does. A file is
    taken when it is whole and no longer changes; one that stays broken gets its reason, as in `iop4 run`. A group
    of polarimetry is measured when all its angles came, when the telescope turned to another target, or when no
    more can follow. stdout has the ids of new results of targets (--json: the rows; on a terminal: a line each),
    each once, over restarts; stderr says what came, seeing, signal, missing angles, saturation, and what went
    wrong. Stop it with Ctrl-C: what is finished is recorded, and the next start takes up from there.
    """  # fmt: skip
    from iop4cli.commands.hooks import Hook
    from iop4cli.commands.watching import Screen
    from iop4cli.pipeline.announcing import Announcer
    from iop4cli.pipeline.executor import Processes, one_thread_each, worker_count, worker_limits
    from iop4cli.pipeline.live_notes import ExposureAdviser
    from iop4cli.pipeline.step import Parameters
    from iop4cli.pipeline.steps import STEP_NAMES

    if on_alert and not alert:
        raise UsageError("--on-alert needs --alert: when should it be called?")
    flags = parameter_flags(param or (), STEP_NAMES)
    if jobs is not None:
        flags.append(("jobs", jobs, "-j"))
    opened = open_archive(options, flags)
    registry = opened.surroundings().registry
    nights = _nights(items, registry)
    announcer = Announcer(opened.store, opened.layout.root / "log" / "announced.json", tuple(alert or ()), all_sources)
    adviser = ExposureAdviser(opened.store, Parameters(opened.config.step_parameters()), snr, p_error)
    screen = Screen(
        announcer, adviser, json, Hook("--on-result", on_result) if on_result else None,
        Hook("--on-alert", on_alert) if on_alert else None,
    )  # fmt: skip
    with ExitStack() as stack:
        stack.enter_context(_alone(opened.layout.root / "log" / "watch.lock"))
        announcer.start()
        one_thread_each()
        limits = worker_limits(opened.config["job_timeout_s"], opened.config["worker_memory_mb"])
        executor = Processes(worker_count(opened.config["jobs"]), limits, eager=True, archive=opened.layout.root)
        stack.callback(executor.close)
        executor.warm()
        feeds = _feeds(opened, registry, incoming or [], patience, server, every, nights)
        for feed in feeds:
            stack.callback(feed.close)
        stack.callback(screen.close)
        watch = _watch(opened, options, flags, executor, registry, feeds, nights, patience)
        watch.poll_s, watch.calibration_pause_s = poll, calibration_pause
        first = sorted(nights) if nights is not None else _first(watch, catch_up)
        what = ", ".join(sorted(nights)) if nights else "raw/"
        messages.notice(f"watching {what} of {opened.layout.root}; Ctrl-C ends it")
        _Night(opened, watch, screen, registry).follow(first, stop_when_idle)
    return 0


@dataclass
class _Night:
    """Follows what happens, and keeps a row of each pass that did something."""

    opened: Opened
    watch: Watch
    screen: Screen
    registry: Registry

    def follow(self, first: list[str], stop_when_idle: float | None) -> None:
        from iop4cli.pipeline.watching import Arrived, Held, Idle, PassBegun, PassEnded

        run_id, started, tally = "", utc_now(), Tally()
        untold = False
        # Closed when a signal comes while something is told: what was finished is recorded before anything else ends.
        try:
            with closing(self.watch.events(first)) as events:
                for event in events:
                    if isinstance(event, (Planned, Ended)):
                        tally.add(event)
                        if isinstance(event, Ended):
                            self.screen.ended(event)
                    elif isinstance(event, Waiting):
                        self.screen.waiting(event)
                    elif isinstance(event, PassBegun):
                        self._keep(run_id, started, tally)
                        run_id, started, tally = event.run_id, utc_now(), Tally()
                    elif isinstance(event, PassEnded):
                        untold = not self._done(partial(self.screen.pass_ended, event, self.registry))
                    elif isinstance(event, Arrived):
                        self.screen.arrived(event)
                    elif isinstance(event, Held):
                        self.screen.held(event)
                    elif isinstance(event, Trouble):
                        self.screen.trouble(event)
                    elif isinstance(event, Idle):
                        self._keep(run_id, started, tally)
                        run_id = ""
                        untold = untold and not self._done(partial(self.screen.announce, self.registry))
                        self.screen.tell_of_hooks()
                        if stop_when_idle is not None and event.quiet_s >= stop_when_idle:
                            messages.notice(f"nothing came for {stop_when_idle:g} s")
                            return
        finally:
            self._keep(run_id, started, tally)

    def _keep(self, run_id: str, started: datetime.datetime, tally: Tally) -> None:
        if run_id:
            self._done(partial(record_run, self.opened, run_id, started, tally))

    def _done(self, telling: Callable[[], None]) -> bool:
        """A store that is busy, or a full disk, must not end the watch: it is said, and told of later."""
        try:
            telling()
        except (Iop4Error, OSError) as error:
            self.screen.trouble(Trouble(str(error)))
            return False
        return True


def _watch(
    opened: Opened, options: ArchiveOptions, flags: list[tuple[str, Any, str]], executor: Executor, registry: Registry,
    feeds: list[Feed], nights: frozenset[str] | None, patience_s: float,
) -> Watch:  # fmt: skip
    from iop4cli.archive.selection import Selection
    from iop4cli.pipeline.arrivals import Arrivals, Underway
    from iop4cli.pipeline.engine import Session, new_run_id
    from iop4cli.pipeline.steps import STEP_NAMES, step_named
    from iop4cli.pipeline.watching import Watch

    def make_session(selection: Selection, underway: Underway) -> Session:
        # Settings and instruments are read anew: what people change in the night counts from the next frame on.
        now = open_archive(options, flags)
        return Session(now.store, now.surroundings(), selection, executor, new_run_id(), underway=underway, left=set())

    steps = [step_named(name) for name in STEP_NAMES]
    return Watch(make_session, steps, Arrivals(opened.layout.raw, nights, patience_s), registry.telescope, feeds)


def _first(watch: Watch, newest: int) -> list[str]:
    from iop4cli.pipeline.watching import epochs_in

    return epochs_in(watch.arrivals, watch.telescope, newest)


def _nights(items: list[str] | None, registry: Registry) -> frozenset[str] | None:
    from iop4cli.archive.epochs import parse_epoch

    if not items:
        return None
    return frozenset(str(parse_epoch(text, registry.telescope)) for text in items)


def _feeds(
    opened: Opened, registry: Registry, incoming: list[Path], patience_s: float, server: str | None, every_s: float,
    nights: frozenset[str] | None,
) -> list[Feed]:  # fmt: skip
    from iop4cli.remote.feeds import IncomingFolder
    from iop4cli.remote.local import LocalFetch

    config = opened.config
    feeds: list[Feed] = []
    for folder in incoming:
        if not folder.is_dir():
            raise UsageError(f"--incoming {folder}: no such folder")
        fetch = LocalFetch(opened.layout, registry, config["fetch.copy"], config["fetch.read_only"])
        feeds.append(IncomingFolder(folder, fetch, patience_s))
    if server is not None:
        from iop4cli.commands.fetching import server_nights

        feeds.append(server_nights(opened, server, every_s, nights))
    return feeds


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two watches of one archive would do everything twice, and call every hook twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 100, 0).decode(errors="replace").strip() or "another process"
            raise StoreBusy(f"the archive is being watched already, by {holder}") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
