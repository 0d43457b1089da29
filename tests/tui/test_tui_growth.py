"""The curves of growth of a result are seen, with the apertures that `iop4 plot growth` tells."""

from __future__ import annotations

import csv

import pytest
from driving import LARGE, SMALL, Seat, sit

from iop4cli.archive.store import Store
from tests.cli.small_archives import SmallArchive

pytestmark = pytest.mark.night

SIZES = pytest.mark.parametrize("size", [SMALL, pytest.param(LARGE, marks=pytest.mark.night)], ids=["80x24", "160x50"])


async def at_growth(seat: Seat, words: str) -> None:
    await seat.press("3")
    await seat.filter("mode=pol 2200")
    await seat.until("1/1 results")
    await seat.press("enter")
    await seat.until("mid-exposur")
    await seat.press("right_square_bracket", "right_square_bracket")
    await seat.until(words)


@SIZES
def test_growth_shows_each_frame_and_the_apertures_in_use(reduced_archive: SmallArchive, size: tuple[int, int]) -> None:
    sql = "select id from results where mode = 'pol' and source = '2200+420'"
    (result,) = (row["id"] for row in reduced_archive.rows("sql", sql, "--format", "ndjson"))
    told = reduced_archive.run("plot", "growth", result).stdout
    rows = list(csv.DictReader(told.splitlines(), delimiter="\t"))
    used = sorted(f"{float(row['used_radius_fwhm']):.2f}" for row in rows)
    assert used

    async def look(seat: Seat) -> None:
        await at_growth(seat, f"in use {' to '.join(dict.fromkeys((used[0], used[-1])))};")
        for frame in {row["frame"].rsplit("/", 1)[-1] for row in rows}:
            assert f"•{frame}" in seat.seen
        plot = seat.app.screen.query_one("#share")
        await seat.until(lambda: plot.size.height > 5)
        shares = [float(row["share"]) for row in rows]
        assert plot._y_min < 100 * min(shares) < 100 * max(shares) < plot._y_max
        await seat.press("c")
        await seat.until("The same in the shell")

    assert f"iop4 plot growth {result}" in sit(reduced_archive, look, size).clipboard


def test_what_plots_of_a_result_show_can_be_exported(archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await at_growth(seat, "light within a radius in FWHM")
        for name in ("growth", "modulation"):
            await seat.press("e")
            await seat.until(f"{name}.csv")
            await seat.press("enter")
            await seat.until(lambda name=name: (archive.root / f"{name}.csv").is_file())
            await seat.press("left_square_bracket")

    sit(archive, look)
    sql = "select id from results where mode = 'pol' and source = '2200+420'"
    (result,) = (row["id"] for row in archive.rows("sql", sql, "--format", "ndjson"))
    for name, column in (("growth", "share"), ("modulation", "modulation_percent")):
        told = list(csv.DictReader(archive.run("plot", name, result).stdout.splitlines(), delimiter="\t"))
        written = list(csv.DictReader((archive.root / f"{name}.csv").read_text().splitlines()))
        assert [float(row[column]) for row in written] == pytest.approx([float(row[column]) for row in told], rel=1e-5)


def test_growth_says_that_there_is_none(archive: SmallArchive) -> None:
    async def words(seat: Seat) -> None:
        await at_growth(seat, "no curve of growth: its frames have too few good stars")
        assert not any(plot.display for plot in seat.app.screen.query("Growth PlotWidget"))

    Store(archive.root / "iop4.duckdb").write([], "delete from growth;")
    sit(archive, words)


@pytest.mark.night
def test_growth_needs_no_frames_for_the_curves_are_in_the_store(archive: SmallArchive) -> None:
    (archive.root / "reduced").unlink()

    async def drawn(seat: Seat) -> None:
        await at_growth(seat, "light within a radius in FWHM")

    sit(archive, drawn)
