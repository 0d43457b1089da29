"""`iop4 show --sweep`: results by the radius of the aperture."""

from __future__ import annotations

import pytest
from small_archives import SmallArchive


@pytest.fixture(scope="module")
def results(small_archive: SmallArchive) -> list[dict]:
    return small_archive.rows("export", "--format", "ndjson")


@pytest.mark.parametrize("mode", ["phot", "pol"])
def test_a_result_is_shown_by_the_radius_of_its_aperture(small_archive, results, mode):
    for result in (row for row in results if row["mode"] == mode):
        (document,) = small_archive.rows("show", result["id"], "--sweep", "--json")
        sweep = document["sweep"]
        radii = [row["radius_arcsec"] for row in sweep]
        assert len(sweep) >= 6 and radii == sorted(radii)
        (used,) = (row for row in sweep if row["used"])
        assert used["radius_arcsec"] == pytest.approx(result["aperture_arcsec"], rel=1e-6)
        assert (used["mag"], used["mag_change"]) == (pytest.approx(result["mag"], abs=1e-6), pytest.approx(0, abs=1e-6))
        if mode == "pol":
            for name in ("q", "u", "p", "chi_deg"):
                assert used[name] == pytest.approx(result[name], rel=1e-6)
        for row in sweep:
            # Noise alone: one change in 16,000 is beyond four of its errors.
            if row["used"] or row["mag_change"] is None:
                continue
            assert abs(row["mag_change"]) < 4.5 * row["mag_change_err"]
            if mode == "pol":
                assert abs(row["q"] - used["q"]) < 6.4 * max(row["q_change_err"], row["u_change_err"])


def test_simulated_results_are_not_called_unstable(results):
    assert not [row["id"] for row in results if "radius of the aperture" in (row["quality_text"] or "")]


def test_on_paper_the_sweep_is_a_section_and_without_the_option_there_is_none(small_archive, results):
    name = next(row["id"] for row in results if row["mode"] == "pol")
    assert "By the radius of the aperture" in small_archive.run("show", name, "--sweep").stdout
    assert "By the radius of the aperture" not in small_archive.run("show", name).stdout


def test_apertures_may_be_chosen_by_the_least_error(small_archive, tmp_path):
    copy = small_archive.copy(tmp_path / "archive")
    before = {row["id"]: row for row in copy.rows("export", "--format", "ndjson")}
    copy.run("run", "-j1", "--param", "phot.aperture=optimal")
    after = {row["id"]: row for row in copy.rows("export", "--format", "ndjson")}
    assert before.keys() == after.keys()
    for name, row in after.items():
        assert 0.7 < row["aperture_arcsec"] / row["fwhm_arcsec"] < 3.3
        assert row["aperture_arcsec"] != before[name]["aperture_arcsec"]
        # The same light in another circle: what differs is noise, of which most is common.
        assert abs(row["mag"] - before[name]["mag"]) < 3 * row["mag_err"]
    wrong = copy.run("run", "--param", "phot.aperture=best")
    assert wrong.returncode == 2 and "fixed or optimal" in wrong.stderr
