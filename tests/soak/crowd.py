"""Sixteen processes at one archive for a while: steps, readers, people who write, a watch, and a screen."""

from __future__ import annotations

import contextlib
import itertools
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.cli.small_archives import SmallArchive
from tests.night.archives import Archive
from tests.soak.faults import Fault, Tried
from tests.soak.many import small_night, started
from tests.tui.terminal import Terminal

_NIGHTS = ("2022-03-10", "2022-03-11")
_DONE, _DUE = (f"OSN-T090/{night}" for night in _NIGHTS)
# A command that has not ended by then hangs: a wait for the store ends after 60 s, and others of a night move on.
_HANGS_S = 400.0


@dataclass
class Crowd:
    """What each was told, how long it took, and what went wrong."""

    archive: Archive
    until: float
    lost: list[str] = field(default_factory=list)
    written: dict[str, set[str]] = field(default_factory=lambda: {"flag": set(), "note": set(), "source": set()})
    n_ended: Counter[str] = field(default_factory=Counter)
    longest_s: dict[str, float] = field(default_factory=dict)

    def command(self, *words: str, allowed: tuple[int, ...] = (0,)) -> int:
        """Run it to its end; whatever it says, it is not to hang."""
        start = time.monotonic()
        process = started(self.archive, *words)
        try:
            _, err = process.communicate(timeout=_HANGS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            _, err = process.communicate()
            self.lost.append(f"iop4 {' '.join(words)} hung for {_HANGS_S:.0f} s: {err.strip()[-300:]}")
            return -1
        name = " ".join(words[:2]) if words[0] in {"flag", "catalog"} else words[0]
        self.n_ended[name] += 1
        self.longest_s[name] = max(self.longest_s.get(name, 0.0), time.monotonic() - start)
        if process.returncode not in allowed or "Traceback" in err:
            self.lost.append(f"exit {process.returncode} of iop4 {' '.join(words)}: {err.strip()[-200:]}")
        return process.returncode

    def again_and_again(self, *words: str) -> None:
        while time.monotonic() < self.until:
            self.command(*words)

    def impatient(self) -> None:
        """Who will not wait is told so, and that is all."""
        while time.monotonic() < self.until:
            self.command("correct", _DONE, "--force", "--lock-timeout", "0", allowed=(0, 75))

    def writer(self, table: str, number: int, words: Callable[[str], tuple[str, ...]]) -> None:
        for turn in itertools.count():
            if time.monotonic() >= self.until:
                return
            text = f"soak {number}-{turn}"
            if self.command(*words(text)) == 0:
                self.written[table].add(text)

    def watch(self) -> None:
        process = started(self.archive, "watch", "--catch-up", "2", "-j", "1")
        while time.monotonic() < self.until and process.poll() is None:
            time.sleep(0.2)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=_HANGS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            _, err = process.communicate()
        if process.returncode != 130 or "Traceback" in err:
            self.lost.append(f"exit {process.returncode} of iop4 watch: {err.strip()[-300:]}")

    def doing(self, what: Callable[..., None], *words: object) -> None:
        """A thread's own error is no less lost than a row."""
        try:
            what(*words)
        except Exception as error:
            self.lost.append(f"{what.__name__} {words}: {type(error).__name__}: {error}")


def crowd(folder: Path, seconds: int) -> Tried:
    """For so many seconds; then all that was said to be written is counted."""
    archive = small_night(folder / "archive", *_NIGHTS)
    archive.iop4("run", _DONE, "-j2")
    archive.iop4("classify", _DUE)
    before = archive.results()
    ids = sorted(before)
    people = Crowd(archive, time.monotonic() + seconds)
    forced = ("-j1", "--force")
    who: list[tuple[Callable[..., None], tuple[object, ...]]] = [
        (people.again_and_again, ("run", _DUE, "-j1")),
        (people.again_and_again, ("mkmaster", _DUE, *forced)),
        (people.again_and_again, ("phot", _DONE, *forced)),
        (people.again_and_again, ("correct", _DONE, *forced)),
        (people.impatient, ()),
        *(((people.again_and_again), ("status", "--json")),) * 2,
        *(((people.again_and_again), ("export", "--format", "csv")),) * 2,
        (people.again_and_again, ("sql", "select count(*) from results")),
        (people.writer, ("flag", 1, lambda text: ("flag", "add", ids[0], "--reason", text))),
        (people.writer, ("flag", 2, lambda text: ("flag", "add", ids[-1], "--reason", text))),
        (
            people.writer,
            ("note", 3, lambda text: ("sql", "--write", f"insert into note values ('{text}', '', '', now())")),
        ),
        (people.writer, ("source", 4, lambda text: ("catalog", "add", text, "--ra", "10", "--dec", "80"))),
        (people.watch, ()),
    ]
    threads = [threading.Thread(target=people.doing, args=(target, *arguments)) for target, arguments in who]
    with _screen(archive, folder, people) as looked:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    people.lost += _missing(archive, people) + _changed(archive, before)
    n_rows = sum(map(len, people.written.values()))
    slowest = max(people.longest_s.items(), key=lambda one: one[1])
    told = f"{people.n_ended.total()} commands, {n_rows} rows, {looked}; longest {slowest[1]:.1f} s ({slowest[0]})"
    return Tried(seconds, tuple(people.lost), told)


def _missing(archive: Archive, people: Crowd) -> list[str]:
    """Rows that somebody was told are written, and that are not there once."""
    lost = []
    for table, column in (("flag", "reason"), ("note", "name"), ("source", "name")):
        there = Counter(row["text"] for row in archive.sql(f"select {column} as text from {table}"))
        lost += [f"{table} {text!r} is there {there[text]} times" for text in people.written[table] if there[text] != 1]
    changes = archive.sql("select count(distinct change) as n from catalog_change where source like 'soak %'")[0]["n"]
    if changes != len(people.written["source"]):
        lost.append(f"{changes} changes of the catalogue are told, not {len(people.written['source'])}")
    return lost


def _changed(archive: Archive, before: dict[str, dict[str, object]]) -> list[str]:
    """The night that was done again and again has the results that it had."""
    now = archive.results()
    apart = ("flags",)
    return [
        f"result {name} is another"
        for name, row in before.items()
        if {key: value for key, value in now.get(name, {}).items() if key not in apart}
        != {key: value for key, value in row.items() if key not in apart}
    ]


@contextlib.contextmanager
def _screen(archive: Archive, folder: Path, people: Crowd) -> Iterator[str]:
    """The text user interface on a terminal, looked at every second, and ended by its key."""
    if shutil.which("tmux") is None:
        yield "no screen (tmux is not installed)"
        return
    terminal = Terminal(SmallArchive(archive.root), folder)
    try:
        terminal.until("$")
        terminal.keys(f"clear; {shlex.quote(sys.executable)} -m iop4cli tui; echo code=$?=", "Enter")
        terminal.until("nights")
        yield "a screen"
        with _told(people.lost):
            for key in ("2", "3", "1"):
                terminal.keys(key)
            terminal.until("nights")
            terminal.keys("q")
            terminal.until("code=0=")
    finally:
        terminal.close()


@contextlib.contextmanager
def _told(lost: list[str]) -> Iterator[None]:
    try:
        yield
    except AssertionError as problem:
        lost.append(f"the screen: {problem}"[:600])


FAULTS = (Fault("16 processes on one archive", 15, 180, crowd),)
