"""Mending what the examination of an archive found. Nothing that a person wrote is removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from iop4cli.archive import soundness
from iop4cli.archive.layout import Layout
from iop4cli.archive.name_lists import TABLES, keep_names
from iop4cli.archive.night_locks import Held, NightLocks
from iop4cli.archive.past import Replacement, remove_items
from iop4cli.archive.people import quoted
from iop4cli.archive.store import Store, utc_now
from iop4cli.pipeline.examination import FORGET, MAKE_AGAIN, MAKE_LISTS, REMOVE, Trouble
from iop4cli.pipeline.recovery import is_ours, make_due
from iop4cli.pipeline.step import night_of
from iop4cli.unfinished import is_unfinished, remove

if TYPE_CHECKING:
    from collections.abc import Iterator

_EVERY_NIGHT = 1 << 30

IN_WORDS = {
    REMOVE: "remove them",
    MAKE_AGAIN: "let the next `iop4 run` make them again",
    FORGET: "forget these raw frames (the next run takes back what was made of them; flags and the past stay)",
    MAKE_LISTS: "write the lists anew",
}


def repair(store: Store, layout: Layout, trouble: Trouble, run_id: str) -> list[str]:
    """Mend one kind; returns what was left, because a run works on its night."""
    return _WAYS[trouble.mend](store, layout, trouble, run_id)


def _remove(store: Store, layout: Layout, trouble: Trouble, run_id: str) -> list[str]:
    with _nights_held(layout, {name: _night_of_file(name) for name in trouble.names}) as (mine, left):
        # A run may have ended meanwhile, and its files have their rows.
        strays = set(soundness.strays(store, layout))
        for name in mine:
            path = layout.root / name
            if is_unfinished(path) or (name in strays and is_ours(layout, path)):
                remove(path)
    return left


def _make_again(store: Store, layout: Layout, trouble: Trouble, run_id: str) -> list[str]:
    with _nights_held(layout, {name: night_of(name) for name in trouble.names}) as (mine, left):
        if mine:
            make_due(store, {trouble.folder: mine}, run_id)
    return left


def _forget(store: Store, layout: Layout, trouble: Trouble, run_id: str) -> list[str]:
    with _nights_held(layout, {name: night_of(name) for name in trouble.names}) as (mine, left):
        gone = [name for name in mine if not layout.raw_frame(name).exists()]
        if gone:
            names = ", ".join(map(quoted, gone))
            script = remove_items(f"step = 'classify' and name in ({names})", Replacement(run_id, utc_now()))
            store.write([], script + f"delete from frame where name in ({names});")
            keep_names(store, {"frame"})
    return left


def _make_lists(store: Store, layout: Layout, trouble: Trouble, run_id: str) -> list[str]:
    keep_names(store, TABLES)
    return soundness.outdated_names(store, layout)


_WAYS: dict[str, Callable[[Store, Layout, Trouble, str], list[str]]] = {
    REMOVE: _remove, MAKE_AGAIN: _make_again, FORGET: _forget, MAKE_LISTS: _make_lists,
}  # fmt: skip


@contextmanager
def _nights_held(layout: Layout, nights: Mapping[str, str]) -> Iterator[tuple[list[str], list[str]]]:
    """Of these names (name -> night) those whose night nobody works on, which is ours meanwhile; and the others."""
    held: Held = NightLocks(layout.locks).take(dict.fromkeys(nights.values(), 1), _EVERY_NIGHT)
    try:
        mine = [name for name, night in nights.items() if night in held]
        yield mine, [name for name in nights if name not in mine]
    finally:
        # A run that was killed there is still to be looked after by the next one.
        held.release(well=not held.begun_s)


def _night_of_file(name: str) -> str:
    """TELESCOPE/NIGHT of FOLDER/TELESCOPE/NIGHT/FILE."""
    return "/".join(name.split("/")[1:3]) or name
