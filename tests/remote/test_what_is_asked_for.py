"""Nights, patterns and listings of `iop4 fetch --from`, and its exit codes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from nights import EPOCH, FOLDER, Here, fits_bytes, make_night
from servers import FtpHouse, House

NIGHTS = ("2022-09-07", "2022-09-08", "2023-01-01")


@pytest.fixture
def here(served: Path, tmp_path: Path, opened: Callable[[House], House]) -> Here:
    """Three nights on an FTP server, and folders that are none."""
    for night in NIGHTS:
        make_night(served, {"BLLac.fits": 3000, "Flat.fits": 3000}, f"DATA/{night.replace('-', '')}")
    for other in ("20220231", "2022090", "calibration", "20220908_old"):
        make_night(served, {"Other.fits": 3000}, f"DATA/{other}")
    return Here.made(tmp_path / "archive", opened(FtpHouse(served)))


def names(*nights: str, files: tuple[str, ...] = ("BLLac.fits", "Flat.fits")) -> list[str]:
    return [f"OSN-T090/{night}/{file}" for night in nights for file in files]


def test_list_says_the_nights_and_their_files_and_fetches_nothing(here: Here) -> None:
    assert here.fetch("--list").stdout.splitlines() == [f"OSN-T090/{night}" for night in NIGHTS]
    assert here.fetch("--list", "220908").stdout.splitlines() == names("2022-09-08")
    rows = here.rows("--list", "--new", "--until", "220907")
    assert list(rows) == names("2022-09-07")
    assert {(row["status"], row["size"]) for row in rows.values()} == {("due", len(fits_bytes(3000)))}
    assert not any((here.root / "raw").iterdir())
    assert here.house.faults.began_at == []


def test_new_fetches_every_night_that_is_not_here_and_then_none(here: Here) -> None:
    assert sorted(here.fetch("T090/220908").stdout.splitlines()) == names("2022-09-08")
    assert sorted(here.fetch("--new").stdout.splitlines()) == names("2022-09-07", "2023-01-01")
    last = here.fetch("--new")
    assert (last.returncode, last.stdout) == (0, "")
    assert "0 fetched, 6 there already" in last.stderr


def test_since_until_patterns_and_globs_narrow_what_is_fetched(here: Here) -> None:
    listed = ("--list", "--new")
    assert here.fetch(*listed, "--since", "20220908", "--until", "2022-12-31").stdout.splitlines() == names(
        "2022-09-08"
    )
    flats = names(*NIGHTS, files=("Flat.fits",))
    assert here.fetch(*listed, "--pattern", "(?i)^flat").stdout.splitlines() == flats
    assert here.fetch(*listed, "--pattern", "^BL", "--pattern", "(?i)^flat").stdout.splitlines() == names(*NIGHTS)
    assert here.fetch("--list", "T090/2209*").stdout.splitlines() == names(*NIGHTS[:2])
    assert here.fetch("--list", f"{EPOCH}/Flat.fits").stdout.splitlines() == [f"{EPOCH}/Flat.fits"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--from", "lop", "220908"), 2, "did you mean 'loop'"),
        (("--from", "osn-t090", "220908"), 2, "fetch.osn-t090.host"),
        (("--from", "loop"), 2, "name nights"),
        (("--from", "loop", "T150/220908"), 2, "frames of OSN-T090 only"),
        (("--from", "loop", "220908", "--pattern", "("), 2, "not a regular expression"),
        (("--from", "loop", "220908", "--copy"), 2, "local disk"),
        (("--new",), 2, "need --from"),
        ((), 2, "nothing to fetch"),
        (("--from", "loop", "210101"), 4, "nothing of that in loop"),
        (("--from", "loop", "220908", "210101"), 3, "OSN-T090/2021-01-01: not in loop"),
    ],
)
def test_what_cannot_be_is_said_with_its_exit_code(
    here: Here, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = here.run("fetch", *arguments)
    assert done.returncode == code, done.stderr
    assert said in " ".join(done.stderr.split())


def test_a_frame_that_differs_from_the_servers_is_never_touched(here: Here) -> None:
    mine = here.root / "raw" / EPOCH / "Flat.fits"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    row = here.rows("220908")[f"{EPOCH}/Flat.fits"]
    assert row["status"] == "failed" and "another file of that name is here, of 4 bytes" in row["reason"]
    assert mine.read_bytes() == b"mine"


def test_frames_have_the_servers_time_and_no_right_to_write_if_so_configured(here: Here) -> None:
    source = here.house.root / FOLDER / "Flat.fits"
    os.utime(source, (1_662_700_000, 1_662_700_000))
    assert here.fetch("220908", IOP4_FETCH_READ_ONLY="yes").returncode == 0
    frame = (here.root / "raw" / EPOCH / "Flat.fits").stat()
    assert frame.st_mode & 0o222 == 0
    assert frame.st_mtime == 1_662_700_000


def test_passwords_in_a_file_of_settings_are_refused_without_being_said(here: Here) -> None:
    with (here.root / "iop4.toml").open("a", encoding="utf-8") as settings:
        settings.write('password = "Sesame-42"\n')
    done = here.fetch("220908")
    assert done.returncode == 2 and "fetch.loop.password: is not a setting" in done.stderr
    assert "Sesame-42" not in done.stderr
