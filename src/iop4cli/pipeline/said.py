"""What people say of headers and masters, by the names they use; kept apart from all products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from iop4cli.archive.lineage import Names
from iop4cli.archive.people import note_overrides, who
from iop4cli.archive.selection import Selection, frames_selected
from iop4cli.archive.store import Store
from iop4cli.errors import UsageError
from iop4cli.instruments.overrides import parse_override
from iop4cli.instruments.registry import Registry
from iop4cli.pipeline.standing import FIELD
from iop4cli.pipeline.steps.classify import raw_files
from iop4cli.pipeline.view import View

# The word of a person on a master, as the table `override` has it.
ACCEPT, REJECT, UNSAY = "yes", "no", ""


def override_headers(view: View, selection: Selection, values: Mapping[str, str]) -> None:
    """Note what is true of the selected frames, field by field; an empty value takes it back."""
    for field, value in values.items():
        if value:
            parse_override(field, value)
    known = {name for name, _ in raw_files(view)}
    frames = frames_selected(selection, view.store, view.frames, known, view.surroundings.registry)
    note_overrides(view.store, sorted(frames), values, who())


def judge_masters(store: Store, registry: Registry, words: Mapping[str, Sequence[str]]) -> list[str]:
    """Keep the word of a person (word -> masters, by any of their names); returns the names of the masters."""
    known = Names(store, registry)
    found = {}
    for word, names in words.items():
        things = [thing for name in names for thing in known.find(name)]
        for thing in things:
            if thing.kind != "master":
                raise UsageError(f"{thing.name} is a {thing.kind}, not a master")
        found[word] = [thing.name for thing in things]
    for word, masters in found.items():
        if masters:
            note_overrides(store, masters, {FIELD: word}, who())
    return [name for masters in found.values() for name in masters]
