"""A store at a server is what a file is: the same answers, whole changes, and nobody beside it."""

from __future__ import annotations

import datetime
import math
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from iop4cli.archive import quack
from iop4cli.archive.create import create_archive
from iop4cli.archive.quack import Address
from iop4cli.archive.server_door import IN_TURN, ServerDoor
from iop4cli.archive.serving import check_token, free_port, kept_token, serving
from iop4cli.archive.store import Batch, Store
from iop4cli.errors import StoreBusy, StoreError, UsageError
from tests.night.archives import Archive, environment
from tests.served import Server, served

_ODD_TEXTS = ("", "it's", 'say "no"', "a\0b", "line\nline", "ä σ 𝔘", "'); drop table note; --", "?", "$1 {x} %s", "\\")
_NOTE = {"text": "t", "who": "w", "time_utc": None}


@pytest.fixture(scope="module")
def server(module_folder: Callable[[str], Path]) -> Iterator[Server]:
    with served(create_archive(module_folder("served") / "archive").root) as running:
        yield running


@pytest.fixture
def store(server: Server) -> Store:
    """Of a client, without notes."""
    store = server.store()
    store.write([], "delete from note;")
    return store


def noted(*names: str) -> Batch:
    return Batch("note", [{"name": name, **_NOTE} for name in names], append=True)


def names(store: Store) -> list[str]:
    return [row["name"] for row in store.rows("select name from note order by rowid")]


def test_odd_texts_arrive_to_the_byte(store: Store) -> None:
    store.write([noted(*_ODD_TEXTS)])
    assert names(store) == list(_ODD_TEXTS)
    for text in _ODD_TEXTS:
        assert store.rows("select count(*) as n from note where name = ?", [text]) == [{"n": 1}], text


def test_numbers_and_times_arrive_to_the_bit(store: Store) -> None:
    numbers = [0.1 + 0.2, -0.0, 5e-324, math.pi * 1e300, math.inf, -math.inf, 59830.123456789012]
    when = datetime.datetime(2022, 9, 8, 23, 59, 59, 999999)
    rows = [
        {"frame": "f", "source": f"s{i}", "beam": "O", "x_px": number, "y_px": math.nan}
        for i, number in enumerate(numbers)
    ]
    store.write(
        [Batch("aperture", rows, "frame", ["f"]), Batch("note", [{"name": "n", "time_utc": when}], append=True)]
    )
    found = store.rows("select x_px, y_px from aperture where frame = 'f' order by source")
    assert [row["x_px"].hex() for row in found] == [number.hex() for number in numbers]
    assert [row["y_px"] for row in found] == [None] * len(numbers)
    assert store.rows("select time_utc from note where name = 'n'") == [{"time_utc": when}]


def test_lists_structs_and_bytes_are_answered_as_by_a_file(store: Store, tmp_path: Path) -> None:
    file = Store(create_archive(tmp_path / "other").store)
    question = (
        "select [1, 2] as l, {'a': 1.5::double, 'b': ['x', null]} as s, '\\x00\\xFF'::blob as b, 12.34::decimal(9, 3) "
        "as d, 'nan'::double as n, date '2022-09-08' as t, 7::hugeint as h, null as nothing, true as yes"
    )
    one, other = store.rows(question)[0], file.rows(question)[0]
    assert math.isnan(one.pop("n")) and math.isnan(other.pop("n"))
    assert one == other
    assert store.query(question).schema == file.query(question).schema
    assert store.frame(question).schema == file.frame(question).schema


def test_a_list_is_a_parameter(store: Store) -> None:
    store.write([noted("a", "it's", "c")])
    found = store.rows("select name from note where list_contains(?, name) order by name", [["it's", "c"]])
    assert [row["name"] for row in found] == ["c", "it's"]


def test_a_hundred_thousand_rows_go_over_and_come_back(store: Store) -> None:
    n = 100_000
    store.write([noted(*(f"n{i}" for i in range(n)))])
    assert store.query("select name from note order by rowid")["name"].to_list() == [f"n{i}" for i in range(n)]


def test_a_change_with_an_error_changes_nothing_and_says_what_is_wrong(store: Store) -> None:
    with pytest.raises(StoreError, match="nothere"):
        store.write([noted("a")], "insert into nothere values (1);")
    assert names(store) == []
    store.write([noted("b")])
    assert names(store) == ["b"]


def test_a_scope_is_replaced_whole_even_by_nothing(store: Store) -> None:
    row = {"frame": "g", "source": "s", "beam": "O"}
    store.write([Batch("aperture", [row], "frame", ["g"])])
    store.write([Batch("aperture", [], "frame", ["g"])])
    assert store.rows("select * from aperture where frame = 'g'") == []


def test_a_persons_sql_is_one_transaction(store: Store) -> None:
    insert = "insert into note (name) values ('a')"
    assert store.ask(insert + " returning name", write=True).rows == [("a",)]
    with pytest.raises(UsageError, match="selec") as refused:
        store.ask(f"{insert}; selec 1", write=True)
    assert "served_change" not in str(refused.value)
    with pytest.raises(UsageError, match="not_a_column") as refused:
        store.ask("select not_a_column from note")
    assert "quack_query" not in str(refused.value)
    assert names(store) == ["a"]


def test_a_question_changes_nothing(store: Store) -> None:
    store.write([noted("a")])
    with pytest.raises(Exception, match="read-only"):
        store.rows("delete from note returning *")
    with pytest.raises(UsageError):
        store.rows("select 1; delete from note")
    assert names(store) == ["a"]


def test_clients_see_no_other_file_of_the_servers_machine(store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(UsageError, match="disabled"):
        store.ask(f"select * from read_csv('{tmp_path}/secret.csv')")
    with pytest.raises(UsageError, match="disabled"):
        store.ask(f"copy note to '{tmp_path}/out.csv'", write=True)
    assert not (tmp_path / "out.csv").exists()


def test_several_questions_are_about_one_moment(server: Server, store: Store) -> None:
    """Others write meanwhile, unlike at a file, but are not seen."""
    with store.reading():
        before = names(store)
        server.store().write([noted("new")])
        assert names(store) == before == []
        assert store.tables({"a": "select count(*) as n from note"}) == {"a": [{"n": 0}]}
        with pytest.raises(RuntimeError, match="held open for reading"):
            store.write([noted("b")])
    assert names(store) == ["new"]


def test_the_stamp_tells_of_each_change_and_of_nothing_else(server: Server, store: Store) -> None:
    first = store.stamp()
    store.rows("select 1")
    assert store.stamp() == first
    server.store().write([noted("a")])
    assert store.stamp() != first


@pytest.mark.night
def test_writers_take_turns_and_lose_nothing(server: Server, store: Store) -> None:
    """All replace the rows of a new frame at one moment, and add one: each frame has the rows of one, all were added.

    Without turns nobody would see the others' new rows, and those of all would be there.
    """
    n_threads, n_times = 3, 2
    slowly = "create or replace temp table slow as select sum(hash(range)) from range(30_000_000);"
    together = threading.Barrier(n_threads)

    def write(number: int) -> None:
        mine = server.store()
        for time_ in range(n_times):
            rows = [{"frame": f"h{time_}", "source": f"{number}", "beam": beam} for beam in "OE"]
            together.wait(60)
            mine.write([Batch("aperture", rows, "frame", [f"h{time_}"]), noted(f"{number}-{time_}")], slowly)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names(store)) == sorted(f"{i}-{j}" for i in range(n_threads) for j in range(n_times))
    found = store.rows("select frame, count(*) as n from aperture where frame[1] = 'h' group by all order by frame")
    assert found == [{"frame": f"h{time_}", "n": 2} for time_ in range(n_times)]


def test_a_change_whose_answer_is_lost_is_made_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from iop4cli.archive.quack_errors import Lost
    from iop4cli.archive.server_line import Session

    asked, lost = Session.asked, []

    def loses_the_first_answer(self, sql, taken, parameters=()):
        answer = asked(self, sql, taken, parameters)
        if sql.endswith("commit;") and not lost:
            lost.append(sql)
            raise Lost("the answer is lost")
        return answer

    monkeypatch.setattr(Session, "asked", loses_the_first_answer)
    store.write([noted("once")])
    assert lost
    assert names(store) == ["once"]


def test_a_change_that_never_arrived_is_made_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from iop4cli.archive.quack_errors import Lost
    from iop4cli.archive.server_line import Session

    asked, lost = Session.asked, []

    def loses_the_first(self, sql, taken, parameters=()):
        if sql.endswith("commit;") and not lost:
            lost.append(sql)
            raise Lost("it never arrived")
        return asked(self, sql, taken, parameters)

    monkeypatch.setattr(Session, "asked", loses_the_first)
    store.write([noted("once")])
    assert lost
    assert names(store) == ["once"]


def test_the_file_of_a_served_store_says_where_it_is_served(server: Server) -> None:
    begun = time.monotonic()
    with pytest.raises(StoreBusy, match=f"--db quack:localhost:{server.port}"):
        Store(server.path, 60.0).rows("select 1")
    assert time.monotonic() - begun < 30.0, "nobody waits for a server to end"


def test_a_second_server_leaves_the_first_one_and_its_token_as_they_are(server: Server) -> None:
    token = server.token
    said = Archive(server.root).iop4("serve", "--port", "0", code=75)
    assert f":{server.port}" in said.err
    assert server.token == token
    server.store().rows("select 1")


@pytest.mark.night
def test_a_port_that_is_taken_is_refused(server: Server, tmp_path: Path) -> None:
    """DuckDB would share it without a word, and each client would come to one or the other."""
    other = create_archive(tmp_path / "other").root
    said = Archive(other).iop4("serve", "--port", str(server.port), code=2)
    assert "--port 0" in said.err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        Archive(other).iop4("serve", "--host", "127.0.0.1", "--port", str(taken.getsockname()[1]), code=2)


def test_no_server_is_told_at_once(server: Server) -> None:
    nobody = Address("localhost", free_port("localhost"))
    begun = time.monotonic()
    with pytest.raises(StoreBusy, match="iop4 serve"):
        Store(server.path, 60.0, ServerDoor(nobody, "x" * 20, 60.0)).rows("select 1")
    assert time.monotonic() - begun < 30.0


def test_a_wrong_token_is_refused_and_never_shown(server: Server) -> None:
    wrong = "this-is-the-wrong-token"
    for use in (lambda it: it.rows("select 1"), lambda it: it.write([noted("a")]), lambda it: it.ask("select 1")):
        with pytest.raises(UsageError) as refused:
            use(Store(server.path, 5.0, ServerDoor(Address.parsed(server.address), wrong, 5.0)))
        assert wrong not in str(refused.value)
        assert refused.value.__cause__ is None or wrong not in str(refused.value.__cause__)


def test_the_token_is_for_its_owner_and_in_no_table(server: Server, store: Store) -> None:
    assert (server.root / "iop4.duckdb.token").stat().st_mode & 0o777 == 0o600
    tables = [row["name"] for row in store.rows("select table_name as name from duckdb_tables()")]
    for table in (*tables, "duckdb_settings()", "quack_server_list()"):
        assert server.token not in str(store.query(f"select * from {table}").rows()), table
    assert server.token.encode() not in server.path.read_bytes()


@pytest.mark.parametrize(
    "address", ["", "quack", "quack:", "quack:host:0", "quack:host:70000", "http://host:1", "quack:a'b:1"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="quack:HOST:PORT"):
        Address.parsed(address)


def test_beyond_this_machine_it_is_tls_unless_plain_is_said() -> None:
    assert Address.parsed("quack:localhost").without_tls
    assert Address.parsed("quack:[::1]:99").without_tls
    assert not Address.parsed("quack:observatory.org:99").without_tls
    assert Address.parsed("quack+plain:observatory.org:99").without_tls


def test_extensions_that_are_missing_or_of_another_version_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(UsageError, match=r"iop4cli\[server\]"):
            quack._extension("quack", "1.5.5")
    with pytest.raises(UsageError, match=r"DuckDB 1\.9\.9 is installed, but its extension quack is for 1\.5\.5"):
        quack._extension("quack", "1.9.9")


def test_a_token_is_no_short_word() -> None:
    for token in ("short", "x" * 15, "ünïcödë-tökën-länger", "two lines of\na long token"):
        with pytest.raises(UsageError):
            check_token(token, "IOP4_DB_TOKEN")


@pytest.mark.night
@pytest.mark.night
def test_a_client_that_dies_in_its_turn_is_in_the_way_for_moments_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The protocol never ends its session: others could never write again."""
    monkeypatch.setattr("iop4cli.archive.serving._LOOK_EVERY_S", 0.2)
    path = create_archive(tmp_path / "archive").store
    address = Address("localhost", free_port("localhost"))
    with serving(path, address, lambda: "t" * 20, 5.0) as server:
        door = ServerDoor(address, "t" * 20, 60.0)
        with door._line.session() as left:
            left.asked(f"begin; update served set n_changes = n_changes + 1; {IN_TURN}", lambda cursor: None)
            end = threading.Event()
            writing = threading.Thread(target=lambda: (Store(path, 60.0, door).write([noted("a")]), end.set()))
            writing.start()
            server.wait(end)
            writing.join()
    assert names(Store(path)) == ["a"]


def test_clients_who_live_are_let_be_in_every_time_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iop4cli.archive.serving._LOOK_EVERY_S", 0.1)
    path = create_archive(tmp_path / "archive").store
    address = Address("localhost", free_port("localhost"))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        with serving(path, address, lambda: "t" * 20, 5.0) as server:
            store = Store(path, 5.0, ServerDoor(address, "t" * 20, 5.0))
            end = threading.Event()
            threading.Timer(1.0, end.set).start()
            with store.reading():
                before = names(store)
                server.wait(end)
                assert names(store) == before
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.night
def test_sessions_can_be_ended_and_those_who_live_go_on(tmp_path: Path) -> None:
    path = create_archive(tmp_path / "archive").store
    address = Address("localhost", free_port("localhost"))
    with serving(path, address, lambda: "t" * 20, 5.0) as server:
        door = ServerDoor(address, "t" * 20, 2.0)
        store = Store(path, 2.0, door)
        store.write([noted("a")])
        with door._line.session() as left:
            left.asked("begin; update served set n_changes = n_changes + 1", lambda cursor: cursor.fetchall())
            with pytest.raises(StoreBusy, match="busy"):
                store.write([noted("b")])
            server.listen_again()
            store.write([noted("c")])
        assert names(store) == ["a", "c"]
        assert server.connection.execute("select count(*) from quack_active_connections()").fetchone() == (0,)
    assert names(Store(path)) == ["a", "c"]


def test_a_store_of_another_version_is_told(tmp_path: Path) -> None:
    path = create_archive(tmp_path / "archive").store
    address = Address("localhost", free_port("localhost"))
    with serving(path, address, lambda: "t" * 20, 5.0) as server:
        server.connection.execute("insert into schema_version values (999, 'later', null)")
        with pytest.raises(UsageError, match="upgrade this iop4"):
            Store(path, 2.0, ServerDoor(address, "t" * 20, 2.0)).rows("select 1")
        server.connection.execute("delete from schema_version where version = 999")


@pytest.mark.night
@pytest.mark.parametrize("hangs", [False, True], ids=["a server that works", "a server that hangs"])
def test_a_signal_ends_a_client_that_waits_for_an_answer(tmp_path: Path, hangs: bool) -> None:
    """DuckDB itself would wait for the answer, however long it takes."""
    root = create_archive(tmp_path / "archive").root
    endless = "select count(*) from range(10_000_000) a, range(10_000_000) b where hash(a.range, b.range) = 1"
    server = Server(root).start()
    try:
        client = subprocess.Popen(
            [sys.executable, "-m", "iop4cli", "sql", endless, "--db", server.address], cwd=root, text=True,
            env=environment(root), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        asked = "select count(*) as n from quack_active_connections() where query like '%10_000_000%' "
        while not server.store().rows(asked + "and query not like '%active_connections%'")[0]["n"]:
            time.sleep(0.05)
        assert server.process is not None
        if hangs:
            server.process.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        client.send_signal(signal.SIGINT)
        _, err = client.communicate(timeout=60)
        assert client.returncode == 130, err
        assert time.monotonic() - begun < 20.0
    finally:
        server.kill()


@pytest.mark.night
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_ends_a_server_with_a_whole_file_and_no_lock(tmp_path: Path, number: int, code: int) -> None:
    server = Server(create_archive(tmp_path / "archive").root).start()
    server.store().write([noted("a")])
    assert server.signal(number) == code
    assert names(Store(server.path, 0.0)) == ["a"]
    left = {path.name for path in server.root.glob("iop4.duckdb*")}
    assert left == {"iop4.duckdb", "iop4.duckdb.lock", "iop4.duckdb.turn.lock", "iop4.duckdb.token"}


@pytest.mark.night
def test_a_killed_server_keeps_what_clients_were_told_and_is_found_again(tmp_path: Path) -> None:
    """A client that has known it waits for it, and its change is made once."""
    server = Server(create_archive(tmp_path / "archive").root).start()
    store, impatient = server.store(), server.store(lock_timeout_s=0.0)
    store.write([noted("a")])
    impatient.rows("select 1")
    token = server.token
    server.kill()
    with pytest.raises(StoreBusy, match="Nothing was lost"):
        impatient.write([noted("lost")])
    starting = threading.Timer(1.0, server.start)
    starting.start()
    try:
        store.write([noted("b")])
        assert names(store) == ["a", "b"]
        assert server.token == token
    finally:
        starting.join()
        server.end()


def test_a_token_that_others_could_read_is_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "token"
    first = kept_token(file)
    assert kept_token(file) == first
    file.chmod(0o644)
    assert kept_token(file) != first
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_server_of_another_archive_is_refused(server: Server, tmp_path: Path) -> None:
    """Else the results of one archive's frames would go into the store of another."""
    with served(create_archive(tmp_path / "other").root) as other:
        door = ServerDoor(Address.parsed(server.address), server.token, 5.0, other.path)
        with pytest.raises(UsageError, match=r"another archive than .*other.* is served at localhost:") as told:
            Store(other.path, 5.0, door).rows("select 1 as n")
        assert str(other.port) in str(told.value)
        own = ServerDoor(Address.parsed(other.address), other.token, 5.0, other.path)
        assert Store(other.path, 5.0, own).rows("select 1 as n") == [{"n": 1}]
    # The folder knows of no server now: it may be a copy, to read from wherever the store is.
    assert Store(other.path, 5.0, door).rows("select 1 as n") == [{"n": 1}]
