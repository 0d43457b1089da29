"""iop4 index fetch: only what is needed, resumed, checked, and never half there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter, namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest
from nights import Here
from servers import House, HttpHouse

from tests.index_samples import RADIAN_ARCMIN, index_bytes, write_index

MiB = 1 << 20
ONE_TARGET = "name,ra,dec,kind\nBL Lac,330.68038,42.27777,bllac\n"
# What BL Lac needs in AndorT90, of the quads asked for here.
NEEDED = ["index-5203-14.fits", "index-5204-14.fits", "index-5205-14.fits"]
ASK = ("index", "fetch", "--instrument", "AndorT90", "--scales", "3-5")


@pytest.fixture
def web(served: Path, opened: Callable[[House], House]) -> House:
    """A public web server with a mirror of astrometry.net's data, as far as tiles 13 and 14 of three scales go."""
    for scale in (3, 4, 5):
        for tile in (13, 14):
            write_index(served / "5200", f"index-520{scale}-{tile}.fits")
    return opened(HttpHouse(served, public=True))


@pytest.fixture
def here(tmp_path: Path, web: House) -> Here:
    """An archive whose settings name that server, and no folder of index files but the user's own."""
    made = Here.made(tmp_path / "archive", web, settings="retries = 2")
    with (made.root / "iop4.toml").open("a") as settings:
        settings.write(f'[index]\nurl = "http://127.0.0.1:{web.port}"\n')
    (tmp_path / "one.csv").write_text(ONE_TARGET)
    assert made.run("catalog", "import", str(tmp_path / "one.csv")).returncode == 0
    return made


def index_folder(here: Here) -> Path:
    return here.root.parent / "home" / "iop4" / "index"


def files_in(folder: Path) -> dict[str, bytes]:
    """All files, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def test_only_what_is_needed_is_fetched_and_only_once(here: Here, web: House, served: Path) -> None:
    done = here.run(*ASK)
    assert (done.returncode, done.stdout.splitlines()) == (0, NEEDED)
    assert "3 files" in done.stderr.splitlines()[0]  # before anything else
    assert files_in(index_folder(here)) == {name: (served / "5200" / name).read_bytes() for name in NEEDED}
    n_asked = len(web.faults.began_at)
    again = here.run(*ASK)
    assert (again.returncode, again.stdout, len(web.faults.began_at)) == (0, "", n_asked)
    assert here.run("index", "coverage", "--check").returncode == 0


def test_a_dry_run_says_how_much_and_does_nothing(here: Here, web: House) -> None:
    done = here.run(*ASK, "-n")
    assert (done.returncode, done.stdout.splitlines()) == (0, NEEDED)
    assert "5203" in done.stderr and "MB" in done.stderr
    assert (web.faults.logins, index_folder(here).exists()) == (0, False)


def test_a_connection_that_breaks_is_taken_up_where_it_broke(here: Here, web: House, served: Path) -> None:
    content = write_index(served / "5200", NEEDED[0], more_bytes=4 * MiB)
    web.faults.cuts_at_bytes = [3 * MiB + 4321]
    assert here.run(*ASK).returncode == 0
    assert (index_folder(here) / NEEDED[0]).read_bytes() == content
    assert [offset for name, offset in web.faults.began_at if name == NEEDED[0]] == [0, 3 * MiB]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_in_the_middle_nothing_half_is_there_and_the_next_run_goes_on(
    here: Here, web: House, served: Path, number: signal.Signals
) -> None:
    content = write_index(served / "5200", NEEDED[0], more_bytes=6 * MiB)
    web.faults.bytes_per_s = 8 * MiB
    process = subprocess.Popen([sys.executable, "-m", "iop4cli", *ASK], cwd=here.root, env=here.environment(),
                               text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    while web.faults.sent_bytes < 3 * MiB and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(number)
    _, words = process.communicate()
    assert process.returncode == (-number if number == signal.SIGKILL else 130), words
    assert [name for name in files_in(index_folder(here)) if not name.startswith(".")] == []
    web.faults.bytes_per_s = 0
    assert here.run(*ASK).returncode == 0
    found = files_in(index_folder(here))
    assert (sorted(found), found[NEEDED[0]] == content) == (NEEDED, True)
    assert any(offset > 0 for name, offset in web.faults.began_at if name == NEEDED[0])


def test_a_cut_file_is_refused_and_the_rest_goes_on(here: Here, web: House, served: Path) -> None:
    path = served / "5200" / NEEDED[1]
    whole = path.read_bytes()
    path.write_bytes(whole[:-5000])
    done = here.run(*ASK, "--json")
    status = {row["name"]: row["status"] for row in map(json.loads, done.stdout.splitlines())}
    assert (done.returncode, status) == (3, {NEEDED[0]: "done", NEEDED[1]: "failed", NEEDED[2]: "done"})
    assert NEEDED[1] not in files_in(index_folder(here))
    n_asked = len(web.faults.began_at)
    assert here.run(*ASK).returncode == 1  # it has not changed: it is not fetched in vain
    assert len(web.faults.began_at) == n_asked
    path.write_bytes(whole)
    assert here.run(*ASK).returncode == 0


@pytest.mark.parametrize("other", [{"HEALPIX": 13}, {"SCALE_L": 5.6 / RADIAN_ARCMIN, "SCALE_U": 8.0 / RADIAN_ARCMIN}])
def test_a_file_that_is_another_than_its_name_says_is_refused(here: Here, served: Path, other: dict[str, int]) -> None:
    (served / "5200" / NEEDED[1]).write_bytes(index_bytes(NEEDED[1], **other))
    done = here.run(*ASK)
    assert (done.returncode, "not what its name says" in done.stderr) == (3, True)
    assert NEEDED[1] not in files_in(index_folder(here))


def test_a_file_of_another_numbering_is_taken_and_that_is_said(here: Here, served: Path) -> None:
    (served / "5200" / NEEDED[1]).write_bytes(index_bytes(NEEDED[1], INDEXID=1404))
    done = here.run(*ASK)
    assert (done.returncode, done.stdout.splitlines()) == (0, NEEDED)
    assert f"{NEEDED[1]} is taken, but its header says index 1404" in done.stderr


def test_a_page_instead_of_a_file_is_refused(here: Here, served: Path) -> None:
    (served / "5200" / NEEDED[0]).write_text("<html>down for maintenance</html>")
    assert here.run(*ASK).returncode == 3
    assert NEEDED[0] not in files_in(index_folder(here))


def test_a_series_that_was_moved_is_found_by_the_links_of_the_front_page(here: Here, served: Path) -> None:
    shutil.move(served / "5200", served / "elsewhere")
    (served / "heavy" / "index-5200").mkdir(parents=True)
    shutil.move(served / "elsewhere", served / "heavy" / "index-5200" / "LITE")
    (served / "index.html").write_text(
        '<a href="5200/README">about 5200</a> <a href="/heavy/index-5200/">5200</a> '
        '<a href="/heavy/index-5200/LITE">5200, light</a> <a href="4100/">4100</a>'
    )
    done = here.run(*ASK)
    assert (done.returncode, done.stdout.splitlines()) == (0, NEEDED), done.stderr
    assert "heavy/index-5200/LITE" in done.stderr


def test_an_address_may_be_that_of_the_files_themselves(here: Here, web: House) -> None:
    done = here.run(*ASK, "--from", f"http://127.0.0.1:{web.port}/5200/")
    assert (done.returncode, done.stdout.splitlines()) == (0, NEEDED)


def test_what_is_nowhere_is_said(here: Here, served: Path) -> None:
    shutil.rmtree(served / "5200")
    done = here.run(*ASK)
    assert (done.returncode, done.stdout) == (1, "")
    assert "/5200/" in done.stderr and "--from URL" in done.stderr and "--from FOLDER" in done.stderr


def test_a_server_that_does_not_answer_is_given_up_soon(here: Here, web: House) -> None:
    web.close()
    done = here.run(*ASK)
    assert (done.returncode, done.stderr.count("tried 3 times"), "nothing more is tried" in done.stderr) == (1, 3, True)
    # The fixture closes it once more.
    web.close = lambda: None  # type: ignore[method-assign]


def test_a_mirror_is_linked_to_or_copied(here: Here, web: House, served: Path, tmp_path: Path) -> None:
    done = here.run(*ASK, "--from", str(served))
    assert (done.returncode, done.stdout.splitlines()) == (0, NEEDED)
    assert {(index_folder(here) / name).resolve() for name in NEEDED} == {served / "5200" / name for name in NEEDED}
    copied = here.run(
        *ASK, "--from", str(served / "5200"), "--copy", "--to", str(tmp_path / "to"), XDG_DATA_HOME="/nowhere"
    )
    assert copied.returncode == 0, copied.stderr
    assert not any(path.is_symlink() for path in (tmp_path / "to").iterdir())
    assert sorted(files_in(tmp_path / "to")) == NEEDED
    assert "iop4 index add" in copied.stderr  # nothing looks there yet
    assert web.faults.logins == 0


def test_what_a_mirror_lacks_comes_from_the_web(here: Here, web: House, tmp_path: Path) -> None:
    write_index(tmp_path / "mirror", NEEDED[0])
    done = here.run(*ASK, IOP4_INDEX_MIRROR=str(tmp_path / "mirror"))
    assert (done.returncode, done.stdout.splitlines()) == (0, NEEDED)
    assert [(index_folder(here) / name).is_symlink() for name in NEEDED] == [True, False, False]
    assert {name for name, _ in web.faults.began_at} == set(NEEDED[1:])


def test_a_cut_file_of_a_mirror_is_refused(here: Here, tmp_path: Path) -> None:
    for name in NEEDED:
        write_index(tmp_path / "mirror", name)
    path = tmp_path / "mirror" / NEEDED[2]
    path.write_bytes(path.read_bytes()[:-2880])
    done = here.run(*ASK, "--from", str(tmp_path / "mirror"))
    assert (done.returncode, done.stdout.splitlines()) == (3, NEEDED[:2])
    assert sorted(files_in(index_folder(here))) == NEEDED[:2]


def test_without_room_nothing_is_fetched(here: Here, web: House, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 10**8, 10**8))
    done = here.run(*ASK)
    assert (done.returncode, "room for 100.0 MB" in done.stderr, web.faults.logins) == (2, True, 0)
    assert files_in(index_folder(here)) == {}


def test_the_first_folder_that_can_be_written_is_taken(here: Here, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    path = os.pathsep.join((str(tmp_path / "absent"), str(tmp_path / "disk")))
    assert here.run(*ASK, IOP4_INDEX_PATH=path).returncode == 0
    assert sorted(files_in(tmp_path / "disk")) == NEEDED


def test_a_broken_file_of_the_name_is_set_aside(here: Here) -> None:
    index_folder(here).mkdir(parents=True)
    (index_folder(here) / NEEDED[0]).write_bytes(b"half")
    done = here.run(*ASK)
    assert (done.returncode, done.stdout.splitlines()) == (0, NEEDED)
    assert (index_folder(here) / f"{NEEDED[0]}.broken").read_bytes() == b"half"


@pytest.mark.parametrize("said", ["ftp://127.0.0.1/x", "http://me:pa55@127.0.0.1/", "http://127.0.0.1:x/", "/nowhere"])
def test_a_place_that_is_none_is_refused_and_its_password_not_said(here: Here, said: str) -> None:
    done = here.run(*ASK, "--from", said)
    assert (done.returncode, done.stdout, "pa55" in done.stderr) == (2, "", False)


def test_each_target_gets_its_own_tiles(here: Here, tmp_path: Path) -> None:
    (tmp_path / "two.csv").write_text("name,ra,dec,kind\nOJ 287,133.70365,20.10851,bllac\n")
    assert here.run("catalog", "import", str(tmp_path / "two.csv")).returncode == 0
    names = here.run(*ASK, "-n").stdout.splitlines()
    assert Counter(name[-7:-5] for name in names) == {"14": 3, "04": 3}
    assert here.run(*ASK, "-n", "--source", "oj287").stdout.splitlines() == [n.replace("-14", "-04") for n in NEEDED]
