"""What people say, kept apart from all products: overrides of headers, flags and notes. No step writes these."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from typing import Any

from iop4cli.archive.name_lists import keep_names
from iop4cli.archive.store import Batch, Store, utc_now
from iop4cli.errors import UsageError


def note_overrides(store: Store, frames: Sequence[str], values: Mapping[str, str], who: str) -> None:
    """Keep `field=value` for frames; an empty value takes the override back."""
    kept = [
        {"frame": frame, "field": field, "value": value, "who": who, "time_utc": utc_now()}
        for frame in frames
        for field, value in values.items()
        if value
    ]
    dropped = "".join(
        f"delete from override where frame = {quoted(frame)} and field = {quoted(field)};"
        for frame in frames
        for field, value in values.items()
        if not value
    )
    store.write([Batch("override", kept)] if kept else [], dropped)


def add_flags(store: Store, measurements: Sequence[str], reason: str, who: str) -> None:
    """Flag measurements, by their stable ids, with a reason."""
    rows = [{"measurement": name, "reason": reason, "who": who, "time_utc": utc_now()} for name in measurements]
    store.write([Batch("flag", rows)])


def remove_flags(store: Store, measurements: Sequence[str], reason: str | None = None) -> int:
    """Take flags back: all of these measurements, or those of one reason; returns how many."""
    condition = f"measurement in ({', '.join(map(quoted, measurements))})" if measurements else "false"
    if reason is not None:
        condition += f" and reason = {quoted(reason)}"
    n_flags = int(store.rows(f"select count(*) as n from flag where {condition}")[0]["n"])
    if n_flags:
        store.write([], f"delete from flag where {condition};")
    return n_flags


def list_flags(store: Store) -> list[dict[str, Any]]:
    """All flags with what they stand on; `source` is NULL for a measurement that is not there (any more)."""
    return store.rows(
        "select f.measurement as id, m.source, m.night::text as night, m.mode, m.band, f.reason, f.who, "
        "f.time_utc from flag f left join measurement m on m.id = f.measurement order by f.time_utc, f.measurement"
    )


def add_calibration(store: Store, row: Mapping[str, Any], who: str) -> None:
    """Keep a new polarimetric calibration, which nobody has accepted yet."""
    store.write([Batch("calibration", [{**row, "made_utc": utc_now(), "made_by": who}])])
    keep_names(store, ("calibration",))


def decide_calibration(store: Store, name: str, who: str, *, accepted: bool, reason: str = "") -> None:
    """Accept or reject a calibration; a note keeps every such decision."""
    now = utc_now()
    word = "accepted" if accepted else "rejected"
    note = {"name": f"calibration {name}", "text": f"{word}: {reason}" if reason else word, "who": who, "time_utc": now}
    store.write(
        [Batch("note", [note], append=True)],
        f"update calibration set accepted = {str(accepted).lower()}, decided_utc = timestamp '{now}', "
        f"decided_by = {quoted(who)} where name = {quoted(name)};",
    )


def calibration_notes(store: Store, name: str) -> list[dict[str, Any]]:
    """What people decided about a calibration, the oldest first."""
    return store.rows("select text, who, time_utc from note where name = ? order by time_utc", [f"calibration {name}"])


def quoted(text: str) -> str:
    """A string literal of SQL; no name of anything has letters that cannot be in one."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise UsageError(f"{text!r} has characters that no name has")
    return "'" + text.replace("'", "''") + "'"


def who() -> str:
    """Who speaks, as the system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
