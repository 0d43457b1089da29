"""Small nights and archives for the tests of this folder; each is made once, tests work on copies."""

from __future__ import annotations

from pathlib import Path

import pytest

from iop4cli.simulate.night import NightRecipe
from tests.night.archives import Archive, make_archive

NIGHT = "2022-03-10"
# Fields with three and more comparison stars in the middle of the camera, where the small frames lie.
TARGETS = ("0716+714", "0954+658")


@pytest.fixture(scope="session")
def raw_night(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """A night of the 0.9 m telescope, photometry and polarimetry of two targets, not reduced."""
    recipe = NightRecipe(
        "AndorT90", "both", NIGHT, 3, targets=TARGETS, size_px=700, n_bias=3, n_flats=3, transparency_rms=0.05
    )
    return make_archive(tmp_path_factory.mktemp("night") / "raw", recipe)


@pytest.fixture(scope="session")
def reduced_night(raw_night: Archive, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """The same, reduced by one `iop4 run`; not to be changed."""
    archive = raw_night.copy(tmp_path_factory.mktemp("night") / "reduced")
    archive.iop4("run", "-j2")
    return archive


@pytest.fixture
def raw(raw_night: Archive, tmp_path: Path) -> Archive:
    """A copy of the raw night for one test."""
    return raw_night.copy(tmp_path / "archive")


@pytest.fixture
def reduced(reduced_night: Archive, tmp_path: Path) -> Archive:
    """A copy of the reduced night for one test."""
    return reduced_night.copy(tmp_path / "archive")
