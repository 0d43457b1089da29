"""Tables of host galaxies: the shipped one, a user's own, and what is wrong in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from iop4cli.archive.catalog import CatalogError, read_catalog
from iop4cli.archive.host_tables import hosts_of, read_host_table, read_hosts
from iop4cli.archive.names import NameIndex
from iop4cli.share import share_dir

SHIPPED = share_dir() / "catalogs" / "host_galaxies.ecsv"
HEADER = "name,aperture_radius_arcsec,fwhm_arcsec,flux_mjy,flux_err_mjy\n"


def table(folder: Path, *rows: str, name: str = "mine.csv", header: str = HEADER) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def test_the_shipped_hosts_are_found_by_the_names_of_the_shipped_catalogue(tmp_path: Path) -> None:
    sources = read_catalog(share_dir() / "catalogs" / "comparison_stars.ecsv")
    names = NameIndex({source.name: source.other_names for source in sources})
    found = hosts_of(read_hosts(SHIPPED, tmp_path / "none"), names)
    assert {name: entry.name for name, entry in found.items()} == {
        "1101+384": "Mrk 421",
        "1652+398": "Mrk 501",
        "2200+420": "BL Lacertae",
        "2344+514": "1ES 2344+514",
    }


def test_a_table_of_ones_own_replaces_the_shipped_one_whole_and_leaves_the_others(tmp_path: Path) -> None:
    table(tmp_path, "bl lacertae,3,2,1.5,0.1", "My Blazar,3,2,0.2,0.1")
    hosts = read_hosts(SHIPPED, tmp_path)
    assert hosts["bllacertae"].nodes == ((3.0, 2.0, 1.5, 0.1),)
    assert hosts["myblazar"].file == "mine.csv"
    assert hosts["mrk501"] == read_host_table(SHIPPED)["mrk501"]


def test_a_published_table_can_be_dropped_in_as_it_is(tmp_path: Path) -> None:
    header = "# %ECSV 1.0\n# ---\nobject table aperture_radius_arcsec fwhm_arcsec flux_mjy flux_err_mjy\n"
    path = table(tmp_path, '"3C 66A" "Nobody 2030" 1.5 2.0 0.19 0.01', name="new.ecsv", header=header)
    [entry] = read_host_table(path).values()
    assert (entry.name, entry.reference, entry.nodes) == ("3C 66A", "Nobody 2030", ((1.5, 2.0, 0.19, 0.01),))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["A,3,2,x,0.1"], "mine.csv:2: flux_mjy: 'x' is no number not below 0"),
        (["A,3,2,0.5,nan"], "mine.csv:2: flux_err_mjy: 'nan' is no number"),
        (["A,0,2,0.5,0.1"], "mine.csv:2: aperture_radius_arcsec: '0' is no number above 0"),
        (["A,3,2,0.5,0.1", "A,3,2,0.6,0.1"], "mine.csv:3: name: 'A' has radius 3 and FWHM 2 in an earlier line"),
        (["A,3,2,0.5"], "mine.csv:2: has 4 values, the header 5 columns"),
        ([",3,2,0.5,0.1"], "mine.csv:2: name: is no name"),
    ],
)
def test_a_wrong_table_is_refused_with_line_and_value(tmp_path: Path, rows: list[str], said: str) -> None:
    with pytest.raises(CatalogError) as refused:
        read_host_table(table(tmp_path, *rows))
    assert said in str(refused.value)


def test_a_misspelled_column_is_named(tmp_path: Path) -> None:
    header = "name,aperture_radius_arcsec,fwhm_asec,flux_mjy,flux_err_mjy\n"
    with pytest.raises(CatalogError, match="fwhm_arcsec: this column is missing; did you mean 'fwhm_asec'"):
        read_host_table(table(tmp_path, header=header))


def test_two_tables_of_one_source_are_refused(tmp_path: Path) -> None:
    table(tmp_path, "A,3,2,0.5,0.1", name="one.csv")
    table(tmp_path, "a,3,2,0.6,0.1", name="two.csv")
    with pytest.raises(CatalogError, match=r"is in one\.csv too"):
        read_hosts(SHIPPED, tmp_path)
