"""What comes from outside and is broken, odd or meant to harm: files in raw/, headers, text, names in options."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from iop4cli.simulate.night import NightRecipe
from tests.hostile import fits_files
from tests.hostile.texts import WORDS
from tests.night.archives import Archive, environment, make_archive, without
from tests.soak.faults import Fault, Tried
from tests.unit import test_hostile_fits, test_hostile_text

NIGHT = "2022-03-10"
EPOCH = f"OSN-T090/{NIGHT}"
_LONGEST_S = 900
# A command that asks hangs if it has not ended by then, on a machine that does much else.
_HANGS_S = 120
_MOST_KB = 1_500_000
_FOLDERS = (("OSN-T090", "junk"), ("OSN-T090", "2022-13-45"), ("OSN-T090", "220310"), ("te\nlescope", NIGHT),
            ("--x", NIGHT), ("OSN-T090", f"{NIGHT} "))  # fmt: skip


def night(folder: Path) -> Archive:
    recipe = NightRecipe("AndorT90", "phot", NIGHT, 3, targets=("0716+714",), size_px=500, n_bias=3, n_flats=3)
    return make_archive(folder, recipe)


def said(archive: Archive, *arguments: str, longest_s: float = _HANGS_S) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of a command; -1 and no output if it hangs."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "iop4cli", *arguments], cwd=archive.root, env=environment(archive.root),
            stdin=subprocess.DEVNULL, capture_output=True, timeout=longest_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return -1, "", "it hangs"
    return done.returncode, *(os.fsdecode(text) for text in (done.stdout, done.stderr))


def unclean(what: str, code: int, out: str, err: str, allowed: Sequence[int]) -> Iterator[str]:
    """What a command did that none may do, whatever it was given."""
    if code not in allowed:
        yield f"{what}: exit code {code}: {err[-300:]}"
    for text in ("Traceback", "Warning:", "unexpected "):
        if text in err or text in out:
            yield f"{what}: {text} {(out + err)[-300:]}"
    for name, text in (("output", out), ("errors", err)):
        odd = {letter for letter in text if not letter.isprintable() and letter not in "\n\t"}
        if odd:
            yield f"{what}: its {name} have {odd}"


def files(folder: Path, times: int) -> Tried:
    """So many odd files beside a good night: each a row, the good night as it was."""
    good = night(folder / "good")
    good.iop4("run", "-j1")
    bad = good.copy(folder / "bad")
    names = fill(bad.root / "raw", times)
    code, out, err = said(bad, "run", "-j1", "--json", longest_s=_LONGEST_S)
    lost = list(unclean("run", code, out, err, (3,)))
    lost += list(_rows(bad, names))
    # An odd header may stand over a good image, which then is one more frame of a master.
    joined = bad.sql("select frame from master_input where used and frame like '%/x%'")
    lost += list(_moved(good.results(), bad.results(), exactly=not joined))
    code, out, err = said(bad, "run", "-j1", "--json")
    lost += unclean("the second run", code, out, err, (0,))
    lost += ["the second run found something due"] if '"done"' in out else []
    for arguments in (
        ("status",), ("status", "--json"), ("log",), ("log", "--json"), ("show", f"{EPOCH}/*"), ("export",),
        ("export", "--format", "ecsv"), ("export", "--format", "latex"), ("report",), ("report", "-o", "report.html"),
        ("sql", "select * from frame"),
    ):  # fmt: skip
        lost += unclean(" ".join(arguments), *said(bad, *arguments), (0,))
    most_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    lost += [f"a command took {most_kb} kB"] if most_kb > _MOST_KB else []
    n_failed = bad.sql("select count(*) as n from item where status in ('failed', 'impossible')")[0]["n"]
    told = f"{n_failed} rows with a reason, {len(joined)} in a master, at most {most_kb // 1024} MB"
    return Tried(len(names), tuple(lost), told)


def _moved(before: Mapping[str, Any], after: Mapping[str, Any], *, exactly: bool) -> Iterator[str]:
    """Results of the good frames that are not what they were, or not within their errors."""
    for name, row in before.items():
        now = after.get(name)
        if now is None:
            yield f"the good frames' result {name} is gone"
        elif exactly and without(now, "mag_err_night") != without(row, "mag_err_night"):
            yield f"the good frames' result {name} is another"
        elif abs(now["mag_instrumental"] - row["mag_instrumental"]) > row["mag_err_photon"]:
            yield f"the good frames' result {name} has moved by more than the error of its photons"


def fill(raw: Path, times: int) -> list[str]:
    """Put so many odd files into raw/ and say what each is to be called."""
    place = raw / EPOCH
    lights = [fits_files.Frame.read(path) for path in sorted(place.glob("S5*"))]
    others = [fits_files.Frame.read(path) for path in sorted(place.glob("[BF]*"))]
    kinds = [*fits_files.MAKERS, *fits_files.ODD]
    made = []
    for number in range(times):
        chance = random.Random(number)
        light = _later(lights[0], number)
        kind = kinds[number % len(kinds)]
        path = place / f"x{number}-{kind}{fits_files.suffix_of(kind)}"
        if number % 5 == 3:
            again, which = divmod(number // 5, len(fits_files.NAMES))
            path = place / os.fsdecode(
                (fits_files.NAMES[which] + b"%d" % again if again else fits_files.NAMES[which])[-255:]
            )
            path.write_bytes(light.content)
        elif number % 5 == 4 and kind in fits_files.MAKERS:
            fits_files.make(kind, chance.choice(others), chance, path)
        else:
            fits_files.make(kind, light, chance, path)
        made.append(path)
    for telescope, folder in _FOLDERS:
        (raw / telescope / folder).mkdir(parents=True)
        (raw / telescope / folder / "x.fits").write_bytes(lights[0].content)
    from iop4cli.pipeline.arrivals import raw_name

    return [raw_name(path)[0] for path in made]


def _later(frame: fits_files.Frame, number: int) -> fits_files.Frame:
    """Another exposure: a copy of a frame is passed over."""
    return frame.with_cards(fits_files.number("JD", f"{2459649.4 + 0.0002 * number:.8f}")).without("DATE-OBS")


def _rows(archive: Archive, names: Sequence[str]) -> Iterator[str]:
    items = archive.items("classify")
    for name in names:
        row: Mapping[str, Any] = items.get(name, {"status": "no row", "reason": ""})
        if row["status"] not in ("done", "failed") or (row["status"] == "failed" and len(row["reason"]) < 10):
            yield f"{name}: {row['status']}, {row['reason']!r}"
    n_folders = sum("not looked at" in (row["reason"] or "") for row in items.values())
    if n_folders != len(_FOLDERS):
        yield f"{n_folders} of the {len(_FOLDERS)} folders that are no night's are told"
    for row in archive.sql("select step, name, reason from item where reason like 'unexpected%'"):
        yield f"{row['step']} {row['name']}: {row['reason']}"


def headers(folder: Path, times: int) -> Tried:
    """Values of wrong kinds in the keywords that instruments read: facts or problems."""
    lost = []
    instruments = sorted(test_hostile_fits.INSTRUMENTS)
    for number in range(times):
        name = instruments[number % len(instruments)]
        try:
            test_hostile_fits.attempt_header(name, number, folder / "x.fits")
        except Exception as error:
            lost.append(f"{name}, number {number}: {type(error).__name__}: {error}")
    return Tried(times, tuple(lost), f"{len(instruments)} instruments")


def text(folder: Path, times: int) -> Tried:
    """The property tests of text, each with so many examples."""
    file = Path(test_hostile_text.__file__)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)], cwd=file.parents[2],
        env={**os.environ, "FUZZ_EXAMPLES": str(times), "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis")},
        capture_output=True, text=True, timeout=_LONGEST_S * 4, check=False,
    )  # fmt: skip
    lost = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if done.returncode and not lost:
        lost = [f"pytest: exit code {done.returncode}: {(done.stdout + done.stderr)[-300:]}"]
    return Tried(times * test_hostile_text.N_PROPERTIES, tuple(lost), f"{test_hostile_text.N_PROPERTIES} properties")


# What takes a name, a condition, a path or a text; W is the word.
_LINES: tuple[tuple[str, ...], ...] = (
    ("reduce", "-n", "--where", "W"), ("export", "--where", "W"), ("export", "--where", "true) or (W"),
    ("export", "--where", "true); W; select (true"), ("export", "--source", "W"), ("export", "--band", "W"),
    ("export", "--instrument", "W"), ("export", "--columns", "W"), ("export", "--since", "W"), ("export", "--", "W"),
    ("show", "--", "W"), ("status", "--", "W"), ("status", "--where", "W"), ("log", "--run", "W"), ("log", "--", "W"),
    ("plot", "lightcurve", "--", "W"), ("plot", "finding", "--", "W"), ("plot", "frame", "--", "W"),
    ("report", "--", "W"), ("classify", "--set", "object=W", f"{EPOCH}/S50716+71-0001R.fit"),
    ("classify", "--set", "W", f"{EPOCH}/S50716+71-0001R.fit"), ("classify", "-n", "--", "W"),
    ("flag", "add", "--reason", "W", "--source", "0716+714"), ("catalog", "rename", "--", "0716+714", "W"),
    ("catalog", "add", "--ra", "W", "--dec", "1", "--", "W"), ("catalog", "add", "--ra", "1", "--dec", "1", "--", "W"),
    ("catalog", "add", "--ra", "1", "--dec", "2", "--comment", "W", "--", "a name"), ("catalog", "remove", "--", "W"),
    ("catalog", "log", "--", "W"), ("calib", "show", "--", "W"), ("sql", "--schema", "--", "W"),
    ("sql", "copy (select 'W') to 'owned'"), ("sql", "--", "W"), ("run", "-n", "--param", "W"),
    ("run", "-n", "--", "W"),
    ("phot", "-n", "--param", "phot.radius_fwhm=W"), ("fetch", "--", "W"), ("export", "--format", "W"),
    ("fetch", "--from", "W", "--list"), ("index", "add", "--", "W"), ("doctor", "instrument", "--", "W"),
    ("watch", "--once", "--alert", "W"), ("export", "--where", "source in (select content from read_text('W'))"),
)  # fmt: skip
_ARGUMENTS = [word for word in WORDS if "\0" not in word and len(word) < 1000 and "\ud800" not in word] + [
    "\udcff\udce9"
]


def injection(folder: Path, times: int) -> Tried:
    """A word that shells, SQL, terminals, pages and paths would take for their own, in every option and name."""
    archive = night(folder / "archive")
    archive.iop4("run", "-j1")
    source = "$\\frac{<script>'\" &amp %s {0} \\input{x} $(touch owned) x_y^z #"
    archive.iop4("catalog", "rename", "0716+714", source)
    archive.iop4("run", "-j1")
    lost = list(_drawn(archive, source))
    kept = archive.copy(folder / "kept")
    expected = _counted(kept)
    for number in range(times):
        chance = random.Random(number)
        line, word = _LINES[number % len(_LINES)], chance.choice(_ARGUMENTS)
        arguments = [part.replace("W", word) if part.isupper() or "W" in part else part for part in line]
        what = f"{number}: {arguments!r}"
        lost += unclean(what, *said(archive, *arguments), (0, 1, 2, 3, 4))
        changed = line[0] in ("flag", "classify", "catalog", "index", "watch")
        if not changed and _counted(archive) != expected:
            lost.append(f"{what}: the store was changed")
        if any(folder.rglob("owned*")):
            lost.append(f"{what}: a command of the word was run, or a file written")
        if changed:
            shutil.rmtree(archive.root)
            shutil.copytree(kept.root, archive.root, symlinks=True)
    return Tried(times, tuple(lost), f"{len(_LINES)} places, {len(_ARGUMENTS)} words")


def _counted(archive: Archive) -> dict[str, int]:
    tables = archive.sql("select table_name as name from information_schema.tables where table_type = 'BASE TABLE'")
    return {row["name"]: archive.sql(f'select count(*) as n from "{row["name"]}"')[0]["n"] for row in tables}


def _drawn(archive: Archive, source: str) -> Iterator[str]:
    """Tables, plots and pages of a source of such a name."""
    frame = f"{EPOCH}/S50716+71-0001R.fit"
    for arguments in (
        ("status",), ("show", source), ("catalog", "list"), ("report", "-o", "report.html"),
        ("report", "-o", "report.md"), ("plot", "lightcurve", source, "-o", "1.svg"),
        ("plot", "finding", source, "-o", "2.svg"),
        ("plot", "frame", frame, "-o", "3.svg"), ("plot", "growth", frame, "-o", "4.svg"),
        *(("export", "--format", form, "-o", f"x.{form}") for form in ("csv", "ecsv", "votable", "latex", "fits")),
    ):  # fmt: skip
        yield from unclean(" ".join(arguments), *said(archive, *arguments), (0,))
    for path in (archive.root / "report.html", *archive.root.glob("*.svg")):
        if "<script>" in path.read_text(encoding="utf-8"):
            yield f"{path.name} holds the name as a command of the page"


FAULTS = (
    Fault("odd and hostile FITS files in raw/", 60, 500, files),
    Fault("fuzzed headers", 400, 20000, headers),
    Fault("fuzzed text input (TOML, catalogues, names, listings)", 60, 5000, text),
    Fault("injection through names and options", 8, 400, injection),
)
