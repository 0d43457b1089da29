"""iop4 doctor: what is broken is said, and only that is bad."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from small_archives import NIGHT, SmallArchive

from iop4cli.share import share_dir
from iop4cli.unfinished import unfinished_name

# No process has this number.
NOBODY = 2**22 + 17
DATA = Path(__file__).resolve().parents[1] / "data"


@pytest.fixture
def archive(small_archive: SmallArchive, tmp_path: Path) -> SmallArchive:
    return small_archive.copy(tmp_path / "archive")


def checks(archive: SmallArchive, *arguments: str, code: int = 0, **variables: str) -> dict[str, tuple[str, str]]:
    """check -> (status, text); a setting's name -> (where it came from, its value)."""
    import json

    done = archive.run("doctor", "--json", *arguments, **variables)
    assert done.returncode == code, done.stderr
    found = {}
    for row in map(json.loads, done.stdout.splitlines()):
        if row["check"] == "setting":
            found[row["name"]] = (row["from"], row["value"])
        else:
            found[row["check"]] = (row["status"], row["text"])
    return found


def test_a_sound_archive_is_all_ok(small_archive: SmallArchive) -> None:
    found = checks(small_archive)
    wanted = {
        "python",
        "libraries",
        "archive",
        "settings",
        "store",
        "catalogue",
        "index files",
        "instruments",
        "files",
    }
    assert {name: found[name][0] for name in wanted} == dict.fromkeys(wanted, "ok")
    assert "25 frames, 8 results" in found["store"][1]


def test_every_setting_tells_where_it_came_from(archive: SmallArchive) -> None:
    (archive.root / "iop4.toml").write_text("[phot]\nradius_fwhm = 2.5\n")
    found = checks(archive, IOP4_SOLVE_MAX_STARS="70")
    assert found["phot.radius_fwhm"] == (str(archive.root / "iop4.toml"), 2.5)
    assert found["solve.max_stars"] == ("IOP4_SOLVE_MAX_STARS", 70)
    assert found["solve.index_path"][0] == "IOP4_INDEX_PATH"
    assert found["pol.min_stars"][0] == "default"


def test_lost_and_stray_and_unfinished_files_are_told(archive: SmallArchive) -> None:
    (archive.root / "reduced" / NIGHT / "BLLac-0001R0.fit").unlink()
    shutil.copy(archive.root / "iop4.toml", archive.root / "master" / NIGHT / "mine.fits")
    dead = archive.root / "raw" / NIGHT / unfinished_name("BLLac-0099R.fit").replace(f".{os.getpid()}.", f".{NOBODY}.")
    dead.touch()
    (archive.root / "raw" / NIGHT / unfinished_name("BLLac-0098R.fit")).touch()  # this process lives
    found = checks(archive, code=1)
    assert found["lost reduced frames"][0] == "bad" and f"{NIGHT}/BLLac-0001R0.fit" in found["lost reduced frames"][1]
    assert found["files of others"][0] == "warning" and "mine.fits" in found["files of others"][1]
    assert found["unfinished files"][0] == "warning" and "0098" not in found["unfinished files"][1]


def test_repair_without_a_terminal_and_without_yes_only_says_what_it_would_do(archive: SmallArchive) -> None:
    lost = archive.root / "reduced" / NIGHT / "BLLac-0001R0.fit"
    lost.unlink()
    done = archive.run("doctor", "--repair")
    assert done.returncode == 1 and "would let the next `iop4 run` make them again; say --yes" in done.stderr
    assert "lost reduced frames" in checks(archive, code=1)


def test_a_raw_frame_that_is_gone_is_forgotten_only_when_that_is_asked_for(archive: SmallArchive) -> None:
    frame = archive.root / "raw" / NIGHT / "BLLac-0001R0.fit"
    frame.unlink()
    assert archive.run("doctor", "--repair", "--yes").returncode == 1
    assert checks(archive, code=1)["lost raw frames"][0] == "bad"
    assert archive.run("doctor", "--repair", "--yes", "--forget-lost").returncode == 0
    assert "lost raw frames" not in checks(archive)


def test_a_bit_that_flipped_in_a_raw_frame_is_found_by_check_alone(archive: SmallArchive) -> None:
    frame = archive.root / "raw" / NIGHT / "BLLac-0001R0.fit"
    status = frame.stat()
    content = bytearray(frame.read_bytes())
    content[-3000] ^= 1
    frame.write_bytes(content)
    os.utime(frame, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert "altered raw frames" not in checks(archive)
    assert checks(archive, "--check", code=1)["altered raw frames"][0] == "bad"


def test_a_broken_configuration_and_instrument_do_not_hide_each_other(archive: SmallArchive) -> None:
    (archive.root / "iop4.toml").write_text("[phot]\nradius_fwmh = 2.5\n")
    (archive.root / "instruments" / "mine.toml").write_text('name = "Mine"\n')
    found = checks(archive, code=1)
    assert found["settings"][0] == "bad" and "radius_fwhm" in found["settings"][1]
    assert found["instruments"][0] == "bad" and "mine.toml" in found["instruments"][1]
    assert found["store"][0] == "ok"


def test_a_store_that_cannot_be_opened_is_bad(archive: SmallArchive) -> None:
    (archive.root / "iop4.duckdb").write_bytes(b"not a database" * 1000)
    assert checks(archive, code=1)["store"][0] == "bad"


def test_without_an_archive_it_says_so_and_is_well(small_archive: SmallArchive, tmp_path: Path) -> None:
    nowhere = SmallArchive(tmp_path)
    found = checks(nowhere)
    assert found["archive"][0] == "warning" and "iop4 init" in found["archive"][1]
    assert "store" not in found
    assert checks(nowhere, "--archive", str(tmp_path), code=1)["archive"][0] == "bad"


def test_without_index_files_it_says_what_to_set(small_archive: SmallArchive) -> None:
    status, text = checks(small_archive, IOP4_INDEX_PATH="")["index files"]
    assert status == "warning" and "IOP4_INDEX_PATH" in text


def test_an_instrument_and_a_frame_of_its_own_fit(small_archive: SmallArchive) -> None:
    file = share_dir() / "instruments" / "andor_t90.toml"
    frame = small_archive.root / "raw" / NIGHT / "BLLac-0001R45.fit"
    _, read = small_archive.rows("doctor", "instrument", str(file), "--frame", str(frame), "--json")
    fields = {row["field"]: row for row in read["fields"]}
    assert read["status"] == "ok"
    assert (fields["angle_deg"]["value"], fields["band"]["value"]) == (45, "R")
    assert "FILTER" in fields["band"]["from"]


def test_a_frame_of_another_instrument_is_told_field_by_field(small_archive: SmallArchive) -> None:
    frame = small_archive.root / "raw" / NIGHT / "BLLac-0001R45.fit"
    done = small_archive.run("doctor", "instrument", str(DATA / "microobservatory.toml"), "--frame", str(frame))
    assert done.returncode == 1
    assert "AndorT90" in done.stdout and "problem" in done.stderr


def test_a_mistake_in_an_instruments_file_names_the_key(small_archive: SmallArchive, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    text = (DATA / "microobservatory.toml").read_text()
    file.write_text(text.replace("gain_e_per_adu", "gian_e_per_adu"))
    done = small_archive.run("doctor", "instrument", str(file))
    assert (done.returncode, done.stdout) == (1, "")
    assert "gain_e_per_adu" in done.stderr and "mine.toml" in done.stderr
