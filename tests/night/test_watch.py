"""`iop4 watch` beside a telescope: frames come one by one, whole or in pieces, good and bad."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from iop4cli.archive.catalog_store import read_sources, write_sources
from iop4cli.archive.create import create_archive
from iop4cli.archive.lock import store_lock
from iop4cli.archive.store import Store
from iop4cli.simulate.night import NightRecipe

from .archives import LONGEST_S, Archive, environment, make_archive, without

pytestmark = pytest.mark.night
EPOCH = "OSN-T090/2022-09-08"
TARGET = "2200+420"


@dataclass
class Watching:
    """A running `iop4 watch`, and what it said with the moment at which each line came."""

    process: subprocess.Popen[str]
    out: list[tuple[float, str]] = field(default_factory=list)
    err: list[tuple[float, str]] = field(default_factory=list)
    readers: list[threading.Thread] = field(default_factory=list)

    @classmethod
    def start(cls, archive: Archive, *arguments: str) -> Watching:
        command = [sys.executable, "-m", "iop4cli", "watch", *arguments]
        process = subprocess.Popen(
            command, cwd=archive.root, env=environment(archive.root), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        watching = cls(process)
        for stream, lines in ((process.stdout, watching.out), (process.stderr, watching.err)):
            reader = threading.Thread(target=_read, args=(stream, lines), daemon=True)
            reader.start()
            watching.readers.append(reader)
        _STARTED.append(watching)
        watching.until(lambda: watching.said("watching "))
        return watching

    def until(self, what: Any, longest_s: float = LONGEST_S) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + longest_s
        while not what():
            assert time.monotonic() < deadline and self.process.poll() is None, self.all_said
            time.sleep(0.02)

    def said(self, text: str) -> bool:
        return any(text in line for _, line in list(self.err))

    @property
    def all_said(self) -> str:
        return "\n".join(line for _, line in [*self.out, *self.err])

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for _, line in list(self.out)]

    def of(self, source: str) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["source"] == source]

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        code = self.process.wait(60)
        for reader in self.readers:
            reader.join(60)
        return code


_STARTED: list[Watching] = []


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    yield
    while _STARTED:
        watching = _STARTED.pop()
        if watching.process.poll() is None:
            watching.end(signal.SIGKILL)


def _read(stream: Any, lines: list[tuple[float, str]]) -> None:
    with stream:
        for line in stream:
            lines.append((time.monotonic(), line.rstrip("\n")))


@dataclass(frozen=True)
class Telescope:
    """A night that was taken before, to be played again into an archive."""

    whole: Archive

    def frames(self, *beginnings: str) -> list[Path]:
        """Files by the time of their exposure."""
        rows = self.whole.sql("select name from frame order by mjd_utc, name")
        paths = [self.whole.root / "raw" / row["name"] for row in rows]
        return [path for path in paths if path.name.startswith(beginnings)]

    def write(self, path: Path, archive: Archive, pieces: int = 1, pause_s: float = 0.0) -> None:
        """Write a frame as a camera does: under its own name, in pieces, with a new time of change."""
        final = archive.root / "raw" / EPOCH / path.name
        content = path.read_bytes()
        # Not in blocks of the FITS standard: any byte may be the last.
        step = -(-len(content) // pieces)
        with final.open("wb") as stream:
            for start in range(0, len(content), step):
                stream.write(content[start : start + step])
                stream.flush()
                if start + step < len(content):
                    time.sleep(pause_s)


@pytest.fixture(scope="module")
def telescope(module_folder: Callable[[str], Path]) -> Telescope:
    """Two groups of four and what calibrates them, reduced as a whole for comparison."""
    recipe = NightRecipe("AndorT90", "pol", "2022-09-08", 1, targets=("BL Lacertae",), groups_per_target=2)
    whole = make_archive(module_folder("whole") / "archive", recipe)
    whole.iop4("run")
    return Telescope(whole)


@pytest.fixture
def archive(tmp_path: Path, telescope: Telescope) -> Iterator[Archive]:
    """An archive with the night's calibration frames, before its first light."""
    root = tmp_path / "archive"
    layout = create_archive(root)
    write_sources(Store(layout.store), read_sources(telescope.whole.store))
    (root / "raw" / EPOCH).mkdir(parents=True)
    live = Archive(root)
    for path in telescope.frames("Bias", "Flat"):
        shutil.copy(path, root / "raw" / EPOCH)
    live.iop4("run")
    yield live


@pytest.mark.timed
def test_a_result_comes_within_five_seconds_of_the_last_frame(telescope: Telescope, archive: Archive) -> None:
    """Frames come one by one, the third one slowly, in pieces; the second group in pieces with the file's end last."""
    watching = Watching.start(archive, "--json", "-v")
    lights = telescope.frames("BLLac")
    delays = []
    for group in (lights[:4], lights[4:]):
        for number, path in enumerate(group):
            if number == 2:
                telescope.write(path, archive, pieces=7, pause_s=0.7)
            else:
                telescope.write(path, archive)
            written = time.monotonic()
            if number < 3:
                watching.until(lambda name=path.name: watching.said(f"{name}: {TARGET}"))
        n_before = len(delays)
        watching.until(lambda n=n_before: len(watching.out) > n)
        delays.append(watching.out[n_before][0] - written)
    assert watching.end() == 130
    print("seconds from the last byte to the result:", [round(delay, 2) for delay in delays])
    assert max(delays) < 5.0
    # No group was measured before it was complete, and the numbers are those of the night as a whole.
    assert [row["n_frames"] for row in watching.rows] == [4, 4]
    assert all("cut short" not in line for _, line in watching.err)
    assert watching.said("missing")
    # The light curve's own scatter, and so the quality of the whole night, is known at its end only.
    archive.iop4("run")
    ours, whole = archive.results(), telescope.whole.results()
    assert ours.keys() == whole.keys()
    for name, row in ours.items():
        assert without(row, "version") == without(whole[name], "version")


def test_bad_files_do_not_stop_it(telescope: Telescope, archive: Archive) -> None:
    """Text, a file cut for good, a folder that is no night: each is said, and the rest is measured."""
    watching = Watching.start(archive, "--json", "--patience", "2")
    night = archive.root / "raw" / EPOCH
    lights = telescope.frames("BLLac")[:4]
    (night / "notes.fit").write_text("clouds from the west\n")
    (night / "BLLac-0009R0.fit").write_bytes(lights[0].read_bytes()[:100_000])
    odd = archive.root / "raw" / "desktop" / "pictures"
    odd.mkdir(parents=True)
    shutil.copy(lights[0], odd)
    for path in lights:
        telescope.write(path, archive)
    watching.until(lambda: watching.of(TARGET))
    watching.until(lambda: watching.said("notes.fit") and watching.said("BLLac-0009R0.fit"))
    watching.until(lambda: watching.said("raw/desktop/pictures"))
    assert watching.end(signal.SIGTERM) == 143
    assert watching.of(TARGET)[0]["n_frames"] == 4
    frames = archive.items("classify")
    assert frames[f"{EPOCH}/notes.fit"]["status"] == frames[f"{EPOCH}/BLLac-0009R0.fit"]["status"] == "failed"
    # The cut one is written once more, whole: it counts from then on.
    assert "Traceback" not in watching.all_said


def test_killed_in_the_middle_of_a_group_it_goes_on_where_it_was(telescope: Telescope, archive: Archive) -> None:
    lights = telescope.frames("BLLac")
    first = Watching.start(archive, "--json")
    for path in lights[:4]:
        telescope.write(path, archive)
    first.until(lambda: first.of(TARGET))
    for path in lights[4:6]:
        telescope.write(path, archive)
    first.until(lambda: first.said(f"{lights[4].name}: {TARGET}"))
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    # This one comes while nobody watches.
    telescope.write(lights[6], archive)
    second = Watching.start(archive, "--json", "--lock-timeout", "20")
    telescope.write(lights[7], archive)
    second.until(lambda: second.of(TARGET))
    assert second.end() == 130
    # The first group is not told again, the second is one of four.
    assert [row["n_frames"] for row in second.rows] == [4]
    assert {row["id"] for row in first.rows + second.rows} == {
        row["id"] for row in telescope.whole.sql(f"select id from results where source = '{TARGET}'")
    }


def test_hooks_get_each_result_once_and_alerts_only_where_they_hold(
    telescope: Telescope, archive: Archive, tmp_path: Path
) -> None:
    watching = Watching.start(
        archive, "--on-result", f"cat >> {tmp_path}/all.ndjson; exit 3", "--alert", "p > 0.05", "--alert", "mag < 0",
        "--on-alert", f'echo "$IOP4_RESULT_SOURCE $IOP4_RESULT_ALERTS" >> {tmp_path}/alerts', "--p-error", "0.001",
    )  # fmt: skip
    for path in telescope.frames("BLLac")[:4]:
        telescope.write(path, archive)
    watching.until(lambda: watching.said("exit code 3"))
    watching.until((tmp_path / "alerts").exists)
    assert watching.end() == 130
    rows = [json.loads(line) for line in (tmp_path / "all.ndjson").read_text().splitlines()]
    # In a pipe stdout has the ids.
    assert [row["id"] for row in rows] == [line for _, line in watching.out]
    assert rows[0]["source"] == TARGET and rows[0]["alerts"] == ["p > 0.05"]
    assert (tmp_path / "alerts").read_text().splitlines() == [f"{TARGET} p > 0.05"]
    assert watching.said("alert: ") and watching.said("p +- 0.001 takes")


def test_a_busy_store_is_waited_for(telescope: Telescope, archive: Archive) -> None:
    """Somebody holds the store through several tries, while a group comes: no frame and no result is lost."""
    watching = Watching.start(archive, "--json", "--lock-timeout", "0.5")
    with store_lock(archive.root / "iop4.duckdb", shared=False, timeout_s=60):
        for path in telescope.frames("BLLac")[:4]:
            telescope.write(path, archive)
        watching.until(lambda: watching.said("the store is busy"))
        time.sleep(5.0)
    watching.until(lambda: watching.of(TARGET))
    assert watching.end() == 130
    assert [row["n_frames"] for row in watching.rows] == [4]


def test_a_second_watch_of_an_archive_is_refused(archive: Archive) -> None:
    watching = Watching.start(archive)
    said = archive.iop4("watch", code=75)
    assert f"process {watching.process.pid}" in said.err
    assert watching.end() == 130, watching.all_said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--alert", "magg < 3"), "magg"),
        (("--alert", "true); drop table flag; select (true"), "--alert"),
        (("--on-alert", "true"), "needs --alert"),
        (("--incoming", "nowhere"), "no such folder"),
        (("yesterday",), "yesterday"),
    ],
)
def test_what_cannot_be_is_said_at_the_start(archive: Archive, arguments: tuple[str, ...], words: str) -> None:
    assert words in archive.iop4("watch", *arguments, code=2).err


def test_what_a_camera_writes_elsewhere_is_taken_in_when_it_is_complete(
    telescope: Telescope, archive: Archive, tmp_path: Path
) -> None:
    camera = tmp_path / "camera"
    camera.mkdir()
    watching = Watching.start(archive, "--json", "--incoming", str(camera))
    for number, path in enumerate(telescope.frames("BLLac")[:4]):
        content = path.read_bytes()
        with (camera / path.name).open("wb") as stream:
            stream.write(content[: len(content) // 2])
            stream.flush()
            if number == 3:
                time.sleep(2.0)
            stream.write(content[len(content) // 2 :])
    watching.until(lambda: watching.of(TARGET))
    assert watching.end() == 130
    assert all((archive.root / "raw" / EPOCH / path.name).is_symlink() for path in telescope.frames("BLLac")[:4])
    assert [row["n_frames"] for row in watching.rows] == [4]


def test_masters_wait_for_the_end_of_their_sequence(telescope: Telescope, archive: Archive) -> None:
    """Flats of the morning come one by one: the night is done again once, not for each."""
    watching = Watching.start(archive, "-v", "--calibration-pause", "4", "--catch-up", "0")
    night = archive.root / "raw" / EPOCH
    flats = telescope.frames("Flat")[:3]
    for number, path in enumerate(flats):
        shutil.copyfile(path, night / f"Flat-9{number}{path.name[9:]}")
        time.sleep(1.5)
    watching.until(lambda: watching.said("mkmaster"))
    assert watching.end() == 130
    held = [at for at, line in watching.err if "wait for the rest" in line]
    made = [at for at, line in watching.err if "mkmaster" in line]
    assert held and min(made) > max(held)
    assert min(made) - max(held) < 4.0 + 20.0
    assert (archive.root / "log" / "announced.json").exists()
