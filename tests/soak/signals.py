"""Signals and closed pipes in each verb, at any moment of it: no traceback, nothing left behind, the right code."""

from __future__ import annotations

import contextlib
import os
import pty
import random
import signal
import subprocess
import sys
import termios
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.cli.small_archives import SmallArchive
from tests.soak.faults import Fault, Tried
from tests.soak.many import small_night

_EPOCH = "OSN-T090/2022-03-10"
_LONGEST_S = 300.0
_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
# Verbs that are not tried so, and why.
ELSEWHERE = {
    "tui": "takes a terminal: tests/tui/test_tui_terminal.py sends it each signal there",
    "serve": "serves until it is ended, and handles each signal itself: the tests of the server end it so",
}
# What each verb is given: enough to last, where it can. {0} is a frame, {1} a source, {new} a folder that is not there.
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "run": ("run", "-j2", "--force"),
    "watch": ("watch", "-j1", "--catch-up", "0"),
    "demo": ("demo", "{new}"),
    **{
        step: (step, "-j1", "--force") for step in ("classify", "mkmaster", "reduce", "solve", "phot", "pol", "correct")
    },
    "status": ("status", "--json"),
    "show": ("show", "{0}"),
    "diff": ("diff", "--json"),
    "plot": ("plot", "lightcurve", "{1}", "-o", "{new}.png"),
    "report": ("report", _EPOCH),
    "export": ("export", "--format", "csv"),
    "log": ("log", "--follow"),
    "sql": ("sql", "select count(*) from range(30000) a, range(30000) b where (a.range * b.range) % 7 = 3"),
    "init": ("init", "{new}", "--catalog"),
    "fetch": ("fetch", "raw", "--copy"),
    "catalog": ("catalog", "list"),
    "index": ("index", "list"),
    "flag": ("flag", "list"),
    "calib": ("calib", "list"),
    "doctor": ("doctor",),
    "simulate": ("simulate", "{new}", "--mode", "both"),
}
# Verbs that end when they are told to: their pipe is closed, and they are suspended, while they wait.
_ENDLESS = {"watch": ("--stop-when-idle", "1"), "log": ()}


@dataclass
class _Tries:
    """One archive and what went wrong in it."""

    reduced: SmallArchive
    folder: Path
    chance: random.Random
    lost: list[str] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    usual_s: dict[str, float] = field(default_factory=dict)
    usual_code: dict[str, int] = field(default_factory=dict)

    def words(self, verb: str, archive: SmallArchive) -> list[str]:
        row = {"0": f"{_EPOCH}/S50716+71-0001R.fit", "1": "0716+714", "new": str(archive.root.parent / "made")}
        words = list(ARGUMENTS[verb])
        for name, value in row.items():
            words = [word.replace(f"{{{name}}}", value) for word in words]
        return words

    @contextlib.contextmanager
    def archive(self) -> Iterator[SmallArchive]:
        place = self.folder / uuid.uuid4().hex[:8]
        place.mkdir()
        yield self.reduced.copy(place / "archive")

    def note(self, verb: str, how: str, problem: str) -> None:
        self.lost.append(f"iop4 {verb}, {how}: {problem}")

    def undisturbed(self, verb: str) -> None:
        """How long it takes, and its code, when nobody disturbs it."""
        if verb in _ENDLESS:
            self.usual_s[verb], self.usual_code[verb] = 4.0, 0
            return
        with self.archive() as archive:
            start = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-m", "iop4cli", *self.words(verb, archive)], cwd=archive.root,
                env=archive.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=_LONGEST_S, check=False,
            )  # fmt: skip
            self.usual_s[verb], self.usual_code[verb] = time.monotonic() - start, done.returncode
            if done.returncode not in {0, 3} or "Traceback" in done.stderr:
                self.note(verb, "undisturbed", f"exit {done.returncode}: {done.stderr[-300:]}")

    def disturb(self, verb: str, how: str, act: Callable[[subprocess.Popen[bytes]], object], codes: set[int]) -> None:
        """Start it on a terminal of its own, `act` upon it at any moment of its life, and look at what is left."""
        mark = uuid.uuid4().hex
        with self.archive() as archive, _terminal() as (stdin, said, before):
            words = self.words(verb, archive)
            if "pipe" in how or "suspended" in how:
                words += _ENDLESS.get(verb, ())
            process = subprocess.Popen(
                [sys.executable, "-m", "iop4cli", *words], cwd=archive.root, stdin=stdin,
                stdout=subprocess.PIPE if "pipe" in how else stdin, stderr=subprocess.PIPE,
                env=archive.environment(SOAK_MARK=mark), process_group=0,
            )  # fmt: skip
            try:
                time.sleep(self.chance.uniform(0.05, 1.0) * self.usual_s[verb])
                act(process)
                _, err = process.communicate(timeout=_LONGEST_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                self.note(verb, how, f"it did not end within {_LONGEST_S:.0f} s")
                return
            finally:
                after = termios.tcgetattr(stdin)
            text = err.decode(errors="replace") + "".join(said)
            # Before the program has begun the signal ends it as any other, which a shell tells by the same code.
            code = process.returncode if process.returncode >= 0 else 128 - process.returncode
            self.codes[str(code)] += 1
            if code not in codes:
                self.note(verb, how, f"exit {code}, not one of {sorted(codes)}: {text[-300:]}")
            if "Traceback" in text or "Exception ignored" in text:
                self.note(verb, how, f"it said {text[-600:]}")
            if after != before:
                self.note(verb, how, "the terminal is not as it was")
            self._nothing_is_left(verb, how, archive, mark)

    def _nothing_is_left(self, verb: str, how: str, archive: SmallArchive, mark: str) -> None:
        deadline = time.monotonic() + 10.0
        while (left := _marked(mark)) and time.monotonic() < deadline:
            time.sleep(0.1)
        if left:
            self.note(verb, how, f"processes {left} are left")
            for number in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
        parts = [str(path.relative_to(archive.root.parent)) for path in archive.root.parent.rglob("*.part")]
        if parts:
            self.note(verb, how, f"left {', '.join(parts[:3])}")
        again = archive.process("sql", "select count(*) as n from results", "--lock-timeout", "0")
        if again.returncode:
            self.note(verb, how, f"the store afterwards: {again.stderr[-200:]}")


@contextlib.contextmanager
def _terminal() -> Iterator[tuple[int, list[str], list[object]]]:
    """A terminal: what a process has it as, what was written to it, and its settings."""
    ours, theirs = pty.openpty()
    said: list[str] = []

    def read() -> None:
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 4096):
                said.append(piece.decode(errors="replace"))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield theirs, said, termios.tcgetattr(theirs)
    finally:
        os.close(theirs)
        reader.join(5)
        os.close(ours)


def _marked(mark: str) -> list[int]:
    """Processes that were started, directly or not, with this mark in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def _signalled(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To all processes of a command, its workers too, as terminals, batch systems and systemd send it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _terminated_alone(process: subprocess.Popen[bytes]) -> None:
    """As `kill` does."""
    process.terminate()


def _suspended_for_a_while(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTSTP)
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGCONT)


def _read_one_line(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None


def signals(folder: Path, times: int, verbs: tuple[str, ...] = tuple(ARGUMENTS)) -> Tried:
    """Each verb: `times` rounds of SIGINT, SIGTERM, SIGHUP, a pipe closed early, and Ctrl-Z with `fg`."""
    with _nothing_ignored():
        return _tried(folder, times, verbs)


@contextlib.contextmanager
def _nothing_ignored() -> Iterator[None]:
    """What is started from nohup, or in the background of a script, ignores signals; here it is not to."""
    before = {number: signal.getsignal(number) for number in _CODES}
    for number, handler in before.items():
        if handler is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tried(folder: Path, times: int, verbs: tuple[str, ...]) -> Tried:
    raw = small_night(folder / "raw", "2022-03-10")
    raw.iop4("run", "-j2")
    raw.iop4("correct", "--force")  # a second run, for `diff`
    tries = _Tries(SmallArchive(raw.root), folder, random.Random(times))
    for verb in verbs:
        tries.undisturbed(verb)
        usual = {tries.usual_code[verb]}
        for _ in range(times):
            for number, code in _CODES.items():
                both = {code} if verb in _ENDLESS else {code, *usual}
                tries.disturb(verb, f"{number.name} to all", partial(_signalled, number=number), both)
                if number == signal.SIGTERM:
                    tries.disturb(verb, number.name, _terminated_alone, both)
            if verb in _ENDLESS and not _ENDLESS[verb]:
                tries.disturb(verb, "pipe closed", _read_one_line, {0})
                continue
            tries.disturb(verb, "pipe closed", _read_one_line, usual)
            tries.disturb(verb, "suspended and resumed", _suspended_for_a_while, usual)
    codes = ", ".join(f"{code}: {n}" for code, n in sorted(tries.codes.items()))
    return Tried(tries.codes.total(), tuple(tries.lost), f"{len(verbs)} verbs; exit codes {codes}")


def _a_few(folder: Path, times: int) -> Tried:
    """Some of the verbs for the tests of every day, all of them from the second round on."""
    few = ("export", "log")
    return signals(folder, times, few if times == 1 else tuple(ARGUMENTS))


FAULTS = (Fault("signals and closed pipes in each verb", 1, 3, _a_few),)
