"""`iop4 catalog exposure`: the time that it asks for is the one with which the archive got that error."""

from __future__ import annotations

import pytest
from small_archives import SmallArchive

from iop4cli.archive.store import Store


def result(archive: SmallArchive, mode: str) -> dict:
    sql = "select * from measurement where mode = ? and source in (select target from calibrates)"
    (row,) = Store(archive.root / "iop4.duckdb").rows(sql, [mode])
    return row


def test_the_photometric_error_that_was_got_takes_the_exposure_that_it_took(small_archive):
    got = result(small_archive, "phot")
    wanted = str(1.0857362 / got["mag_err_photon"])
    (row,) = small_archive.rows(
        "catalog", "exposure", "BL Lac", "--instrument", "andort90", "--snr", wanted, "--longest", "100000", "--json"
    )
    assert (row["mode"], row["band"], row["n_exposures"]) == ("phot", "R", 1)
    assert row["mag"] == got["mag"]
    # Sky scatter and FWHM of a frame are known to some percent, and the flat's error is in its result.
    assert row["exptime_s"] == pytest.approx(got["exptime_s"], rel=0.1)


def test_the_error_of_p_that_was_got_takes_the_group_that_it_took(small_archive):
    got = result(small_archive, "pol")
    wanted = str((got["q_err_photon"] + got["u_err_photon"]) / 2)
    (row,) = small_archive.rows(
        "catalog",
        "exposure",
        "BL Lac",
        "--instrument",
        "AndorT90",
        "--p-error",
        wanted,
        "--longest",
        "100000",
        "--json",
    )
    assert (row["mode"], row["n_exposures"]) == ("pol", 4)
    # The formula takes the four fluxes for equal: with p of 10 % that is wrong by p^2 only, but their seeing differs.
    assert row["exptime_s"] == pytest.approx(got["exptime_s"], rel=0.1)


def test_what_cannot_be_said_is_an_error_with_its_reason(small_archive):
    def said(*arguments: str) -> tuple[int, str]:
        done = small_archive.run("catalog", "exposure", "BL Lac", *arguments)
        assert done.stdout == ""
        return done.returncode, done.stderr

    assert said("--instrument", "AndorT90")[0] == 2
    assert said("--instrument", "AndorT90", "--p-error", "1")[0] == 2
    code, words = said("--instrument", "CAFOS", "--snr", "100")
    assert (code, "zero point" in words) == (4, True)
    assert said("--instrument", "AndorT90", "--snr", "100", "--band", "U")[0] == 4
