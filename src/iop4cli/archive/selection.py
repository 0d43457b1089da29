"""Which items a command works on: what the shell makes of arguments and stdin, and the pipeline takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iop4cli.archive.asking import check_condition
from iop4cli.archive.epochs import (
    BadName,
    Epoch,
    FrameName,
    NameGlob,
    parse_item,
    parse_night,
)
from iop4cli.archive.names import normalise
from iop4cli.archive.store import Store
from iop4cli.errors import Iop4Error, NoSuchItem, UsageError

if TYPE_CHECKING:
    from iop4cli.instruments.registry import Registry

_RESULT_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Selection:
    """`names` are epochs, frames, globs of either, products or result ids; the filters narrow them. All empty: all."""

    names: tuple[str, ...] = ()
    source: str | None = None
    instrument: str | None = None
    band: str | None = None
    mode: str | None = None
    since: str | None = None
    until: str | None = None
    where: str | None = None
    # Names came from standard input: an empty list then means nothing, not everything.
    from_stdin: bool = False

    @property
    def filtered(self) -> bool:
        return any((self.source, self.instrument, self.band, self.mode, self.where))

    @property
    def everything(self) -> bool:
        return not (self.names or self.from_stdin or self.filtered or self.since or self.until)

    @property
    def whole_nights(self) -> bool:
        """Whether nothing less than whole nights is selected, so that a plan sees all of each."""
        return not self.filtered and all(_names_epochs(name) for name in self.names)


def _names_epochs(name: str) -> bool:
    return name.rstrip("/").count("/") == 1


def nights_selected(selection: Selection, store: Store, registry: Registry) -> frozenset[str] | None:
    """The epochs TELESCOPE/NIGHT that the names lie in; None for all."""
    if not selection.names and not selection.from_stdin and not (selection.since or selection.until):
        return None
    known: set[str] | None = None
    nights: set[str] = set()
    for name in selection.names:
        if _RESULT_ID.fullmatch(name):
            nights |= {_epoch_of(frame) for frame in _frames_of_result(store, name)}
            continue
        item = parse_name(name, registry)
        if isinstance(item, NameGlob):
            known = _known_epochs(store) if known is None else known
            nights |= {epoch for epoch in known if item.matches_epoch(Epoch(*epoch.split("/", 1)))}
        else:
            nights.add(str(item) if isinstance(item, Epoch) else str(item.epoch))
    if not selection.names and not selection.from_stdin:
        nights = _known_epochs(store)
    return frozenset(night for night in nights if _between(night.split("/", 1)[1], selection))


def parse_name(text: str, registry: Registry) -> Epoch | FrameName | NameGlob:
    """An epoch, frame or glob in any spelling, with the telescope's own name."""
    try:
        return parse_item(text, registry.telescope)
    except BadName:
        raise
    except Iop4Error as error:
        raise NoSuchItem(str(error)) from error


def frames_selected(
    selection: Selection,
    store: Store,
    frames: Mapping[str, Mapping[str, Any]],
    candidates: Iterable[str],
    registry: Registry,
) -> set[str]:
    """Of the candidate frames those that are selected; a name that matches nothing at all is an error."""  # fmt: skip
    wanted = set(candidates)
    if selection.names or selection.from_stdin:
        named: set[str] = set()
        for name in selection.names:
            named |= _frames_named(name, store, wanted | set(frames), registry)
        wanted &= named
    wanted = {
        name for name in wanted if _passes(selection, frames.get(name)) and _between(name.split("/")[1], selection)
    }
    if selection.where:
        wanted &= _where(selection.where, store)
    return wanted


def _frames_named(name: str, store: Store, known: set[str], registry: Registry) -> set[str]:
    if _RESULT_ID.fullmatch(name):
        return set(_frames_of_result(store, name))
    item = parse_name(name, registry)
    if isinstance(item, FrameName):
        if str(item) in known:
            return {str(item)}
        return _frames_of_product(str(item), store, known)
    if isinstance(item, Epoch):
        found = {frame for frame in known if frame.startswith(f"{item}/")}
    else:
        found = {frame for frame in known if item.matches(FrameName(*frame.split("/", 2)))}
    if not found:
        raise NoSuchItem(f"{name} matches no frame of this archive; `iop4 status` lists the nights")
    return found


def _frames_of_product(name: str, store: Store, known: set[str]) -> set[str]:
    """A group's frames, or for a master or a night's results all frames of the night."""
    rows = store.rows("select distinct input from measurement_input where origin = ? and role like 'frame%'", [name])
    if rows:
        return {row["input"] for row in rows}
    if store.rows("select 1 from item where name = ? limit 1", [name]):
        epoch = _epoch_of(name)
        return {frame for frame in known if frame.startswith(f"{epoch}/")}
    raise NoSuchItem(f"{name} is neither a frame nor a product of this archive")


def _frames_of_result(store: Store, result_id: str) -> list[str]:
    rows = store.rows("select input from measurement_input where measurement = ? and role like 'frame%'", [result_id])
    if not rows:
        raise NoSuchItem(f"no result has the id {result_id}")
    return [row["input"] for row in rows]


def _known_epochs(store: Store) -> set[str]:
    return {f"{row['telescope']}/{row['night']}" for row in store.rows("select distinct telescope, night from frame")}


def _epoch_of(name: str) -> str:
    return "/".join(name.split("/")[:2])


def _between(night: str, selection: Selection) -> bool:
    since = parse_night(selection.since) if selection.since else ""
    until = parse_night(selection.until) if selection.until else "9999"
    return since <= night <= until


def _passes(selection: Selection, frame: Mapping[str, Any] | None) -> bool:
    """A frame that is not classified yet passes no filter on what only classify knows."""
    if not any((selection.source, selection.instrument, selection.band, selection.mode)):
        return True
    if frame is None:
        return False
    if selection.source and normalise(selection.source) not in {
        normalise(frame[column] or "") for column in ("target", "object")
    }:
        return False
    wanted = (("instrument", selection.instrument), ("band", selection.band), ("mode", selection.mode))
    return all(not value or (frame[column] or "").casefold() == value.casefold() for column, value in wanted)


def _where(condition: str, store: Store) -> set[str]:
    """Frames whose row fulfils a condition in SQL; the store is open for reading only."""
    try:
        check_condition(condition)
        return {row[0] for row in store.answer(f"select name from (select * from frame where ({condition}\n))").rows}
    except UsageError as error:
        raise UsageError(f"--where {condition!r}: {str(error).removeprefix('SQL: ')}") from error
