"""Raw frames read with care, products written whole."""

import warnings

import numpy as np
import pytest
from astropy.io import fits

from iop4cli.errors import BadFrame
from iop4cli.frames.fits import (
    put_in_place,
    read_reduced,
    temporary_beside,
    with_new_cards,
    write_image,
)
from iop4cli.frames.quality import MEANING, Pixel, Quality, describe
from iop4cli.frames.raw import RawRows, read_header, read_raw
from iop4cli.frames.reduced import reduced_header


@pytest.fixture
def raw_path(tmp_path):
    pixels = np.arange(60 * 80, dtype=np.uint16).reshape(60, 80) + 40000
    header = fits.Header([("DATE-OBS", "2022-09-08T21:15:00"), ("OBJECT", "BL Lac"), ("EXPTIME", 60.0)])
    header["CTYPE1"], header["CRVAL1"] = "RA---TAN", 12.0
    header["COMMENT"] = "as it came"
    path = tmp_path / "raw.fit"
    fits.PrimaryHDU(pixels, header).writeto(path)
    return path


def provenance():
    return {"frame": "T/2022-09-08/raw.fit", "key": "k", "version": "0", "bias": "b", "dark": None, "flat": "f",
            "gain_e_per_adu": 4.5, "notes": ["flat of 1 day before"], "mjd_utc": 59830.8857639,
            "exptime_s": 60.0}  # fmt: skip


def test_unsigned_counts_are_read_as_they_were_whole_and_by_rows(raw_path):
    expected = np.arange(60 * 80).reshape(60, 80) + 40000
    assert np.array_equal(read_raw(raw_path).adu, expected)
    rows = RawRows(raw_path)
    assert rows.shape == (60, 80)
    assert np.array_equal(rows[slice(10, 20)], expected[10:20])


@pytest.mark.parametrize("suffix", [".fit.gz", ".fits.gz"])
def test_compressed_frames_are_read_too(raw_path, tmp_path, suffix):
    import gzip

    packed = tmp_path / f"packed{suffix}"
    packed.write_bytes(gzip.compress(raw_path.read_bytes()))
    assert np.array_equal(read_raw(packed).adu, read_raw(raw_path).adu)
    assert np.array_equal(RawRows(packed)[slice(0, 60)], read_raw(raw_path).adu)
    assert read_header(packed)["OBJECT"] == "BL Lac"


def test_what_is_no_frame_says_why(raw_path, tmp_path):
    content = raw_path.read_bytes()
    cases = {
        "empty": (b"", "empty"),
        "text": (b"dear diary, it was cloudy\n" * 300, "not a readable FITS"),
        "short": (content[:-4000], "cut short"),
        "headless": (content[:1000], "not a readable FITS"),
    }
    for name, (written, reason) in cases.items():
        path = tmp_path / f"{name}.fit"
        path.write_bytes(written)
        for reader in (read_header, read_raw):
            with pytest.raises(BadFrame, match=reason):
                reader(path)
    cube = tmp_path / "cube.fit"
    fits.PrimaryHDU(np.zeros((3, 4, 5), np.int16)).writeto(cube)
    with pytest.raises(BadFrame, match="NAXIS=3"):
        read_header(cube)
    hollow = tmp_path / "hollow.fit"
    fits.PrimaryHDU().writeto(hollow)
    with pytest.raises(BadFrame, match="no image"):
        read_header(hollow)
    with pytest.raises(BadFrame, match="not there"):
        read_raw(tmp_path / "gone.fit")


def test_a_reduced_frame_keeps_the_raw_header_and_opens_in_astropy(raw_path, tmp_path):
    from astropy.nddata import CCDData

    raw = read_raw(raw_path)
    path = tmp_path / "reduced.fit"
    dq = np.zeros(raw.adu.shape, np.uint8)
    dq[3, 4] = int(Pixel.SATURATED)
    write_image(path, reduced_header(raw.header, provenance()), raw.adu, [("DQ", dq)])
    back = read_reduced(path)
    assert back.header["OBJECT"] == "BL Lac"
    assert "as it came" in str(back.header["COMMENT"])
    assert back.header["IOP4 FRAME"] == "T/2022-09-08/raw.fit"
    assert back.header["RAW CRVAL1"] == 12.0
    assert "CRVAL1" not in back.header
    assert back.dq[3, 4] == Pixel.SATURATED
    assert back.electrons.dtype == np.float32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ccd = CCDData.read(path)
    assert str(ccd.unit) == "electron"


def test_new_cards_change_no_pixel_and_leave_the_old_file_alone(raw_path, tmp_path):
    raw = read_raw(raw_path)
    path = tmp_path / "reduced.fit"
    write_image(path, reduced_header(raw.header, provenance()), raw.adu, [("DQ", np.ones(raw.adu.shape, np.uint8))])
    before = path.read_bytes()
    temporary = temporary_beside(path)
    with_new_cards(path, temporary, [(f"CARD{i}", i, "more than one block of them") for i in range(60)])
    assert path.read_bytes() == before
    put_in_place(temporary, path)
    after = read_reduced(path)
    assert after.header["CARD59"] == 59
    assert np.array_equal(after.electrons, raw.adu)
    assert (after.dq == 1).all()
    assert not temporary.exists()


def test_every_quality_bit_has_words():
    assert set(MEANING) == set(Quality)
    assert describe(0) == ""
    assert describe(int(Quality.CLOUDS | Quality.SATURATED)).count(";") == 1
