"""Sources, masters, calibrations: a chart with north up, an entry edited, what changes from night to night."""

from __future__ import annotations

import itertools
import shlex
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from driving import LARGE, SMALL, Seat, sit
from terminal import PATIENCE_S, Terminal

from iop4cli.tui.picture import SHADES
from iop4cli.tui.widgets.dots import Circle, Raster, Sight, raster_of
from tests.cli.small_archives import NIGHT, SmallArchive

pytestmark = pytest.mark.night

in_a_terminal = [
    pytest.mark.night,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
SIZES = pytest.mark.parametrize("size", [SMALL, pytest.param(LARGE, marks=pytest.mark.night)])
_NIGHTS_LATER = (7, 14, 21, 28)
_REJECTED = 14


async def open_source(seat: Seat, name: str) -> None:
    await seat.press("4")
    await seat.until("by name")
    await seat.filter(f"where name = '{name}'")
    await seat.until("1/1 sources")
    await seat.press("enter")
    await seat.until("Residuals")


# The chart.


def wide(seat: Seat) -> float:
    """What the line on it says of its width, in arcmin."""
    return float(seat.said.split("'")[0].split()[-1])


@SIZES
def test_the_chart_has_north_up_and_its_rings_on_stars(reduced_archive: SmallArchive, size: tuple[int, int]) -> None:
    found: dict[str, Any] = {}

    async def look(seat: Seat) -> None:
        await open_source(seat, "2200+420")
        await seat.press("right_square_bracket")
        await seat.until("north up, east left")
        await seat.until("BL Lacertae C")
        image = seat.app.screen.query_one("ChartImage")
        found["picture"], found["circles"] = image.picture, {circle.name: circle for circle in image.circles}
        wide_arcmin = wide(seat)
        # The whole chart is as high as the screen is, and dots are about square.
        assert wide_arcmin == pytest.approx(
            image.size.width / (2 * image.size.height) * image.picture.size_px[1] * 0.387 / 60, rel=0.02
        )
        await seat.press("a")
        await seat.until(lambda: "BL Lacertae C" not in seat.seen)
        await seat.press("plus", "plus")
        await seat.until(lambda: wide(seat) == pytest.approx(wide_arcmin / 2, rel=0.01))
        # What others write changes nothing of that.
        before = image.chart
        seat.app.store_changed()
        await seat.until(lambda: image.chart is not before)
        assert wide(seat) == pytest.approx(wide_arcmin / 2, rel=0.01)

    sit(reduced_archive, look, size)
    circles: dict[str, Circle] = found["circles"]
    sky = {row["name"]: row for row in reduced_archive.rows("catalog", "list", "--json")}
    assert {name for name, circle in circles.items() if circle.look == "calibrator"} >= {
        f"BL Lacertae {letter}" for letter in "BCH"
    }
    for one, other in itertools.combinations(circles, 2):
        east_deg = (sky[one]["ra_deg"] - sky[other]["ra_deg"]) * np.cos(np.radians(sky[one]["dec_deg"]))
        north_deg = sky[one]["dec_deg"] - sky[other]["dec_deg"]
        # Over a tenth of a degree the sky is flat to better than a pixel of 0.387".
        assert circles[one].x_px - circles[other].x_px == pytest.approx(-east_deg * 3600 / 0.387, rel=0.01, abs=1.0)
        assert circles[one].y_px - circles[other].y_px == pytest.approx(north_deg * 3600 / 0.387, rel=0.01, abs=1.0)
    for circle in circles.values():
        x, y = np.arange(circle.x_px - 30, circle.x_px + 31), np.arange(circle.y_px - 30, circle.y_px + 31)
        shades = found["picture"].shades(x, y, 1.0, 0)
        away = np.hypot(x[None, :] - circle.x_px, y[:, None] - circle.y_px)
        inside, outside = shades[away < circle.radius_px / 2], shades[away > 2 * circle.radius_px]
        assert inside.mean() > outside.mean() + SHADES / 4, circle.name


@pytest.mark.parametrize("centre_deg", [(330.0, 42.3), (359.98, -10.0), (120.0, 84.0)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_frame_is_turned_as_astropy_places_the_sky(centre_deg: tuple[float, float], mirrored: bool) -> None:
    from astropy.coordinates import SkyCoord
    from astropy.wcs import WCS

    from iop4cli.tui.finding import north_up

    step_deg, turn = 0.4 / 3600, np.radians(37.0)
    cd = step_deg * np.array([[-np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [500.0, 700.0]
    wcs.wcs.crval, wcs.wcs.cd = (
        [centre_deg[0] + 0.05, centre_deg[1] - 0.03],
        cd @ np.diag([-1.0 if mirrored else 1.0, 1]),
    )
    (a, b), (c, d) = wcs.wcs.cd
    row = {
        "scale_arcsec_per_px": 0.4, "crval1": wcs.wcs.crval[0], "crval2": wcs.wcs.crval[1], "crpix1": 500.0,
        "crpix2": 700.0, "cd1_1": a, "cd1_2": b, "cd2_1": c, "cd2_2": d,
    }  # fmt: skip
    # Images of which each value is its own column, or line: what comes out is where it was taken from.
    lines, columns = np.mgrid[:1400, :1400].astype(np.float32)
    half_px = 300
    found = [north_up(image, row, centre_deg, half_px) for image in (columns, lines)]
    assert found[0].shape == (601, 601)
    centre = SkyCoord(*centre_deg, unit="deg")
    n_seen = 0
    for up, right in itertools.product((0, 150, 300, 480, 600), repeat=2):
        offset = -(right - half_px) * step_deg, (up - half_px) * step_deg
        # On the tangent plane, whose radius is the tangent of the distance.
        radius, angle = np.hypot(*offset), np.degrees(np.arctan2(offset[0], offset[1]))
        place = centre.directional_offset_by(angle * _deg(), np.degrees(np.arctan(np.radians(radius))) * _deg())
        expected = [float(value) for value in wcs.world_to_pixel(place)]
        inside = all(0 <= value <= 1399 for value in expected)
        assert np.isfinite(found[0][up, right]) == inside
        if inside:
            n_seen += 1
            # Coordinates are kept to seven figures.
            assert [image[up, right] for image in found] == pytest.approx(expected, abs=0.01)
    assert n_seen > 10


def _deg() -> Any:
    from astropy import units

    return units.deg


def test_the_chart_says_why_there_is_none(archive: SmallArchive) -> None:
    assert archive.run("catalog", "add", "Mrk 421", "--ra", "166.1138", "--dec", "38.2088").returncode == 0

    async def look(seat: Seat) -> None:
        await open_source(seat, "Mrk 421")
        await seat.press("right_square_bracket")
        await seat.until("no chart: no frame that has a result of Mrk 421 is solved")
        assert seat.app.screen.equivalent() == ["plot", "finding", "Mrk 421"]

    sit(archive, look)


def test_names_of_neighbours_do_not_lie_on_one_another() -> None:
    from iop4cli.tui.picture import picture_of

    picture = picture_of(np.zeros((64, 64), np.float32), "", "x")
    sight = Sight((31.5, 31.5), 1.0, 64, 32, (1, 2))
    circles = [Circle(30.0 + 3 * k, 32.0 + k, 3.0, f"neighbour {k}", "O", "catalogue") for k in range(4)]
    raster = raster_of(picture, sight, 0, circles)
    lines = ["".join(row.get(column, " ")[0] for column in range(64)) for row in raster.letters.values()]
    said = "\n".join(lines)
    assert all(f"neighbour {k}" in said for k in range(4)), said
    assert isinstance(raster, Raster)


# Results.


@pytest.mark.night
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_results_of_one_source_with_its_light_curve(archive: SmallArchive, size: tuple[int, int]) -> None:
    async def look(seat: Seat) -> None:
        await open_source(seat, "BL Lacertae B")
        await seat.press("right_square_bracket", "right_square_bracket")
        screen = seat.app.screen
        table = screen.query_one("#own-results")
        await seat.until(lambda: table.total == 2 and table.row is not None)
        assert {row["source"] for row in table.held_rows} == {"BL Lacertae B"}
        if size == SMALL:
            assert "against MJD" not in seat.seen
            await seat.press("p")
        await seat.until("BL Lacertae B in R, 2 against MJD")
        newest = table.row["id"]
        assert newest == max(table.held_rows, key=lambda row: row["mjd_utc"])["id"]
        # A step in the plots takes the cursor of the table with it.
        screen.query("PlotWidget").first().focus()
        await seat.press("comma")
        await seat.until(lambda: table.row["id"] != newest)
        assert screen.equivalent() == ["plot", "lightcurve", "BL Lacertae B"]
        chosen = table.row["id"]
        await seat.press("f")
        await seat.until("Why flag 1 result?")
        await seat.type("cloud")
        await seat.press("enter")
        await seat.until(lambda: any(row["flags"] for row in table.held_rows))
        assert [row["id"] for row in table.held_rows if row["flags"]] == [chosen]
        await seat.press("e")
        await seat.until("Export to")
        await seat.press("enter")
        await seat.until("2 rows")
        await seat.press("enter")
        await seat.until("Modulation")

    sit(archive, look, size)
    assert (archive.root / "sources.csv").read_text().count("\n") == 3
    reasons = archive.rows("sql", "select source, reason from flag join results on measurement = id", "--format",
                           "ndjson")  # fmt: skip
    assert reasons == [{"source": "BL Lacertae B", "reason": "cloud"}]


# Editing.


def test_without_a_terminal_it_says_where_to_edit(reduced_archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await open_source(seat, "2200+420")
        await seat.press("E")
        await seat.until("iop4 catalog edit 2200+420")
        await seat.press("escape")
        await seat.until("1/1 sources")
        await seat.press("E")
        await seat.until("an editor needs a terminal")

    sit(reduced_archive, look)


@pytest.fixture
def terminal(archive: SmallArchive, tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(archive, tmp_path)
    yield made
    made.close()


def editor(folder: Path, script: str) -> str:
    """A command for $EDITOR."""
    file = folder / "editor"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return shlex.quote(str(file))


def start(terminal: Terminal, command: str) -> None:
    terminal.until("$")
    terminal.keys(f"clear; EDITOR={command} {shlex.quote(sys.executable)} -m iop4cli tui; echo code=$?=", "Enter")
    terminal.until("1/1 nights")
    terminal.keys("4")
    terminal.until("by name")
    terminal.keys("/", "where name = 'BL Lacertae B'", "Enter")
    terminal.until("1/1 sources")


def magnitude(archive: SmallArchive) -> str:
    done = archive.process("catalog", "list", "BL Lacertae B", "--json")
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


class TestEditing:
    pytestmark = in_a_terminal

    def test_an_entry_is_edited_as_the_verb_does_it(
        self, terminal: Terminal, archive: SmallArchive, tmp_path: Path
    ) -> None:
        assert "R=11.73" not in magnitude(archive)
        start(terminal, editor(tmp_path, 'sed -i "s/^R = .*/R = [11.73, 0.02]/" "$1"; cp "$1" edited'))
        terminal.keys("Enter")
        terminal.until("Residuals")
        terminal.keys("E")
        # What is seen of the entry is read anew.
        terminal.until("11.73")
        assert "R=11.73" in magnitude(archive)
        assert "edit" in archive.process("catalog", "log", "BL Lacertae B").stdout
        terminal.keys("q")
        terminal.until("code=0=")

    def test_what_was_wrong_is_seen_before_the_screens_are_back(
        self, terminal: Terminal, archive: SmallArchive, tmp_path: Path
    ) -> None:
        before = magnitude(archive)
        start(terminal, editor(tmp_path, "exit 3"))
        terminal.keys("E")
        terminal.until("ended with 3; nothing is changed")
        terminal.until("Enter goes back to the screens")
        terminal.keys("Enter")
        terminal.until("1/1 sources")
        assert magnitude(archive) == before
        terminal.keys("q")
        terminal.until("code=0=")

    def test_ctrl_c_in_the_editor_is_not_for_the_screens(self, terminal: Terminal, tmp_path: Path) -> None:
        start(terminal, editor(tmp_path, "trap 'echo caught' INT; echo editing; read answer; exit 0"))
        terminal.keys("E")
        terminal.until("editing")
        terminal.keys("C-c")
        terminal.until("caught")
        terminal.keys("Enter")
        terminal.until("1/1 sources")
        # It is still there a while later: the signal does not come after all.
        time.sleep(1.0)
        terminal.keys("3")
        terminal.until("results")
        terminal.keys("q")
        terminal.until("code=0=")

    def test_what_ends_the_screens_ends_the_editor_too(
        self, terminal: Terminal, archive: SmallArchive, tmp_path: Path
    ) -> None:
        start(terminal, editor(tmp_path, "echo $$ > pid; echo editing; exec sleep 100"))
        terminal.keys("E")
        terminal.until("editing")
        process = terminal.pid_of("iop4cli tui")
        subprocess.run(["kill", "-TERM", str(process)], check=True)
        terminal.until("code=143=")
        flags = terminal.tmux("display-message", "-p", "-t", "t", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}")
        assert flags.split() == ["0", "0", "1"]
        deadline = time.monotonic() + PATIENCE_S
        child = int((archive.root / "pid").read_text())
        while subprocess.run(["ps", "-p", str(child)], capture_output=True, check=False).returncode == 0:
            assert time.monotonic() < deadline
            time.sleep(0.05)


# From night to night.


@pytest.fixture
def many_nights(archive: SmallArchive) -> SmallArchive:
    """The masters of the night again in later ones; of one of these they are rejected and far off in level."""
    with duckdb.connect(str(archive.root / "iop4.duckdb")) as store:
        columns = [row[0] for row in store.execute("describe master").fetchall()]
        for days in _NIGHTS_LATER:
            off = days == _REJECTED
            other = {
                "name": f"replace(name, '{NIGHT.split('/')[1]}', 'later-{days}')", "night": f"night + {days}",
                "level": "level + 500" if off else f"level + {days}", "accepted": "false" if off else "true",
                "flaw": "'level 500 ADU off'" if off else "flaw",
            }  # fmt: skip
            chosen = ", ".join(other.get(name, name) for name in columns)
            store.execute(f"insert into master select {chosen} from master where night = '{NIGHT.split('/')[1]}'")
    return archive


@SIZES
def test_a_master_is_seen_beside_those_of_other_nights(many_nights: SmallArchive, size: tuple[int, int]) -> None:
    async def look(seat: Seat) -> None:
        await seat.press("5")
        await seat.filter("bias")
        await seat.until("1/5 masters")
        await seat.press("end", "enter")
        await seat.until("History")
        await seat.press("right_square_bracket")
        await seat.until("1 beyond the scale")
        for text in ("bias AndorT90, 640 x 640", "• accepted", "x rejected", "◆ this", "2022-09"):
            assert text in " ".join(seat.seen.split()), text
        plot = seat.app.screen.query_one("#trend-level")
        by_marker = {dataset.marker: dataset for dataset in plot._datasets}
        assert {marker: len(one.x) for marker, one in by_marker.items()} == {"•": 3, "x": 1, "◆": 1}
        this, rejected, others = by_marker["◆"], by_marker["x"], by_marker["•"]
        assert rejected.x[0] - this.x[0] == _REJECTED
        assert list(others.y - this.y[0]) == [7.0, 21.0, 28.0]
        # The rejected one is far above, and the others fill the plot all the same.
        assert plot._y_max < rejected.y[0]
        assert (others.y.max() - this.y[0]) > 0.8 * (plot._y_max - plot._y_min)
        assert seat.app.screen.equivalent() == ["plot", "masters", "--kind", "bias", "--instrument", "AndorT90"]
        await seat.press("right_square_bracket")
        await seat.until("px a dot")
        assert seat.app.screen.query_one("FrameImage").picture.size_px == (640, 640)
        assert "Blink" not in seat.seen

    sit(many_nights, look, size)


def test_a_flat_is_compared_with_those_of_its_band_and_angle(many_nights: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await seat.press("5")
        await seat.filter("flat band=R night=2022-09-08")
        await seat.until("masters")
        await seat.until("filter: flat")
        await seat.press("enter")
        await seat.until("History")
        await seat.press("right_square_bracket")
        await seat.until("x rejected")
        rows = seat.app.screen._rows
        assert len(rows) == 1 + len(_NIGHTS_LATER)
        assert len({row["name"].split("/")[-1] for row in rows}) == 1
        assert not seat.app.screen.query("#trend-level")

    sit(many_nights, look)


def test_the_trend_is_exported(many_nights: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await seat.press("5")
        await seat.filter("bias")
        await seat.until("1/5 masters")
        await seat.press("enter")
        await seat.until("History")
        await seat.press("right_square_bracket")
        await seat.until("◆ this")
        await seat.press("e")
        await seat.until("Export to")
        await seat.press("enter")
        await seat.until("5 rows")

    sit(many_nights, look)
    lines = (many_nights.root / "masters.csv").read_text().splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("name,instrument,band,night,mjd_utc,level,scatter")


@pytest.fixture
def calibrated(archive: SmallArchive) -> SmallArchive:
    """Three calibrations of AndorT90 in R: accepted, proposed, and rejected with q far off."""
    with duckdb.connect(str(archive.root / "iop4.duckdb")) as store:
        for month, q_inst, accepted in ((2, 0.057, "true"), (3, 0.059, "null"), (4, 0.2, "false")):
            store.execute(f"""
                insert into calibration by name select 'R {month}' as name, 'AndorT90' as instrument, 'R' as band,
                {q_inst} as q_inst, 0.001 as q_inst_err, 0.058 as u_inst, 0.001 as u_inst_err, -18.0 as zero_angle_deg,
                0.2 as zero_angle_err_deg, 1.0 as efficiency, 0.01 as efficiency_err,
                date '2022-{month:02d}-01' as valid_from, 'fit' as source, 3.0 as chi2, 4 as dof, 4 as n_measurements,
                '[]' as residuals, {accepted} as accepted""")
    return archive


@SIZES
def test_a_calibration_is_seen_beside_the_others_of_its_band(calibrated: SmallArchive, size: tuple[int, int]) -> None:
    async def look(seat: Seat) -> None:
        await seat.press("6")
        await seat.filter("AndorT90 band=R")
        await seat.until("1/4 calibrations")
        await seat.press("down", "enter")
        await seat.until("Numbers")
        await seat.press("right_square_bracket")
        await seat.until("1 beyond the scale")
        for text in ("AndorT90 R", "always", "2022-0", "○ instrument file", "• accepted", "x rejected", "◆ this"):
            assert text in " ".join(seat.seen.split()), text
        plot = seat.app.screen.query_one("#trend-q_inst_percent")
        by_marker = {dataset.marker: dataset for dataset in plot._datasets}
        assert by_marker["◆"].y[0] == pytest.approx(5.9)
        assert by_marker["◆"].yerr[0] == pytest.approx(0.1)
        # What holds always stands before all that have a date.
        assert by_marker["○"].x[0] < min(one.x[0] for marker, one in by_marker.items() if marker != "○")
        assert [by_marker[marker].x[0] for marker in "•◆x"] == sorted(by_marker[marker].x[0] for marker in "•◆x")

    sit(calibrated, look, size)
