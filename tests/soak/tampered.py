"""What others do to files behind an archive's back: `iop4 doctor` finds each, and mends what a run can make again."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.night.archives import Archive
from tests.soak.faults import Fault, Tried
from tests.soak.killed import NIGHT, contents, different, leftovers, sound
from tests.soak.many import small_night

# A process number that Linux and macOS never give.
_NOBODY = 2**22 + 17
_touched: set[Path] = set()


def _products(archive: Archive, top: str) -> list[Path]:
    return sorted(path for path in (archive.root / top).rglob("*.fit*") if path.is_file())


def _one(archive: Archive, top: str, chance: random.Random) -> Path:
    """One that nothing was done to yet, so that no fault hides another: `_touched` has the others."""
    path = chance.choice([path for path in _products(archive, top) if path not in _touched])
    _touched.add(path)
    return path


def _flip(path: Path, chance: random.Random) -> None:
    """One bit of the pixels, size and times as they were: a disk that fails."""
    status = path.stat()
    with path.open("r+b") as file:
        at = chance.randrange(status.st_size // 2, status.st_size - 2880)
        file.seek(at)
        value = file.read(1)[0]
        file.seek(at)
        file.write(bytes([value ^ (1 << chance.randrange(8))]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _flip_master(archive: Archive, chance: random.Random) -> str:
    _flip(_one(archive, "master", chance), chance)
    return "altered masters"


def _flip_reduced(archive: Archive, chance: random.Random) -> str:
    _flip(_one(archive, "reduced", chance), chance)
    return "altered reduced frames"


def _cut(archive: Archive, chance: random.Random) -> str:
    path = _one(archive, "reduced", chance)
    os.truncate(path, path.stat().st_size // 3)
    return "altered reduced frames"


def _other_frame(archive: Archive, chance: random.Random) -> str:
    """A whole frame, but another one's."""
    other = _one(archive, "reduced", chance)
    one = chance.choice([path for path in _products(archive, "reduced") if path != other])
    shutil.copyfile(one, other)
    return "altered reduced frames"


def _lose_master(archive: Archive, chance: random.Random) -> str:
    _one(archive, "master", chance).unlink()
    return "lost masters"


def _lose_reduced(archive: Archive, chance: random.Random) -> str:
    _one(archive, "reduced", chance).unlink()
    return "lost reduced frames"


def _stray(archive: Archive, chance: random.Random) -> str:
    """A master of ours with a key that no row has: what a run leaves that dies before it writes rows."""
    path = _one(archive, "master", chance)
    stem, key = path.stem.rsplit("-", 1)
    other = key[:-1] + ("0" if key[-1] != "0" else "1")
    stray = path.with_name(f"{stem}-{other}.fits")
    stray.write_bytes(path.read_bytes().replace(key.encode(), other.encode(), 1))
    return "stray files"


def _unfinished(archive: Archive, chance: random.Random) -> str:
    from iop4cli.unfinished import unfinished_name

    path = chance.choice(_products(archive, "reduced"))
    name = unfinished_name(path.name).replace(f".{os.getpid()}.", f".{_NOBODY}.")
    path.with_name(name).write_bytes(b"SIMPLE")
    return "unfinished files"


def _rows(archive: Archive, chance: random.Random) -> str:
    archive.iop4("sql", "--write", "delete from wcs where frame = (select min(frame) from wcs)")
    return "rows"


def _names(archive: Archive, chance: random.Random) -> str:
    (archive.root / ".names" / "frames").write_text("nothing\n")
    return "name lists"


_WAYS: tuple[Callable[[Archive, random.Random], str], ...] = (
    _flip_master, _flip_reduced, _cut, _other_frame, _lose_master, _lose_reduced, _stray, _unfinished, _rows, _names,
)  # fmt: skip


def _found(archive: Archive, *arguments: str, code: int) -> set[str]:
    return {row["check"] for row in archive.iop4("doctor", "--json", *arguments, code=code).rows if row.get("names")}


def tampered(folder: Path, times: int) -> Tried:
    """Several kinds at once in each archive; a file and a flag of a person's must stay."""
    chance = random.Random(5)
    alone = small_night(folder / "alone", NIGHT)
    alone.iop4("run", "-j1")
    result = min(alone.results())
    alone.iop4("flag", "add", result, "--reason", "a satellite")
    wanted = contents(alone)
    lost: list[str] = []
    if _found(alone, "--check", code=0):
        lost.append("doctor finds something in an archive that nobody touched")
    kinds = 0
    for number in range(times):
        archive = alone.copy(folder / f"tried-{number}")
        first = _WAYS[number % len(_WAYS)]
        ways = {first, *chance.sample(_WAYS, 4)}
        expected = {way(archive, chance) for way in sorted(ways, key=_WAYS.index)}
        kinds += len(expected)
        mine = archive.root / "reduced" / "OSN-T090" / NIGHT / "my notes.txt"
        mine.write_text("clouds after midnight\n")
        lost += [f"{kind} were not found" for kind in expected - _found(archive, "--check", code=1)]
        archive.iop4("doctor", "--repair", code=1)  # nobody to ask: nothing is done
        lost += [f"{kind} went without --yes" for kind in expected - _found(archive, "--check", code=1)]
        archive.iop4("doctor", "--repair", "--yes", code=1)  # the file of a person's is not mended
        archive.iop4("run", "-j1")
        if not mine.is_file():
            lost.append("a file that a person wrote is gone")
        mine.unlink(missing_ok=True)
        lost += sound(archive) + leftovers(archive) + different(contents(archive), wanted)
        lost += [f"{kind} are still found" for kind in _found(archive, "--check", code=0)]
        shutil.rmtree(archive.root)
    return Tried(times, tuple(lost), f"{kinds} troubles of {len(_WAYS)} kinds")


FAULTS = (Fault("files altered, lost and added behind the archive's back", 1, 20, tampered),)
