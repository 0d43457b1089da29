"""iop4 index fetch from where each series is published: servers of their own, one of which may be down."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nights import Here
from servers import House, HttpHouse

from iop4cli.archive import index_series
from iop4cli.share import share_dir
from tests.index_samples import RADIAN_ARCMIN, write_index

ONE_TARGET = "name,ra,dec,kind\nBL Lac,330.68038,42.27777,bllac\n"
LIGHT, TYCHO = "index-5206-14.fits", "index-4107.fits"
# A field of 34 arcmin takes quads of both series.
ASK = ("index", "fetch", "--instrument", "Wide", "--scales", "6-7")


@pytest.fixture
def light(served: Path, opened: Callable[[House], House]) -> House:
    """Where series 5200 is: in a folder that is not called so."""
    write_index(served / "one" / "index-5200" / "LITE", LIGHT)
    return opened(HttpHouse(served / "one", public=True))


@pytest.fixture
def tycho(served: Path, opened: Callable[[House], House]) -> House:
    """Where series 4100 is."""
    sizes = {"SCALE_L": 22.0 / RADIAN_ARCMIN, "SCALE_U": 30.0 / RADIAN_ARCMIN}
    write_index(served / "other" / "4100", TYCHO, **sizes)
    return opened(HttpHouse(served / "other", public=True))


@pytest.fixture
def here(tmp_path: Path, light: House, tycho: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    """An archive without index.url, to which the two servers are those that publish."""
    text = (share_dir() / "index" / "astrometry_net.toml").read_text()
    text, n_replaced = re.subn(
        r'url = "https://[^/]*/(?:.*/)?(index-5200/LITE|4100)"',
        lambda found: f'url = "http://127.0.0.1:{(tycho if found[1] == "4100" else light).port}/{found[1]}"',
        text,
    )
    assert n_replaced == 2
    (tmp_path / "share" / "index").mkdir(parents=True)
    (tmp_path / "share" / "index" / "astrometry_net.toml").write_text(text)
    monkeypatch.setattr(index_series, "share_dir", lambda: tmp_path / "share")
    index_series.known_series.cache_clear()
    made = Here.made(tmp_path / "archive", light, settings="retries = 1")
    instrument = (share_dir() / "instruments" / "andor_t90.toml").read_text()
    instrument, n_replaced = re.subn('(?m)^name = "AndorT90"', 'name = "Wide"', instrument, count=1)
    assert n_replaced == 1
    instrument, n_replaced = re.subn(r"(?m)^scale_arcsec_per_px = [\d.]+", "scale_arcsec_per_px = 1.0", instrument)
    assert n_replaced == 1
    (made.root / "instruments").mkdir(exist_ok=True)
    (made.root / "instruments" / "wide.toml").write_text(instrument)
    (tmp_path / "one.csv").write_text(ONE_TARGET)
    assert made.run("catalog", "import", str(tmp_path / "one.csv")).returncode == 0
    yield made
    index_series.known_series.cache_clear()


def fetched(here: Here) -> list[str]:
    folder = here.root.parent / "home" / "iop4" / "index"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_each_series_comes_from_where_it_is_published(here: Here, light: House, tycho: House) -> None:
    done = here.run(*ASK)
    assert (done.returncode, sorted(done.stdout.splitlines())) == (0, [TYCHO, LIGHT]), done.stderr
    assert fetched(here) == [TYCHO, LIGHT]
    assert [name for name, _ in light.faults.began_at] == [LIGHT]
    assert [name for name, _ in tycho.faults.began_at] == [TYCHO]
    for house, folder in ((light, "index-5200/LITE"), (tycho, "4100")):
        assert f"http://127.0.0.1:{house.port}/{folder}/" in done.stderr


def test_needs_says_the_addresses_that_fetch_asks(here: Here, light: House, tycho: House) -> None:
    done = here.run("index", "needs", "--urls", *ASK[2:])
    assert sorted(done.stdout.splitlines()) == sorted(
        [
            f"http://127.0.0.1:{tycho.port}/4100/{TYCHO}",
            f"http://127.0.0.1:{light.port}/index-5200/LITE/{LIGHT}",
        ]
    )


def test_a_mirror_that_is_set_stands_for_all_series(here: Here, light: House, tycho: House, served: Path) -> None:
    shutil.copytree(served / "one" / "index-5200" / "LITE", served / "other" / "5200")
    done = here.run(*ASK, IOP4_INDEX_URL=f"http://127.0.0.1:{tycho.port}")
    assert (done.returncode, fetched(here), light.faults.logins) == (0, [TYCHO, LIGHT], 0), done.stderr


@pytest.mark.parametrize("down", ["light", "tycho"])
def test_where_one_server_is_down_the_other_is_still_asked(
    here: Here, request: pytest.FixtureRequest, down: str
) -> None:
    house: House = request.getfixturevalue(down)
    house.close()
    house.close = lambda: None  # type: ignore[method-assign]
    done = here.run(*ASK)
    assert (done.returncode, fetched(here)) == (3, [TYCHO] if down == "light" else [LIGHT]), done.stderr
    assert "tried 2 times" in done.stderr


def test_a_file_that_is_not_published_there_is_said_with_what_to_do(here: Here, light: House, served: Path) -> None:
    (served / "one" / "index-5200" / "LITE" / LIGHT).unlink()
    done = here.run(*ASK)
    assert (done.returncode, fetched(here)) == (3, [TYCHO])
    (line,) = [line for line in done.stderr.splitlines() if LIGHT in line]
    assert f"http://127.0.0.1:{light.port}/index-5200/LITE/" in line
    assert all(word in line for word in ("--from URL", "index.url", "--from FOLDER"))
