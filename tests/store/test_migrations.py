"""A store from any older program is brought up to date, after a copy; one from a newer program is refused."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from iop4cli.archive import migrations
from iop4cli.archive.store import Batch, Store, utc_now
from iop4cli.errors import StoreError

SECOND = "alter table note add column colour text; update note set colour = 'red';"
BROKEN = "alter table note add column colour text; insert into no_such_table values (1);"


@pytest.fixture
def older(tmp_path: Path) -> Store:
    """A store of the schema of today, with a row in it."""
    store = Store(tmp_path / "iop4.duckdb", lock_timeout_s=1.0)
    store.create()
    store.write([Batch("note", [{"name": "a", "who": "x", "time_utc": utc_now()}], append=True)])
    return store


@pytest.fixture
def newest() -> int:
    return migrations.migrations()[-1][0]


def know_one_more(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let this program be one migration newer."""
    known = migrations.migrations()
    monkeypatch.setattr(migrations, "migrations", lambda: [*known, (known[-1][0] + 1, "next", script)])


def version_of(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        return migrations.schema_version(connection)


def test_migrations_are_numbered_from_one_without_gap() -> None:
    numbers = [number for number, _, _ in migrations.migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_an_older_store_is_copied_and_then_migrated_when_it_is_first_used(
    older: Store, newest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    know_one_more(monkeypatch, SECOND)
    again = Store(older.path, lock_timeout_s=1.0)
    assert again.rows("select name, colour from note") == [{"name": "a", "colour": "red"}]
    assert version_of(older.path) == newest + 1
    copies = [path for path in older.path.parent.iterdir() if path.name.endswith(".bak")]
    assert [path.name for path in copies] == [f"iop4.duckdb.schema{newest:03d}.bak"]
    assert version_of(copies[0]) == newest


def test_each_migration_is_recorded_once(older: Store, newest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    know_one_more(monkeypatch, SECOND)
    for _ in range(2):
        Store(older.path).rows("select 1")
    recorded = [row["version"] for row in older.rows("select version from schema_version order by version")]
    assert recorded == list(range(1, newest + 2))


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    older: Store, newest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    know_one_more(monkeypatch, BROKEN)
    with pytest.raises(StoreError, match=f"migration {newest + 1:03d}_next"):
        Store(older.path).rows("select 1")
    assert version_of(older.path) == newest
    monkeypatch.undo()
    assert [sorted(row) for row in Store(older.path).rows("select * from note")] == [
        ["name", "text", "time_utc", "who"]
    ]


def test_a_store_of_a_newer_program_is_refused_and_not_touched(
    older: Store, newest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        know_one_more(newer, SECOND)
        Store(older.path).rows("select 1")
    before = older.path.read_bytes()
    for use in (lambda: Store(older.path).rows("select 1"), Store(older.path).create):
        with pytest.raises(StoreError, match=f"newer iop4 .schema {newest + 1}, this program knows {newest}"):
            use()
    assert older.path.read_bytes() == before
