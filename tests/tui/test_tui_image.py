"""The image on the terminal: a star is where its circle is, and bright is up in a light curve."""

from __future__ import annotations

import numpy as np
import pytest
from driving import SMALL, Seat, sit
from textual_plot.plot_widget import ErrorBarPlot

from iop4cli.tui.picture import SHADES, STRETCHES, picture_of
from iop4cli.tui.widgets.cells import cell_text
from tests.cli.small_archives import SmallArchive

STAR = (410.0, 130.0)


def starry() -> np.ndarray:
    """A sky with noise and one star of FWHM 6 px at STAR (x, y)."""
    y, x = np.mgrid[:512, :640].astype(float)
    sky = np.random.default_rng(1).normal(100.0, 5.0, y.shape)
    star = 5000.0 * np.exp(-((x - STAR[0]) ** 2 + (y - STAR[1]) ** 2) / (2 * (6 / 2.355) ** 2))
    return (sky + star).astype(np.float32)


@pytest.mark.parametrize("scale_px", [0.5, 1.0, 2.8, 8.0])
@pytest.mark.parametrize("stretch", range(len(STRETCHES)))
def test_the_brightest_dot_is_where_the_star_is(scale_px: float, stretch: int) -> None:
    picture = picture_of(starry(), "electrons", "x.fits")
    x = np.arange(STAR[0] - 40 * scale_px, STAR[0] + 40 * scale_px, scale_px)
    y = np.arange(STAR[1] + 20 * scale_px, STAR[1] - 20 * scale_px, -scale_px)
    shades = picture.shades(x, y, scale_px, stretch)
    rows, columns = np.nonzero(shades == shades.max())
    # A dot is a mean over up to two scales, so that the place is known to one dot, or to one pixel.
    assert shades.max() > SHADES / 2
    nearest = max(1.0, 1.0 / scale_px)
    assert abs(np.mean(columns) - 40) <= nearest
    assert abs(np.mean(rows) - 20) <= nearest


def test_outside_of_the_image_there_is_nothing() -> None:
    picture = picture_of(starry(), "electrons", "x.fits")
    shades = picture.shades(np.array([-1.0, 0.0, 639.0, 640.0]), np.array([512.0, 511.0, 0.0, -1.0]), 1.0, 0)
    assert (shades[[0, -1], :] == -1).all()
    assert (shades[:, [0, -1]] == -1).all()
    assert (shades[1:3, 1:3] >= 0).all()


def test_an_image_of_nothing_known_is_dark_and_no_error() -> None:
    picture = picture_of(np.full((64, 64), np.nan, np.float32), "electrons", "x.fits")
    assert (picture.shades(np.arange(64.0), np.arange(64.0), 1.0, 0) == 0).all()


def test_zoom_pan_stretch_and_circles_change_what_is_seen(reduced_archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await seat.press("2")
        await seat.filter("name~BLLac-0001R0")
        await seat.until("1/1 frames")
        await seat.press("enter")
        await seat.until("at 320, 320")
        image = seat.app.screen.query_one("FrameImage")
        whole = image.scale_px
        await seat.press("plus", "plus")
        assert image.scale_px == pytest.approx(whole / 2)
        await seat.press("right", "up")
        assert image.centre_px[0] > 320 < image.centre_px[1]
        await seat.press("t")
        await seat.until("1 to 99.9 %")
        await seat.press("0")
        await seat.until("BL Lacertae H")
        await seat.press("a")
        await seat.until(lambda: "BL Lacertae H" not in seat.seen)
        await seat.press("b")
        await seat.until("apertures of one")

    sit(reduced_archive, look)


def test_circles_lie_on_the_stars_of_a_reduced_frame(reduced_archive: SmallArchive) -> None:
    found = {}

    async def look(seat: Seat) -> None:
        await seat.press("2")
        await seat.filter("name~BLLac-0001R0")
        await seat.until("1/1 frames")
        await seat.press("enter")
        await seat.until("at 320, 320")
        image = seat.app.screen.query_one("FrameImage")
        found["picture"], found["circles"] = image.picture, image.circles

    sit(reduced_archive, look, SMALL)
    assert len(found["circles"]) == 4
    for circle in found["circles"]:
        x, y = np.arange(circle.x_px - 40, circle.x_px + 41), np.arange(circle.y_px - 40, circle.y_px + 41)
        shades = found["picture"].shades(x, y, 1.0, 0)
        inside = np.hypot(x[None, :] - circle.x_px, y[:, None] - circle.y_px) < circle.radius_px / 2
        outside = np.hypot(x[None, :] - circle.x_px, y[:, None] - circle.y_px) > 4 * circle.radius_px
        assert shades[inside].mean() > shades[outside].mean() + SHADES / 4


def test_a_brighter_point_is_higher_in_the_light_curve(reduced_archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await seat.press("3")
        await seat.filter("2200 mode=phot")
        await seat.until("1/1 results")
        await seat.press("p")
        await seat.until("2 against MJD")
        plot = seat.app.screen.query_one("#plot-mag")
        points = [dataset for dataset in plot._datasets if isinstance(dataset, ErrorBarPlot)]
        dataset = points[0]
        rows = [plot.get_pixel_from_coordinate(x, y)[1] for x, y in zip(dataset.x, dataset.y, strict=True)]
        mags = [-y for y in dataset.y]
        assert len(points) == 2  # the result of the cursor is a diamond of its own
        other = points[1]
        rows.append(plot.get_pixel_from_coordinate(other.x[0], other.y[0])[1])
        mags.append(-other.y[0])
        assert (rows[0] - rows[1]) * (mags[0] - mags[1]) >= 0
        labels = plot._y_formatter.get_labels_for_ticks([-13.05, -13.0, 0.0])
        assert labels == ["13.05", "13.00", "0.00"]

    sit(reduced_archive, look)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("object", "BL\x1b[2JLac\n", "BL\N{REPLACEMENT CHARACTER}[2JLac"), ("mag", 13.02049, "13.020"),
        ("mag", None, ""), ("mag", float("nan"), ""), ("accepted", False, "no"),
        ("mjd_utc", 59830.8475231, "59830.84752"),
    ],
)  # fmt: skip
def test_a_cell_is_one_line_that_commands_no_terminal(name: str, value: object, text: str) -> None:
    assert cell_text(name, value) == text


def test_blinking_shows_the_places_of_one_beam_then_of_the_other() -> None:
    import asyncio

    from textual.app import App, ComposeResult

    from iop4cli.tui.widgets.dots import BEAM_COLOURS, Circle
    from iop4cli.tui.widgets.image import FrameImage

    class Alone(App[None]):
        def compose(self) -> ComposeResult:
            yield FrameImage()

    def beams_seen(app: App[None]) -> set[str]:
        """The beams whose colours are on the screen."""
        strips = app.screen._compositor.render_strips()
        styles = [segment.style for strip in strips for segment in strip if segment.style is not None]
        seen = {
            tuple(colour.triplet) for style in styles for colour in (style.color, style.bgcolor)
            if colour is not None and colour.triplet is not None
        }  # fmt: skip
        return {beam for beam, colour in BEAM_COLOURS.items() if colour in seen}

    async def look() -> None:
        app = Alone()
        async with app.run_test(size=SMALL) as pilot:
            image = app.query_one(FrameImage)
            image.focus()
            image.show(
                picture_of(starry(), "electrons", "x.fits"),
                [Circle(*STAR, 12.0, "BL Lac", "O"), Circle(STAR[0] - 90, STAR[1], 12.0, "BL Lac", "E")],
            )
            await pilot.pause()
            assert beams_seen(app) == {"O", "E"}
            await pilot.press("b")
            turns = []
            for _ in range(40):
                await pilot.pause(0.05)
                seen = beams_seen(app)
                if not turns or turns[-1] != seen:
                    turns.append(seen)
            assert turns[:3] in ([{"O"}, {"E"}, {"O"}], [{"E"}, {"O"}, {"E"}])
            await pilot.press("b")
            await pilot.pause()
            assert beams_seen(app) == {"O", "E"}

    asyncio.run(look())
