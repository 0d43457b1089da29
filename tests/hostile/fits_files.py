"""FITS files as no telescope should write them, and things that only bear the name of one.

Every maker takes the bytes of a good frame and puts something bad at a path. What is large is large only when it is
unpacked or believed: nothing here fills a disk.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import re
import socket
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BLOCK_BYTES = 2880
_CARD_BYTES = 80


@dataclass(frozen=True)
class Frame:
    """A good frame: the cards of its header without END, and its pixels as the file has them."""

    cards: tuple[bytes, ...]
    pixels: bytes

    @classmethod
    def read(cls, path: Path) -> Frame:
        content = path.read_bytes()
        cards = []
        for start in range(0, len(content), _CARD_BYTES):
            card = content[start : start + _CARD_BYTES]
            if card.startswith(b"END     "):
                size = -(-(start + _CARD_BYTES) // BLOCK_BYTES) * BLOCK_BYTES
                return cls(tuple(cards), content[size:])
            cards.append(card)
        raise ValueError(f"{path} has no END")

    @property
    def shape(self) -> tuple[int, int]:
        sides = [
            int(card[10:30])
            for keyword in (b"NAXIS2  ", b"NAXIS1  ")
            for card in self.cards
            if card.startswith(keyword)
        ]
        return sides[0], sides[1]

    def with_cards(self, *changed: bytes) -> Frame:
        """Cards put in place of those of the same keyword, else at the end."""
        cards = list(self.cards)
        for card in changed:
            whole = card.ljust(_CARD_BYTES)[:_CARD_BYTES]
            places = [i for i, old in enumerate(cards) if old[:8] == whole[:8] and whole[:8].strip()]
            if places:
                cards[places[0]] = whole
            else:
                cards.append(whole)
        return Frame(tuple(cards), self.pixels)

    def without(self, *keywords: str) -> Frame:
        return Frame(tuple(card for card in self.cards if card[:8].decode("latin-1").rstrip() not in keywords),
                     self.pixels)  # fmt: skip

    def with_pixels(self, pixels: np.ndarray) -> Frame:
        """Other pixels (in the byte order of FITS), with the cards that describe them."""
        bits = {"u1": 8, "i2": 16, "i4": 32, "i8": 64, "f4": -32, "f8": -64}
        bitpix = bits[f"{pixels.dtype.kind}{pixels.dtype.itemsize}"]
        content = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
        height, width = pixels.shape
        described = self.without("BZERO", "BSCALE").with_cards(
            number("BITPIX", bitpix), number("NAXIS1", width), number("NAXIS2", height)
        )
        return Frame(described.cards, padded(content, b"\0"))

    @property
    def header(self) -> bytes:
        return padded(b"".join(self.cards) + b"END".ljust(_CARD_BYTES), b" ")

    @property
    def content(self) -> bytes:
        return self.header + self.pixels


def padded(content: bytes, letter: bytes) -> bytes:
    return content + letter * (-len(content) % BLOCK_BYTES)


def number(keyword: str, value: object) -> bytes:
    return f"{keyword:<8}= {value!s:>20}".encode("latin-1")


def text(keyword: str, value: str | bytes) -> bytes:
    said = value.encode("latin-1", "replace") if isinstance(value, str) else value
    return f"{keyword:<8}= '".encode() + said.replace(b"'", b"''") + b"'"


Maker = Callable[[Frame, random.Random, Path], None]


def _bytes(made: Callable[[Frame, random.Random], bytes]) -> Maker:
    return lambda frame, chance, path: _write(path, made(frame, chance))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _cards(*changed: bytes) -> Maker:
    return _bytes(lambda frame, _: frame.with_cards(*changed).content)


def _pixels(made: Callable[[tuple[int, int]], np.ndarray]) -> Maker:
    return _bytes(lambda frame, _: frame.with_pixels(made(frame.shape)).content)


def _truncated(frame: Frame, chance: random.Random) -> bytes:
    content = frame.content
    blocks = chance.randrange(len(content) // BLOCK_BYTES)
    return content[: max(1, blocks * BLOCK_BYTES + chance.choice((0, 0, 1, -1, 80, 1440)))]


def _flipped(frame: Frame, chance: random.Random) -> bytes:
    """Some bytes of the header are others."""
    header = bytearray(frame.header)
    for _ in range(chance.choice((1, 3, 10, 100))):
        header[chance.randrange(len(header))] = chance.randrange(256)
    return bytes(header) + frame.pixels


def _random_bytes(frame: Frame, chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice((1, 80, 2880, 30000)))


def _extension(kind: str, *cards: bytes) -> bytes:
    first = f"XTENSION= '{kind:<8}'".encode().ljust(_CARD_BYTES)
    return padded(first + b"".join(card.ljust(_CARD_BYTES) for card in cards) + b"END".ljust(_CARD_BYTES), b" ")


def _empty_primary(frame: Frame) -> bytes:
    return frame.with_cards(number("NAXIS", 0)).without("NAXIS1", "NAXIS2", "BZERO", "BSCALE").header


def _image_extension(frame: Frame, *more: bytes) -> bytes:
    height, width = frame.shape
    scaled = [card for card in frame.cards if card[:8] in (b"BZERO   ", b"BSCALE  ")]
    return _extension(
        "IMAGE", number("BITPIX", 16), number("NAXIS", 2), number("NAXIS1", width), number("NAXIS2", height),
        number("PCOUNT", 0), number("GCOUNT", 1), *scaled, *more,
    ) + frame.pixels  # fmt: skip


def _table(width: int, height: int, *more: bytes) -> bytes:
    return _extension(
        "BINTABLE", number("BITPIX", 8), number("NAXIS", 2), number("NAXIS1", width), number("NAXIS2", height),
        number("PCOUNT", 0), number("GCOUNT", 1), *more,
    )  # fmt: skip


def _compressed_table(side: int, *more: bytes) -> bytes:
    """A tile-compressed image that says it is `side` pixels wide and high, and has one short tile."""
    cards = [
        number("TFIELDS", 1), text("TFORM1", "1PB(8)"), text("TTYPE1", "COMPRESSED_DATA"), number("ZIMAGE", "T"),
        number("ZBITPIX", 16), number("ZNAXIS", 2), number("ZNAXIS1", side), number("ZNAXIS2", side),
        number("ZTILE1", side), number("ZTILE2", 1), text("ZCMPTYPE", "GZIP_1"), text("ZSIMPLE", "T"), *more,
    ]  # fmt: skip
    return _table(8, 1, *cards).replace(number("PCOUNT", 0), number("PCOUNT", 8)) + padded(bytes(16), b"\0")


def _fz_bomb(frame: Frame, chance: random.Random) -> bytes:
    return _empty_primary(frame) + _compressed_table(chance.choice((60000, 2**31 - 1, 10**12)))


def _zeros_gz(head: bytes, letter: bytes, n_bytes: int) -> bytes:
    """Packed with gzip: `head`, then so many of one letter, none of which is ever held."""
    held = io.BytesIO()
    with gzip.GzipFile(fileobj=held, mode="wb", compresslevel=1) as packed:
        packed.write(head)
        piece = letter * (1 << 22)
        for _ in range(n_bytes // len(piece)):
            packed.write(piece)
    return held.getvalue()


def _side(frame: Frame, side: int) -> bytes:
    return frame.with_cards(number("NAXIS1", side), number("NAXIS2", side)).header


BOMB_BYTES = 1 << 28


def _bz2_bomb(frame: Frame, _: random.Random) -> bytes:
    packer = bz2.BZ2Compressor(1)
    piece = bytes(1 << 22)
    return b"".join(
        [packer.compress(_side(frame, 30000)), *(packer.compress(piece) for _ in range(16)), packer.flush()]
    )


def _zip(frame: Frame, _: random.Random) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("x.fits", frame.content)
    return held.getvalue()


def _fz(frame: Frame, kind: str) -> bytes:
    from astropy.io import fits

    held = io.BytesIO()
    with fits.open(io.BytesIO(frame.content)) as hdus:
        packed = fits.CompImageHDU(hdus[0].data, hdus[0].header, compression_type=kind)
        fits.HDUList([fits.PrimaryHDU(), packed]).writeto(held)
    return held.getvalue()


def _garbled_fz(frame: Frame, chance: random.Random) -> bytes:
    """The table of the tiles and the tiles themselves have other bytes, as after a bad disk."""
    content = bytearray(_fz(frame, chance.choice(("RICE_1", "GZIP_1", "GZIP_2"))))
    start = content.index(b"END     ", content.index(b"XTENSION"))
    for _ in range(chance.choice((1, 10, 1000))):
        content[chance.randrange(start + 80, len(content))] = chance.randrange(256)
    return bytes(content)


def _tile_bomb(frame: Frame, _: random.Random) -> bytes:
    """A tile of 16 x 16 pixels that gzip unpacks to a hundred MB."""
    bomb = gzip.compress(bytes(100 << 20), 9)
    cards = [
        number("TFIELDS", 1), text("TFORM1", f"1PB({len(bomb)})"), text("TTYPE1", "COMPRESSED_DATA"),
        number("ZIMAGE", "T"), number("ZBITPIX", 16), number("ZNAXIS", 2), number("ZNAXIS1", 16), number("ZNAXIS2", 16),
        number("ZTILE1", 16), number("ZTILE2", 16), text("ZCMPTYPE", "GZIP_1"), text("ZSIMPLE", "T"),
    ]  # fmt: skip
    table = _table(8, 1, *cards).replace(number("PCOUNT", 0), number("PCOUNT", len(bomb)))
    row = len(bomb).to_bytes(4, "big") + bytes(4)
    return _empty_primary(frame) + table + padded(row + bomb, b"\0")


def _garbled_gz(frame: Frame, chance: random.Random) -> bytes:
    packed = bytearray(gzip.compress(frame.content, 1))
    for _ in range(3):
        packed[chance.randrange(10, len(packed))] ^= 1 + chance.randrange(255)
    return bytes(packed)


def _fifo(frame: Frame, _: random.Random, path: Path) -> None:
    os.mkfifo(path)


def _socket(frame: Frame, _: random.Random, path: Path) -> None:
    # A socket's path is short: it is bound in its folder.
    folder = os.open(path.parent, os.O_RDONLY)
    here = Path.cwd()
    try:
        os.fchdir(folder)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)
        os.close(folder)


def _folder(frame: Frame, _: random.Random, path: Path) -> None:
    path.mkdir()
    (path / "inside.fits").write_bytes(frame.content)


def _unreadable(frame: Frame, _: random.Random, path: Path) -> None:
    path.write_bytes(frame.content[:BLOCK_BYTES])
    path.chmod(0)


def _link(to: str) -> Maker:
    return lambda frame, chance, path: path.symlink_to(to.format(name=path.name))


def _some(value: float) -> Callable[[tuple[int, int]], np.ndarray]:
    def made(shape: tuple[int, int]) -> np.ndarray:
        pixels = np.full(shape, 400.0, np.float32)
        pixels[::3, ::2] = value
        return pixels

    return made


# Nothing of these can be a frame: each is one row with a reason, of classify or of what follows.
MAKERS: dict[str, Maker] = {
    "width-huge": _cards(number("NAXIS1", 2**31 - 1)),
    "width-enormous": _cards(number("NAXIS1", 10**40)),
    "height-huge": _cards(number("NAXIS2", 65536), number("NAXIS1", 65536)),
    "width-negative": _cards(number("NAXIS1", -500)),
    "width-zero": _cards(number("NAXIS1", 0)),
    "width-text": _cards(text("NAXIS1", "500")),
    "width-fraction": _cards(number("NAXIS1", 500.5)),
    "width-overflow": _cards(number("NAXIS1", "1E400")),
    "width-logical": _cards(number("NAXIS1", "T")),
    "naxis-999": _cards(number("NAXIS", 999)),
    "naxis-1000": _cards(number("NAXIS", 1000)),
    "naxis-negative": _cards(number("NAXIS", -2)),
    "naxis-one": _cards(number("NAXIS", 1)),
    "naxis-text": _cards(text("NAXIS", "two")),
    "naxis-missing": _bytes(lambda frame, _: frame.without("NAXIS").content),
    "width-missing": _bytes(lambda frame, _: frame.without("NAXIS1").content),
    "bitpix-7": _cards(number("BITPIX", 7)),
    "bitpix-0": _cards(number("BITPIX", 0)),
    "bitpix-huge": _cards(number("BITPIX", 10**30)),
    "bitpix-text": _cards(text("BITPIX", "16")),
    "bitpix-missing": _bytes(lambda frame, _: frame.without("BITPIX").content),
    "zero-nan": _cards(number("BZERO", "NaN")),
    "zero-text": _cards(text("BZERO", "32768")),
    "zero-overflow": _cards(number("BZERO", "1E400")),
    "scale-none": _cards(number("BSCALE", 0.0)),
    "scale-enormous": _cards(number("BSCALE", "1E300")),
    "scale-text": _cards(text("BSCALE", "one")),
    "pcount-huge": _cards(number("PCOUNT", 2**62)),
    "gcount-huge": _cards(number("GCOUNT", 2**62)),
    "groups": _cards(number("NAXIS1", 0), number("GROUPS", "T"), number("PCOUNT", 1), number("GCOUNT", 10**9)),
    "not-simple": _cards(number("SIMPLE", "F")),
    "no-end": _bytes(lambda frame, _: b"".join(frame.cards) + b" " * 10 * BLOCK_BYTES),
    "no-end-long": _bytes(lambda frame, _: b"".join(frame.cards) + b" " * (8 << 20)),
    "header-only": _bytes(lambda frame, _: frame.header),
    "empty": _bytes(lambda frame, _: b""),
    "one-byte": _bytes(lambda frame, _: b"S"),
    "random": _bytes(_random_bytes),
    "truncated": _bytes(_truncated),
    "text": _bytes(lambda frame, _: b"<html><body>404 <script>alert(1)</script> not found</body></html>\n" * 90),
    "table-only": _bytes(lambda frame, _: _empty_primary(frame) + _table(500, 500) + padded(bytes(250000), b"\0")),
    "table-huge": _bytes(lambda frame, _: _empty_primary(frame) + _table(2**31 - 1, 2**31 - 1)),
    "many-units": _bytes(lambda frame, _: _empty_primary(frame) + _extension(
        "IMAGE", number("BITPIX", 8), number("NAXIS", 0), number("PCOUNT", 0), number("GCOUNT", 1)) * 3000),
    "fz-bomb": _bytes(_fz_bomb),
    "fz-fields": _bytes(lambda frame, _: _empty_primary(frame) + _compressed_table(500, number("TFIELDS", 999))),
    "fz-tile-bomb": _bytes(_tile_bomb),
    "gz-bomb": _bytes(lambda frame, _: _zeros_gz(_side(frame, 30000), b"\0", BOMB_BYTES)),
    "gz-header-bomb": _bytes(lambda frame, _: _zeros_gz(b"".join(frame.cards), b" ", BOMB_BYTES)),
    "gz-text": _bytes(lambda frame, _: gzip.compress(b"no frame at all")),
    "gz-cut": _bytes(lambda frame, _: gzip.compress(frame.content, 1)[:-2000]),
    "gz-garbled": _bytes(_garbled_gz),
    "bz2-bomb": _bytes(_bz2_bomb),
    "bz2-text": _bytes(lambda frame, _: bz2.compress(b"no frame at all")),
    "xz": _bytes(lambda frame, _: lzma.compress(frame.content, preset=0)),
    "zip": _bytes(_zip),
    "zip-cut": _bytes(lambda frame, chance: _zip(frame, chance)[:-50]),
    "nan-everywhere": _pixels(lambda shape: np.full(shape, np.nan, np.float32)),
    "infinite": _pixels(lambda shape: np.full(shape, np.inf, np.float64)),
    "zeros": _pixels(lambda shape: np.zeros(shape, np.int16)),
    "saturated": _pixels(lambda shape: np.full(shape, 70000, np.int32)),
    "flat-byte": _pixels(lambda shape: np.full(shape, 255, np.uint8)),
    "half-nan": _pixels(_some(np.nan)),
    "half-infinite": _pixels(_some(-np.inf)),
    "enormous": _pixels(lambda shape: np.full(shape, 1e300, np.float64)),
    "longs": _pixels(lambda shape: np.full(shape, 2**62, np.int64)),
    "one-pixel": _pixels(lambda shape: np.full((1, 1), 400, np.int16)),
    "one-row": _pixels(lambda shape: np.full((1, shape[1]), 400, np.int16)),
    "one-column": _pixels(lambda shape: np.full((shape[0], 1), 400, np.int16)),
    "fifo": _fifo,
    "socket": _socket,
    "folder": _folder,
    "dangling": _link("nowhere.fits"),
    "loop": _link("{name}"),
    "device": _link("/dev/zero"),
    "to-a-folder": _link("/"),
    "unreadable": _unreadable,
}  # fmt: skip

# Good pixels in an odd dress: a frame or a row with a reason, never anything else.
ODD: dict[str, Maker] = {
    "flipped": _bytes(_flipped),
    "fz": _bytes(lambda frame, _: _fz(frame, "RICE_1")),
    "fz-gzip": _bytes(lambda frame, _: _fz(frame, "GZIP_2")),
    "fz-garbled": _bytes(_garbled_fz),
    "garbage-behind": _bytes(lambda frame, chance: frame.content + chance.randbytes(777)),
    "extension": _bytes(lambda frame, _: _empty_primary(frame) + _image_extension(frame)),
    "extend-lies": _cards(number("EXTEND", "T"), number("NEXTEND", 99)),
    "checksum-wrong": _cards(text("CHECKSUM", "0000000000000000"), text("DATASUM", "1")),
    "gz": _bytes(lambda frame, _: gzip.compress(frame.content, 1)),
    "bz2": _bytes(lambda frame, _: bz2.compress(frame.content, 1)),
    "duplicates": _bytes(lambda frame, chance: Frame((*frame.cards, *chance.sample(frame.cards[6:], 5)), frame.pixels)
                         .content),
    "latin": _cards(text("OBJECT", b"BL Lac\xe9\xff\x00\x07"), b"COMMENT \xff\xfe\x00"),
    "escapes": _cards(text("OBJECT", "\x1b]0;owned\x07\x1b[2J<script>$\\frac")),
    "continued": _cards(text("OBJECT", "0716+714&"), b"CONTINUE  'more of it&'", b"CONTINUE  nothing"),
    "hierarch": _cards(b"HIERARCH ESO DET WIN1 = 'x", b"HIERARCH  = ", b"HIERARCH a b c d e f = 1e400"),
    "keywords": _cards(b"lower   =                    1", b"=       =", b"        = 1", b"OBJECT  ='no end"),
}  # fmt: skip

SUFFIXES = {"gz": ".fits.gz", "bz2": ".fits.bz2", "fz": ".fits.fz", "xz": ".fits.xz", "zip": ".fits.zip"}


def suffix_of(kind: str) -> str:
    return SUFFIXES.get(kind.split("-")[0], ".fits")


def make(kind: str, frame: Frame, chance: random.Random, path: Path) -> None:
    (MAKERS | ODD)[kind](frame, chance, path)


# What the shell, SQL, the terminal, a page, a plot, a pattern or a path would take for a word of its own.
NAMES: tuple[bytes, ...] = (
    b"new\nline.fits", b"tab\tbed.fits", b"\x1b]0;owned\x07.fits", b"\x1b[2Jcleared.fits", b"-rf.fits", b"--help.fits",
    b"\xff\xfe\xe9.fits", b"latin-\xe9.fits", b"a" * 250 + b".fits", b"it's \"quoted\".fits", b"$(touch owned).fits",
    b"`touch owned`.fits", b"; touch owned;.fits", b"'; drop table flag; --.fits", b"blanks in it .fits", b" lead.fits",
    "caf\u00e9.fits".encode(), "cafe\u0301.fits".encode(), "\u202egnp.fits".encode(), "\u2028line.fits".encode(),
    b"<script>alert(1)<b>.fits", b"$\\frac$.fits", b"%s%n{0}.fits", b"[ab]*?.fits", b"back\\slash.fits",
    b"=cmd|x.fits", b"#hash.fits", b"&amp;.fits", b"{\"name\": 1}.fits", b"\r\x00.fits".replace(b"\x00", b""),
)  # fmt: skip


def broken_cards(kind: str, chance: random.Random) -> bytes:
    """A card of one keyword with a value of a kind that its readers do not expect."""
    value = chance.choice(ODD_VALUES)
    return f"{kind:<8}= ".encode() + value


ODD_VALUES: tuple[bytes, ...] = (
    b"''", b"'   '", b"'NaN'", b"NaN", b"inf", b"-inf", b"1E400", b"-1E400", b"1" + b"0" * 60, b"-1", b"0", b"T", b"F",
    b"(1.0, 2.0)", b"'T'", b"", b"/ no value", b"'2022-13-45T99:99:99'", b"'0000-00-00T00:00:00'",
    b"'9999-12-31T23:59:59'", b"'2022-03-10'", b"2459648.5E300", b"'-99:99:99'", b"'12 34'", b"'1e400'", b"'1' '2'",
    b"'unterminated", b"1.5.5", b"0x10", b"1D3", b"'\xff\xfe'", b"'\x1b[2J\x07'", b"'../../etc/passwd'",
    b"'$(touch owned)'", b"'''; drop table flag; --'", b"'<script>'", b"'$\\frac'", b"'" + b"x" * 66 + b"'", b"1e-400",
    b"'\x00'", b"'12:34:56.7e999'", b"'nan:nan:nan'", b"'inf'", b"'1e309:0:0'", b"'+2459648,5'", b"99999999999.9",
)  # fmt: skip


def fuzzed(frame: Frame, keywords: Iterable[str], chance: random.Random) -> Frame:
    """Some of the keywords have odd values, are gone, or are there twice."""
    wanted = sorted(keywords)
    for keyword in chance.sample(wanted, chance.randint(1, min(4, len(wanted)))):
        how = chance.random()
        if how < 0.1:
            frame = frame.without(keyword)
        elif how < 0.2:
            card = broken_cards(keyword, chance).ljust(_CARD_BYTES)[:_CARD_BYTES]
            frame = Frame((*frame.cards, card), frame.pixels)
        else:
            frame = frame.with_cards(broken_cards(keyword, chance))
    return frame


def keywords_of(text_of_instrument: str) -> set[str]:
    """What the file of an instrument may read: all its words in capitals."""
    return {word for word in re.findall(r'"([A-Z][A-Z0-9_-]{1,7})"', text_of_instrument) if word != "END"}
