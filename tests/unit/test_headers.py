"""Headers become facts: every trap of the real ones, problems that name the way out, nights and times."""

import math
import os
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iop4cli.instruments.headers import FrameFacts, check, night_of, read_night, translate
from iop4cli.instruments.model import Instrument
from iop4cli.instruments.overrides import OVERRIDES, OverrideError, parse_override
from iop4cli.instruments.registry import Registry, load_instrument, parse_instrument
from iop4cli.instruments.times import iso_from_mjd, mjd_from_iso
from iop4cli.sexagesimal import parse_angle, parse_dec_deg, parse_ra_deg, separation_deg

DATA = Path(__file__).parents[1] / "data"
JD = 2459831.390625  # 2022-09-08T21:22:30


@cache
def t90() -> Instrument:
    return Registry.load().by_name("AndorT90")


@cache
def micro() -> Instrument:
    return load_instrument(DATA / "microobservatory.toml")


def light(**changes: object) -> dict[str, object]:
    """A header as AndorT90 writes it; `None` takes a keyword away, `_` in a name stands for `-`."""
    header: dict[str, object] = {
        "NAXIS1": 2048,
        "NAXIS2": 2048,
        "TELESCOP": "T90-OSN",
        "INSTRUME": "AndorT90",
        "IMAGETYP": "LIGHT",
        "OBJECT": "BL Lac",
        "FILTER": "R",
        "EXPTIME": 60.0,
        "JD": JD,
        "DATE-OBS": "2022-09-08T21:22:30",
        "OBJCTRA": "22 02 43",
        "OBJCTDEC": "+42 16 40",
        "XBINNING": 1,
        "YBINNING": 1,
    }
    header |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in header.items() if value is not None}


def facts(filename: str = "x.fit", overrides: dict[str, str] | None = None, **changes: object) -> FrameFacts:
    return translate(light(**changes), filename, t90(), overrides)


def test_a_plain_light_frame() -> None:
    frame = facts()
    assert not frame.problems
    assert not frame.notes
    assert (frame.instrument, frame.telescope, frame.night) == ("AndorT90", "OSN-T090", "2022-09-08")
    assert (frame.kind, frame.mode, frame.band, frame.filter, frame.angle_deg) == (
        "light",
        "phot",
        "R",
        "R",
        None,
    )
    assert frame.date_obs == "2022-09-08T21:22:30.000"
    assert frame.mjd_utc == pytest.approx(JD - 2400000.5 + 30 / 86400, abs=1e-9)
    assert (frame.ra_deg, frame.dec_deg) == (
        pytest.approx(330.679167, abs=1e-6),
        pytest.approx(42.277778, abs=1e-6),
    )
    assert (frame.width_px, frame.height_px, frame.scale_arcsec_per_px) == (2048, 2048, 0.387)


@pytest.mark.parametrize(
    "filter_name, band, angle",
    [
        ("R", "R", None),
        ("R Johnson", "R", None),
        ("V ", "V", None),
        ("R0", "R", 0),
        ("R45", "R", 45),
        ("R+45", "R", 45),
        ("R90", "R", 90),
        ("R_45", "R", -45),
        ("R-45", "R", -45),
        ("R135", "R", -45),
        ("Ha", "Ha", None),
        ("Clear", "Clear", None),
        ("OIII", "OIII", None),
    ],
)
def test_filters_of_light_frames(filter_name: str, band: str, angle: float | None) -> None:
    frame = facts(FILTER=filter_name)
    assert not frame.problems
    assert (frame.band, frame.angle_deg, frame.mode) == (band, angle, "phot" if angle is None else "pol")


@pytest.mark.parametrize("filter_name", ["XYZ9", "Red", "Rubbish", "", None])
def test_a_light_frame_without_a_known_band_says_how_to_give_one(filter_name: str | None) -> None:
    frame = facts(FILTER=filter_name)
    assert frame.band is None
    (said,) = frame.problems
    assert "iop4 classify --set band=BAND FRAME" in said
    assert filter_name is None or not filter_name or filter_name in said
    mended = facts(FILTER=filter_name, overrides={"band": "R"})
    assert not mended.problems
    assert mended.band == "R"


def test_an_angle_that_the_analyser_does_not_have_is_a_problem() -> None:
    (said,) = facts(FILTER="R30").problems
    assert "angle 30" in said
    assert "-45, 0, 45, 90" in said


@pytest.mark.parametrize("filter_name", ["Clear", "", None, "clear"])
def test_a_flat_may_be_without_a_filter(filter_name: str | None) -> None:
    frame = facts(IMAGETYP="FLAT", FILTER=filter_name)
    assert not frame.problems
    assert (frame.kind, frame.band, frame.filter) == ("flat", None, None)


def test_a_polarimetric_flat_keeps_band_and_angle() -> None:
    frame = facts(IMAGETYP="FLAT", FILTER="R_45")
    assert (frame.band, frame.angle_deg, frame.mode) == ("R", -45, "pol")


def test_a_bias_needs_neither_filter_nor_exposure() -> None:
    frame = facts(IMAGETYP="BIAS", FILTER=None, EXPTIME=None, OBJECT=None)
    assert not frame.problems
    assert (frame.kind, frame.mode, frame.band, frame.filter) == ("bias", None, None, None)
    assert frame.mjd_utc == pytest.approx(JD - 2400000.5, abs=1e-9)


@pytest.mark.parametrize(
    "object_name, filename, kind",
    [
        ("Flat R", "Flat-0001R.fit", "flat"),
        ("skyflat", "SKYFLAT1.fit", "flat"),
        ("bias", "Bias-001.fit", "bias"),
        ("flat", "BLLac.fit", "light"),
        ("BL Lac", "flat.fit", "light"),
        ("flat", "bias.fit", "light"),
    ],
)
def test_a_light_is_a_flat_or_bias_only_if_object_and_file_name_agree(
    object_name: str, filename: str, kind: str
) -> None:
    frame = facts(filename, OBJECT=object_name)
    assert frame.kind == kind
    assert bool(frame.notes) == (kind != "light")


def test_an_unknown_image_type_is_a_problem() -> None:
    frame = facts(IMAGETYP="FOCUS")
    assert frame.kind is None
    (said,) = frame.problems
    assert "IMAGETYP is 'FOCUS'" in said
    assert "--set kind=KIND" in said


@pytest.mark.parametrize("exptime", [None, -1.0, 0.0, math.nan, math.inf, "", "sixty", True])
def test_an_impossible_exposure_fails_the_frame_and_says_what_to_do(exptime: object) -> None:
    frame = facts(EXPTIME=exptime)
    (said,) = frame.problems
    assert "EXPTIME" in said
    assert "iop4 classify --set exptime_s=" in said
    assert frame.exptime_s is None
    assert frame.mjd_utc is None
    assert frame.night == "2022-09-08"
    assert not facts(EXPTIME=exptime, overrides={"exptime_s": "60"}).problems


def test_a_missing_jd_offers_the_time_of_date_obs_and_taking_it_mends_the_frame() -> None:
    frame = translate(light(JD=None), "x.fit", t90(), frame_name="OSN-T090/2022-09-08/x.fit")
    (said,) = frame.problems
    assert "JD is missing" in said
    command = "iop4 classify --set time=2022-09-08T21:22:30.000 OSN-T090/2022-09-08/x.fit"
    assert command in said
    assert frame.mjd_utc is None
    assert frame.night == "2022-09-08"
    mended = facts(JD=None, overrides={"time": "2022-09-08T21:22:30.000"})
    assert not mended.problems
    assert mended.mjd_utc == pytest.approx(facts().mjd_utc, abs=1e-9)


@pytest.mark.parametrize("jd", [0.0, math.nan, "noon", 59830.9])
def test_a_jd_that_cannot_be_is_no_time(jd: object) -> None:
    (said,) = facts(JD=jd).problems
    assert "no time that can be used" in said


def test_no_time_at_all_leaves_the_night_unknown() -> None:
    frame = facts(JD=None, DATE_OBS="2022-09-08")
    assert frame.night is None
    assert "--set time=" in frame.problems[0]


@pytest.mark.parametrize("seconds, noted", [(1.5, False), (2.5, True), (-3600, True)])
def test_clocks_that_disagree_by_more_than_two_seconds_are_noted(seconds: float, noted: bool) -> None:
    moment = datetime(2022, 9, 8, 21, 22, 30) + timedelta(seconds=seconds)
    frame = facts(DATE_OBS=moment.isoformat())
    assert not frame.problems
    assert any("s apart; JD is taken" in note for note in frame.notes) == noted


def test_binning_scales_the_pixels_and_may_be_known_by_the_size() -> None:
    said = facts(NAXIS1=1024, NAXIS2=1024, XBINNING=2, YBINNING=2)
    unsaid = facts(NAXIS1=1024, NAXIS2=1024, XBINNING=None, YBINNING=None)
    for frame in (said, unsaid):
        assert (frame.binning_x, frame.binning_y, frame.scale_arcsec_per_px) == (2, 2, 0.774)
    assert unsaid.notes
    assert facts(NAXIS1=2048, NAXIS2=2048, XBINNING=2, YBINNING=2).notes
    (problem,) = facts(XBINNING=0).problems
    assert "iop4 classify --set binning_x=NUMBER FRAME" in problem
    assert facts(XBINNING=0, overrides={"binning_x": "1"}) == facts()


def test_a_pointing_that_cannot_be_read_is_noted_and_not_used() -> None:
    frame = facts(OBJCTRA="25 00 00")
    assert (frame.ra_deg, frame.dec_deg) == (None, None)
    assert not frame.problems
    assert "OBJCTRA" in frame.notes[0]
    assert facts(OBJCTDEC="-00 30 00").dec_deg == -0.5


def test_what_people_say_wins() -> None:
    said = {
        "kind": "light",
        "mode": "phot",
        "band": "V",
        "exptime_s": "10",
        "mjd_utc": "59830.5",
        "object": "OJ 248",
        "ra_deg": "08 30 52.1",
        "dec_deg": "24.18",
        "night": "2022-09-07",
    }
    frame = facts("flat.fit", FILTER="R0", IMAGETYP="FLAT", EXPTIME=None, overrides=said)
    assert not frame.problems
    assert (frame.kind, frame.mode, frame.band, frame.angle_deg) == ("light", "phot", "V", None)
    assert (frame.exptime_s, frame.mjd_utc, frame.night) == (10.0, 59830.5, "2022-09-07")
    assert (frame.object_name, frame.dec_deg) == ("OJ 248", 24.18)
    assert frame.ra_deg == pytest.approx(127.717083, abs=1e-6)
    assert facts(FILTER="R", overrides={"filter": "R90"}).angle_deg == 90
    assert facts(FILTER="R", overrides={"angle_deg": "-45"}).mode == "pol"


def test_an_override_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(OverrideError, match="did you mean 'exptime_s'"):
        parse_override("exptime", "60")
    for name, text in [
        ("kind", "lite"),
        ("exptime_s", "-1"),
        ("night", "220908"),
        ("mjd_utc", "nan"),
        ("band", ""),
    ]:
        with pytest.raises(OverrideError):
            parse_override(name, text)
    assert facts(overrides={"exptime_s": "x"}).problems
    assert set(OVERRIDES) >= {
        "band",
        "filter",
        "kind",
        "mode",
        "angle_deg",
        "exptime_s",
        "mjd_utc",
        "time",
        "night",
    }


def test_the_check_shows_each_fact_with_its_origin_and_problem() -> None:
    rows = {row.field: row for row in check(t90(), light(EXPTIME=None, FILTER="R0"), "x.fit")}
    assert rows["angle_deg"].value == 0
    assert rows["angle_deg"].origin == "FILTER = R0"
    assert "EXPTIME" in (rows["exptime_s"].problem or "")
    assert rows["kind"].problem is None
    assert {"night", "mjd_utc", "object_name", "width_px"} <= set(rows)


def test_an_instrument_with_a_mode_keyword_fails_polarimetry_without_an_angle() -> None:
    text = Path(t90().source_file).read_text()
    rules = '[headers.mode]\nkeywords = ["INSTRMOD"]\ndefault = "phot"\nmapping = { "polarizer" = "pol" }\n'
    instrument = parse_instrument(text.replace("[headers.exptime_s]", rules + "[headers.exptime_s]", 1))
    header = light(INSTRMOD="Polarizer")
    (said,) = translate(header, "x.fit", instrument).problems
    assert "polarimetry without an angle" in said
    assert translate(light(), "x.fit", instrument).mode == "phot"


CAFOS = r"""
name = "CAFOS"
telescope = "CAHA-T220"
recognise = [{ keywords = { TELESCOP = "CA-2.2", INSTRUME = "CAFOS 2.2" } }]
site = { name = "Calar Alto", latitude_deg = 37.2236, longitude_deg = -2.5461, elevation_m = 2168 }
beams = { dx_px = 35.72, dx_err_px = 1.34, dy_px = 0.20, dy_err_px = 1.02 }
[detector]
gain_e_per_adu = 1.45
read_noise_e = 5
saturation_adu = 65000
scale_arcsec_per_px = 0.53
width_px = 2048
height_px = 2048
[analyser]
kind = "half_wave_plate"
angles_deg = [0, 22.48, 44.98, 67.48]
period_deg = 90
[headers]
kind = { keywords = ["IMAGETYP"], mapping = { science = "light", bias = "bias", flat = "flat" } }
filter = { keywords = ["INSFLNAM"], none = ["free"], bands = { '(?:John|Cous|Bess)\w* ?([UBVRI])' = '\1' } }
exptime_s = { keywords = ["EXPTIME"], required = true }
time = { sources = [{ keyword = "DATE-OBS", format = "iso" }, { keyword = "DATE", format = "iso" }] }
mode = { keywords = ["INSPOFPI"], mapping = { Wollaston = "pol", FREE = "phot" }, required = true }
angle_deg = { keywords = ["INSPOROT"] }
ra = { keywords = ["RA"], unit = "deg" }
dec = { keywords = ["DEC"], unit = "deg" }
binning_x = { keywords = ["CCDBINX"] }
binning_y = { keywords = ["CCDBINY"] }
"""


def test_an_instrument_with_two_beams_and_a_plate_is_data_too() -> None:
    cafos = parse_instrument(CAFOS)
    header: dict[str, object] = {
        "NAXIS1": 800,
        "NAXIS2": 800,
        "IMAGETYP": "science",
        "INSFLNAM": "Cous R",
        "EXPTIME": 120.0,
        "DATE": "2022-09-08T21:22:30",
        "INSPOFPI": "Wollaston",
        "INSPOROT": 22.48,
        "RA": 330.68,
        "DEC": 42.28,
        "CCDBINX": 1,
        "CCDBINY": 1,
    }
    frame = translate(header, "x.fits", cafos)
    assert not frame.problems
    assert (frame.kind, frame.mode, frame.band, frame.angle_deg) == ("light", "pol", "R", 22.48)
    assert frame.ra_deg == 330.68
    photometry = translate({**header, "INSPOFPI": "FREE", "INSPOROT": 0.0}, "x.fits", cafos)
    assert (photometry.mode, photometry.angle_deg) == ("phot", None)
    (said,) = translate({**header, "INSPOROT": ""}, "x.fits", cafos).problems
    assert "polarimetry without an angle" in said


header_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)


@given(st.dictionaries(st.sampled_from(sorted(light())), header_values))
def test_no_header_whatever_is_in_it_raises(values: dict[str, object]) -> None:
    header = light() | values
    frame = translate(header, "x.fit", t90())
    assert frame == translate(dict(reversed(header.items())), "x.fit", t90())
    assert hash(frame) == hash(translate(header, "x.fit", t90()))
    assert frame.problems or (frame.mjd_utc is not None and frame.night is not None and frame.kind is not None)


def test_real_headers_of_a_users_instrument_are_read() -> None:
    from astropy.io import fits

    frames = []
    for path in sorted(DATA.glob("HATP-*.hdr")):
        header = dict(fits.Header.fromtextfile(path))
        assert Registry.of([t90(), micro()]).recognise(header) == micro()
        frames.append(translate(header, path.stem + ".FITS", micro()))
    first, last = frames
    assert not first.problems + first.notes + last.problems + last.notes
    assert (first.night, last.night) == ("2017-12-19", "2017-12-19")
    assert first.date_obs == "2017-12-20T01:33:43.317"
    assert first.mjd_utc == pytest.approx(mjd_from_iso("2017-12-20T01:34:13.317"), abs=1e-9)
    assert (first.band, first.filter, first.mode, first.kind) == ("R", "Clear", "phot", "light")
    assert (first.scale_arcsec_per_px, first.object_name, first.ra_deg) == (5.21, "HATP-32", 31.312099)


def test_all_real_frames_of_a_users_instrument_are_read() -> None:
    from astropy.io import fits

    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("IOP4_TEST_DATA", root.parent / "shared" / "data")) / "hatp32" / "raw"
    paths = sorted(folder.glob("*.FITS"))
    if not paths:
        pytest.skip("the real HAT-P-32 frames are not here (IOP4_TEST_DATA)")
    frames = [translate(dict(fits.getheader(path)), path.name, micro()) for path in paths]
    assert [frame.problems for frame in frames] == [()] * 24
    times = [frame.mjd_utc for frame in frames if frame.mjd_utc]
    assert len(set(times)) == 24
    assert times == sorted(times)
    assert {frame.night for frame in frames} == {"2017-12-19"}


def test_local_time_without_its_offset_is_refused_where_an_offset_is_the_rule() -> None:
    header = {
        "NAXIS1": 650,
        "NAXIS2": 500,
        "FILTER": "Clear",
        "EXPTIME": 60.0,
        "DATE-OBS": "2017-12-19T18:33:43",
    }
    (said,) = translate(header, "x.fits", micro()).problems
    assert "no time that can be used" in said


moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1))


@given(moments, st.floats(-180, 180))
def test_a_night_runs_from_noon_to_noon_of_local_mean_time(moment: datetime, longitude_deg: float) -> None:
    night = date.fromisoformat(night_of(mjd_from_iso(moment.isoformat()), longitude_deg))
    local = moment + timedelta(days=longitude_deg / 360)
    noon = datetime(night.year, night.month, night.day, 12)
    # A day as a double is good to 1e-11 d, a microsecond.
    slack = timedelta(microseconds=2)
    assert noon - slack <= local <= noon + timedelta(days=1) + slack


@given(moments)
def test_times_read_back_to_the_millisecond(moment: datetime) -> None:
    mjd = mjd_from_iso(moment.isoformat())
    assert abs(mjd_from_iso(iso_from_mjd(mjd)) - mjd) * 86400 <= 0.000502


@given(moments, st.integers(-14 * 60, 14 * 60))
def test_an_offset_moves_the_clock_not_the_moment(moment: datetime, minutes: int) -> None:
    local = moment + timedelta(minutes=minutes)
    sign = "+" if minutes >= 0 else "-"
    stamp = f"{local.isoformat()}{sign}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
    utc = mjd_from_iso(moment.isoformat())
    assert mjd_from_iso(stamp, must_have_offset=True) == utc
    assert mjd_from_iso(local.isoformat(), utc_offset_hours=minutes / 60) == pytest.approx(utc, abs=1e-10)


@pytest.mark.parametrize("text", ["2022-09-08", "08/09/22", "", "2022-09-08T25:00:00", "2022-09-08T"])
def test_a_date_without_a_time_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date and time"):
        mjd_from_iso(text)


def test_the_night_is_read_from_the_usual_keywords_before_the_instrument_is_known() -> None:
    site = t90().site
    assert read_night({"DATE-OBS": "2022-09-09T03:00:00"}, site) == "2022-09-08"
    assert read_night({"JD": "x", "DATE-OBS": "2022-09-09T03:00:00"}, site) == "2022-09-08"
    assert read_night({}, site) is None


@given(st.integers(-89, 89), st.integers(0, 59), st.integers(0, 59999), st.booleans(), st.sampled_from(" :"))
def test_base_60_angles_keep_their_sign(whole: int, minutes: int, milliseconds: int, south: bool, joint: str) -> None:
    size = abs(whole) + minutes / 60 + milliseconds / 3.6e6
    sign = "-" if south else "+"
    text = f"{sign}{abs(whole):02d}{joint}{minutes:02d}{joint}{milliseconds / 1000:06.3f}"
    assert parse_dec_deg(text) == pytest.approx(-size if south else size, abs=1e-12)
    assert math.copysign(1, parse_dec_deg(text.replace("-", "−"))) == (-1 if south else 1)


@given(st.floats(0, 360, exclude_max=True))
def test_plain_degrees_are_read_exactly(ra_deg: float) -> None:
    assert parse_ra_deg(repr(ra_deg)) == ra_deg
    assert parse_ra_deg(ra_deg / 15, plain_unit="hours") == pytest.approx(ra_deg, rel=1e-12) or ra_deg / 15 == 24


@pytest.mark.parametrize(
    "text", ["", "12 60 00", "12 00 60", "1 2 3 4", "abc", "nan", "inf", "12h", "- 1 -2 3", "1e999"]
)
def test_what_is_no_angle_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_dec_deg(text)


def test_written_forms_of_angles() -> None:
    assert parse_angle("22h02m43.2s") == parse_angle("22:02:43.2") == parse_angle(" 22 02 43.2 ")
    assert parse_angle("12 30") == (12.5, True)
    assert parse_ra_deg("22 02 43") == pytest.approx(330.679166667)
    assert parse_ra_deg(330.5) == 330.5


@given(st.floats(0, 360), st.floats(-90, 90), st.floats(0, 90))
def test_a_step_in_declination_is_its_own_separation(ra_deg: float, dec_deg: float, step_deg: float) -> None:
    other = max(-90.0, dec_deg - step_deg)
    assert separation_deg(ra_deg, dec_deg, ra_deg, other) == pytest.approx(dec_deg - other, abs=1e-6)
