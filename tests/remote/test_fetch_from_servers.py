"""`iop4 fetch --from` against real servers of three kinds."""

from __future__ import annotations

import os
from pathlib import Path

from nights import EPOCH, FOLDER, Here, make_night
from servers import PASSWORD, USER, House

from iop4cli.remote.transfer import CHECKPOINT_BYTES


def test_a_night_is_fetched_whole_and_only_once(house: House, served: Path, tmp_path: Path) -> None:
    contents = make_night(served, {"BLLac-0001R.fit": 5000, "Flat R+45.fits": 12_000, "Bias#1 50%.fits": 1})
    (served / FOLDER / "notes.txt").write_text("clouds")
    here = Here.made(tmp_path / "archive", house)
    first = here.fetch("220908")
    assert not first.stderr.count("warning"), first.stderr
    assert (first.returncode, sorted(first.stdout.splitlines())) == (0, sorted(f"{EPOCH}/{name}" for name in contents))
    assert here.night() == contents
    before = house.faults.sent_bytes
    again = here.fetch("T090/220908")
    assert (again.returncode, again.stdout) == (0, "")
    assert "0 fetched, 3 there already" in again.stderr
    assert house.faults.sent_bytes == before


def test_a_cut_transfer_goes_on_where_it_was(house: House, served: Path, tmp_path: Path) -> None:
    contents = make_night(served, {"BLLac.fits": 4 * CHECKPOINT_BYTES})
    house.faults.cuts_at_bytes = [3 * CHECKPOINT_BYTES + 100_000]
    here = Here.made(tmp_path / "archive", house, more="connections = 1\n")
    done = here.fetch("220908")
    assert done.returncode == 0, done.stderr
    assert here.night() == contents
    offsets = [offset for _, offset in house.faults.began_at]
    assert offsets[0] == 0 and offsets[-1] >= CHECKPOINT_BYTES, offsets


def test_what_a_run_could_not_finish_the_next_one_does(house: House, served: Path, tmp_path: Path) -> None:
    contents = make_night(served, {"BLLac.fits": 4 * CHECKPOINT_BYTES, "Flat.fits": 3000})
    here = Here.made(tmp_path / "archive", house, more="connections = 1\n", settings="retries = 0")
    house.faults.cuts_at_bytes = [3 * CHECKPOINT_BYTES]
    first = here.fetch("220908")
    assert first.returncode == 3
    assert f"{EPOCH}/BLLac.fits" in first.stderr
    assert first.stdout.splitlines() == [f"{EPOCH}/Flat.fits"]
    second = here.fetch("220908")
    assert second.returncode == 0, second.stderr
    assert here.night() == contents
    assert house.faults.began_at[-1][1] >= CHECKPOINT_BYTES


def test_a_file_that_changed_meanwhile_is_not_pieced_together(house: House, served: Path, tmp_path: Path) -> None:
    make_night(served, {"BLLac.fits": 3 * CHECKPOINT_BYTES})
    here = Here.made(tmp_path / "archive", house, settings="retries = 0")
    house.faults.cuts_at_bytes = [2 * CHECKPOINT_BYTES]
    assert here.fetch("220908").returncode == 1
    other = make_night(served, {"Other.fits": 1, "BLLac.fits": 3 * CHECKPOINT_BYTES})
    os.utime(served / FOLDER / "BLLac.fits", (1_600_000_000, 1_600_000_000))
    assert here.fetch("220908").returncode == 0
    assert here.night() == other


def test_a_file_that_grows_while_it_is_read_is_left_for_the_next_time(
    house: House, served: Path, tmp_path: Path
) -> None:
    contents = make_night(served, {"Growing.fits": 200_000, "Flat.fits": 3000})
    house.faults.grows = {"Growing.fits"}
    here = Here.made(tmp_path / "archive", house)
    done = here.fetch("220908")
    assert (done.returncode, done.stdout.splitlines()) == (3, [f"{EPOCH}/Flat.fits"])
    assert "changed on the server while it was read" in done.stderr
    assert here.night() == {"Flat.fits": contents["Flat.fits"]}
    house.faults.grows = set()
    (served / FOLDER / "Growing.fits").write_bytes(contents["Growing.fits"])
    assert here.fetch("220908").returncode == 0
    assert here.night() == contents


def test_a_file_that_is_cut_on_the_server_is_no_frame_until_it_changes(
    house: House, served: Path, tmp_path: Path
) -> None:
    contents = make_night(served, {"Cut.fits": 20_000})
    cut = served / FOLDER / "Cut.fits"
    cut.write_bytes(contents["Cut.fits"][:-2880])
    here = Here.made(tmp_path / "archive", house)
    first = here.fetch("220908")
    assert (first.returncode, first.stdout) == (1, "")
    assert "2880 bytes of the data of HDU 0 are missing" in first.stderr
    transfers = len(house.faults.began_at)
    assert here.fetch("220908").returncode == 1
    assert len(house.faults.began_at) == transfers  # not fetched in vain each night
    assert here.fetch("220908", "--again").returncode == 1
    assert len(house.faults.began_at) == transfers + 1
    cut.write_bytes(contents["Cut.fits"])
    assert here.fetch("220908").returncode == 0
    assert here.night() == contents


def test_names_from_the_server_cannot_leave_the_archive(house: House, served: Path, tmp_path: Path) -> None:
    contents = make_night(served, {"Good.fits": 3000})
    long = "x" * 251 + ".fits"
    hostile = ["../../etc/x.fits", "/etc/y.fits", "..\\z.fits", "q/../w.fits", ".hidden.fits", "b\x1b[2J.fits", long]
    if house.protocol != "ftp":  # there a line break ends the entry: see the next test
        hostile += ["a\nb.fits", "c\r.fits"]
    house.faults.listed_too = hostile
    here = Here.made(tmp_path / "archive", house)
    before = {path for path in tmp_path.rglob("*") if "archive" not in path.parts}
    done = here.fetch("220908")
    assert (done.returncode, done.stdout.splitlines()) == (3, [f"{EPOCH}/Good.fits"])
    assert here.night() == contents
    assert {path for path in tmp_path.rglob("*") if "archive" not in path.parts} <= before | {tmp_path / "home"}
    for name in ("../../etc/x.fits", "/etc/y.fits", "..\\z.fits", "q/../w.fits", ".hidden.fits", "b\\x1b[2J.fits"):
        assert f"{EPOCH}/{name}: " in done.stderr
    assert done.stderr.count("refused") == len(hostile)
    assert "\x1b[2J" not in done.stderr
    if house.protocol != "ftp":
        assert f"{EPOCH}/a\\nb.fits: the name has control characters" in done.stderr


def test_a_wrong_password_is_tried_once_and_said_to_nobody(house: House, served: Path, tmp_path: Path) -> None:
    make_night(served, {"Good.fits": 3000})
    wrong = "Sesame-42%"
    house.faults.echo_password = True
    here = Here.made(tmp_path / "archive", house)
    done = here.fetch("220908", "-vv", IOP4_FETCH_LOOP_PASSWORD=wrong)
    assert (done.returncode, done.stdout) == (1, "")
    assert "refuses the login of observer" in done.stderr
    assert wrong not in done.stderr
    assert house.faults.logins == 1


def test_the_password_is_found_in_three_ways_and_never_shown(house: House, served: Path, tmp_path: Path) -> None:
    make_night(served, {"Good.fits": 3000})
    here = Here.made(tmp_path / "archive", house)
    secret, netrc = tmp_path / "secret", tmp_path / "netrc"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n", encoding="utf-8")
    netrc.chmod(0o600)
    said = [here.fetch("220908", "-vv"), here.run("doctor"), here.run("log")]
    nothing = {"IOP4_FETCH_LOOP_PASSWORD": ""}
    said.append(here.fetch("--list", "-vv", **nothing, IOP4_FETCH_LOOP_PASSWORD_COMMAND=f"cat '{secret}'"))
    said.append(here.fetch("--list", "-vv", **nothing, NETRC=str(netrc)))
    assert [done.stdout for done in said[-2:]] == [f"{EPOCH}\n"] * 2
    for done in said:
        assert PASSWORD not in done.stdout + done.stderr
    for path in here.root.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path
    netrc.chmod(0o644)
    refused = here.fetch("--list", **nothing, NETRC=str(netrc))
    assert refused.returncode == 2 and "chmod 600" in refused.stderr
