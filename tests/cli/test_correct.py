"""iop4 correct: results without their host galaxy, and what makes them due."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from small_archives import NIGHT, SmallArchive

from iop4cli.archive.store import Store
from iop4cli.share import share_dir

HEADER = "name,aperture_radius_arcsec,fwhm_arcsec,flux_mjy,flux_err_mjy\n"
HOST = "host_mjy, host_err_mjy, mag_host, mag_host_err, p_host, p_host_err, q_host, u_host, host_reason"


@pytest.fixture
def archive(small_archive: SmallArchive, tmp_path: Path) -> SmallArchive:
    return small_archive.copy(tmp_path / "archive")


def store(archive: SmallArchive) -> Store:
    return Store(archive.root / "iop4.duckdb")


def results(archive: SmallArchive, mode: str = "pol", source: str = "2200+420") -> dict[str, Any]:
    rows = store(archive).rows("select * from results where source = ? and mode = ?", [source, mode])
    assert len(rows) == 1
    return rows[0]


def results_of(archive: SmallArchive, result: str) -> dict[str, Any]:
    return store(archive).rows("select * from results where id = ?", [result])[0]


def give_table(archive: SmallArchive, *nodes: tuple[float, float, float, float], name: str = "BL Lac") -> None:
    rows = "".join(f"{name},{','.join(map(repr, node))}\n" for node in nodes)
    (archive.root / "host_galaxies" / "mine.csv").write_text(HEADER + rows, encoding="utf-8")


def correct(archive: SmallArchive, *arguments: str, code: int = 0) -> list[str]:
    done = archive.run("correct", *arguments)
    assert done.returncode == code, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("mode", ["pol", "phot"])
def test_a_result_at_a_node_is_corrected_by_hand_arithmetic(archive: SmallArchive, mode: str) -> None:
    before = results(archive, mode)
    flux = 3.080e6 * 10 ** (-0.4 * before["mag"])
    host, host_err = flux / 4, flux / 50
    give_table(archive, (before["aperture_arcsec"], before["fwhm_arcsec"], host, host_err))
    assert correct(archive) == [f"{NIGHT}/results"]
    after = results(archive, mode)
    assert (after["host_mjy"], after["host_err_mjy"], after["host_mag"]) == (host, host_err, before["mag"])
    assert after["mag_host"] == pytest.approx(before["mag"] + 2.5 * math.log10(4 / 3), rel=1e-12)
    assert after["host_reason"] is None
    if mode == "pol":
        for name in ("p", "q", "u", "p_debiased"):
            corrected = after["p_host_debiased" if name == "p_debiased" else f"{name}_host"]
            assert corrected == pytest.approx(before[name] * 4 / 3, rel=1e-9)
        assert after["p_host_err"] > before["p_err"] * 4 / 3
    else:
        assert after["p_host"] is None


def test_outside_the_table_there_is_null_and_the_reason(archive: SmallArchive) -> None:
    give_table(archive, *((radius, fwhm, 1.0, 0.1) for radius in (20.0, 25.0) for fwhm in (1.0, 8.0)))
    correct(archive)
    row = results(archive)
    assert row["host_reason"] == (
        f'aperture radius {row["aperture_arcsec"]:.2f}" is outside the table, which has 20" to 25"'
    )
    assert [name for name in row if "host" in name and name != "host_reason" and row[name] is not None] == []


def test_show_tells_the_result_without_its_host_or_why_there_is_none(archive: SmallArchive) -> None:
    row = results(archive)
    shown = " ".join(archive.run("show", row["id"]).stdout.split())
    assert f"{row['mag_host']:.4f} +- {row['mag_host_err']:.4f} mag, p {100 * row['p_host']:.3f} +-" in shown
    give_table(archive, (20.0, 2.0, 1.0, 0.1))
    correct(archive)
    shown = " ".join(archive.run("show", row["id"]).stdout.split())
    assert "none: aperture radius" in shown


def test_sources_without_a_known_host_have_neither_value_nor_complaint(archive: SmallArchive) -> None:
    rows = store(archive).rows(f"select {HOST} from results where source <> '2200+420'")
    assert len(rows) == 6
    assert {value for row in rows for value in row.values()} == {None}


def test_a_band_that_the_table_is_not_of_has_a_reason(archive: SmallArchive) -> None:
    store(archive).write([], "update measurement set band = 'V' where mode = 'phot';")
    correct(archive, "--force")
    assert results(archive, "phot")["host_reason"] == "the host's light is known in R only, not in V"
    assert results(archive, "pol")["p_host"] is not None


def test_a_second_run_has_nothing_to_do_and_a_changed_table_only_this_step(archive: SmallArchive) -> None:
    assert archive.run("run").stderr.startswith("nothing due")
    give_table(archive, (1.0, 1.0, 1.0, 0.1))
    due = archive.rows("run", "-n", "--json")
    due = [(row["step"], row["name"], row["reason"]) for row in due if row["status"] == "due"]
    assert due == [("correct", f"{NIGHT}/results", "changed: host galaxies")]
    correct(archive)
    assert archive.run("run").stderr.startswith("nothing due")


def test_a_table_of_a_source_that_was_not_measured_makes_nothing_due(archive: SmallArchive) -> None:
    give_table(archive, (1.0, 1.0, 1.0, 0.1), name="Mrk 501")
    assert archive.run("run").stderr.startswith("nothing due")


def test_a_wrong_table_is_a_mistake_of_the_user_with_its_line(archive: SmallArchive) -> None:
    give_table(archive, (1.0, 1.0, -1.0, 0.1))
    done = archive.run("correct")
    assert done.returncode == 2
    assert "mine.csv:2: flux_mjy: '-1.0' is no number not below 0" in done.stderr


def take_magnitude_away(archive: SmallArchive) -> dict[str, Any]:
    """Let the group have none; the photometry of the same night is 1 hour later."""
    before = results(archive)
    store(archive).write(
        [],
        f"update measurement set mag = null, mag_err = null where id = '{before['id']}'; "
        f"update measurement set mjd_utc = {before['mjd_utc'] + 1 / 24} where source = '2200+420' and mode = 'phot';",
    )
    return before


def test_a_group_without_a_magnitude_takes_one_of_the_light_curve_and_says_so(archive: SmallArchive) -> None:
    before = take_magnitude_away(archive)
    assert correct(archive) == [f"{NIGHT}/results"]
    row, photometry = results(archive), results(archive, "phot")
    assert row["correction_notes"] == f"magnitude interpolated in time from {photometry['id']}"
    assert row["host_mag"] == photometry["mag"]
    assert row["host_mag_err"] == pytest.approx(math.hypot(photometry["mag_err"], 0.15 * math.sqrt(1 / 24)), rel=1e-6)
    flux = 3.080e6 * 10 ** (-0.4 * photometry["mag"])
    assert row["p_host"] == pytest.approx(before["p"] * flux / (flux - row["host_mjy"]), rel=1e-9)
    assert (row["mag_host"], row["mag_host_err"]) == (None, None)
    assert archive.run("correct").stderr.startswith("nothing due")


def test_a_magnitude_too_far_in_time_is_not_taken(archive: SmallArchive) -> None:
    take_magnitude_away(archive)
    correct(archive, "--param", "host_mag_days=0.02")
    row = results(archive)
    assert row["host_reason"] == "it has no magnitude, and none of the source within 0.02 days"
    assert (row["p_host"], row["host_mag"], row["correction_notes"]) == (None, None, None)


def test_a_magnitude_of_another_night_is_known_whichever_night_is_asked_for(archive: SmallArchive) -> None:
    """The key holds it, so that its own re-reduction makes due what rests on it, and nothing else does."""
    before = take_magnitude_away(archive)
    other = f"{NIGHT.split('/')[0]}/2022-09-09/BLLac-0001R.fit"
    store(archive).write(
        [],
        f"insert into measurement by name select * replace ('fedcba987654' as id, '{other}' as origin, "
        f"date '2022-09-09' as night, mjd_utc - 0.01 as mjd_utc, 14.5 as mag, 0.02 as mag_err) "
        f"from measurement where source = '2200+420' and mode = 'phot'; "
        f"insert into item by name select * replace ('{other}' as name, 'first' as key) from item "
        f"where step = 'phot' and name like '{NIGHT}/%R.fit' limit 1;",
    )
    assert correct(archive) == [f"{NIGHT}/results", "OSN-T090/2022-09-09/results"]
    row = results_of(archive, before["id"])
    assert row["correction_notes"] == "magnitude interpolated in time from fedcba987654"
    assert row["host_mag"] == 14.5
    for arguments in ((), (NIGHT,)):
        assert archive.run("correct", *arguments).stderr.startswith("nothing due")
    store(archive).write([], f"update item set key = 'second' where name = '{other}';")
    due = archive.rows("correct", "-n", "--json", NIGHT)
    assert [row["reason"] for row in due if row["status"] == "due"] == ["changed: magnitudes of other nights"]


def test_a_band_of_a_system_of_its_own_is_said_so_and_its_change_makes_this_step_due(archive: SmallArchive) -> None:
    assert results(archive)["photometric_system"] == "Johnson-Cousins"
    text = (share_dir() / "instruments" / "andor_t90.toml").read_text(encoding="utf-8")
    own = archive.root / "instruments" / "andor_t90.toml"
    own.write_text(f'{text}\n[photometry.R]\nsystem = "R of another glass"\n', encoding="utf-8")
    due = [(row["step"], row["reason"]) for row in archive.rows("run", "-n", "--json") if row["status"] == "due"]
    assert due == [("correct", "changed: photometric systems")]
    correct(archive)
    row = results(archive)
    assert row["photometric_system"] == "R of another glass"
    assert row["correction_notes"] == "the host's flux is of Cousins R, the magnitude of R of another glass"
    assert row["mag_host"] > row["mag"]


def test_a_band_with_a_colour_term_is_brought_to_the_catalogues_system(archive: SmallArchive) -> None:
    text = (share_dir() / "instruments" / "andor_t90.toml").read_text(encoding="utf-8")
    lines = '[photometry.R]\nsystem = "R of another glass"\ncolour = "V-R"\ncolour_term = 0.1\n'
    (archive.root / "instruments" / "andor_t90.toml").write_text(f"{text}\n{lines}", encoding="utf-8")
    archive.run("run")
    row = results(archive)
    assert (row["photometric_system"], row["correction_notes"]) == ("Johnson-Cousins", None)
