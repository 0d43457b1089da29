"""Changes of the catalogue: each with who, when and what, the sources before and after, and a way back."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from iop4cli.archive.catalog_names import Placed, name_problems
from iop4cli.archive.catalog_store import read_sources, source_batches
from iop4cli.archive.name_lists import keep_names
from iop4cli.archive.source import Source
from iop4cli.archive.store import Batch, Store, utc_now
from iop4cli.errors import NoSuchItem, StoreBusy, StoreError, UsageError
from iop4cli.strict_toml import FrozenTable

# How often others may come in between a look at the catalogue and its change.
_TRIES = 20
_MEANWHILE = "the catalogue has been changed at this very moment"


@dataclass(frozen=True)
class Pair:
    """One source before and after a change; None: it is not there."""

    name: str
    before: Source | None
    after: Source | None


@dataclass(frozen=True)
class Change:
    """What one person did at one moment; `undone_by` is the change that took it back."""

    number: int
    time_utc: datetime.datetime
    who: str
    what: str
    pairs: tuple[Pair, ...]
    undone_by: int | None = None


def pairs_of(before: Iterable[Source], after: Iterable[Source]) -> list[Pair]:
    """What differs between two catalogues; by name."""
    old, new = ({source.name: _as_stored(source) for source in sources} for sources in (before, after))
    names = sorted(old.keys() | new.keys())
    return [Pair(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def apply_change(store: Store, what: str, who: str, pairs: Sequence[Pair], more: Sequence[Batch] = ()) -> int:
    """Change sources and keep a record, in one transaction; returns the number of the change.

    Refused as a whole if any source is no longer what `before` says, or if a name would have two owners, or
    something would be calibrated that is not there.
    """
    pairs = [Pair(pair.name, pair.before, pair.after and _as_stored(pair.after)) for pair in pairs]
    for _ in range(_TRIES):
        try:
            return _try_change(store, what, who, pairs, more)
        except StoreError as error:
            if _MEANWHILE not in str(error):
                raise
    raise StoreBusy("others change the catalogue without a pause; nothing is changed, try again")


def _try_change(store: Store, what: str, who: str, pairs: Sequence[Pair], more: Sequence[Batch]) -> int:
    """StoreError, and nothing is changed, if somebody changes the catalogue between the look at it and the writing."""
    last = int(store.rows("select coalesce(max(change), 0) as n from catalog_change")[0]["n"])
    known = {source.name: source for source in read_sources(store)}
    for pair in pairs:
        if known.get(pair.name) != pair.before:
            raise UsageError(f"{pair.name} has been changed meanwhile (`iop4 catalog log`); nothing is changed")
    _check(known, pairs)
    now = utc_now()
    rows = [
        {"time_utc": now, "who": who, "what": what, "source": pair.name, "before": _json(pair.before),
         "after": _json(pair.after)}
        for pair in pairs
    ]  # fmt: skip
    changed = source_batches([pair.name for pair in pairs], [pair.after for pair in pairs if pair.after is not None])
    unchanged = (
        f"select case when coalesce(max(change), 0) <> {last} then error('{_MEANWHILE}') end "
        "from catalog_change where change is not null; "
    )
    number = "update catalog_change set change = (select coalesce(max(change), 0) + 1 from catalog_change) "
    store.write(
        [*changed, Batch("catalog_change", rows, append=True), *more], unchanged + number + "where change is null;"
    )
    keep_names(store, ("source",))
    found = store.rows("select max(change) as n from catalog_change where time_utc = ? and who = ?", [now, who])
    return int(found[0]["n"])


def read_changes(store: Store) -> list[Change]:
    """All changes, the oldest first."""
    rows = store.rows("select * from catalog_change order by change, source")
    by_number: dict[int, list[dict[str, object]]] = {}
    for row in rows:
        by_number.setdefault(int(row["change"]), []).append(row)
    undone = {taken_back(str(found[0]["what"])): number for number, found in by_number.items()}
    return [
        Change(
            number, found[0]["time_utc"], str(found[0]["who"]), str(found[0]["what"]),  # type: ignore[arg-type]
            tuple(Pair(str(row["source"]), _source(row["before"]), _source(row["after"])) for row in found),
            undone.get(number),
        )
        for number, found in by_number.items()
    ]  # fmt: skip


def taken_back(what: str) -> int | None:
    """The number of the change that a change took back, if it is an undoing."""
    word, _, number = what.partition(" ")
    return int(number) if word == "undo" and number.isdigit() else None


def undo(store: Store, who: str, number: int | None = None) -> Change:
    """Take a change back (None: the last that is neither undone nor an undoing); returns what was taken back."""
    changes = read_changes(store)
    if number is None:
        open_ones = [one for one in changes if one.undone_by is None and taken_back(one.what) is None]
        if not open_ones:
            raise NoSuchItem("there is no change of the catalogue to take back")
        chosen = open_ones[-1]
    else:
        found = [one for one in changes if one.number == number]
        if not found:
            raise NoSuchItem(f"there is no change {number} of the catalogue: `iop4 catalog log` lists them")
        chosen = found[0]
    if chosen.undone_by is not None:
        raise UsageError(f"change {chosen.number} was taken back by change {chosen.undone_by}; undo that instead")
    known = {source.name: source for source in read_sources(store)}
    for pair in chosen.pairs:
        if known.get(pair.name) != pair.after:
            later = [one.number for one in changes if one.number > chosen.number and _touches(one, pair.name)]
            said = f" by change {', '.join(map(str, later))}; undo that first" if later else " outside the journal"
            raise UsageError(f"change {chosen.number} cannot be taken back: {pair.name} was changed since{said}")
    apply_change(
        store, f"undo {chosen.number}", who, [Pair(pair.name, pair.after, pair.before) for pair in chosen.pairs]
    )
    return chosen


def differences(pair: Pair) -> list[str]:
    """In words, what changed of a source."""
    if pair.before is None or pair.after is None:
        return ["added" if pair.before is None else "removed"]
    old, new = dataclasses.asdict(pair.before), dataclasses.asdict(pair.after)
    said = []
    for name in old:
        if isinstance(old[name], Mapping):
            keys = sorted(old[name].keys() | new[name].keys())
            parts = [(f"{name} {key}", old[name].get(key), new[name].get(key)) for key in keys]
        else:
            parts = [(name, old[name], new[name])]
        said += [f"{what}: {_shown(was)} -> {_shown(now)}" for what, was, now in parts if was != now]
    return said


def _as_stored(source: Source) -> Source:
    """The store keeps no order of what a star calibrates; all else comes back as it was."""
    return dataclasses.replace(source, calibrates=tuple(sorted(source.calibrates)))


def _touches(change: Change, name: str) -> bool:
    return any(pair.name == name for pair in change.pairs)


def _check(known: Mapping[str, Source], pairs: Sequence[Pair]) -> None:
    after = {**known, **{pair.name: pair.after for pair in pairs}}
    left = {name: source for name, source in after.items() if source is not None}
    problems = list(_dangling(left))
    changed = [Placed(0, pair.after) for pair in pairs if pair.after is not None]
    others = {name: source.other_names for name, source in left.items() if all(name != pair.name for pair in pairs)}
    problems += [f"{one.value!r} {one.message}" for one in name_problems(changed, others, "")]
    if problems:
        raise UsageError("; ".join(problems) + "; nothing is changed")


def _dangling(left: Mapping[str, Source]) -> Iterator[str]:
    for source in left.values():
        for target in source.calibrates:
            if target not in left:
                yield f"{source.name} calibrates {target}, which would not be there"


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        known = [str(part) for part in value if part is not None]
        joint = " +- " if value and isinstance(value[0], float) else ";"
        return joint.join(known) or "-"
    return "-" if value in (None, "") else str(value)


def _json(source: Source | None) -> str | None:
    return None if source is None else json.dumps(dataclasses.asdict(source), ensure_ascii=False)


def _source(text: object) -> Source | None:
    if text is None:
        return None
    values = json.loads(str(text))
    for name in ("other_names", "calibrates"):
        values[name] = tuple(values[name])
    mags = {band: tuple(pair) for band, pair in values["mags"].items()}
    return Source(**{**values, "mags": FrozenTable(mags), "settings": FrozenTable(values["settings"])})
