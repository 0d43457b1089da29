"""Parts of `iop4 fetch` that need no server: whole FITS files, names, folders of nights, archives' files."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from iop4cli.errors import BadFrame, UsageError
from iop4cli.instruments.registry import Registry
from iop4cli.remote.archives import load_archives
from iop4cli.remote.folders import NightFolder
from iop4cli.remote.line import Limits
from iop4cli.remote.names import refusal, shown
from iop4cli.remote.verify import check_whole


@pytest.fixture(scope="module")
def whole(module_folder: Callable[[str], Path]) -> Path:
    """A frame with a long header, an image, a table with a heap and a compressed image."""
    path = module_folder("whole") / "whole.fits"
    primary = fits.PrimaryHDU(np.arange(1500, dtype=np.int16).reshape(30, 50))
    for number in range(60):
        primary.header[f"KEY{number}"] = (number, "END of this / and that")
    pieces = np.array([np.arange(3), np.arange(40)], dtype=object)
    table = fits.BinTableHDU.from_columns([fits.Column("V", "PJ()", array=pieces)])
    packed = fits.CompImageHDU(np.zeros((40, 40), dtype=np.int16))
    fits.HDUList([primary, fits.ImageHDU(), table, packed]).writeto(path)
    return path


def test_what_astropy_writes_is_whole(whole: Path) -> None:
    check_whole(whole, "x.fits")


@settings(max_examples=60, deadline=None)
@given(fraction=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_but_between_units_is_not_whole(whole: Path, fraction: float) -> None:
    content = whole.read_bytes()
    with fits.open(whole, disable_image_compression=True) as hdus:
        ends = {hdu.fileinfo()["datLoc"] + hdu.fileinfo()["datSpan"] for hdu in hdus}
    length = int(fraction * len(content))
    cut = whole.with_name("cut.fits")
    cut.write_bytes(content[:length])
    if length in ends:
        return
    with pytest.raises(BadFrame):
        check_whole(cut, "cut.fits")


@pytest.mark.parametrize("more", [b"\0", b"\0" * 2880, b"XTENSION", b"\n"])
def test_a_file_with_something_behind_its_end_is_not_whole(whole: Path, more: bytes) -> None:
    longer = whole.with_name("longer.fits")
    longer.write_bytes(whole.read_bytes() + more)
    with pytest.raises(BadFrame):
        check_whole(longer, "longer.fits")


def test_a_compressed_file_is_judged_by_what_is_in_it(whole: Path) -> None:
    content = whole.read_bytes()
    packed = whole.with_name("packed.fits.gz")
    packed.write_bytes(gzip.compress(content))
    check_whole(packed, packed.name)
    for wrong in (gzip.compress(content)[:-1], gzip.compress(content[:-1]), content, b""):
        packed.write_bytes(wrong)
        with pytest.raises(BadFrame):
            check_whole(packed, packed.name)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"SIMPLE  =" + b" " * 2871, b"\0" * 5760])
def test_what_is_no_fits_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.fits").write_bytes(content)
    with pytest.raises(BadFrame):
        check_whole(tmp_path / "x.fits", "x.fits")


@given(name=st.text() | st.text(alphabet="./\\ab\n\0~-\udc80", max_size=12))
def test_a_name_that_passes_is_one_entry_of_its_folder(name: str) -> None:
    assert shown(name).isprintable()
    if refusal(name):
        return
    place = Path("/archive/raw/night") / name
    assert place.parent == Path("/archive/raw/night") and place.name == name
    assert name.isprintable() and not name.startswith(".")
    assert len(f".{name}.0123456789ab.part".encode()) <= 255


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/etc/x", "a/b", "a\\b", "a\nb", "a\0", ".x", "x ", "ä" * 120])
def test_names_that_are_traps_are_refused(name: str) -> None:
    assert refusal(name)


@pytest.mark.parametrize("name", ["BLLac-0001R0.fit", "S5 0716+714 R_45.fits", "Peñón.fits", "-x.fits", "a[1]?.fits"])
def test_names_of_real_frames_pass(name: str) -> None:
    assert not refusal(name)


PATTERNS = ["{YYYYMMDD}", "DATA/{YYMMDD}_CAFOS", "{YYYY}/{YYYY-MM-DD}", "/a.b/{YY}/{MM}/x{DD}"]


@pytest.mark.parametrize("pattern", PATTERNS)
@given(night=st.dates(date(1970, 1, 1), date(2069, 12, 31)))
def test_a_folder_of_a_night_is_that_of_no_other(pattern: str, night: date) -> None:
    folder = NightFolder(pattern)
    assert folder.night_of(folder.of(night.isoformat())) == night.isoformat()
    assert folder.night_of(folder.of(night.isoformat()) + "0") is None


def test_nights_are_found_on_every_level_and_other_folders_are_not() -> None:
    tree = {"": ["2022", "2023", "old"], "2022": ["20220908", "20230101", "20220231"], "2023": ["20230101"]}
    folder = NightFolder("{YYYY}/{YYYYMMDD}")
    assert list(folder.nights(tree.__getitem__)) == [("2022-09-08", "2022/20220908"), ("2023-01-01", "2023/20230101")]


@pytest.mark.parametrize("pattern", ["", "DATA", "{YYYYMM}", "{YYYY}{MM}", "../{YYYYMMDD}", "a//{YYYYMMDD}", "{YYMMDD"])
def test_a_pattern_that_is_no_folder_of_a_night_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="folder"):
        NightFolder(pattern)


def test_the_shipped_archives_are_of_known_telescopes_and_name_no_host() -> None:
    archives, registry = load_archives(), Registry.load()
    assert set(archives) == {"osn-t090", "osn-t150", "caha-t220"}
    for archive in archives.values():
        assert registry.telescope(archive.telescope) == archive.telescope
        assert (archive.host, archive.user) == ("", "")
    assert archives["osn-t090"].night_folder.of("2022-09-08") == "20220908"
    assert archives["caha-t220"].night_folder.of("2022-09-08") == "DATA/220908_CAFOS"


GOOD = 'name = "x"\nprotocol = "ftp"\ntelescope = "OSN-T090"\nfolder = "{YYYYMMDD}"\n'


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('pasword = "x"', ":5: pasword: unknown key"),
        ('files = ["("]', ":5: files[0]: "),
        ('encoding = "latin-0"', ":5: encoding: "),
        ("connections = 0", ":5: connections: "),
        ('host = "ftp://x/"', ":5: host: "),
    ],
)
def test_an_archives_file_with_a_mistake_is_named_with_its_line(tmp_path: Path, more: str, said: str) -> None:
    (tmp_path / "x.toml").write_text(GOOD)
    assert load_archives([tmp_path])["x"].protocol == "ftp"
    (tmp_path / "x.toml").write_text(GOOD + more + "\n")
    with pytest.raises(UsageError) as caught:
        load_archives([tmp_path])
    assert said in str(caught.value)


def test_pauses_double_up_to_a_minute_with_jitter() -> None:
    limits = Limits(pause_s=1.0)
    for failures, middle_s in ((1, 1.0), (2, 2.0), (5, 16.0), (7, 60.0), (200, 60.0)):
        pauses = [limits.pause_after(failures) for _ in range(50)]
        assert 0.5 * middle_s <= min(pauses) < max(pauses) <= 1.5 * middle_s
