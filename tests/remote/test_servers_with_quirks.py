"""What single kinds of servers, networks and disks do to `iop4 fetch`."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest
from nights import EPOCH, FOLDER, Here, make_night
from servers import FtpHouse, House, SftpHouse

from iop4cli.remote.transfer import CHECKPOINT_BYTES

Opened = Callable[[House], House]


def test_names_in_latin_1_come_over_ftp(served: Path, tmp_path: Path, opened: Opened) -> None:
    contents = make_night(served, {"Peñón-Ü.fits": 3000, "BLLac.fits": 3000})
    house = opened(FtpHouse(served, encoding="latin-1"))
    here = Here.made(tmp_path / "archive", house, more='encoding = "latin-1"\n')
    done = here.fetch("220908")
    assert (done.returncode, here.night()) == (0, contents), done.stderr
    assert f"{EPOCH}/Peñón-Ü.fits" in done.stdout.splitlines()


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems hold no names that are not UTF-8")
def test_names_in_latin_1_come_over_sftp(served: Path, tmp_path: Path, opened: Opened) -> None:
    content = make_night(served, {"plain.fits": 3000})["plain.fits"]
    (served / FOLDER / "plain.fits").rename(served / FOLDER / os.fsdecode("Peñón.fits".encode("latin-1")))
    here = Here.made(tmp_path / "archive", opened(SftpHouse(served)), more='encoding = "latin-1"\n')
    assert here.fetch("220908").returncode == 0
    assert here.night() == {"Peñón.fits": content}


def test_names_that_are_not_in_the_encoding_of_the_archive_are_refused(
    served: Path, tmp_path: Path, opened: Opened
) -> None:
    contents = make_night(served, {"Peñón.fits": 3000, "BLLac.fits": 3000})
    here = Here.made(tmp_path / "archive", opened(FtpHouse(served, encoding="latin-1")))
    done = here.fetch("220908", IOP4_FETCH_LOOP_USER="guest", IOP4_FETCH_LOOP_PASSWORD="guest")
    assert (done.returncode, here.night()) == (3, {"BLLac.fits": contents["BLLac.fits"]})
    assert "not in the encoding" in done.stderr


def test_a_line_break_in_a_name_makes_no_file_over_ftp(served: Path, tmp_path: Path, opened: Opened) -> None:
    contents = make_night(served, {"Good.fits": 3000, "a\nb.fits": 3000})
    here = Here.made(tmp_path / "archive", opened(FtpHouse(served)))
    done = here.fetch("220908")
    assert (done.returncode, here.night()) == (3, {"Good.fits": contents["Good.fits"]})
    assert "b.fits: the name has control characters" in done.stderr


def test_an_old_ftp_server_without_machine_listing_serves_too(served: Path, tmp_path: Path, opened: Opened) -> None:
    contents = make_night(served, {"BLLac.fits": 3000, "Flat R+45.fits": 3000})
    here = Here.made(tmp_path / "archive", opened(FtpHouse(served, machine_listing=False)))
    assert here.fetch("--list").stdout.splitlines() == [EPOCH]
    assert here.fetch("220908").returncode == 0
    assert here.night() == contents
    assert here.fetch("220908").stdout == ""


def test_a_checksum_that_the_server_says_must_be_met(served: Path, tmp_path: Path, opened: Opened) -> None:
    contents = make_night(served, {"BLLac.fits": 3000, "Flat.fits": 3000})
    house = opened(FtpHouse(served))
    house.faults.lies_about_checksum = {"BLLac.fits"}
    here = Here.made(tmp_path / "archive", house, settings="retries = 2")
    done = here.fetch("220908")
    assert (done.returncode, here.night()) == (3, {"Flat.fits": contents["Flat.fits"]})
    assert "its sha256 is not the one that the server says (tried 3 times)" in done.stderr


def test_an_unknown_host_is_refused_with_its_fingerprint_before_anything_is_said(
    served: Path, tmp_path: Path, opened: Opened
) -> None:
    make_night(served, {"BLLac.fits": 3000})
    house = opened(SftpHouse(served))
    here = Here.made(tmp_path / "archive", house)
    (here.root / "known_hosts").write_text("")
    done = here.fetch("220908")
    assert done.returncode == 1
    assert house.key.get_fingerprint() in done.stderr
    assert f"ssh-keyscan -p {house.port} 127.0.0.1 >> {here.root / 'known_hosts'}" in done.stderr
    assert house.faults.logins == 0


def test_a_changed_host_key_is_refused_with_both_fingerprints(served: Path, tmp_path: Path, opened: Opened) -> None:
    make_night(served, {"BLLac.fits": 3000})
    house = opened(SftpHouse(served))
    here = Here.made(tmp_path / "archive", house)
    old = asyncssh.generate_private_key("ssh-ed25519")
    known = f"[127.0.0.1]:{house.port} {old.export_public_key().decode()}\n"
    (here.root / "known_hosts").write_text(known)
    done = here.fetch("220908")
    assert done.returncode == 1 and "HAS CHANGED" in done.stderr
    assert house.key.get_fingerprint() in done.stderr and old.get_fingerprint() in done.stderr
    assert house.faults.logins == 0
    assert (here.root / "known_hosts").read_text() == known


def test_a_server_that_is_not_there_is_tried_again_and_said(served: Path, tmp_path: Path) -> None:
    house = FtpHouse(served)
    house.close()
    done = Here.made(tmp_path / "archive", house, settings="retries = 2").fetch("--new")
    assert done.returncode == 1
    assert "(tried 3 times)" in done.stderr


def test_a_server_that_falls_silent_is_given_up_after_the_timeout(served: Path, tmp_path: Path, opened: Opened) -> None:
    make_night(served, {"BLLac.fits": 3 * CHECKPOINT_BYTES})
    house = opened(FtpHouse(served))
    house.faults.bytes_per_s = 1
    here = Here.made(tmp_path / "archive", house, settings="retries = 0")
    began_s = time.monotonic()
    done = here.fetch("220908", IOP4_FETCH_TIMEOUT_S="0.4")
    assert (done.returncode, done.stdout) == (1, "")
    assert 0.4 < time.monotonic() - began_s < 4.0
    assert "timed out" in done.stderr


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """A disk on which nothing larger can be written, as with a quota."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_ends_the_run_and_loses_nothing(house: House, served: Path, tmp_path: Path) -> None:
    contents = make_night(served, {"A.fits": 3000, "B.fits": 2 * CHECKPOINT_BYTES, "C.fits": 3000})
    here = Here.made(tmp_path / "archive", house, more="connections = 1\n")
    with largest_file(CHECKPOINT_BYTES + 1000):
        done = here.fetch("220908")
    assert (done.returncode, done.stdout.splitlines()) == (3, [f"{EPOCH}/A.fits"])
    assert "cannot write" in done.stderr and f"{EPOCH}/C.fits: not tried" in done.stderr
    assert {name for name in here.night() if not name.startswith(".")} == {"A.fits"}
    assert here.fetch("220908").returncode == 0
    assert here.night() == contents
    assert ("B.fits", CHECKPOINT_BYTES) in house.faults.began_at


@pytest.mark.night
@pytest.mark.parametrize("house", ["ftp", "sftp", "http"], indirect=True)
def test_a_thousand_files_come_over_a_few_connections(house: House, served: Path, tmp_path: Path) -> None:
    contents = make_night(served, {f"BLLac-{number:04d}R.fit": 3000 + number for number in range(1000)})
    here = Here.made(tmp_path / "archive", house, more="connections = 4\n")
    done = here.fetch("220908")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [f"{EPOCH}/{name}" for name in contents]
    assert here.night() == contents
    if house.protocol != "http":  # where each request is a connection
        assert house.faults.logins == 4


@pytest.mark.night
def test_two_runs_at_once_do_not_harm_each_other(served: Path, tmp_path: Path, opened: Opened) -> None:
    contents = make_night(served, {f"BLLac-{number:02d}.fits": 2 * CHECKPOINT_BYTES for number in range(12)})
    house = opened(FtpHouse(served))
    house.faults.bytes_per_s = 8 * CHECKPOINT_BYTES
    here = Here.made(tmp_path / "archive", house)
    said = [process.communicate() for process in [here.started("220908"), here.started("220908")]]
    assert sorted("".join(out for out, _ in said).splitlines()) == [f"{EPOCH}/{name}" for name in contents]
    assert here.night() == contents
