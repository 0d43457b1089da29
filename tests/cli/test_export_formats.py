"""iop4 export: formats by suffix, columns by name, what the results rest on, and whom to cite."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from small_archives import SmallArchive

from iop4cli.archive.columns import RESULTS
from iop4cli.export.citations import in_full, known_references, references_of
from iop4cli.export.column_sets import COLUMN_SETS
from iop4cli.export.formats import BINARY, FORMATS, SUFFIXES

# The catalogue of the small archive has no references: here some get them, one a text of a person's own.
_REFERENCED = """
update source set reference = 'R98 GP01' where name like 'BL Lacertae B';
update source set reference = 'my own & dear_notes, 100 %' where name like 'BL Lacertae C';
"""
HOSTILE = 'evil|"name" & co_50%\n\x07γ'


@pytest.fixture(scope="module")
def referenced(small_archive: SmallArchive, module_folder: Callable[[str], Path]) -> SmallArchive:
    archive = small_archive.copy(module_folder("referenced") / "archive")
    assert archive.run("sql", "--write", _REFERENCED).returncode == 0
    return archive


def bytes_of(archive: SmallArchive, folder: Path, form: str) -> bytes:
    """What a file of a format holds."""
    path = folder / f"exported-{form}"
    done = archive.run("export", "--format", form, "-o", str(path))
    assert done.returncode == 0, done.stderr
    return path.read_bytes()


def read_meta(path: Path) -> dict[str, Any]:
    from astropy.table import Table

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return dict(Table.read(path, format="ascii.ecsv").meta)


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_the_suffix_says_the_format(small_archive: SmallArchive, tmp_path: Path, suffix: str) -> None:
    named, said = tmp_path / f"a{suffix.upper()}", tmp_path / "b"
    assert small_archive.run("export", "-o", str(named)).returncode == 0
    assert small_archive.run("export", "-o", str(said), "--format", SUFFIXES[suffix]).returncode == 0
    assert named.read_bytes() == said.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((named.name, "b"))


@pytest.mark.parametrize("form", BINARY)
def test_a_terminal_gets_no_binary_and_a_pipe_does(small_archive: SmallArchive, tmp_path: Path, form: str) -> None:
    with mock.patch("iop4cli.shell.output.is_terminal", return_value=True):
        done = small_archive.run("export", "--format", form)
    assert (done.returncode, done.stdout) == (2, "")
    assert "-o FILE" in done.stderr and "> FILE" in done.stderr
    piped = subprocess.run(
        [sys.executable, "-m", "iop4cli", "export", "--format", form],
        cwd=small_archive.root, env=small_archive.environment(), capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    assert piped.stdout == bytes_of(small_archive, tmp_path, form)


def test_an_unknown_suffix_or_format_is_a_usage_error_that_names_the_known(small_archive: SmallArchive) -> None:
    done = small_archive.run("export", "-o", "x.doc")
    assert done.returncode == 2 and all(suffix in done.stderr for suffix in SUFFIXES)
    done = small_archive.run("export", "--format", "votabel")
    assert done.returncode == 2 and "'votable'" in done.stderr
    assert not (small_archive.root / "x.doc").exists()


def test_sets_of_columns_hold_columns_of_results() -> None:
    assert {name for columns in COLUMN_SETS.values() for name in columns} <= set(RESULTS)
    assert not set(COLUMN_SETS) & set(RESULTS)


@pytest.mark.parametrize("name", [*COLUMN_SETS, "full"])
def test_a_set_stands_for_its_columns(small_archive: SmallArchive, name: str) -> None:
    header = small_archive.run("export", "--columns", name).stdout.splitlines()[0].split(",")
    assert header == list(COLUMN_SETS.get(name, RESULTS))
    more = small_archive.run("export", "--columns", f"fwhm_arcsec,{name},mag").stdout.splitlines()[0].split(",")
    assert more == list(dict.fromkeys(["fwhm_arcsec", *header, "mag"]))


def test_what_is_printed_has_few_columns_unless_others_are_asked_for(small_archive: SmallArchive) -> None:
    text = small_archive.run("export", "--format", "markdown").stdout
    assert text.splitlines()[0].count("|") == len(COLUMN_SETS["atel"]) + 1
    text = small_archive.run("export", "--format", "markdown", "--columns", "full").stdout
    assert text.splitlines()[0].count("|") == len(RESULTS) + 1


def test_comparison_stars_are_named_with_magnitude_and_reference(referenced: SmallArchive, tmp_path: Path) -> None:
    path = tmp_path / "x.ecsv"
    referenced.run("export", "--source", "BL Lac", "--columns", "mag", "-o", str(path))
    stars = {star["name"]: star for star in read_meta(path)["comparison_stars"]}
    question = (
        "select i.input as name, any_value(i.value) as mag, any_value(i.value_err) as mag_err, count(*) as n_results "
        "from measurement_input i join measurement m on m.id = i.measurement "
        "where i.role = 'calibrator' and m.source = '2200+420' group by 1"
    )
    used = {row["name"]: row for row in referenced.rows("sql", question, "--format", "ndjson")}
    assert used and set(stars) == set(used)
    assert all({key: stars[name][key] for key in row} == row for name, row in used.items())
    assert "Raiteri et al. 1998" in stars["BL Lacertae B"]["reference"]
    assert "Gonzalez-Perez" in stars["BL Lacertae B"]["reference"]
    assert stars["BL Lacertae C"]["reference"] == "my own & dear_notes, 100 %"
    assert stars["BL Lacertae H"]["reference"] is None


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in {"csv", "ndjson"}])
def test_every_format_with_room_says_what_the_results_rest_on(
    referenced: SmallArchive, tmp_path: Path, form: str
) -> None:
    content = bytes_of(referenced, tmp_path, form)
    text = content.decode("latin-1").replace("\\", "")
    for star in ("BL Lacertae B", "BL Lacertae C", "BL Lacertae H"):
        assert star in text
    # A long value of FITS goes on in the next card.
    joined = re.sub(r"&' *(/ *)?CONTINUE +'", "", text)
    for said in ("Raiteri et al. 1998", "T90 polarised filters, R", "both are mid-exposure", "north through east"):
        assert said in joined
    assert "left out" in joined


def test_flagged_results_and_their_stars_are_left_out_and_counted(small_archive: SmallArchive, tmp_path: Path) -> None:
    archive = small_archive.copy(tmp_path / "archive")
    archive.run("flag", "add", "--source", "BL Lac", "--reason", "clouds")
    only = ("export", "--source", "BL Lac")
    assert archive.run(*only, "-o", str(tmp_path / "a.ecsv")).returncode == 0
    meta = read_meta(tmp_path / "a.ecsv")
    assert (meta["flagged_left_out"], meta["flagged"], meta["comparison_stars"]) == (2, "left out", [])
    assert archive.run(*only, "--flagged", "-o", str(tmp_path / "b.ecsv")).returncode == 0
    meta = read_meta(tmp_path / "b.ecsv")
    assert meta["flagged_left_out"] == 0 and len(meta["comparison_stars"]) == 3
    assert meta["flagged"].startswith("contained")


def test_bibtex_names_what_the_results_rest_on(referenced: SmallArchive) -> None:
    text = referenced.run("export", "--cite").stdout
    keys = set(re.findall(r"^@\w+\{([^,]+),$", text, re.MULTILINE))
    assert {"iop4cli", "EscuderoPedrosa2024", "Raiteri1998", "GonzalezPerez2001", "Nilsson2007"} <= keys
    assert "Villata1998" not in keys
    assert r"my own \& dear\_notes, 100 \%" in text
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    assert "Plaszczynski2014" in keys
    photometry = referenced.run("export", "--cite", "--mode", "phot").stdout
    assert "Plaszczynski2014" not in photometry and "Raiteri1998" in photometry
    nothing = referenced.run("export", "--cite", "--since", "2030-01-01").stdout
    assert "Raiteri1998" not in nothing and "EscuderoPedrosa2024" in nothing


def test_bibtex_goes_to_a_file_and_has_no_format(referenced: SmallArchive, tmp_path: Path) -> None:
    path = tmp_path / "x.bib"
    assert referenced.run("export", "--cite", "-o", str(path)).returncode == 0
    assert path.read_text() == referenced.run("export", "--cite").stdout
    assert referenced.run("export", "--cite", "--format", "csv").returncode == 2


@pytest.mark.parametrize("table", ["comparison_stars", "polarimetric_standards", "host_galaxies"])
def test_every_code_of_the_shipped_tables_has_the_entry_that_the_table_says(table: str) -> None:
    from astropy.table import Table

    from iop4cli.share import share_dir

    catalog = Table.read(share_dir() / "catalogs" / f"{table}.ecsv", format="ascii.ecsv")
    for code, said in catalog.meta["references"].items():
        (found,) = references_of(code)
        assert said.startswith(found.cited) or code == "IOP3", (code, said)
    import numpy as np

    unknown = {str(text) for text in catalog["reference"] if text is not np.ma.masked and not references_of(str(text))}
    assert unknown == set()


def test_entries_are_as_their_citation_says() -> None:
    for key, one in known_references().items():
        if one.bibtex.startswith("@article"):
            fields = one.fields
            assert f"{fields['volume']}, {fields['pages']}" in one.cited, key
            assert f" {fields['year']}, " in one.cited
            names = re.findall(r"\{([^}]*)\}", fields["author"].split(", ")[0])
            assert names and all(name in one.cited for name in names), key
            assert one.is_named_in(one.cited)


def test_a_text_of_people_is_cited_by_name_and_year_and_else_kept() -> None:
    (found,) = references_of("Otero-Santos et al. 2024, AJ 167, 137 (arXiv 2312.05312)")
    assert found.key == "OteroSantos2024"
    assert [one.key for one in references_of("through Tonry et al. 2012 and Jester et al. 2005")] == [
        "Tonry2012", "Jester2005",
    ]  # fmt: skip
    assert references_of("Smith 2020") == [] and references_of("R98 and more") == []
    assert in_full("Smith 2020") == "Smith 2020"
    assert in_full("N07.4") == "Nilsson et al. 2007, A&A 475, 199"


@pytest.mark.parametrize("form", FORMATS)
def test_a_hostile_name_goes_through_every_format(small_archive: SmallArchive, tmp_path: Path, form: str) -> None:
    from iop4cli.export.text_escapes import unescaped

    archive = small_archive.copy(tmp_path / "archive")
    name = HOSTILE.replace("'", "''")
    change = f"update measurement set source = '{name}' where source = 'BL Lacertae B'; "
    change += f"update measurement_input set input = '{name}' where input = 'BL Lacertae B'"
    assert archive.run("sql", "--write", change).returncode == 0
    content = bytes_of(archive, tmp_path, form)
    if form in {"votable", "fits", "ecsv"}:
        from astropy.table import Table

        read = "ascii.ecsv" if form == "ecsv" else form
        table = Table.read(content.decode() if form == "ecsv" else io.BytesIO(content), format=read)
        assert sum(unescaped(str(text)) == HOSTILE for text in table["source"]) == 2
    elif form == "parquet":
        import polars

        assert polars.read_parquet(io.BytesIO(content))["source"].to_list().count(HOSTILE) == 2
    elif form == "ndjson":
        assert [json.loads(line)["source"] for line in content.decode().splitlines()].count(HOSTILE) == 2
    elif form == "csv":
        import csv

        rows = csv.DictReader(io.StringIO(content.decode(), newline=""))
        assert [row["source"] for row in rows].count(HOSTILE) == 2
    else:
        assert content.decode().count("γ") >= 3 and b"\x07" not in content
