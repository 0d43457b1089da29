"""`run` in a loop: what arrives in raw/ is taken through all steps at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from iop4cli.archive.epochs import CanonicalTelescope, parse_epoch
from iop4cli.archive.selection import Selection
from iop4cli.errors import Iop4Error, NoSuchItem
from iop4cli.pipeline.arrivals import Arrivals, Growing, Underway, epoch_of
from iop4cli.pipeline.engine import Event, Session, run_steps
from iop4cli.pipeline.step import Step
from iop4cli.remote.feeds import Feed

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
# Folders of cameras may be deep: all of them is looked through.
_FEEDS_EVERY_S = 0.5
# How long a night that another run works on is left alone.
_BUSY_PAUSE_S = 5.0
_CALIBRATION_KINDS = {"bias", "dark", "flat"}


@dataclass(frozen=True)
class Arrived:
    """Frames that are complete since the last look."""

    frames: tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """Calibration frames that wait for the rest of their sequence."""

    n_frames: int


@dataclass(frozen=True)
class Trouble:
    """Something went wrong that is not a frame's own fault; work goes on with what it left."""

    text: str


@dataclass(frozen=True)
class PassBegun:
    """What follows belongs to this run."""

    run_id: str


@dataclass(frozen=True)
class PassEnded:
    """All steps were taken for these epochs; `frames` had arrived. `growing` are groups with angles still to come."""

    epochs: tuple[str, ...]
    frames: tuple[str, ...]
    growing: Mapping[str, Growing]


@dataclass(frozen=True)
class Idle:
    """Nothing to do; `quiet_s` since something arrived or was worked on."""

    quiet_s: float


WatchEvent = Event | Arrived | Held | Trouble | PassBegun | PassEnded | Idle
MakeSession = Callable[[Selection, Underway], Session]


@dataclass
class Watch:
    """Watches the archive. `make_session` is asked anew for each pass, so that changed settings are seen.

    Frames of the sky are worked on as they come. Calibration frames come in sequences, and each changes what rests on
    their master: they wait until none came for `calibration_pause_s`, or until a frame of the sky needs them.
    """

    make_session: MakeSession
    steps: Sequence[Step]
    arrivals: Arrivals
    telescope: CanonicalTelescope
    feeds: Sequence[Feed] = ()
    poll_s: float = 0.1
    calibration_pause_s: float = 60.0
    clock: Callable[[], float] = time.monotonic
    _waiting: list[str] = field(default_factory=list)
    _calibrations_until: float | None = None
    _grown_at: dict[str, float] = field(default_factory=dict)
    _busy: dict[str, float] = field(default_factory=dict)
    _failures: int = 0
    _retry_at: float = 0.0
    _feeds_at: float = 0.0

    def events(self, first: Sequence[str] = ()) -> Generator[WatchEvent, None, None]:
        """Endless; begins with what is due in the epochs `first`."""
        due: set[str] = set(first)
        last_s = self.clock()
        while True:
            yield from self._brought()
            frames, unfinished = self.arrivals.look()
            if frames:
                yield Arrived(tuple(frames))
                yield from self._misplaced(frames)
                self._waiting += [name for name in frames if is_epoch(epoch_of(name), self.telescope)]
            due |= self._ripe()
            now = self.clock()
            resting = {epoch for epoch, until in self._busy.items() if now < until}
            wanted = (due | {epoch_of(name) for name in self._waiting}) - resting
            at_once = frames or due - resting
            pausing = self._calibrations_until is not None and not at_once and now < self._calibrations_until
            if wanted and now >= self._retry_at and not pausing:
                last_s = now
                yield from self._guarded(sorted(wanted), unfinished, due)
                last_s = self.clock()
            else:
                if frames or unfinished or resting:
                    last_s = now
                yield Idle(now - last_s)
                time.sleep(self.poll_s)

    def _brought(self) -> Iterator[Trouble]:
        if self.clock() >= self._feeds_at:
            self._feeds_at = self.clock() + _FEEDS_EVERY_S
            for feed in self.feeds:
                yield from (Trouble(": ".join(filter(None, (b.name, b.problem)))) for b in feed.bring() if b.problem)

    def _ripe(self) -> set[str]:
        """Epochs with a group that waited long enough for its missing angles."""
        ripe = {name for name, at in self._grown_at.items() if self.clock() >= at}
        for name in ripe:
            del self._grown_at[name]
        return {epoch_of(name) for name in ripe}

    def _guarded(self, epochs: list[str], unfinished: frozenset[str], due: set[str]) -> Iterator[WatchEvent]:
        """One pass; what goes wrong with the archive (busy, full) is said, and the pass is made again later."""
        try:
            yield from self._pass(epochs, unfinished, hold=not due & set(epochs))
        except NoSuchItem as error:
            self._waiting.clear()
            due.clear()
            yield Trouble(str(error))
        except Exception as error:  # a defect of ours must not end a night's watch either; signals are none of these
            known = isinstance(error, (Iop4Error, OSError))
            what = str(error) if known else f"unexpected {type(error).__name__}: {error}"
            pause_s = min(_FIRST_PAUSE_S * 2.0**self._failures, _LONGEST_PAUSE_S)
            self._failures += 1
            self._retry_at = self.clock() + pause_s
            due |= set(epochs)
            yield Trouble(f"{what}; it is tried again in {pause_s:g} s")
        else:
            self._failures = 0
            due -= set(epochs)
            due |= self._busy.keys() & set(epochs)

    def _pass(self, epochs: list[str], unfinished: frozenset[str], *, hold: bool) -> Iterator[WatchEvent]:
        underway = Underway(unfinished, dict(self.arrivals.came))
        session = self.make_session(Selection(names=tuple(epochs)), underway)
        yield PassBegun(session.run_id)
        yield from run_steps(session, self.steps[:1])
        self._note_busy(session, epochs)
        if hold and self._only_calibrations(session):
            yield Held(len(self._waiting))
            return
        yield from run_steps(session, self.steps[1:])
        busy = self._note_busy(session, epochs)
        frames = tuple(name for name in self._waiting if epoch_of(name) in epochs and epoch_of(name) not in busy)
        self._waiting = [name for name in self._waiting if name not in frames]
        self._calibrations_until = None
        self._grown_at = {name: at for name, at in self._grown_at.items() if epoch_of(name) not in epochs}
        self._grown_at |= {name: self.clock() + one.seconds_left for name, one in underway.growing.items()}
        yield PassEnded(tuple(epochs), frames, underway.growing)

    def _note_busy(self, session: Session, epochs: Sequence[str]) -> set[str]:
        """Nights that another run works on: a watch does not wait for it, but goes on with others."""
        busy = set(session.left or ())
        self._busy = {epoch: until for epoch, until in self._busy.items() if epoch not in epochs}
        self._busy |= dict.fromkeys(busy, self.clock() + _BUSY_PAUSE_S)
        return busy

    def _only_calibrations(self, session: Session) -> bool:
        """Whether nothing but calibration frames wait, and their sequence may go on."""
        rows = session.store.rows("select distinct kind from frame where list_contains(?, name)", [self._waiting])
        if not rows or any(row["kind"] not in _CALIBRATION_KINDS for row in rows):
            return False
        if self._calibrations_until is not None and self.clock() >= self._calibrations_until:
            return False
        self._calibrations_until = self.clock() + self.calibration_pause_s
        return True

    def _misplaced(self, frames: Sequence[str]) -> Iterator[Trouble]:
        for epoch in sorted({epoch_of(name) for name in frames}):
            if not is_epoch(epoch, self.telescope):
                yield Trouble(f"raw/{epoch} is no TELESCOPE/NIGHT (like OSN-T090/2022-09-08): its files are left alone")


def is_epoch(text: str, telescope: CanonicalTelescope) -> bool:
    """Whether a folder of raw/ is named as epochs are."""
    try:
        return str(parse_epoch(text, telescope)) == text
    except Iop4Error:
        return False


def epochs_in(arrivals: Arrivals, telescope: CanonicalTelescope, newest: int) -> list[str]:
    """The epochs of the newest nights that have frames."""
    epochs = sorted({epoch_of(name) for name in arrivals.came if is_epoch(epoch_of(name), telescope)})
    nights = sorted({epoch.rsplit("/", 1)[1] for epoch in epochs})[-newest:] if newest else []
    return [epoch for epoch in epochs if epoch.rsplit("/", 1)[1] in nights]
