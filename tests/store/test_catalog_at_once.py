"""People who change the catalogue at the same moment do not undo one another's changes."""

from __future__ import annotations

import threading
from pathlib import Path
from unittest import mock

import pytest

from iop4cli.archive import catalog_journal
from iop4cli.archive.catalog_journal import Pair, apply_change, read_changes
from iop4cli.archive.catalog_store import read_sources
from iop4cli.archive.source import Source
from iop4cli.archive.store import Store
from iop4cli.errors import UsageError


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "iop4.duckdb", lock_timeout_s=60.0)
    made.create()
    return made


def source(name: str, comment: str = "") -> Source:
    return Source(name, ra_deg=float(len(name)), dec_deg=10.0 + hash(name) % 50, kind="other", comment=comment or None)


def between(store: Store, *pairs: Pair) -> mock._patch[object]:
    """Somebody changes the catalogue after the next change has looked at it, once."""
    checked, rest = catalog_journal._check, list(pairs)

    def check(*arguments: object) -> None:
        checked(*arguments)  # type: ignore[arg-type]
        if rest:
            pair = rest.pop()
            apply_change(store, "add", "another", [pair])

    return mock.patch.object(catalog_journal, "_check", check)


def test_who_comes_in_between_with_another_source_is_kept_and_so_is_ours(store: Store) -> None:
    with between(store, Pair("theirs", None, source("theirs"))):
        apply_change(store, "add", "me", [Pair("ours", None, source("ours"))])
    assert {one.name for one in read_sources(store)} == {"ours", "theirs"}
    assert [(change.number, change.who) for change in read_changes(store)] == [(1, "another"), (2, "me")]


def test_who_comes_in_between_with_the_same_source_makes_ours_be_refused(store: Store) -> None:
    with between(store, Pair("same", None, source("same", "theirs"))), pytest.raises(UsageError, match="meanwhile"):
        apply_change(store, "add", "me", [Pair("same", None, source("same", "ours"))])
    assert [one.comment for one in read_sources(store)] == ["theirs"]


def test_many_at_once_all_get_through(store: Store) -> None:
    names = [f"source {number}" for number in range(6)]

    def add(name: str, number: int) -> None:
        apply_change(
            store, "add", "me", [Pair(name, None, Source(name, ra_deg=10.0 * number, dec_deg=5.0, kind="other"))]
        )

    threads = [threading.Thread(target=add, args=(name, number)) for number, name in enumerate(names)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.name for one in read_sources(store)) == sorted(names)
    assert [change.number for change in read_changes(store)] == list(range(1, 7))
