"""Points of a light curve are pointed at with keys and the mouse; what is marked there is marked in the table."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import pytest
from driving import LARGE, SMALL, Seat, sit

from iop4cli.archive.curves import read_curve
from iop4cli.archive.people import add_flags
from iop4cli.archive.store import Store
from iop4cli.tui.widgets.curves import Curves
from iop4cli.tui.widgets.point_plot import PointPlot
from tests.cli.small_archives import SmallArchive

pytestmark = pytest.mark.night

SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "160x50"])
# What hardly depends on the size is seen on the larger one by night.
MOSTLY_SMALL = pytest.mark.parametrize(
    "size", [SMALL, pytest.param(LARGE, marks=pytest.mark.night)], ids=["80x24", "160x50"]
)
N = 20
# A result a day, r00 the oldest: a rising magnitude; r04 is photometry, r05 has no magnitude, r06 nothing at all.
_RESULTS = """
insert into measurement by name
select 'r' || lpad(i::text, {digits}, '0') as id, 'OSN-T090/2022-09-01/G' || i as origin, '2200+420' as source,
    'OSN-T090' as telescope, date '2022-09-01' + i::int as night, 'AndorT90' as instrument,
    if(i = 4, 'phot', 'pol') as mode, 'R' as band, 59823.9 + i as mjd_utc, if(i in (5, 6), null, 13 + 0.1 * i) as mag,
    if(i in (5, 6), null, 0.02) as mag_err, if(i in (4, 6), null, 0.05 + 0.001 * i) as p,
    if(i in (4, 6), null, 0.004) as p_err, if(i in (4, 6), null, 40.0 + i) as chi_deg,
    if(i in (4, 6), null, 1.5) as chi_err_deg, 0 as bits
from generate_series(0, {n} - 1) g(i);
insert into correction by name select id as measurement, origin, 0 as quality, '' as quality_text from measurement;
"""


def _archive(root: Path, n: int = N, digits: int = 2) -> SmallArchive:
    archive = SmallArchive(root)
    root.mkdir(parents=True)
    assert archive.run("init").returncode == 0
    Store(root / "iop4.duckdb").write([], _RESULTS.format(n=n, digits=digits))
    return archive


@pytest.fixture
def archive(tmp_path: Path) -> SmallArchive:
    return _archive(tmp_path / "archive")


def flagged(archive: SmallArchive) -> dict[str, str]:
    """id -> reason, as `iop4 sql` finds them."""
    rows = archive.rows("sql", "select id, flags from results where flags is not null", "--format", "ndjson")
    return {row["id"]: row["flags"] for row in rows}


def names(*numbers: int) -> set[str]:
    return {f"r{number:02}" for number in numbers}


def curves(seat: Seat) -> Curves:
    return seat.app.screen.query_one(Curves)


def table(seat: Seat) -> Any:
    return seat.app.screen.query_one("LongTable")


async def at_the_plots(seat: Seat) -> None:
    """The plots have the focus, the cursor is on the newest result."""
    await seat.press("3")
    await seat.until(f"1/{N} results")
    await seat.press("tab" if seat.app.size.width >= LARGE[0] else "p")
    await seat.until("against MJD")
    await seat.until(lambda: seat.said.startswith("2022-09-20"))


async def flag(seat: Seat, reason: str, wanted: str) -> None:
    await seat.press("f")
    await seat.until(f"Why flag {wanted}?")
    await seat.type(reason)
    await seat.press("enter")
    await seat.until(f"{wanted} flagged: {reason}")


@SIZES
def test_the_cursor_steps_in_time_and_the_table_follows(archive: SmallArchive, size: tuple[int, int]) -> None:
    async def look(seat: Seat) -> None:
        await at_the_plots(seat)
        assert "2022-09-20 21:36  mag 14.900±0.020  p 6.90±0.40 %  chi 59.0±1.5°" in seat.seen
        await seat.press("full_stop")  # there is none after the newest
        assert curves(seat).row_id == "r19"
        await seat.press("comma", "h", "comma", "full_stop", "l", "comma")
        await seat.until(lambda: seat.said.startswith("2022-09-18 21:36  mag 14.700±0.020"))
        await seat.until(lambda: table(seat).row is not None and table(seat).row["id"] == "r17")
        await seat.press("home")
        await seat.until(lambda: table(seat).row is not None and table(seat).row["id"] == "r00")
        await seat.press("comma")
        assert curves(seat).row_id == "r00"

    sit(archive, look, size)


@MOSTLY_SMALL
def test_the_points_follow_the_table(archive: SmallArchive, size: tuple[int, int]) -> None:
    async def look(seat: Seat) -> None:
        await at_the_plots(seat)
        await seat.press("comma", "comma")
        await seat.press("shift+tab" if size == LARGE else "p")
        await seat.until(f"3/{N} results")
        await seat.press("down", "down")
        await seat.until(f"5/{N} results")
        await seat.press("tab" if size == LARGE else "p")
        await seat.until(lambda: seat.said.startswith("2022-09-16"))

    sit(archive, look, size)


@SIZES
def test_a_box_marks_exactly_what_is_in_it_and_flags_are_in_the_store(
    archive: SmallArchive, size: tuple[int, int]
) -> None:
    async def look(seat: Seat) -> None:
        await at_the_plots(seat)
        await seat.press("comma", "space", "comma", "comma", "b", *["comma"] * 3)
        await seat.until("box of 4 points")
        assert set(table(seat).marked) == names(18)
        await seat.press("enter")
        await seat.until("5 marked")
        assert set(table(seat).marked) == names(18, 16, 15, 14, 13)
        await flag(seat, "clouds", "5 results")
        await seat.until(lambda: seat.said.startswith("! 2022-09-14"))
        assert "clouds" in seat.said
        # The cursor stays where it was, and takes its own flag back.
        await seat.press("u")
        await seat.until("flags of 1 result taken back")
        await seat.until(lambda: seat.said.startswith("2022-09-14"))

    sit(archive, look, size)
    assert flagged(archive) == dict.fromkeys(names(18, 16, 15, 14), "clouds")
    by = archive.rows("sql", "select distinct who from flag", "--format", "ndjson")
    assert by == [{"who": getpass.getuser()}]


@MOSTLY_SMALL
def test_escape_leaves_the_box_and_then_unmarks(archive: SmallArchive, size: tuple[int, int]) -> None:
    async def look(seat: Seat) -> None:
        await at_the_plots(seat)
        await seat.press("b", "comma", "comma")
        await seat.until("box of 3 points")
        await seat.press("escape")
        assert curves(seat).box is None
        assert table(seat).marked == {}
        await seat.press("b", "comma", "b")
        await seat.until("2 marked")
        await seat.press("escape")
        assert table(seat).marked == {}
        await seat.until(lambda: "marked" not in seat.seen)
        await flag(seat, "moon", "1 result")
        # Flagged at once, a box need not be taken before.
        await seat.until(lambda: seat.said.startswith("! 2022-09-17"))
        await seat.press("comma", "b", "comma")
        await flag(seat, "haze", "2 results")

    sit(archive, look, size)
    assert flagged(archive) == {"r16": "moon", "r15": "haze", "r14": "haze"}


@MOSTLY_SMALL
def test_marks_are_one_set_in_plots_and_table(archive: SmallArchive, size: tuple[int, int]) -> None:
    there = "tab" if size == LARGE else "p"
    back = "shift+tab" if size == LARGE else "p"

    async def look(seat: Seat) -> None:
        await seat.press("3")
        await seat.until(f"1/{N} results")
        await seat.press("space", there)  # r19, in the table, which goes on to r18
        await seat.until(lambda: seat.said.startswith("2022-09-19"))
        await seat.until(lambda: "■" in seat.seen)
        await seat.press("comma", "space")
        await seat.until(lambda: seat.said.startswith("* 2022-09-18"))
        await seat.press(back)
        await seat.until("2 marked")
        assert set(table(seat).marked) == names(19, 17)
        assert seat.seen.count("* 2200+420") == 2
        await seat.press("up", "up", "space", there)  # r19 again: not marked any more
        await seat.until(lambda: set(table(seat).marked) == names(17))
        await flag(seat, "wind", "1 result")

    sit(archive, look, size)
    assert flagged(archive) == {"r17": "wind"}


def test_results_without_polarisation_magnitude_or_either(archive: SmallArchive) -> None:
    """r06 has nothing to draw, so no step and no box comes to it, but from its row the cursor goes on."""

    async def look(seat: Seat) -> None:
        await at_the_plots(seat)
        await seat.press("home", *["full_stop"] * 4)
        await seat.until(lambda: seat.said.startswith("2022-09-05"))
        assert seat.said == "2022-09-05 21:36  mag 13.400±0.020"
        await seat.press("full_stop")
        assert seat.said == "2022-09-06 21:36  no mag  p 5.50±0.40 %  chi 45.0±1.5°"
        await seat.press("b", "full_stop", "full_stop")
        await seat.until("box of 3 points")
        await seat.press("enter")
        assert set(table(seat).marked) == names(5, 7, 8)
        await seat.press("escape", "p")
        await seat.until(f"12/{N} results")
        await seat.press("down", "down")
        assert table(seat).row["id"] == "r06"
        await seat.press("p", "comma")
        await seat.until(lambda: seat.said.startswith("2022-09-06"))

    sit(archive, look, SMALL)


@MOSTLY_SMALL
def test_a_drag_with_ctrl_draws_a_box_of_times_and_values(archive: SmallArchive, size: tuple[int, int]) -> None:
    """Magnitudes rise with time: a box of the fainter half of the values over all times holds the later results."""

    async def look(seat: Seat) -> None:
        await at_the_plots(seat)
        plot = seat.app.screen.query_one("#plot-mag", PointPlot)
        canvas = plot.query_one("#plot")
        _, middle = plot.get_pixel_from_coordinate(59830.0, -14.05)
        cells = {row["id"]: plot.get_pixel_from_coordinate(row["mjd_utc"], -row["mag"])
                 for row in curves(seat).curve.rows if row["mag"] is not None}  # fmt: skip
        wanted = {name for name, (_, y) in cells.items() if y > middle}
        assert 0 < len(wanted) < len(cells)
        right, bottom = canvas.size.width - 2, canvas.size.height - 2
        await seat.pilot.mouse_down(canvas, offset=(right, bottom), control=True)
        await seat.pilot.hover(canvas, offset=(5, bottom - 1))
        await seat.pilot.hover(canvas, offset=(1, middle + 1))
        await seat.pilot.mouse_up(canvas, offset=(1, middle + 1))
        await seat.until(f"box of {len(wanted)} points")
        assert plot._x_min < 59824 < 59842 < plot._x_max  # nothing was moved by the drag
        await seat.press("enter")
        assert set(table(seat).marked) == wanted

    sit(archive, look, size)


def test_a_drag_after_b_draws_a_box_and_a_click_is_the_cursor(archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await at_the_plots(seat)
        plot = seat.app.screen.query_one("#plot-p", PointPlot)
        canvas = plot.query_one("#plot")
        place = {row["id"]: plot.get_pixel_from_coordinate(row["mjd_utc"], 100 * row["p"])
                 for row in curves(seat).curve.rows if row["p"] is not None}  # fmt: skip
        await seat.pilot.click(canvas, offset=place["r10"])
        await seat.until(lambda: seat.said.startswith("2022-09-11"))
        await seat.until(lambda: table(seat).row["id"] == "r10")
        await seat.press("b")
        (left, upper), (right, lower) = place["r10"], place["r07"]
        await seat.pilot.mouse_down(canvas, offset=(left, upper))
        await seat.pilot.hover(canvas, offset=(right, lower))
        await seat.pilot.mouse_up(canvas, offset=(right, lower))
        await seat.until("box of 4 points")
        await seat.press("b")
        assert set(table(seat).marked) == names(7, 8, 9, 10)

    sit(archive, look, LARGE)


def test_a_flagged_point_that_the_filter_leaves_out_can_be_taken_back(archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await seat.press("3")
        await seat.filter("flags=none")
        await seat.until(f"1/{N} results")
        await seat.press("tab", "comma", "comma")
        await seat.until(lambda: seat.said.startswith("2022-09-18"))
        await flag(seat, "haze", "1 result")
        await seat.until(lambda: seat.said.startswith("! 2022-09-18") and "not in the table" in seat.said)
        await seat.press("u")
        await seat.until("flags of 1 result taken back")
        await seat.until(lambda: seat.said.startswith("2022-09-18") and "not in" not in seat.said)

    sit(archive, look, LARGE)
    assert flagged(archive) == {}


def test_the_focus_and_the_row_are_in_sight_when_the_window_changes(archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await at_the_plots(seat)
        await seat.press("home")
        await seat.until(lambda: table(seat).row is not None and table(seat).row["id"] == "r00")
        await seat.pilot.resize_terminal(80, 12)
        await seat.until(f"{N}/{N} results")
        assert not curves(seat).display
        await seat.press("p")
        await seat.until(lambda: seat.said.startswith("2022-09-01"))
        await seat.press("end", "home", "full_stop", "p")
        await seat.until(f"{N - 1}/{N} results")
        await seat.until("2022-09-02")
        await seat.press("up")
        await seat.until(f"{N - 2}/{N} results")

    sit(archive, look, LARGE)


def test_a_box_without_points_flags_nothing(archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await at_the_plots(seat)
        canvas = seat.app.screen.query_one("#plot-mag", PointPlot).query_one("#plot")
        low = canvas.size.height - 2  # the early results are bright, so they are at the top
        await seat.pilot.mouse_down(canvas, offset=(2, low), control=True)
        await seat.pilot.hover(canvas, offset=(8, low - 2))
        await seat.pilot.mouse_up(canvas, offset=(8, low - 2))
        await seat.until("box of 0 points")
        await seat.press("f")
        await seat.until("there was no point in the box")
        assert len(seat.app.screen_stack) == 1

    sit(archive, look, LARGE)


def test_a_filter_typed_at_the_plots_changes_what_is_plotted(archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await at_the_plots(seat)
        await seat.filter("night<2022-09-05")
        await seat.until(lambda: seat.said.startswith("2022-09-04"))

    sit(archive, look, SMALL)


def test_zoom_stays_while_the_cursor_moves_and_goes_with_it(archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await at_the_plots(seat)
        plot = seat.app.screen.query_one("#plot-mag", PointPlot)
        await seat.press(*["plus"] * 8)
        await seat.until(lambda: plot._x_max - plot._x_min < 10)
        width = plot._x_max - plot._x_min
        for _ in range(6):
            await seat.press("comma")
            mjd = curves(seat).row["mjd_utc"]
            for one in seat.app.screen.query(PointPlot):
                assert one._x_min <= mjd <= one._x_max
                assert one._x_max - one._x_min == pytest.approx(width)
        await seat.press("r")
        await seat.until(lambda: plot._x_max - plot._x_min > 18)

    sit(archive, look, LARGE)


def test_of_many_results_the_nearest_are_points_and_stepping_brings_the_next(tmp_path: Path) -> None:
    many = _archive(tmp_path / "many", n=1000, digits=3)

    async def look(seat: Seat) -> None:
        await seat.press("3")
        await seat.until("1/1,000 results")
        await seat.press("tab")
        await seat.until("400 singly of 999")
        await seat.press("home", "comma")
        await seat.until(lambda: curves(seat).row_id == "r599")
        await seat.until(lambda: table(seat).row is not None and table(seat).row["id"] == "r599")
        await seat.press("full_stop")
        assert curves(seat).row_id == "r600"
        await seat.press("pagedown")
        assert curves(seat).row_id == "r620"
        await seat.press("end", "pageup", "b", "end", "full_stop")
        await seat.until("a box ends where results are shown singly")
        assert curves(seat).box is not None
        await seat.press("escape", "w")
        plot = seat.app.screen.query_one("#plot-mag", PointPlot)
        await seat.until(lambda: plot._x_max - plot._x_min > 990)
        # A click on a bar, at a third of all times.
        x, y = plot.get_pixel_from_coordinate(59823.9 + 333, -(13 + 33.3))
        await seat.pilot.click(plot.query_one("#plot"), offset=(x, y))
        await seat.until(lambda: 320 < int(curves(seat).row_id[1:]) < 346)
        assert "400 singly of 999" in seat.seen

    sit(many, look, LARGE)


def test_ranges_hold_every_other_result_that_is_not_flagged(tmp_path: Path) -> None:
    archive = _archive(tmp_path / "many", n=1000, digits=3)
    store = Store(archive.root / "iop4.duckdb")
    whole = read_curve(store, "2200+420", "R", 59823.9, 2000)
    assert (len(whole.rows), whole.ranges, whole.earlier, whole.later) == (999, [], 0, 0)  # r006 has no value
    part = read_curve(store, "2200+420", "R", whole.rows[500]["mjd_utc"], 100)
    assert (len(part.rows), part.total, part.earlier + part.later) == (100, 999, 899)
    others = [row for row in whole.rows if row["id"] not in {one["id"] for one in part.rows}]
    assert part.earlier == sum(row["mjd_utc"] < part.rows[0]["mjd_utc"] for row in others)
    for name in ("mag", "p", "chi_deg"):
        values = [row[name] for row in others if row[name] is not None]
        assert min(one[f"{name}_low"] for one in part.ranges) == pytest.approx(min(values))
        assert max(one[f"{name}_high"] for one in part.ranges) == pytest.approx(max(values))
        # A range spans what its share of the time does, no more.
        assert max(one[f"{name}_high"] - one[f"{name}_low"] for one in part.ranges) < (max(values) - min(values)) / 100
    add_flags(store, ["r999"], "satellite", "me")
    assert max(one["mag_high"] for one in read_curve(store, "2200+420", "R", 59823.9, 100).ranges) == pytest.approx(
        whole.rows[-2]["mag"]
    )


def test_the_help_names_the_keys_of_the_plots(archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await at_the_plots(seat)
        await seat.press("question_mark")
        await seat.until("Help: results")
        text = str(seat.app.screen.query_one("#text").render())
        for words in ("step from point to point", "b begins a", "Ctrl and a drag", "w shows all times"):
            assert words in " ".join(text.split())

    sit(archive, look, SMALL)
