"""Whatever text comes from outside: a value, or an error that says what, where and what to do."""

from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iop4cli import strict_toml
from iop4cli.archive.catalog import parse_catalog
from iop4cli.archive.catalog_toml import parse_toml
from iop4cli.archive.epochs import FrameName, NameGlob, parse_epoch, parse_frame_name, parse_item, parse_night
from iop4cli.archive.names import match_object, normalise
from iop4cli.archive.terms import as_sql, fits, parsed
from iop4cli.errors import Iop4Error
from iop4cli.instruments.model import Instrument
from iop4cli.instruments.overrides import OVERRIDES, parse_override
from iop4cli.remote.archives import RemoteArchive
from iop4cli.remote.credentials import Credentials
from iop4cli.remote.folders import NightFolder
from iop4cli.remote.ftp import FtpServer
from iop4cli.remote.http import HttpServer
from iop4cli.remote.http import _seconds as http_seconds
from iop4cli.remote.names import refusal, shown
from iop4cli.remote.server import whole
from iop4cli.share import share_dir
from iop4cli.shell.arguments import names_from
from tests.hostile.texts import broken_toml, hostile_text

quick = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "70")), deadline=2000, suppress_health_check=[HealthCheck.too_slow]
)
TOML = sorted((share_dir() / "instruments").glob("*.toml")) + sorted((share_dir() / "archives").glob("*.toml"))
KNOWN = {"BL Lac": ("2200+420",), "'; drop table flag; --": ("x",)}


def says(error: Iop4Error) -> bool:
    """More than the name of an exception."""
    return len(str(error)) > 10


@quick
@given(st.data())
def test_a_broken_file_of_an_instrument_or_archive_is_told(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(TOML))
    text = data.draw(broken_toml(path.read_text(encoding="utf-8")))
    schema: type = Instrument if path.parent.name == "instruments" else RemoteArchive
    try:
        strict_toml.build(strict_toml.parse(text, path.name), schema, source_file="x")
    except Iop4Error as error:
        assert path.name in str(error) and says(error)


@pytest.mark.parametrize("text", ["x = " + "9" * 5000, "x = " + "[" * 5000, "x = {a=" * 3000, "[" + "a." * 5000 + "b]"])
def test_numbers_too_long_and_brackets_too_deep_are_no_toml(text: str) -> None:
    try:
        strict_toml.parse(text, "x.toml")
    except Iop4Error as error:
        assert "x.toml" in str(error)


@quick
@given(hostile_text(), st.booleans())
def test_a_catalogue_that_is_none_is_told(text: str, ecsv: bool) -> None:
    for content in (text, f"name,ra,dec,kind\n{text}", f"name,ra,dec,kind,mag_R,p\n{text},1,2,star,{text},{text}"):
        try:
            found = parse_catalog(content, "my.csv", known=KNOWN, ecsv=ecsv)
        except Iop4Error as error:
            assert "my.csv" in str(error)
        else:
            assert all(source.name.isprintable() and normalise(source.name) for source in found)


@quick
@given(hostile_text(), hostile_text())
def test_a_source_in_toml_that_is_none_is_told(text: str, other: str) -> None:
    quoted = json.dumps(text, ensure_ascii=False)
    for content in (text, f"name = {quoted}\nra = 1.0\ndec = {other}\nkind = 'star'\n[mags]\n{other} = {other}"):
        try:
            found = parse_toml(content, "edit.toml", KNOWN)
        except Iop4Error as error:
            assert "edit.toml" in str(error)
        else:
            assert all(source.name.isprintable() for source in found)


@quick
@given(hostile_text())
def test_a_name_is_an_item_or_no_name_and_never_a_way_out(text: str) -> None:
    for parse in (parse_item, parse_epoch, parse_frame_name, parse_night):
        try:
            item: Any = parse(text)
        except Iop4Error:
            continue
        if isinstance(item, FrameName):
            parts = (item.telescope, item.night, item.filename)
            assert all(part not in ("", ".", "..") and "/" not in part and part.isprintable() for part in parts)
        if isinstance(item, NameGlob):
            item.matches(FrameName("OSN-T090", "2022-03-10", "x.fit"))


@quick
@given(hostile_text(), hostile_text())
def test_any_object_of_a_header_is_a_source_or_told(text: str, other: str) -> None:
    match = match_object(text, {other: (text[:3],), "BL Lac": (other,)}, pointing=(1.0, 2.0), positions={})
    assert match.source is not None or match.reason or match.note or match.ambiguous


@quick
@given(st.sampled_from(sorted(OVERRIDES)), hostile_text())
def test_what_people_say_of_a_header_is_taken_or_told(name: str, text: str) -> None:
    try:
        parse_override(name, text)
    except Iop4Error as error:
        assert name in str(error)


ODD_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2),
)


@quick
@given(
    st.lists(hostile_text() | st.dictionaries(st.sampled_from(("name", "id", "status", "x")), ODD_JSON).map(json.dumps))
)
def test_lines_of_standard_input_are_names_or_told(lines: list[str]) -> None:
    try:
        names = list(names_from(io.StringIO("\n".join(lines))))
    except Iop4Error as error:
        assert "standard input, line" in str(error)
    else:
        assert all(names)


def test_a_line_that_never_ends_is_not_waited_for() -> None:
    class Endless(io.StringIO):
        def readline(self, size: int | None = -1) -> str:  # type: ignore[override]
            assert size is not None and 0 < size < 1 << 22
            return "x" * size

    with pytest.raises(Iop4Error, match="line 1: longer"):
        list(names_from(Endless()))


@quick
@given(hostile_text())
def test_a_filter_of_a_table_means_the_same_in_sql_and_on_rows_and_stays_one_condition(text: str) -> None:
    import duckdb

    rows = [{"name": text, "band": "R", "mag": 1.5}, {"name": "'; drop table t; --", "band": None, "mag": None}]
    try:
        terms = parsed(text, ("name", "band", "mag"))
    except Iop4Error:
        return
    searched = ("name", "band")
    try:
        said = as_sql(terms, searched)
    except Iop4Error:
        assert "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text)
        return
    for row in rows:
        fits(row, terms, searched)
    assert len(duckdb.extract_statements(f"select * from t where {said}")) == 1


@quick
@given(hostile_text())
def test_what_a_server_calls_a_file_is_refused_or_one_entry_of_a_folder(name: str) -> None:
    assert shown(name).isprintable()
    if not refusal(name):
        place = Path("/archive/raw/T/2022-03-10") / name
        assert place.parent == Path("/archive/raw/T/2022-03-10") and place.name == name
        assert "\\" not in name and name.isprintable() and not name.startswith(".")


@quick
@given(
    st.sampled_from(("{YYYYMMDD}", "DATA/{YY}{MM}{DD}_X", "{YYYY}/{MM-DD}", "{YYYY}/{MM}/{DD}")),
    st.lists(hostile_text()),
)
def test_folders_of_a_server_are_nights_or_nothing(pattern: str, names: list[str]) -> None:
    try:
        folder = NightFolder(pattern)
    except ValueError:
        return
    for night, found in folder.nights(lambda _: names + ["20220310", "2022"]):
        assert parse_night(night) == night and folder.of(night) == found


@quick
@given(st.text(st.characters(codec="latin-1"), max_size=60), hostile_text())
def test_a_line_of_a_server_is_an_entry_or_none_and_its_size_a_number(line: str, text: str) -> None:
    archive = RemoteArchive("x", "ftp", "T", "{YYYYMMDD}", host="localhost")
    ftp = FtpServer.__new__(FtpServer)
    ftp._archive = archive
    http = HttpServer(RemoteArchive("x", "http", "T", "{YYYYMMDD}", host="localhost"), Credentials(), 1.0)
    for said in (line, f"type=file;size={line}; x.fits", f"type=file;size={'9' * 5000}; x", f"Type=dir; {line}"):
        for read in (ftp._machine_line, ftp._name_line):
            entry = read(said, "folder")
            assert entry is None or entry.size is None or 0 <= entry.size < 10**18
    for link in (line, text, f"/x/{text}", f"//{text}/x", f"http://[{line}/"):
        found = http._entry(link, "/x/")
        assert found is None or isinstance(found.name, str)
    for number in (line, text, "\u00b2", "9" * 5000):
        assert whole(number) is None or 0 <= whole(number) < 10**18
        http_seconds(number)


@quick
@given(st.text(st.characters(min_codepoint=43, max_codepoint=1000), min_size=4, max_size=20), hostile_text())
def test_a_password_is_in_no_words_of_a_server(password: str, text: str) -> None:
    credentials = Credentials("me", password)
    basic = base64.b64encode(f"me:{password}".encode()).decode()
    said = f"530 {text} ftp://me:{password}@host/ ftp://me:{quote(password)}@host/ Basic {basic}"
    left = credentials.scrubbed(said)
    assert all(written not in left for written in (password, quote(password, safe=""), basic))
    assert "password" not in repr(credentials)


N_PROPERTIES = sum(hasattr(one, "hypothesis") for name, one in list(globals().items()) if name.startswith("test_"))
