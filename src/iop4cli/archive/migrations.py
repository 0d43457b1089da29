"""Numbered SQL files bring a store from any older schema to this program's."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from iop4cli.errors import StoreError
from iop4cli.full_disk import told_if_full
from iop4cli.unfinished import abandoned_beside, remove, unfinished_beside

if TYPE_CHECKING:
    import duckdb


def migrations() -> list[tuple[int, str, str]]:
    """(number, name, SQL) of each migration, in order."""
    found = []
    for entry in resources.files("iop4cli.archive").joinpath("schema").iterdir():
        matched = re.fullmatch(r"(\d{3})_(\w+)\.sql", entry.name)
        if matched:
            found.append((int(matched[1]), matched[2], entry.read_text(encoding="utf-8")))
    return sorted(found)


def schema_version(connection: duckdb.DuckDBPyConnection) -> int:
    """The number of the last migration that was applied; 0 for an empty database."""
    known = connection.execute(
        "select count(*) from information_schema.tables where table_name = 'schema_version'"
    ).fetchone()
    if known is None or known[0] == 0:
        return 0
    row = connection.execute("select coalesce(max(version), 0) from schema_version").fetchone()
    return int(row[0]) if row else 0


def check_not_newer(found: int, store: Path) -> None:
    newest = migrations()[-1][0]
    if found > newest:
        raise StoreError(
            f"{store} was written by a newer iop4 (schema {found}, this program knows {newest}). "
            "Upgrade this iop4, or use another archive."
        )


def migrate(connection: duckdb.DuckDBPyConnection, store: Path) -> list[int]:
    """Apply what is missing, each migration in one transaction with its record; returns the numbers applied."""
    found = schema_version(connection)
    check_not_newer(found, store)
    if found == 0:
        connection.execute(
            "create table if not exists schema_version (version integer primary key, name text, applied timestamp)"
        )
    applied = []
    for number, name, script in migrations():
        if number <= found:
            continue
        record = f"insert into schema_version values ({number}, '{name}', now()::timestamp);"
        try:
            connection.execute(f"begin; {script}\n{record} commit;")
        except Exception as error:
            roll_back(connection)
            raise StoreError(f"migration {number:03d}_{name} of {store} failed: {error}") from error
        applied.append(number)
    return applied


def back_up(store: Path, version: int) -> Path:
    """Copy the store beside itself before it is migrated: whole and synced under its name, or not there."""
    copy = store.with_name(f"{store.name}.schema{version:03d}.bak")
    for left in abandoned_beside(copy):
        remove(left)
    temporary = unfinished_beside(copy)
    try:
        with told_if_full(copy, store.stat().st_size):
            shutil.copy2(store, temporary)
            descriptor = os.open(temporary, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            temporary.replace(copy)
    finally:
        temporary.unlink(missing_ok=True)
    return copy


def roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    """End a failed transaction; DuckDB has already rolled back on some errors and not on others."""
    import duckdb

    with contextlib.suppress(duckdb.TransactionException):
        connection.execute("rollback")
