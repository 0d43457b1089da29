"""https: who is trusted, what is said of who is not, and where a password never goes."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest
from authorities import DAY, Authority
from nights import EPOCH, Here, make_night
from servers import House, HttpHouse

from iop4cli.remote.asking import ServiceError, ask_service
from iop4cli.remote.transfer import CHECKPOINT_BYTES
from tests.index_samples import write_index

INDEX = "index-5203-14.fits"
ONE_TARGET = "name,ra,dec,kind\nBL Lac,330.68038,42.27777,bllac\n"
ASK_INDEX = ("index", "fetch", "--instrument", "AndorT90", "--scales", "3")
NIGHT = "/DATA/"

Opened = Callable[[House], House]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def contents(served: Path) -> dict[str, bytes]:
    """A night and an index file that are served."""
    write_index(served / "5200", INDEX)
    return make_night(served, {"BLLac-0001R.fit": 5000, "Bias.fits": 3000})


def here_of(tmp_path: Path, house: House) -> Here:
    """An archive whose remote archive and mirror of index files that server is."""
    here = Here.made(tmp_path / "archive", house, settings="retries = 2")
    with (here.root / "iop4.toml").open("a") as settings:
        settings.write(f'[index]\nurl = "{house.protocol}://127.0.0.1:{house.port}"\n')
    (tmp_path / "one.csv").write_text(ONE_TARGET)
    assert here.run("catalog", "import", str(tmp_path / "one.csv")).returncode == 0
    return here


def trusted(authority: Authority) -> dict[str, str]:
    """As a user says whom to trust."""
    return {"SSL_CERT_FILE": str(authority.certificate_file)}


def index_files(here: Here) -> dict[str, bytes]:
    folder = here.root.parent / "home" / "iop4" / "index"
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def test_frames_and_index_files_come_as_they_are(
    tmp_path: Path, served: Path, opened: Opened, authority: Authority, contents: dict[str, bytes]
) -> None:
    here = here_of(tmp_path, opened(HttpHouse(served, context=authority.context())))
    done = here.fetch("220908", **trusted(authority))
    assert (done.returncode, here.night()) == (0, contents), done.stderr
    assert here.house.faults.passwords_at != []
    public = opened(HttpHouse(served, public=True, context=authority.context()))
    done = here.run(*ASK_INDEX, "--from", f"https://127.0.0.1:{public.port}", **trusted(authority))
    assert (done.returncode, index_files(here)) == (0, {INDEX: (served / "5200" / INDEX).read_bytes()}), done.stderr
    assert public.faults.passwords_at == []


def test_in_a_process_of_its_own_it_trusts_whom_its_environment_says(
    tmp_path: Path, served: Path, opened: Opened, authority: Authority, contents: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    here = here_of(tmp_path, opened(HttpHouse(served, context=authority.context())))
    for path, code, found in ((tmp_path / "nothing", 1, {}), (authority.certificate_file, 0, contents)):
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        process = here.started("220908")
        _, words = process.communicate(timeout=60)
        assert (process.returncode, here.night(), "Traceback" in words) == (code, found, False), words


def test_a_cut_transfer_goes_on_where_it_was(
    tmp_path: Path, served: Path, opened: Opened, authority: Authority
) -> None:
    contents = make_night(served, {"BLLac.fits": 4 * CHECKPOINT_BYTES})
    here = here_of(tmp_path, opened(HttpHouse(served, context=authority.context())))
    here.house.faults.cuts_at_bytes = [3 * CHECKPOINT_BYTES + 100_000]
    done = here.fetch("220908", **trusted(authority))
    assert (done.returncode, here.night()) == (0, contents), done.stderr
    offsets = [offset for _, offset in here.house.faults.began_at]
    # What was not read yet is lost with the connection; up to the last sync everything is kept.
    assert len(offsets) == 2 and offsets[0] == 0 and CHECKPOINT_BYTES <= offsets[1] <= 3 * CHECKPOINT_BYTES
    again = write_index(served / "5200", INDEX, more_bytes=4 * CHECKPOINT_BYTES)
    public = opened(HttpHouse(served, public=True, context=authority.context()))
    public.faults.cuts_at_bytes = [3 * CHECKPOINT_BYTES + 100_000]
    done = here.run(*ASK_INDEX, "--from", f"https://127.0.0.1:{public.port}", **trusted(authority))
    assert (done.returncode, index_files(here)) == (0, {INDEX: again}), done.stderr
    assert public.faults.began_at[1][1] >= CHECKPOINT_BYTES


@pytest.mark.parametrize(("host", "since", "until", "is_known", "words"), [
    ("127.0.0.1", -DAY, DAY, False, ("no authority that this machine knows", "set SSL_CERT_FILE")),
    ("127.0.0.2", -DAY, DAY, True, ("certificate of another server", "use the name")),
    ("other.example", -DAY, DAY, True, ("certificate of another server", "use the name")),
    ("127.0.0.1", -3 * DAY, -2 * DAY, True, ("has expired", "must renew it")),
    ("127.0.0.1", 2 * DAY, 3 * DAY, True, ("is not valid yet", "takes today for")),
])  # fmt: skip
def test_who_is_not_to_be_trusted_is_told_nothing_and_gives_nothing(
    tmp_path: Path, served: Path, opened: Opened, authority: Authority, contents: dict[str, bytes],
    host: str, since: datetime.timedelta, until: datetime.timedelta, is_known: bool, words: tuple[str, ...],
) -> None:  # fmt: skip
    context = authority.context(host, since=since, until=until)
    here = here_of(tmp_path, opened(HttpHouse(served, context=context)))
    environment = trusted(authority if is_known else Authority(tmp_path, "Other"))
    for done in (here.fetch("220908", **environment), here.run(*ASK_INDEX, **environment)):
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        assert all(word in done.stderr for word in (*words, f"127.0.0.1:{here.house.port}", "Nothing was sent"))
        assert "Traceback" not in done.stderr and "tried" not in done.stderr.replace("nothing more is tried", "")
    assert (list((here.root / "raw").iterdir()), index_files(here)) == ([], {})
    assert (here.house.faults.logins, here.house.faults.passwords_at) == (0, [])


def test_a_file_of_authorities_that_is_not_there_is_said(
    tmp_path: Path, served: Path, opened: Opened, authority: Authority, contents: dict[str, bytes]
) -> None:
    here = here_of(tmp_path, opened(HttpHouse(served, context=authority.context())))
    done = here.fetch("220908", SSL_CERT_FILE="/nowhere/authority.pem", SSL_CERT_DIR="/nowhere")
    assert (done.returncode, here.house.faults.logins) == (1, 0)
    assert "no authority" in done.stderr and "/nowhere/authority.pem, which is not there" in done.stderr


def test_a_server_without_tls_is_said_to_be_one(
    tmp_path: Path, served: Path, opened: Opened, contents: dict[str, bytes]
) -> None:
    house = opened(HttpHouse(served))
    here = here_of(tmp_path, house)
    settings = here.root / "archives" / "loop.toml"
    settings.write_text(settings.read_text().replace('"http"', '"https"'))
    done = here.fetch("220908")
    assert (done.returncode, here.night(), house.faults.passwords_at) == (1, {}, [])
    assert "does not speak TLS" in done.stderr and "tried" not in done.stderr


@pytest.mark.parametrize("with_tls", [False, True])
def test_a_password_does_not_go_to_another_server(
    tmp_path: Path, served: Path, opened: Opened, authority: Authority, contents: dict[str, bytes], with_tls: bool
) -> None:
    there = opened(HttpHouse(served, context=authority.context() if with_tls else None))
    here = here_of(tmp_path, opened(HttpHouse(served, context=authority.context())))
    address = f"{there.protocol}://127.0.0.1:{there.port}{NIGHT}"
    here.house.faults.sends_to = {NIGHT: address}
    done = here.fetch("220908", **trusted(authority))
    assert (done.returncode, here.night()) == (1, {})
    assert address in done.stderr and "given to no other server" in done.stderr
    assert here.house.faults.passwords_at != [] and there.faults.logins > 0
    assert there.faults.passwords_at == []


def test_what_another_server_gives_to_everybody_is_taken_without_the_password(
    tmp_path: Path, served: Path, opened: Opened, authority: Authority, contents: dict[str, bytes]
) -> None:
    there = opened(HttpHouse(served, public=True))
    here = here_of(tmp_path, opened(HttpHouse(served, context=authority.context())))
    here.house.faults.sends_to = {NIGHT: f"http://127.0.0.1:{there.port}{NIGHT}"}
    done = here.fetch("220908", **trusted(authority))
    assert (done.returncode, here.night(), there.faults.passwords_at) == (0, contents, []), done.stderr
    # What only asks for the facts of a file does not read it, there either.
    assert sorted(name for name, _ in there.faults.began_at) == sorted(contents)


def test_on_the_same_server_the_password_goes_along(
    tmp_path: Path, served: Path, opened: Opened, authority: Authority, contents: dict[str, bytes]
) -> None:
    (served / "DATA").rename(served / "moved")
    here = here_of(tmp_path, opened(HttpHouse(served, context=authority.context())))
    here.house.faults.sends_to = {NIGHT: "/moved/"}
    done = here.fetch("220908", **trusted(authority))
    assert (done.returncode, here.night()) == (0, contents), done.stderr
    assert EPOCH in done.stdout


def test_a_server_that_we_are_sent_to_is_the_one_that_is_not_trusted(
    tmp_path: Path, served: Path, opened: Opened, authority: Authority, contents: dict[str, bytes]
) -> None:
    there = opened(HttpHouse(served, context=Authority(tmp_path, "Other").context()))
    here = here_of(tmp_path, opened(HttpHouse(served, context=authority.context())))
    here.house.faults.sends_to = {NIGHT: f"https://127.0.0.1:{there.port}{NIGHT}"}
    done = here.fetch("220908", **trusted(authority))
    assert (done.returncode, there.faults.logins) == (1, 0)
    assert f"certificate of 127.0.0.1:{there.port}" in done.stderr


def test_a_catalogue_service_that_is_not_trusted_is_said_to_be_so(
    served: Path, opened: Opened, authority: Authority
) -> None:
    house = opened(HttpHouse(served, public=True, context=authority.context()))
    with pytest.raises(ServiceError, match="no authority that this machine knows"):
        ask_service("the service", f"https://127.0.0.1:{house.port}/", {}, 5.0)
    assert house.faults.logins == 0
