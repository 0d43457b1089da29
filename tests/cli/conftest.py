"""One small archive, reduced once, for all tests of what commands show."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_archives import NIGHT, SmallArchive


@pytest.fixture(scope="session")
def small_archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallArchive]:
    """See SmallArchive; not to be changed, for all tests share it, and copies share its images."""
    from iop4cli.simulate.night import NightRecipe, simulate_night

    folder = tmp_path_factory.mktemp("small")
    recipe = NightRecipe("AndorT90", "both", NIGHT.split("/")[1], targets=("BL Lac",), size_px=640, n_bias=3, n_flats=3)
    night = simulate_night(folder / "night", recipe)
    _add_bad_frames(night.night_folder)
    archive = SmallArchive(folder / "archive")
    archive.root.mkdir()
    for command in (["init"], ["catalog", "import", str(night.folder / "sources.csv")]):
        assert archive.run(*command).returncode == 0
    shutil.copytree(night.folder / "raw", archive.root / "raw", dirs_exist_ok=True)
    done = archive.run("run", "-j", "1")
    assert done.returncode == 3, done.stderr
    images = archive.images()
    yield archive
    assert archive.images() == images


def _add_bad_frames(folder: Path) -> None:
    from astropy.io import fits

    whole = (folder / "BLLac-0001R.fit").read_bytes()
    (folder / "Cut-0001R.fit").write_bytes(whole[: len(whole) // 2])
    with fits.open(folder / "BLLac-0001R.fit") as hdus:
        hdus[0].header["FILTER"] = "V Johnson"
        hdus.writeto(folder / "BLLac-0002V.fit")
