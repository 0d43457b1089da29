"""What people say in the screens is in the store, as the commands of the shell would have written it."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import pytest
from driving import LARGE, SMALL, Seat, sit
from textual import events

from iop4cli.archive.store import Batch, Store, utc_now
from tests.cli.small_archives import NIGHT, SmallArchive

SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "160x50"])


def flags(archive: SmallArchive) -> list[tuple[str, str, str]]:
    """(id, reason, who) of all flags."""
    rows = archive.rows("sql", "select measurement, reason, who from flag order by 1, 2", "--format", "ndjson")
    return [(row["measurement"], row["reason"], row["who"]) for row in rows]


def ids(archive: SmallArchive, where: str) -> list[str]:
    sql = f"select id from results where {where} order by mjd_utc desc nulls last, id"
    return [row["id"] for row in archive.rows("sql", sql, "--format", "ndjson")]


@SIZES
def test_a_result_is_flagged_with_a_reason_and_the_flag_taken_back(
    archive: SmallArchive, size: tuple[int, int]
) -> None:
    (wanted,) = ids(archive, "mode = 'pol' and source = '2200+420'")

    async def flag(seat: Seat) -> None:
        await seat.press("3")
        await seat.filter("mode=pol 2200")
        await seat.until("1/1 results")
        await seat.press("f")
        await seat.until("Why flag 1 result?")
        await seat.type("satellite  trail")
        await seat.press("enter")
        await seat.until(" !2200+420")

    async def unflag(seat: Seat) -> None:
        await seat.press("3")
        await seat.filter("flags~trail")
        await seat.until("1/1 results")
        await seat.press("u")
        await seat.until("0/0 results")

    sit(archive, flag, size)
    assert flags(archive) == [(wanted, "satellite trail", getpass.getuser())]
    sit(archive, unflag, size)
    assert flags(archive) == []


def test_marked_rows_are_flagged_together_and_others_are_not(archive: SmallArchive) -> None:
    wanted = ids(archive, "mode = 'pol'")

    async def flag(seat: Seat) -> None:
        await seat.press("3")
        await seat.filter("mode=pol")
        await seat.until("1/4 results")
        await seat.press("space", "down", "space")
        await seat.until("2 marked")
        await seat.press("f")
        await seat.until("Why flag 2 results?")
        await seat.type("clouds")
        await seat.press("enter")
        await seat.until("2 results flagged: clouds")

    sit(archive, flag)
    assert sorted(name for name, _, _ in flags(archive)) == sorted([wanted[0], wanted[2]])


def test_without_a_reason_nothing_is_flagged(archive: SmallArchive) -> None:
    async def flag(seat: Seat) -> None:
        await seat.press("3")
        await seat.until("1/8 results")
        await seat.press("f")
        await seat.until("Why flag")
        await seat.press("space", "enter")
        await seat.until("1/8 results")
        await seat.press("f")
        await seat.until("Why flag")
        await seat.type("no")
        await seat.press("escape")
        await seat.until("1/8 results")

    sit(archive, flag)
    assert flags(archive) == []


def test_what_another_process_writes_is_seen(archive: SmallArchive) -> None:
    (wanted,) = ids(archive, "mode = 'pol' and source = '2200+420'")

    async def look(seat: Seat) -> None:
        await seat.press("3")
        await seat.until("1/8 results")
        assert "!" not in seat.seen
        done = archive.process("flag", "add", wanted, "--reason", "moon")
        assert done.returncode == 0, done.stderr
        await seat.until(" !2200+420")

    sit(archive, look)


def test_nothing_is_read_again_while_nothing_is_written(archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await seat.press("3")
        await seat.until("1/8 results")
        await seat.pilot.pause(2.5)  # longer than it takes to look at the store again

    assert sit(archive, look).store_version == 0


def test_the_log_follows_and_narrows_to_errors(archive: SmallArchive) -> None:
    line = {"time_utc": utc_now(), "run": "r", "level": "error", "step": "phot", "item": f"{NIGHT}/New-0001.fit",
            "message": "the shutter stuck"}  # fmt: skip

    async def look(seat: Seat) -> None:
        await seat.press("7")
        await seat.until(f"{NIGHT}/results")
        await seat.until("47/47 log")
        Store(archive.root / "iop4.duckdb").write([Batch("log", [line], append=True)])
        await seat.until("48/48 log")
        await seat.until("New-0001.fit")
        await seat.press("l", "l")
        await seat.until("2/2 log")
        await seat.press("enter")
        await seat.until("the shutter stuck")

    sit(archive, look)


def test_filters_are_those_of_the_store_and_a_wrong_one_leaves_the_rows(archive: SmallArchive) -> None:
    n_bright = len(ids(archive, "mag < 13.5"))

    async def look(seat: Seat) -> None:
        await seat.press("3")
        await seat.filter("mag<13.5")
        await seat.until(f"1/{n_bright} results")
        await seat.press("escape")
        await seat.until("1/8 results")
        await seat.filter("where mag < 13.5 and mode = 'pol'")
        await seat.until("1/2 results")
        await seat.filter("wher=2")
        await seat.until("no column 'wher'")
        await seat.until("1/2 results")
        assert "filter: where mag < 13.5" in seat.said

    sit(archive, look)


def test_sorting_by_a_column_puts_the_brightest_first(archive: SmallArchive) -> None:
    brightest = archive.rows("sql", "select id from results order by mag limit 1", "--format", "ndjson")[0]["id"]

    async def look(seat: Seat) -> None:
        await seat.press("3")
        await seat.until("1/8 results")
        await seat.press("s")
        await seat.until("Sort by")
        choices = seat.app.screen.query_one("OptionList")
        choices.highlighted = seat.app.screen.names.index("mag")
        await seat.press("enter")
        await seat.until("by mag ↑")
        await seat.until(lambda: seat.app.screen.query_one("LongTable").row["id"] == brightest)

    sit(archive, look)


def test_an_export_is_what_is_shown(archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await seat.press("3")
        await seat.filter("mode=pol")
        await seat.until("1/4 results")
        for name in ("shown.ndjson", "shown.ecsv", "shown.vot", "shown.fits"):
            await seat.press("e")
            await seat.until("Export to")
            await seat.press("ctrl+u")
            await seat.type(name)
            await seat.press("enter")
            await seat.until(lambda name=name: (archive.root / name).is_file())

    sit(archive, look)
    rows = [json.loads(line) for line in (archive.root / "shown.ndjson").read_text().splitlines()]
    sql = "select source, mag, p from results where mode = 'pol' order by mjd_utc desc, id"
    expected = archive.rows("sql", sql, "--format", "ndjson")
    assert [{name: row[name] for name in ("source", "mag", "p")} for row in rows] == expected
    text = (archive.root / "shown.ecsv").read_text()
    assert text.startswith("# %ECSV 1.0")
    assert sum("2200+420" in line for line in text.splitlines() if not line.startswith("#")) == 1
    assert (archive.root / "shown.vot").read_text().count("<TR>") == len(rows)
    assert (archive.root / "shown.fits").read_bytes().startswith(b"SIMPLE")


def test_an_export_overwrites_nothing(archive: SmallArchive, tmp_path: Path) -> None:
    kept = archive.root / "nights.csv"
    kept.write_text("mine")

    async def look(seat: Seat) -> None:
        await seat.until(NIGHT)
        await seat.press("e")
        await seat.until("Export to")
        await seat.press("enter")
        await seat.until("is there already")

    sit(archive, look)
    assert kept.read_text() == "mine"


def test_keys_that_come_together_go_where_they_are_meant(archive: SmallArchive) -> None:
    """Over a slow line `/`, a word with q in it and Enter come as one; q must not quit."""

    async def look(seat: Seat) -> None:
        await seat.until(NIGHT)
        for key in ("3", "slash", "q", "equals_sign", "none", "enter"):
            letters = {"slash": "/", "equals_sign": "="}
            for one in [key] if key != "none" else list(key):
                seat.app.post_message(events.Key(one, letters.get(one, one if len(one) == 1 else None)))
        await seat.until("filter: q=none")
        await seat.until("1/4 results")

    sit(archive, look)


def test_a_busy_store_does_not_block_the_screen(archive: SmallArchive) -> None:
    from iop4cli.archive.lock import store_lock

    async def look(seat: Seat) -> None:
        await seat.until(NIGHT)
        with store_lock(archive.root / "iop4.duckdb", shared=False, timeout_s=5.0):
            await seat.press("3")
            await seat.press("question_mark")
            await seat.until("Help: results")
            await seat.press("escape")
            await seat.until("busy")
        await seat.press("r")
        await seat.until("1/8 results")

    sit(archive, look)
