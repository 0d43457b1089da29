"""Every screen opens on a small and on a large terminal, shows what the store holds, and says how the shell would."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from driving import LARGE, SMALL, Seat, sit

from tests.cli.small_archives import NIGHT, SmallArchive

SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "160x50"])
# Screen: its key, what is seen on it.
SCREENS = {
    "nights": ("1", (NIGHT, "1/1 nights")),
    "frames": ("2", ("BLLac-0001R.fit", "24 frames")),
    "results": ("3", ("BL Lacertae C", "1/8 results")),
    "sources": ("4", ("2200+420", "blazar", "1/4 sources")),
    "masters": ("5", (f"{NIGHT}/bias-AndorT90-640x640", "1/6 masters")),
    "calibrations": ("6", ("CAFOS, R", "instrument file")),
    "log": ("7", ("correct", f"{NIGHT}/results")),
    "jobs": ("8", ("no jobs yet", "0/0 jobs")),
}


@SIZES
@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_shows_its_rows_its_help_and_a_command_that_works(
    reduced_archive: SmallArchive, name: str, size: tuple[int, int]
) -> None:
    key, wanted = SCREENS[name]

    async def look(seat: Seat) -> None:
        await seat.press(key)
        for text in wanted:
            await seat.until(text)
        assert all(len(line) <= size[0] for line in seat.seen.splitlines())
        await seat.press("question_mark")
        await seat.until(f"Help: {name}")
        await seat.press("escape")
        await seat.press("c")
        await seat.until("The same in the shell")

    app = sit(reduced_archive, look, size)
    command = shlex.split(app.clipboard)
    assert command[0] == "iop4"
    if name != "jobs":  # `iop4 run` would work, and take its time
        done = reduced_archive.run(*command[1:])
        assert (done.returncode, bool(done.stdout)) == (0, True), done.stderr


@SIZES
def test_a_night_leads_to_its_frames_and_a_frame_to_its_image(
    reduced_archive: SmallArchive, size: tuple[int, int]
) -> None:
    async def look(seat: Seat) -> None:
        await seat.until(NIGHT)
        await seat.press("enter")
        await seat.until(f"filter: epoch={NIGHT}")
        await seat.until("Cut-0001R.fit")
        await seat.filter("name~BLLac-0001R.fit")
        await seat.until("1/1 frames")
        await seat.press("enter")
        await seat.until("electrons  ·  at 320, 320")
        await seat.until("BL Lacertae H")
        await seat.press("escape")
        await seat.until("1/1 frames")

    sit(reduced_archive, look, size)


def test_a_frame_that_failed_says_why_and_its_raw_image_cannot_be_seen(reduced_archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await seat.press("2")
        await seat.filter("status~failed")
        await seat.until("1/1 frames")
        await seat.press("right", "right", "right", "right")
        await seat.until("cut short")
        await seat.press("enter")
        await seat.until("410240 bytes of the image are missing")

    sit(reduced_archive, look)


def test_header_sky_apertures_quality_and_history_of_a_frame(reduced_archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await seat.press("2")
        await seat.filter("name~BLLac-0001R0")
        await seat.until("1/1 frames")
        await seat.press("enter")
        await seat.until("electrons")
        await seat.press("slash")
        await seat.type("EXPT")
        await seat.until("EXPTIME")
        assert "OBSERVER" not in seat.seen
        await seat.press("enter", "right_square_bracket")
        await seat.until("rms_arcsec")
        await seat.press("right_square_bracket")
        await seat.until("flux_e")
        await seat.press("right_square_bracket")
        await seat.until("nothing to remark")
        await seat.press("right_square_bracket")
        await seat.until("checksum")

    sit(reduced_archive, look)


@SIZES
def test_a_result_shows_numbers_fit_and_history(reduced_archive: SmallArchive, size: tuple[int, int]) -> None:
    row = reduced_archive.rows(
        "sql", "select id, p from results where mode = 'pol' and source = '2200+420'", "--format", "ndjson"
    )[0]

    async def look(seat: Seat) -> None:
        await seat.press("3")
        await seat.filter("mode=pol 2200")
        await seat.until("1/1 results")
        await seat.press("enter")
        await seat.until(row["id"])
        await seat.until("mid-exposur")
        await seat.press(*["down"] * 25)
        await seat.until(f"{row['p']:.7g}")
        await seat.press("right_square_bracket")
        await seat.until("flux / mean - 1")
        await seat.press("right_square_bracket")
        await seat.until("light within a radius in FWHM")
        await seat.press("right_square_bracket")
        await seat.until("polarimetry of OSN-T090")

    sit(reduced_archive, look, size)


def test_sources_masters_and_calibrations_open(reduced_archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await seat.press("4", "enter")
        await seat.until("Its calibrators, 3")
        await seat.press("left_square_bracket")
        await seat.until("verdict")
        await seat.press("5", "enter")
        await seat.until("Masters made with it")
        await seat.press("6")
        await seat.filter("CAFOS")
        await seat.until("1/1 calibrations")
        await seat.press("enter")
        await seat.until("angle zero")

    sit(reduced_archive, look)


def test_light_curves_are_beside_the_results_where_there_is_room(reduced_archive: SmallArchive) -> None:
    async def narrow(seat: Seat) -> None:
        await seat.press("3")
        await seat.until("1/8 results")
        assert "against MJD" not in seat.seen
        await seat.press("p")
        await seat.until("against MJD")
        assert "mag_err" not in seat.seen
        await seat.press("p")
        await seat.until("source ")

    async def wide(seat: Seat) -> None:
        await seat.press("3")
        await seat.until("1/8 results")
        await seat.until("BL Lacertae C in R, 2 against MJD")

    sit(reduced_archive, narrow, SMALL)
    sit(reduced_archive, wide, LARGE)


def test_the_palette_goes_to_screens(reduced_archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await seat.until(NIGHT)
        await seat.press("ctrl+p")
        await seat.type("Calibrations")
        await seat.pilot.pause(0.5)
        await seat.press("enter")
        await seat.until("CAFOS, R")

    sit(reduced_archive, look)


def test_without_a_terminal_it_refuses_and_its_help_loads_no_textual(reduced_archive: SmallArchive) -> None:
    done = reduced_archive.run("tui")
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs a terminal" in done.stderr
    helped = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "iop4cli", "tui", "-h"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in helped.stderr.splitlines()}
    assert "typer" in loaded
    assert loaded.isdisjoint({"textual", "textual_plot", "duckdb", "numpy"})


def test_an_empty_archive_says_what_to_do(tmp_path: Path) -> None:
    empty = SmallArchive(tmp_path / "empty")
    empty.root.mkdir()
    assert empty.run("init").returncode == 0

    async def look(seat: Seat) -> None:
        await seat.until("no frames yet: `iop4 fetch FILES`")
        for key in "2345":
            await seat.press(key)
            await seat.until("nothing here yet")
            await seat.press("enter", "space", "p", "f", "u", "a", "escape")
        await seat.press("8")
        await seat.until("no jobs yet")

    sit(empty, look)


def test_what_a_tab_shows_can_be_exported(archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await seat.press("2")
        await seat.filter("name~BLLac-0001R0")
        await seat.until("1/1 frames")
        await seat.press("enter")
        await seat.until("at 320, 320")
        await seat.press("e")
        await seat.until("Export to")
        await seat.press("enter")
        await seat.until("other tabs can be exported")
        await seat.press("right_square_bracket", "e")
        await seat.until("Export to")
        await seat.press("enter")
        await seat.until(lambda: (archive.root / "frames.csv").is_file())
        await seat.press("right_square_bracket", "e")
        await seat.until("frames.txt")
        await seat.press("enter")
        await seat.until(lambda: (archive.root / "frames.txt").is_file())

    sit(archive, look)
    assert "\nEXPTIME,60.0,[s]" in (archive.root / "frames.csv").read_text()
    assert "rms_arcsec" in (archive.root / "frames.txt").read_text()
