"""Every format of results holds what was put into it, however hostile the text and however little is known."""

from __future__ import annotations

import csv
import datetime
import io
import json
import math
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iop4cli.archive.columns import RESULTS
from iop4cli.archive.store import Answer
from iop4cli.export.formats import CONVENTIONS, FORMATS, SUFFIXES, written
from iop4cli.export.results_table import TypedColumn
from iop4cli.export.text_escapes import escaped, unescaped

HOSTILE = (
    "a\nb", "c\r\nd", "tab\there", 'quote " and \' and `', "pipe | and & and _ and % and $ and # and ~ and ^",
    "back\\slash \\n", "<TD>&amp;</TD> ]]>", "\x07bell \x1b[31mred", "γ Dra ☆ 😀", " spaces at both ends ",
    "comma, semicolon;",
    "\u2028line separator\x85", "[x]*{y}", "-- --- =cmd()", "nan", "null", "None", "0012", "%ECSV", "true", " ", "\\",
)  # fmt: skip
FLOATS = (0.1, -1e-300, 1.7976931348623157e308, 5e-324, 2459830.8453800001, -0.0, 1 / 3, None, math.nan, 12.0)
WHOLES = (0, -5, 2**40, None)
META = {"software": "iop4", "version": "1", "comparison_stars": [{"name": name, "mag": 13.5} for name in HOSTILE]}
BIT_EXACT = ("csv", "ecsv", "votable", "fits", "parquet", "ndjson")


def kind_of(name: str) -> str:
    return TypedColumn(name).kind


def to_bytes(answer: Answer, form: str, meta: dict[str, Any]) -> bytes:
    """What a file of a format would hold."""
    import polars

    by_column = list(zip(*answer.rows, strict=True)) or [()] * len(answer.columns)
    frame = polars.DataFrame(dict(zip(answer.columns, map(list, by_column), strict=True)))
    return b"".join(written(frame, form, meta))


def answer_of(n_rows: int) -> Answer:
    """Rows of all columns of results: hostile texts, extreme numbers, NULLs, and `flags`, `dof`, `p_host` all NULL."""

    def value(name: str, row: int) -> Any:
        if name in {"flags", "dof", "p_host"}:
            return None
        if name == "night":
            return datetime.date(2022, 9, 8)
        kind = kind_of(name)
        values: Sequence[Any] = {"text": (*HOSTILE, None), "whole": WHOLES, "real": FLOATS}[kind]
        return values[row % len(values)]

    names = tuple(RESULTS)
    return Answer(names, [tuple(value(name, row) for name in names) for row in range(n_rows)])


def expected(answer: Answer) -> dict[str, list[Any]]:
    """What a reader must find: NULL is None, and so is what is no number; dates are ISO."""
    found = dict(zip(answer.columns, map(list, zip(*answer.rows, strict=True)), strict=True))
    return {
        name: [
            None if value is None or (isinstance(value, float) and math.isnan(value))
            else value.isoformat() if isinstance(value, datetime.date) else value
            for value in values
        ]
        for name, values in found.items()
    }  # fmt: skip


def plain(values: Sequence[Any], kind: str, *, escapes: bool) -> list[Any]:
    """Cells of an astropy column as Python's own."""
    import numpy as np

    found: list[Any] = []
    for value in values:
        if value is np.ma.masked or (kind == "real" and math.isnan(value)) or (kind == "text" and str(value) == ""):
            found.append(None)
        elif kind == "text":
            found.append(unescaped(str(value)) if escapes else str(value))
        else:
            found.append(float(value) if kind == "real" else int(value))
    return found


def read_astropy(content: bytes, form: str) -> Any:
    from astropy.table import Table

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if form == "ecsv":
            return Table.read(content.decode(), format="ascii.ecsv")
        return Table.read(io.BytesIO(content), format=form)


def same(found: Sequence[Any], wanted: Sequence[Any]) -> bool:
    """To the last bit: -0.0 is not 0.0."""
    return list(map(repr, found)) == list(map(repr, wanted))


@pytest.mark.parametrize("form", ["ecsv", "votable", "fits"])
def test_astropy_reads_back_every_bit_text_unit_and_null(form: str) -> None:
    answer = answer_of(60)
    table = read_astropy(to_bytes(answer, form, META), form)
    wanted = expected(answer)
    wrong = [
        name for name in answer.columns
        if not same(plain(table[name], kind_of(name), escapes=True), wanted[name])
    ]  # fmt: skip
    assert wrong == []
    assert {name: str(table[name].unit or "") for name in RESULTS} == {name: RESULTS[name].unit for name in RESULTS}
    kinds = {"text": "USO", "whole": "i", "real": "f"}  # texts of any length are objects to numpy
    assert [name for name in RESULTS if table[name].dtype.kind not in kinds[kind_of(name)]] == []


def test_csv_and_ndjson_hold_texts_as_they_are() -> None:
    answer = answer_of(60)
    rows = list(csv.DictReader(io.StringIO(to_bytes(answer, "csv", META).decode(), newline="")))
    objects = [json.loads(line) for line in to_bytes(answer, "ndjson", META).decode().split("\n")[:-1]]
    for name, values in expected(answer).items():
        kind = kind_of(name)
        read = {"text": str, "whole": int, "real": float}[kind]
        assert same([read(row[name]) if row[name] else None for row in rows], values), name
        assert same([row[name] for row in objects], values), name


def test_polars_and_duckdb_read_parquet_alike() -> None:
    import duckdb
    import polars

    answer = answer_of(60)
    content = to_bytes(answer, "parquet", META)
    frame = polars.read_parquet(io.BytesIO(content))
    found = duckdb.sql("select * from frame").fetchall()
    by_column = dict(zip(answer.columns, zip(*found, strict=True), strict=True))
    for name, values in expected(answer).items():
        assert same(frame[name].to_list(), values), name
        assert same(by_column[name], values), name
    kinds = {"text": polars.String, "whole": polars.Int64, "real": polars.Float64}
    assert [name for name in RESULTS if frame[name].dtype != kinds[kind_of(name)]] == []


def test_duckdb_reads_the_file_and_its_metadata(tmp_path: Any) -> None:
    import duckdb
    from pyarrow import parquet

    path = tmp_path / "x.parquet"
    path.write_bytes(to_bytes(answer_of(60), "parquet", META))
    assert duckdb.sql(f"select count(*), count(flags), sum(n_frames) from '{path}'").fetchall()[0][:2] == (60, 0)
    said = dict(duckdb.sql(f"select key::text, value::text from parquet_kv_metadata('{path}')").fetchall())
    assert said["time_system"] == CONVENTIONS["time_system"] and "iop4" in said["software"]
    about = parquet.read_schema(path).field("chi_deg").metadata
    assert about[b"unit"] == b"deg" and about[b"ucd"] == RESULTS["chi_deg"].ucd.encode()


def test_ucds_are_in_the_files_and_in_the_vocabulary() -> None:
    from astropy.io.fits import open as open_fits
    from astropy.io.votable import parse_single_table
    from astropy.io.votable.ucd import parse_ucd

    answer = answer_of(3)
    for name, column in RESULTS.items():
        if column.ucd:
            assert parse_ucd(column.ucd, check_controlled_vocabulary=True), name
    fields = parse_single_table(io.BytesIO(to_bytes(answer, "votable", META))).fields
    assert {field.name: field.ucd or "" for field in fields} == {name: RESULTS[name].ucd for name in RESULTS}
    ecsv = read_astropy(to_bytes(answer, "ecsv", META), "ecsv")
    assert {name: ecsv[name].meta.get("ucd", "") for name in RESULTS} == {name: RESULTS[name].ucd for name in RESULTS}
    with open_fits(io.BytesIO(to_bytes(answer, "fits", META))) as hdus:
        header = hdus["RESULTS"].header
        ucds = {header[f"TTYPE{n}"]: header.get(f"TUCD{n}", "") for n in range(1, header["TFIELDS"] + 1)}
    assert ucds == {name: RESULTS[name].ucd for name in RESULTS}


@pytest.mark.parametrize("n_rows", [0, 60])
def test_a_votable_keeps_the_rules(n_rows: int) -> None:
    from astropy.io.votable import is_votable, parse, validate

    content = to_bytes(answer_of(n_rows), "votable", META)
    assert is_votable(io.BytesIO(content))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        document = parse(io.BytesIO(content), verify="exception")
    said = io.StringIO()
    assert validate(io.BytesIO(content), output=said), said.getvalue()
    table = document.get_first_table()
    assert [field.name for field in table.fields if field.datatype == "long" and field.values.null is None] == []
    assert {one.ID: one.timescale for one in document.resources[0].time_systems} == {
        "time_utc": "UTC",
        "time_tdb": "TDB",
    }
    identities = [one.ID for one in (*document.resources[0].infos, *table.fields)]
    assert len(identities) == len(set(identities))


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_selected_is_a_table_without_rows(form: str) -> None:
    content = to_bytes(answer_of(0), form, META)
    if form in {"ecsv", "votable", "fits"}:
        table = read_astropy(content, form)
        assert (table.colnames, len(table)) == (list(RESULTS), 0)
    elif form == "parquet":
        import polars

        frame = polars.read_parquet(io.BytesIO(content))
        assert (frame.columns, len(frame)) == (list(RESULTS), 0)
    elif form == "csv":
        assert content.decode() == ",".join(RESULTS) + "\n"
    elif form == "ndjson":
        assert content == b""
    else:
        assert b"chi" in content and b"2459830" not in content


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_results_are_the_same_bytes(form: str) -> None:
    assert to_bytes(answer_of(25), form, META) == to_bytes(answer_of(25), form, META)


def test_fits_declares_null_of_whole_columns_and_says_it_is_ascii() -> None:
    from astropy.io.fits import open as open_fits

    content = to_bytes(answer_of(60), "fits", META)
    with open_fits(io.BytesIO(content)) as hdus:
        hdus.verify("exception")
        columns = hdus["RESULTS"].columns
        assert [c.name for c in columns if c.format == "K" and c.null is None] == []
        header = hdus["RESULTS"].header
        stars = [json.loads(unescaped(header[f"COMPS{n}"]))["name"] for n in range(1, len(HOSTILE) + 1)]
    assert tuple(stars) == HOSTILE


def test_ecsv_keeps_hostile_metadata() -> None:
    table = read_astropy(to_bytes(answer_of(2), "ecsv", META), "ecsv")
    assert tuple(star["name"] for star in table.meta["comparison_stars"]) == HOSTILE


def markdown_cells(line: str) -> list[str]:
    """The cells of a row as GitHub splits it: at bars that no backslash precedes, markup undone."""
    cells, cell, letters = [], "", iter(line)
    for letter in letters:
        if letter == "\\":
            cell += next(letters)
        elif letter == "|":
            cells.append(cell)
            cell = ""
        else:
            cell += letter
    return [one.strip(" ") for one in cells[1:]]


def test_a_row_of_markdown_is_a_line_and_its_text_looks_as_it_is() -> None:
    answer = Answer(("source", "flags"), [(name, None) for name in HOSTILE])
    lines = to_bytes(answer, "markdown", META).decode().splitlines()
    rows = [markdown_cells(line) for line in lines[2 : 2 + len(HOSTILE)]]
    assert [unescaped(row[0]) for row in rows] == list(HOSTILE)
    assert {len(row) for row in rows} == {2}
    assert sum(line.startswith("|") for line in lines) == 2 + len(HOSTILE)


def test_latex_has_no_bare_special_letter_and_as_many_cells_as_columns() -> None:
    answer = Answer(("source", "mag", "flags"), [(name, -1.5, None) for name in HOSTILE])
    text = to_bytes(answer, "latex", META).decode()
    body = text[text.index("\\midrule") : text.index("\\bottomrule")].splitlines()[1:]
    assert len(body) == len(HOSTILE)
    for line in body:
        cells = line.removesuffix(r" \\")
        for command in (r"\textbackslash{}", r"\textasciitilde{}", r"\textasciicircum{}", r"\textasciigrave{}",
                        r"\textless{}", r"\textgreater{}", r"\textbar{}", r"\char34{}", r"\char39{}"):  # fmt: skip
            cells = cells.replace(command, "")
        for escape in (r"\&", r"\%", r"\$", r"\#", r"\_", r"\{", r"\}"):
            cells = cells.replace(escape, "")
        assert cells.count("&") == 2 and cells.count("$") == 2
        assert not set(cells) & set("\\%#_~^<>|`\"'\x07")
        assert not cells.startswith(("[", "*"))


def test_printed_numbers_have_two_digits_of_their_error() -> None:
    names = ("mjd_utc", "mag", "mag_err", "p", "p_err", "chi_deg", "chi_err_deg", "fwhm_arcsec")
    rows = [
        (59830.845381234, 13.0204049, 0.0279, 0.159327, 0.00317, 179.996, 0.58, 2.0123456789),
        (59830.5, -1.23456, 0.0996, 0.000625, 0.0026, 179.4, 61.0, None),
    ]
    lines = to_bytes(Answer(names, rows), "markdown", {}).decode().splitlines()
    assert markdown_cells(lines[2]) == ["59830.84538", "13.020", "0.028", "0.1593", "0.0032", "0.00", "0.58", "2.01235"]
    assert markdown_cells(lines[3]) == ["59830.50000", "-1.23", "0.10", "0.0006", "0.0026", "179", "61", ""]
    assert "digits" in lines[-1]


def test_a_long_table_of_latex_goes_over_pages() -> None:
    texts = [to_bytes(Answer(("source", "mag"), [("x", 1.0)] * n), "latex", {}).decode() for n in (50, 51)]
    assert ["longtable" in text for text in texts] == [False, True]


def test_every_format_has_a_suffix() -> None:
    assert set(SUFFIXES.values()) == set(FORMATS)


@given(st.text(st.characters(codec="utf-8"), max_size=20), st.booleans())
def test_escapes_are_undone(text: str, ascii_only: bool) -> None:
    shown = escaped(text, ascii_only=ascii_only)
    assert unescaped(shown) == text
    assert shown.isprintable() and shown == shown.strip() and (shown.isascii() or not ascii_only)


@pytest.mark.parametrize("form", BIT_EXACT)
def test_what_is_written_in_slabs_is_what_is_written_at_once(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = answer_of(60)
    whole = to_bytes(answer, form, META)
    monkeypatch.setattr("iop4cli.export.results_table._SLAB_ROWS", 7)
    cut = to_bytes(answer, form, META)
    if form == "parquet":  # its groups of rows are the slabs
        import polars

        assert polars.read_parquet(io.BytesIO(cut)).equals(polars.read_parquet(io.BytesIO(whole)))
    else:
        assert cut == whole


@pytest.mark.night
@pytest.mark.parametrize("form", BIT_EXACT)
def test_a_hundred_thousand_results_take_seconds(form: str) -> None:
    """Measured beside work: csv 0.6, ecsv 0.7, votable 1.8, fits 0.5, parquet 0.2, ndjson 1.0 s for 81 columns."""
    import polars

    answer = answer_of(1000)
    by_column = dict(zip(answer.columns, map(list, zip(*answer.rows, strict=True)), strict=True))
    frame = polars.concat([polars.DataFrame(by_column)] * 100)
    before_s = time.process_time()
    n_bytes = sum(map(len, written(frame, form, META)))
    took_s = time.process_time() - before_s
    assert n_bytes > 100_000 and took_s < 8.0


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Units and vocabularies come with astropy."""
    from astropy.utils.data import conf

    with conf.set_temp("allow_internet", False):
        yield
