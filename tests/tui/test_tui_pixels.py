"""Images in the pixels of the terminal: what comes out of the program is decoded, and stars are where they belong."""

from __future__ import annotations

import base64
import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from tests.cli.small_archives import NIGHT, SmallArchive

pytest.importorskip("textual_image")

CELL_PX, CELLS = (10, 20), (80, 24)
FRAME = f"{NIGHT}/BLLac-0001R0.fit"
_PATIENCE_S = 40.0
_GREEN = (80, 220, 100)
_KITTY = re.compile(rb"\x1b_G(i=\d+),m=[01],f=100,q=2;([A-Za-z0-9+/=]*)\x1b\\")
_SIXEL = re.compile(rb'\x1bP0;0;0q"1;1;(\d+);(\d+)(.*?)\x1b\\', re.DOTALL)


class Screen:
    """The other end of a terminal: keys go in, bytes come out."""

    def __init__(self, master: int) -> None:
        self.master, self.got = master, b""

    def keys(self, text: bytes) -> None:
        os.write(self.master, text)

    def until(self, wanted: Callable[[bytes], bool]) -> bytes:
        """Everything since the last time, once it is enough."""
        deadline = time.monotonic() + _PATIENCE_S
        while not wanted(self.got):
            assert time.monotonic() < deadline, self.got[-2000:]
            self.read()
        got, self.got = self.got, b""
        return got

    def read(self) -> None:
        if select.select([self.master], [], [], 0.1)[0]:
            self.got += os.read(self.master, 1 << 16)

    def has(self, *texts: bytes) -> bytes:
        return self.until(lambda got: all(text in got for text in texts))


@contextmanager
def opened(archive: SmallArchive, *options: str) -> Iterator[Screen]:
    """`iop4 tui` on a terminal whose cells are CELL_PX; it must end well."""
    master, slave = pty.openpty()
    across, down = CELLS
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", down, across, across * CELL_PX[0], down * CELL_PX[1]))
    process = subprocess.Popen(
        [sys.executable, "-m", "iop4cli", "tui", *options], stdin=slave, stdout=slave, stderr=slave, cwd=archive.root,
        env=archive.environment(TERM="xterm-256color", COLORTERM="truecolor"), start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    screen = Screen(master)
    try:
        yield screen
        screen.keys(b"q")
        deadline = time.monotonic() + _PATIENCE_S
        while process.poll() is None:
            assert time.monotonic() < deadline
            try:
                screen.read()
            except OSError:
                process.wait(_PATIENCE_S)
        assert process.returncode == 0
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        os.close(master)


def open_frame(screen: Screen) -> None:
    screen.has(b"nights")
    screen.keys(b"2")
    screen.has(b"frames")
    screen.keys(b"/")
    screen.has(b"filter")
    screen.keys(b"name~BLLac-0001R0\r")
    screen.has(b"1/1 frames")
    screen.keys(b"\r")


def image_of_kitty(got: bytes) -> np.ndarray | None:
    """The last image that is whole, (height, width, 3)."""
    from PIL import Image

    parts: dict[bytes, bytes] = {}
    for name, payload in _KITTY.findall(got):
        parts[name] = parts.get(name, b"") + payload
    whole = [name for name in parts if b"\x1b_Ga=p," + name in got]
    if not whole:
        return None
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(parts[whole[-1]]))).convert("RGB")).astype(int)


def image_of_sixel(got: bytes) -> np.ndarray | None:
    """The same, from bands of six lines."""
    found = _SIXEL.findall(got)
    if not found:
        return None
    width, height = int(found[-1][0]), int(found[-1][1])
    image = np.full((height + 6, width, 3), -1)
    palette: dict[int, tuple[int, ...]] = {}
    x = y = number = 0
    for token in re.finditer(rb"#(\d+)(;2;\d+;\d+;\d+)?|(?:!(\d+))?([?-~])|([$-])", found[-1][2]):
        colour, rgb, count, sixel, control = token.groups()
        if colour is not None:
            number = int(colour)
            if rgb:
                palette[number] = tuple(round(int(part) * 2.55) for part in rgb.split(b";")[2:])
        elif sixel is not None:
            n_columns = int(count or 1)
            bits = sixel[0] - 63
            for line in range(6):
                if bits >> line & 1:
                    image[y + line, x : x + n_columns] = palette[number]
            x += n_columns
        elif control == b"$":
            x = 0
        else:
            x, y = 0, y + 6
    return image[:height]


DECODERS = {"kitty": image_of_kitty, "sixel": image_of_sixel}
WHOLE = {"kitty": re.compile(rb"\x1b_Ga=p,"), "sixel": _SIXEL}


def stars_of(archive: SmallArchive) -> list[tuple[float, float]]:
    """Where the apertures of the frame are."""
    done = archive.rows("sql", f"select x_px, y_px from aperture where frame = '{FRAME}'", "--format", "ndjson")
    return [(row["x_px"], row["y_px"]) for row in done]


@pytest.mark.night
@pytest.mark.parametrize("way", DECODERS)
def test_a_frame_is_drawn_pixel_by_pixel(reduced_archive: SmallArchive, way: str) -> None:
    decoded, whole = DECODERS[way], WHOLE[way]
    with opened(reduced_archive, "--images", way) as screen:
        open_frame(screen)
        image = decoded(screen.until(lambda got: whole.search(got) is not None and b"px a dot" in got))
        assert image is not None
        height, width, _ = image.shape
        # All of the width, and all lines but those of tabs and keys.
        assert width == CELLS[0] * CELL_PX[0]
        assert height % CELL_PX[1] == 0 and height > 15 * CELL_PX[1]
        assert (image >= 0).all()
        scale = 640 / height
        for x_px, y_px in stars_of(reduced_archive):
            column = (x_px - 319.5) / scale + (width - 1) / 2
            line = (height - 1) / 2 - (y_px - 319.5) / scale
            lines, columns = np.mgrid[:height, :width]
            away = np.hypot(lines - line, columns - column)
            inside, beside = image[away < 3], image[(away > 12) & (away < 25)]
            assert inside.mean() > 220 > beside.mean() + 30
            ring = image[(away > 5) & (away < 10)]
            assert (abs(ring - np.array(_GREEN)).max(axis=-1) <= 3).sum() > 20
        screen.keys(b"+")
        nearer = decoded(screen.until(lambda got: whole.search(got) is not None and b"px a dot" in got))
        assert nearer is not None and nearer.shape == image.shape
        # What is around the image is gone, for it is larger than the screen is high.
        assert _outside(image) > _outside(nearer)
        screen.keys(b"]")
        screen.has(b"keyword")


def _outside(image: np.ndarray) -> int:
    return int((abs(image - np.array((40, 40, 60))).max(axis=-1) <= 3).sum())


@pytest.mark.night
@pytest.mark.parametrize("options", [(), ("--images", "auto")])
def test_where_pixels_are_not_wanted_or_cannot_be_there_are_blocks(
    reduced_archive: SmallArchive, options: tuple[str, ...]
) -> None:
    # This terminal does not answer what it can, as one that knows neither protocol.
    with opened(reduced_archive, *options) as screen:
        open_frame(screen)
        got = screen.has(b"px a dot", "▀".encode())
        assert all(decoded(got) is None for decoded in DECODERS.values())


def test_a_way_that_does_not_exist_and_a_browser_are_refused(reduced_archive: SmallArchive) -> None:
    done = reduced_archive.run("tui", "--web", "--images", "kitty")
    assert (done.returncode, "a browser gets blocks" in done.stderr) == (2, True)
    from iop4cli.errors import UsageError
    from iop4cli.tui.pixels import canvas_maker

    with pytest.raises(UsageError, match=r"iop4\.toml.*blocks, auto, kitty, sixel, not 'sixle'.*sixel"):
        canvas_maker("sixle", "iop4.toml")
    assert canvas_maker("blocks", "default") is None


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from iop4cli.errors import UsageError
    from iop4cli.tui.pixels import canvas_maker

    monkeypatch.setitem(sys.modules, "textual_image", None)
    with pytest.raises(
        UsageError, match=r"--images: .*textual-image.*pip install 'iop4cli\[images\]', or choose blocks"
    ):
        canvas_maker("kitty", "--images")


def test_nothing_of_it_is_imported_by_default() -> None:
    program = (
        "import sys, iop4cli.tui.app, iop4cli.tui.screens.frame, iop4cli.tui.screens.source, iop4cli.tui.pixels;"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('textual_image', 'PIL')]"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_names_are_legible_and_at_their_circles() -> None:
    from iop4cli.tui.picture import picture_of
    from iop4cli.tui.pixels import pixels_of
    from iop4cli.tui.widgets.dots import Circle, Sight, raster_of

    noise = np.random.default_rng(3).normal(0.0, 1.0, (240, 400)).astype(np.float32)
    sight = Sight((199.5, 119.5), 10.0, 40, 12, CELL_PX)
    raster = raster_of(picture_of(noise, "", "x"), sight, 0, [Circle(100.0, 119.5, 10.0, "BL Lac", "O")], thick=2)
    image = np.asarray(pixels_of(raster, CELL_PX).convert("RGB")).astype(int)
    assert image.shape == (240, 400, 3)
    box = image[100:140, 120:240]
    lines, columns = np.nonzero(abs(box - np.array(_GREEN)).max(axis=-1) == 0)
    assert len(lines) > 60
    around = box[lines.min() : lines.max() + 1, columns.min() : columns.max() + 1].reshape(-1, 3)
    # Only the letters and black: no sky shines through.
    assert {tuple(colour) for colour in around.tolist()} == {(0, 0, 0), _GREEN}
