"""A catalogue is read whole or refused whole, with every problem named; and writing it loses nothing."""

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iop4cli.archive.catalog import CatalogError, parse_catalog, read_catalog, to_csv
from iop4cli.archive.catalog_tables import to_ecsv, to_votable
from iop4cli.archive.catalog_toml import parse_toml, to_toml
from iop4cli.archive.source import KINDS, Source, target_names
from iop4cli.share import share_dir
from iop4cli.strict_toml import FrozenTable

HEAD = "name,other_names,ra,dec,kind,redshift,mag_R,mag_R_err,p,p_err,calibrates\n"


def problems(text: str, known: dict[str, tuple[str, ...]] | None = None) -> list[str]:
    with pytest.raises(CatalogError) as caught:
        parse_catalog(text, "my.csv", known=known)
    return [str(problem) for problem in caught.value.problems]


def test_degrees_and_base_60_mean_the_same_place() -> None:
    text = "name,ra,dec,kind\na,22 02 43.29,+42 16 39.98,star\nb,22:02:43.29,+42:16:39.98,blazar\n"
    a, b = parse_catalog(text, "my.csv")
    assert a.ra_deg == b.ra_deg == pytest.approx(330.680375, abs=1e-9)
    assert a.dec_deg == b.dec_deg == pytest.approx(42.277772, abs=1e-6)


def test_a_small_southern_declination_stays_south() -> None:
    (source,) = parse_catalog("name,ra,dec,kind\na,0 0 30,-00 30 00,star\n", "my.csv")
    assert source.dec_deg == -0.5
    (source,) = parse_catalog("name,ra,dec,kind\na,0 0 30,−00 30 00,star\n", "my.csv")
    assert source.dec_deg == -0.5


def test_magnitudes_of_any_band_are_read() -> None:
    (source,) = parse_catalog(
        "name,ra,dec,kind,mag_Ha,mag_SDSSr,mag_SDSSr_err,mag_B\na,1,2,star,12.5,13,0.1,nan\n", "x"
    )
    assert source.mags == {"Ha": (12.5, None), "SDSSr": (13.0, 0.1)}


def test_every_problem_is_told_with_line_column_value_and_advice() -> None:
    said = problems(HEAD + "a,,361,10,star,,,,,,\nb,,10,95,blazr,,x,,,,\n\nc,,10,10,star,,,0.1,5.2,,nobody\n")
    assert [line.split(" ")[0] for line in said] == [
        "my.csv:2:",
        "my.csv:3:",
        "my.csv:3:",
        "my.csv:3:",
        *["my.csv:5:"] * 2,
    ]
    text = "\n".join(said)
    assert "my.csv:2: ra: '361' is not a right ascension" in text
    assert "my.csv:3: kind: 'blazr' is no kind of source; did you mean 'blazar'?" in text
    assert "my.csv:3: mag_R: 'x' is not a number" in text
    assert "fraction, not percent" in text
    assert "mag_R_err: '0.1' is an error without its value" in text


def test_a_percent_is_refused_and_a_fraction_taken() -> None:
    assert parse_catalog(HEAD + "a,,1,2,polarised,,,,0.0521,0.00029,\n", "x")[0].p == 0.0521
    assert "fraction, not percent" in problems(HEAD + "a,,1,2,polarised,,,,5.21,0.029,\n")[0]


def test_an_unknown_column_is_an_error_with_the_nearest_known() -> None:
    assert problems("name,ra,dec,kind,redshfit\n") == ["my.csv:1: redshfit: unknown column; did you mean 'redshift'?"]
    assert "separated by commas" in problems("name;ra;dec;kind\n")[0] + problems("name;ra;dec;kind\n")[1]


def test_one_name_has_one_owner() -> None:
    (said,) = problems(HEAD + "OJ 287,,133,20,blazar,,,,,,\nX,oj287,10,10,star,,,,,,\n")
    assert said == "my.csv:3: other_names: 'oj287' is the same name as 'OJ 287' in line 2"


def test_a_source_may_have_its_own_name_in_another_spelling() -> None:
    assert parse_catalog(HEAD + "HAT-P-32,HATP-32,31,46,exoplanet,,,,,,\n", "x")[0].other_names == ("HATP-32",)


def test_stars_of_a_field_may_look_like_their_target_without_blanks() -> None:
    text = HEAD + "0420-014,PKS 0420-014,65,-1,blazar,,,,,,\nPKS 0420-01 4,,65,-1,star,,,,,,PKS0420-014\n"
    assert parse_catalog(text, "x")[1].calibrates == ("0420-014",)
    (said,) = problems(text.replace(",PKS0420-014\n", ",\n"))
    assert "is the same name" in said


def test_calibrates_takes_aliases_lists_and_what_the_archive_knows() -> None:
    text = HEAD + "A,alpha,1,2,blazar,,,,,,\nC,,1,2,star,,,,,,ALPHA; far away\n"
    assert parse_catalog(text, "x", known={"far+away": ()})[1].calibrates == ("A", "far+away")
    (said,) = problems(text)
    assert said.startswith("my.csv:3: calibrates: 'far away' is no source")
    (said,) = problems(HEAD + "A,,1,2,blazar,,,,,,A\n")
    assert "is the source itself" in said


def test_a_source_known_already_is_replaced_but_its_names_are_not_taken_by_others() -> None:
    assert parse_catalog(HEAD + "A,,1,2,blazar,,,,,,\n", "x", known={"A": ("alpha",)})
    (said,) = problems(HEAD + "B,alpha,1,2,blazar,,,,,,\n", known={"A": ("alpha",)})
    assert "is a name of 'A', which is known already" in said


def test_a_row_of_the_wrong_length_is_named() -> None:
    assert problems("name,ra,dec,kind\na,1,2\n") == ["my.csv:2: has 3 values, the header 4 columns"]


def test_the_shipped_comparison_stars_are_read() -> None:
    sources = read_catalog(share_dir() / "catalogs" / "comparison_stars.ecsv")
    by_name = {source.name: source for source in sources}
    assert by_name["BL Lacertae B"].mags["R"] == (11.99, 0.04)
    assert by_name["BL Lacertae B"].calibrates == ("2200+420",)
    targets = target_names(sources)
    assert "2200+420" in targets
    assert "BL Lacertae B" not in targets
    assert parse_catalog(to_csv(sources), "again.csv") == sources


def test_what_is_calibrated_is_a_target_whatever_its_kind() -> None:
    sources = parse_catalog(HEAD + "P,,1,2,star,,,,,,\nC,,1,2,star,,,,,,P\nS,,1,2,polarised,,,,,,\n", "x")
    assert target_names(sources) == {"P", "S"}


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be read"):
        read_catalog(tmp_path / "none.csv")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CatalogError, match="cannot be read"):
        read_catalog(binary)


plain_words = st.text(string.ascii_letters + string.digits + " +.'-\"é", min_size=1, max_size=12).map(str.strip)
comments = st.text(string.printable.replace("\r", "") + "é−", max_size=30).map(str.strip)
fractions = st.none() | st.floats(0, 1)


@st.composite
def catalogues(draw: st.DrawFn) -> tuple[Source, ...]:
    count = draw(st.integers(1, 5))
    coins = iter(draw(st.lists(st.booleans(), min_size=3 * count, max_size=3 * count)))
    made: list[Source] = []
    for i in range(count):
        magnitudes = st.tuples(st.floats(-29, 39), st.none() | st.floats(0, 9))
        p = draw(fractions)
        chi = draw(st.none() | st.floats(0, 180, exclude_max=True))
        made.append(
            Source(
                name=f"s{i} {draw(plain_words)}".strip(),
                ra_deg=draw(st.floats(0, 360, exclude_max=True)),
                dec_deg=draw(st.floats(-90, 90)),
                kind=draw(st.sampled_from(KINDS)),
                other_names=(f"alias{i}",) if next(coins) else (),
                redshift=draw(st.none() | st.floats(0, 10)),
                mags=FrozenTable(draw(st.dictionaries(st.sampled_from(["B", "R", "Ha", "SDSSr"]), magnitudes))),
                p=p,
                p_err=None if p is None else draw(fractions),
                chi_deg=chi,
                chi_err_deg=None if chi is None else draw(st.none() | st.floats(0, 180)),
                calibrates=(made[0].name,) if bool(made) and next(coins) else (),
                settings=FrozenTable({"only_beam": "O"} if next(coins) else {}),
                comment=draw(comments),
            )
        )
    return tuple(made)


@given(catalogues())
def test_writing_and_reading_back_loses_nothing(written: tuple[Source, ...]) -> None:
    assert parse_catalog(to_csv(written), "again.csv") == written


@settings(max_examples=30, deadline=None)
@given(catalogues())
def test_toml_and_ecsv_lose_nothing_either(written: tuple[Source, ...]) -> None:
    assert parse_catalog(to_ecsv(written), "again.ecsv", ecsv=True) == written
    first = written[0]
    assert parse_toml(to_toml(first), "again.toml", {}) == (first,)
    tables = "\n".join("[[source]]\n" + to_toml(one).replace("[mags]", "[source.mags]") for one in written)
    assert parse_toml(tables, "again.toml", {}) == written


@pytest.mark.parametrize("suffix", [".vot", ".ecsv", ".csv"])
def test_a_file_of_each_format_is_read_back_to_the_same(suffix: str, tmp_path: Path) -> None:
    writers = {".vot": to_votable, ".ecsv": to_ecsv, ".csv": to_csv}
    file = tmp_path / f"again{suffix}"

    @settings(max_examples=15, deadline=None)
    @given(catalogues())
    def same(written: tuple[Source, ...]) -> None:
        kept = tuple(one for one in written if one.comment.isprintable())
        if len(kept) == len(written):
            file.write_text(writers[suffix](written), encoding="utf-8", newline="")
            assert read_catalog(file) == written

    same()
    file.write_text(writers[suffix](()), encoding="utf-8", newline="")
    assert read_catalog(file) == ()
    shipped = read_catalog(share_dir() / "catalogs" / "comparison_stars.ecsv")
    file.write_text(writers[suffix](shipped), encoding="utf-8", newline="")
    assert read_catalog(file) == shipped


def test_astropy_reads_the_ecsv_with_its_units() -> None:
    from astropy.table import Table

    table = Table.read(to_ecsv(read_catalog(share_dir() / "catalogs" / "comparison_stars.ecsv")), format="ascii.ecsv")
    assert str(table["ra"].unit) == "deg"
    assert str(table["mag_R"].unit) == "mag"


def test_what_is_wrong_in_toml_is_told_with_its_line() -> None:
    text = 'name = "a"\nra = 361\ndec = 10\nkind = "blazr"\np = "much"\nredshfit = 1\n[mags]\nR = [13, 0.1, 2]\n'
    with pytest.raises(CatalogError) as caught:
        parse_toml(text, "a.toml", {})
    said = [str(problem) for problem in caught.value.problems]
    assert [line.split(" ")[0] for line in said] == ["a.toml:5:", "a.toml:6:", "a.toml:8:"]
    with pytest.raises(CatalogError) as caught:
        parse_toml(text.split("p = ")[0], "a.toml", {})
    assert [str(problem).split(" ")[0] for problem in caught.value.problems] == ["a.toml:2:", "a.toml:4:"]
    assert "did you mean 'blazar'" in str(caught.value)
