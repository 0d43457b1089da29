"""One small archive, reduced once; each test has its own store beside the same frames."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.small_archives import NIGHT, SmallArchive


@pytest.fixture(scope="session")
def reduced_archive(tmp_path_factory: pytest.TempPathFactory) -> SmallArchive:
    """AndorT90, BL Lac, 640 x 640 px: a group, a frame of photometry, and one that is cut short. Not to be changed."""
    from iop4cli.simulate.night import NightRecipe, simulate_night

    folder = tmp_path_factory.mktemp("tui")
    recipe = NightRecipe("AndorT90", "both", NIGHT.split("/")[1], targets=("BL Lac",), size_px=640, n_bias=3, n_flats=3)
    night = simulate_night(folder / "night", recipe)
    archive = SmallArchive(folder / "archive")
    archive.root.mkdir()
    for command in (["init"], ["catalog", "import", str(night.folder / "sources.csv")]):
        assert archive.run(*command).returncode == 0
    shutil.copytree(night.folder / "raw", archive.root / "raw", dirs_exist_ok=True)
    whole = (night.night_folder / "BLLac-0001R.fit").read_bytes()
    (archive.root / "raw" / NIGHT / "Cut-0001R.fit").write_bytes(whole[: len(whole) // 2])
    done = archive.run("run", "-j", "1")
    assert done.returncode == 3, done.stderr
    return archive


@pytest.fixture
def archive(reduced_archive: SmallArchive, tmp_path: Path) -> SmallArchive:
    """The same frames with a store and settings of one's own."""
    root = tmp_path / "archive"
    root.mkdir()
    for name in ("iop4.toml", "iop4.duckdb"):
        shutil.copy(reduced_archive.root / name, root / name)
    for name in ("raw", "reduced"):
        (root / name).symlink_to(reduced_archive.root / name)
    shutil.copytree(reduced_archive.root / "master", root / "master")
    return SmallArchive(root)
