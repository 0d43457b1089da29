"""Disks without space while something is written: said in words, nothing lost, and all well when there is space again.

The full disk is a small tmpfs in a mount namespace of its own, where this process may make one (root, or a kernel that
lets users have namespaces): `unshare -rm`. Elsewhere the fault cannot be brought about, and that is told.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from iop4cli.export.formats import FORMATS
from tests.night.archives import Archive, environment
from tests.soak.faults import Fault, Tried
from tests.soak.killed import NIGHT, contents, different, leftovers, sound
from tests.soak.many import small_night

_FULL = "no space left on "
_SIZE_MB = 64
_LONGEST_S = 300


@cache
def can_mount() -> bool:
    try:
        done = subprocess.run(
            ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, timeout=20, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


class Disk:
    """A folder that is a disk of its own for the commands of one script; what is on it is copied in, and out again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mount = folder / "disk"
        self.mount.mkdir(parents=True)

    def tried(self, archive: Archive, script: str) -> subprocess.CompletedProcess[str]:
        """`script` in a copy of the archive on the disk; afterwards the copy is in `archive.root` again.

        The script has `fill KB`, which leaves so much space, and `empty`, which gives all back.
        """
        disk, root = shlex.quote(str(self.mount)), shlex.quote(str(archive.root))
        whole = f"""
        set -u
        mount -t tmpfs -o size={_SIZE_MB}m none {disk} || exit 99
        cp -a {root} {disk}/archive
        fill() {{ rm -f {disk}/ballast; free=$(df --output=avail -k {disk} | tail -1)
                  dd if=/dev/zero of={disk}/ballast bs=1024 count=$((free - $1)) status=none; }}
        empty() {{ rm -f {disk}/ballast; }}
        cd {disk}/archive
        {script}
        code=$?
        empty
        rm -rf {root}
        cp -a {disk}/archive {root}
        exit $code
        """
        return subprocess.run(
            ["unshare", "-rm", "sh", "-c", whole], env=environment(archive.root), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=_LONGEST_S, check=False,
        )  # fmt: skip


_IOP4 = f"{shlex.quote(sys.executable)} -m iop4cli"


def _said(done: subprocess.CompletedProcess[str], codes: tuple[int, ...] = (1,)) -> list[str]:
    """What is wrong with the words and the code of a command that met a full disk."""
    lost = []
    if done.returncode not in codes:
        lost.append(f"exit {done.returncode}: {done.stderr[-300:]}")
    if _FULL not in done.stderr or "and run again" not in done.stderr:
        lost.append(f"does not say what is full: {done.stderr[-300:]}")
    if "Traceback" in done.stderr:
        lost.append(f"a traceback: {done.stderr[-300:]}")
    return lost


def _parts(archive: Archive) -> list[str]:
    return [f"{path.relative_to(archive.root)} is left" for path in archive.root.rglob("*.part")]


def _cannot(attempt: Callable[[Path, int], Tried]) -> Callable[[Path, int], Tried]:
    def tried(folder: Path, times: int) -> Tried:
        if not can_mount():
            return Tried(times, told="not tried: this process may not mount a disk (unshare -rm)")
        return attempt(folder, times)

    return tried


def _run(
    folder: Path, times: int, *, before: str, step: str, free_kb: range, codes: tuple[int, ...], may_fit: bool = False
) -> Tried:
    """A step that fills the disk with so much free; then there is space, and a run does the rest.

    With `may_fit` the space may be enough after all: then the step ends well, and has done all.
    """
    raw = small_night(folder / "raw", NIGHT)
    alone = raw.copy(folder / "alone")
    alone.iop4("run", "-j1")
    wanted = contents(alone)
    if before:
        raw.iop4(*shlex.split(before))
    lost: list[str] = []
    n_full = 0
    for number in range(times):
        archive = raw.copy(folder / f"tried-{number}")
        free = free_kb[number * len(free_kb) // times]
        done = Disk(folder / f"disk-{number}").tried(archive, f"fill {free}; {_IOP4} {step} -j{1 + number % 2}")
        fits = may_fit and done.returncode == 0
        n_full += not fits
        said = [] if fits else _said(done, codes)
        lost += [f"{free} KB free: {line}" for line in said + sound(archive) + _parts(archive)]
        archive.iop4("run", "-j1")
        lost += sound(archive) + leftovers(archive) + different(contents(archive), wanted)
        shutil.rmtree(archive.root)
    if not n_full:
        lost.append("the disk was never full")
    return Tried(times, tuple(lost), f"{n_full} times full" if may_fit else "")


def _export(folder: Path, times: int) -> Tried:
    """Each format and a plot in turn, onto a disk with a few KB, over a file that is there already."""
    archive = small_night(folder / "archive", NIGHT)
    archive.iop4("run", "-j1")
    before = contents(archive)
    asked = [
        *(f"export --format {form} -o out.{form}" for form in FORMATS),
        "export --bundle out", "plot lightcurve 0716+714 -o out.png",
        "report OSN-T090/2022-03-10 -o out.html",
    ]  # fmt: skip
    lost: list[str] = []
    for number in range(times):
        command = asked[number % len(asked)]
        out = command.split()[-1]
        old = f"echo of before > {out}; " if "." in out else ""
        disk = Disk(folder / f"disk-{number}")
        done = disk.tried(archive, f"{old}fill 0; {_IOP4} {command}")
        lost += [f"{command}: {line}" for line in _said(done) + _parts(archive)]
        made = archive.root / out
        if old and made.read_text(errors="replace") != "of before\n":
            lost.append(f"{command}: the file of before is not what it was")
        made.unlink(missing_ok=True)
        archive.iop4(*command.split())
        if not made.exists():
            lost.append(f"{command}: not made when there was space")
        shutil.rmtree(made) if made.is_dir() else made.unlink(missing_ok=True)
    lost += different(contents(archive), before)
    return Tried(times, tuple(lost))


def _fetch(folder: Path, times: int) -> Tried:
    """`fetch --copy` of a night that does not fit: what fits is there, whole; the rest when there is space."""
    archive = small_night(folder / "archive", NIGHT)
    came = folder / "came"
    shutil.move(archive.root / "raw", came)
    (archive.root / "raw").mkdir()
    sizes = {path.name: path.stat().st_size for path in came.rglob("*.fit*")}
    lost: list[str] = []
    for number in range(times):
        tried = archive.copy(folder / f"tried-{number}")
        free = 100 + number * sum(sizes.values()) // 1024 // (times + 1)
        disk = Disk(folder / f"disk-{number}")
        done = disk.tried(tried, f"fill {free}; {_IOP4} fetch --copy {shlex.quote(str(came))}")
        lost += [f"{free} KB free: {line}" for line in _said(done, (1, 3)) + _parts(tried) + _torn(tried, sizes)]
        tried.iop4("fetch", "--copy", str(came))
        if {path.name for path in (tried.root / "raw").rglob("*.fit*")} != set(sizes):
            lost.append("not all frames are there when there was space")
        shutil.rmtree(tried.root)
    return Tried(times, tuple(lost))


def _torn(archive: Archive, sizes: dict[str, int]) -> list[str]:
    found = (archive.root / "raw").rglob("*.fit*")
    return [f"{path.name} is torn" for path in found if path.stat().st_size != sizes[path.name]]


# A frame of these nights is 2 MB when reduced, a master 3.7 MB; the store takes 5 MB.
FAULTS = (
    Fault("disk full while masters are made", 1, 8,
          _cannot(partial(_run, before="classify", step="mkmaster", free_kb=range(200, 8000), codes=(1, 3)))),
    Fault("disk full while frames are reduced", 1, 8,
          _cannot(partial(_run, before="", step="run", free_kb=range(14000, 30000), codes=(1, 3)))),
    Fault("disk full while the store is written", 1, 8,
          _cannot(partial(_run, before="", step="classify", free_kb=range(64), codes=(1,), may_fit=True))),
    Fault("disk full while results are exported, plotted or reported", 2, 11, _cannot(_export)),
    Fault("disk full while frames are fetched (--copy)", 1, 8, _cannot(_fetch)),
)  # fmt: skip
