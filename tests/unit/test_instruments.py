"""An instrument is data: shipped ones are right, users' own are recognised, and mistakes in them are told."""

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from iop4cli.instruments.model import SECTIONS, Instrument
from iop4cli.instruments.registry import (
    AmbiguousInstrument,
    InstrumentError,
    Registry,
    UnknownInstrument,
    load_instrument,
    parse_instrument,
)

DATA = Path(__file__).parents[1] / "data"
T90 = {"TELESCOP": "T90-OSN", "INSTRUME": "AndorT90"}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


@pytest.fixture(scope="module")
def text() -> str:
    return (DATA / "microobservatory.toml").read_text()


@pytest.mark.parametrize(
    "telescop, instrume, night, name",
    [
        ("T90-OSN", "AndorT90", None, "AndorT90"),
        ("T90-OSN", "RoperT90", "2021-10-22", "RoperT90"),
        ("T90-OSN", "RoperT90", "2021-10-23", "AndorT90"),
        ("T150-OSN", "Andor", "2023-01-11", "AndorT150"),
        ("T150-OSN", "AndorT150", "2023-01-12", "AndorT150"),
        ("t150-osn ", "andort150", "2019-01-12", "AndorT150"),
    ],
)
def test_cameras_are_recognised_by_name_and_night(
    registry: Registry, telescop: str, instrume: str, night: str | None, name: str
) -> None:
    assert registry.recognise({"TELESCOP": telescop, "INSTRUME": instrume}, night).name == name


@pytest.mark.parametrize("time, name", [("2021-10-23T11:00:00", "RoperT90"), ("2021-10-23T13:00:00", "AndorT90")])
def test_without_an_epoch_the_night_is_read_from_the_header(registry: Registry, time: str, name: str) -> None:
    header = {"TELESCOP": "T90-OSN", "INSTRUME": "RoperT90", "DATE-OBS": time}
    assert registry.recognise(header).name == name


def test_an_unknown_header_is_told_with_the_nearest_known(registry: Registry) -> None:
    with pytest.raises(UnknownInstrument, match=r"TELESCOP='T90-OSN' INSTRUME='AndorT9O' .* the nearest is AndorT90"):
        registry.recognise({"TELESCOP": "T90-OSN", "INSTRUME": "AndorT9O"})
    with pytest.raises(UnknownInstrument, match="no TELESCOP no INSTRUME"):
        registry.recognise({})


def test_a_name_that_was_not_in_use_that_night_is_told(registry: Registry) -> None:
    with pytest.raises(UnknownInstrument, match="AndorT150 only until 2023-01-11, and the night is 2023-01-12"):
        registry.recognise({"TELESCOP": "T150-OSN", "INSTRUME": "Andor"}, "2023-01-12")
    with pytest.raises(UnknownInstrument, match="the night is unknown"):
        registry.recognise({"TELESCOP": "T90-OSN", "INSTRUME": "RoperT90"})


def test_two_instruments_that_fit_are_ambiguous_and_people_decide(registry: Registry) -> None:
    twin = replace(registry.by_name("AndorT90"), name="Twin")
    both = Registry.of([*registry.instruments.values(), twin])
    with pytest.raises(AmbiguousInstrument, match="AndorT90, Twin"):
        both.recognise(T90)
    assert both.recognise(T90, overrides={"instrument": "twin"}) == twin


def test_telescopes_have_one_name(registry: Registry) -> None:
    assert {registry.telescope(alias) for alias in ("T90", "t090", "OSN-T090")} == {"OSN-T090"}
    assert registry.telescope("T150") == "OSN-T150"
    with pytest.raises(InstrumentError, match="did you mean 'OSN-T090'"):
        registry.telescope("OSN-T90")
    thief = replace(registry.by_name("AndorT150"), name="Thief", telescope="Other", telescope_aliases=("T90",))
    with pytest.raises(InstrumentError, match="'T90' already means OSN-T090"):
        Registry.of([*registry.instruments.values(), thief])


def test_what_is_shipped_has_the_published_figures(registry: Registry) -> None:
    t90, roper, t150 = (registry.by_name(name) for name in ("AndorT90", "RoperT90", "AndorT150"))
    assert (t90.detector.gain_e_per_adu, roper.detector.gain_e_per_adu) == (4.5, 7.14)
    assert t90.detector.field_arcmin == pytest.approx(13.2, abs=0.05)
    assert t150.detector.field_arcmin == pytest.approx(7.92, abs=0.05)
    assert t90.analyser.angles_deg == (-45, 0, 45, 90)
    assert t90.site == roper.site == t150.site
    assert t90.site.longitude_deg < 0
    for instrument in (t90, roper):
        entry = instrument.calibration_for("R", "2022-09-08")
        assert entry is not None
        assert (entry.q_inst, entry.u_inst, entry.zero_angle_deg) == (0.0579, 0.0583, -18.0)
    entry = t150.calibration_for("R", "2022-09-08")
    assert entry is not None
    assert (entry.q_inst, entry.q_inst_err, entry.u_inst, entry.u_inst_err) == (
        0.0158,
        0.0041,
        0.0382,
        0.0078,
    )
    assert t90.calibration_for("V", "2022-09-08") is None
    assert t90.needs("light") == ("bias", "flat")
    assert t90.needs("flat") == ("bias",)


def test_the_calibration_of_a_night_is_the_one_that_began_last(text: str) -> None:
    entry = '[[calibrations]]\nband="R"\nname="{n}"\nsource="x"\nq_inst={q}\nq_inst_err=0.0\nu_inst=0.0\n'
    entry += "u_inst_err=0.0\nzero_angle_deg=0.0\nzero_angle_err_deg=0.0\n{dates}\n"
    instrument = parse_instrument(
        text
        + entry.format(n="old", q=0.01, dates="")
        + entry.format(n="new", q=0.02, dates="valid_from = 2020-01-01\nvalid_until = 2020-12-31")
    )
    taken = {
        night: instrument.calibration_for("R", night)
        for night in ("2019-12-31", "2020-01-01", "2020-12-31", "2021-01-01")
    }
    assert [entry.name for entry in taken.values() if entry] == ["old", "new", "new", "old"]


def test_digests_follow_the_content_and_nothing_else(text: str) -> None:
    instrument = parse_instrument(text)
    assert parse_instrument("# a comment\n" + text, "elsewhere.toml").digest() == instrument.digest()
    assert parse_instrument(text.replace("Whipple Observatory, Amado", "Whipple")).digest() == instrument.digest()
    brighter = parse_instrument(text.replace("gain_e_per_adu = 25", "gain_e_per_adu = 26"))
    same = [name for name in SECTIONS if brighter.digest(name) == instrument.digest(name)]
    assert same == [name for name in SECTIONS if name != "detector"]
    assert (
        parse_instrument(text.replace("gain_e_per_adu = 25", "gain_e_per_adu = 25.0")).digest() == instrument.digest()
    )
    assert len(instrument.digest("site", "headers")) == 16
    assert instrument.digest("site", "headers") == instrument.digest("headers", "site")
    with pytest.raises(KeyError, match="detectr"):
        instrument.digest("detectr")


def test_an_instrument_can_be_hashed_and_sent_to_another_process(registry: Registry) -> None:
    for instrument in registry.instruments.values():
        there = pickle.loads(pickle.dumps(instrument))
        assert there == instrument
        assert hash(there) == hash(instrument)
        assert there.digest() == instrument.digest()


def test_a_users_file_adds_an_instrument_and_replaces_a_shipped_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    shipped = Path(Registry.load().by_name("AndorT90").source_file).read_text()
    (tmp_path / "andor.toml").write_text(shipped.replace("gain_e_per_adu = 4.5", "gain_e_per_adu = 4.6"))
    registry = Registry.load([tmp_path / "is_not_there", tmp_path])
    assert registry.by_name("AndorT90").detector.gain_e_per_adu == 4.6
    assert registry.telescope("cecilia") == "Cecilia"
    (tmp_path / "again.toml").write_text(text)
    with pytest.raises(InstrumentError, match="'MicroObservatory' is already that of"):
        Registry.load([tmp_path])


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("read_noise_e", "read_nois_e", "detector.read_nois_e: unknown key; did you mean 'read_noise_e'?"),
        (
            "gain_e_per_adu = 25",
            'gain_e_per_adu = "25"',
            "detector.gain_e_per_adu: must be a number, not '25'",
        ),
        ("gain_e_per_adu = 25", "gain_e_per_adu = 0", "detector.gain_e_per_adu: must be more than 0"),
        (
            "longitude_deg = -110.88",
            "longitude_deg = 249.12",
            "site.longitude_deg: must be between -180 and 180",
        ),
        ('telescope = "Cecilia"', 'telescope = "../etc"', "telescope: '../etc' must be letters"),
        ('"Clear" = "R"', '"(Clear" = "R"', "is not a regular expression"),
        ('"Clear" = "R"', "\"Clear\" = '\\1'", "is not to be had from it"),
        ("{ TELESCOP =", "{ Telescop =", "recognise[0].keywords: 'Telescop' is not a FITS"),
        (
            'default = "light"',
            'default = "lite"',
            "headers.kind: 'lite' is not one of bias, dark, flat, light",
        ),
        (
            'keywords = ["EXPTIME"]',
            'keywords = ["exptime"]',
            "headers.exptime_s.keywords: 'exptime' is not a FITS",
        ),
        (
            'format = "iso-with-offset", reference = "start" }]',
            'format = "local" }]',
            "headers.time.sources[0].format",
        ),
    ],
)
def test_a_mistake_in_a_file_is_named_with_file_line_and_key(text: str, old: str, new: str, said: str) -> None:
    assert old in text
    wrong = text.replace(old, new)
    line = next(i for i, words in enumerate(wrong.splitlines(), 1) if new in words)
    with pytest.raises(InstrumentError) as caught:
        parse_instrument(wrong, "my.toml")
    assert said in str(caught.value)
    where = int(str(caught.value).split(":")[1])
    assert line - 3 <= where <= line  # the key's own line, or that of its table


def test_a_missing_part_is_named(text: str) -> None:
    with pytest.raises(InstrumentError, match=r"headers\.exptime_s: is missing"):
        parse_instrument(text.replace("[headers.exptime_s]", "[headers.mode]").replace('unit = "s"\n', ""))
    with pytest.raises(InstrumentError, match="angle_deg: is needed"):
        parse_instrument(text + '[analyser]\nkind = "half_wave_plate"\nangles_deg = [0, 22.5, 45, 67.5]\n')


def test_angles_a_period_apart_are_one_position_of_the_analyser(registry: Registry) -> None:
    analyser = registry.by_name("AndorT90").analyser
    assert analyser.nearest_angle(135) == -45
    assert analyser.nearest_angle(180) == 0
    assert analyser.nearest_angle(-90) == 90
    assert analyser.nearest_angle(44.5) == 44.5
    assert analyser.nearest_angle(30) is None


def test_all_that_is_shipped_is_read(registry: Registry) -> None:
    assert set(registry.instruments) >= {"AndorT90", "RoperT90", "AndorT150"}
    assert all(isinstance(instrument, Instrument) for instrument in registry.instruments.values())
    assert load_instrument(Path(registry.by_name("RoperT90").source_file)) == registry.by_name("RoperT90")


def test_no_heavy_package_is_imported_to_know_instruments_names_and_catalogues() -> None:
    code = (
        "import sys, iop4cli.instruments.registry, iop4cli.archive.catalog, iop4cli.archive.epochs\n"
        "print({'numpy', 'astropy', 'polars', 'duckdb'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_dipols_sharp_cut_filters_are_a_photometric_system_of_their_own(registry: Registry) -> None:
    dipol = registry.by_name("DIPOL")
    assert [dipol.system_of(band).system for band in "RVB"] == [f"DIPOL {name} (sharp cut)" for name in "RGB"]
    assert dipol.system_of("R").colour_bands is None
    assert registry.by_name("AndorT90").system_of("R").system == "Johnson-Cousins"


def test_a_colour_term_of_a_users_instrument_is_read(text: str) -> None:
    own = parse_instrument(
        text + '\n[photometry.R]\nsystem = "mine"\ncolour = "V-R"\ncolour_term = -0.12\n', "own.toml"
    )
    assert (own.system_of("R").colour_bands, own.system_of("R").colour_term) == (("V", "R"), -0.12)
    assert own.digest("photometry") != parse_instrument(text, "own.toml").digest("photometry")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("colour_term = 0.1", "photometry.R.colour: is missing; colour and colour_term go together"),
        ('colour = "V-R"', "photometry.R.colour_term: is missing; colour and colour_term go together"),
        ('colour = "V"\ncolour_term = 0.1', "photometry.R.colour: 'V' is not a difference of two bands like \"V-R\""),
        ('colour = "R-R"\ncolour_term = 0.1', "photometry.R.colour: 'R-R' is not a difference of two bands"),
        ('colour = "V-R"\ncolour_term = 12.0', "photometry.R.colour_term: 12 is more than 1 mag a mag"),
        ('sytem = "x"', "photometry.R.sytem: unknown key; did you mean 'system'?"),
    ],
)
def test_a_mistake_in_a_photometric_system_is_told_with_its_key(text: str, lines: str, said: str) -> None:
    with pytest.raises(InstrumentError) as refused:
        parse_instrument(f"{text}\n[photometry.R]\n{lines}\n", "own.toml")
    assert said in str(refused.value)
