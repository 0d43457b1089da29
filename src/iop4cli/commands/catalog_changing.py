"""iop4 catalog remove, rename, log, undo."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from iop4cli.archive.people import who
from iop4cli.archive.source import Source
from iop4cli.archive.store import Batch, Store
from iop4cli.commands.catalog_named import counted, make_change, source_named, sources_named
from iop4cli.commands.opening import open_archive
from iop4cli.errors import UsageError
from iop4cli.shell import messages, output
from iop4cli.shell.options import ArchiveOptions, Json, takes_options

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="A source, by any of its names.")]


@takes_options
def remove(
    options: ArchiveOptions,
    names: Annotated[
        list[str], typer.Argument(metavar="NAMES", show_default=False, help="Sources, by any of their names.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Also sources that calibrate or are calibrated.")] = False,
) -> int:
    """Remove sources: all of those named or, if one may not be, none.

    A source that others calibrate, or that calibrates others, stays unless --force says so; what then calibrates
    nothing any more, or has no calibrator left, is told.
    """
    from iop4cli.archive.catalog_journal import pairs_of
    from iop4cli.archive.catalog_store import read_sources

    store = open_archive(options).store
    known = read_sources(store)
    left, said = without(known, names, force=force)
    for text in said:
        messages.notice(text)
    make_change(store, "remove", pairs_of(known, left))
    return 0


def without(known: Sequence[Source], names: Sequence[str], *, force: bool) -> tuple[list[Source], list[str]]:
    """What is left of a catalogue, and what that means for others; a UsageError if others need one, but for `force`."""
    gone = {source.name for source in sources_named(known, names)}
    bonds = _bonds(known, gone)
    if bonds and not force:
        raise UsageError("\n".join([*bonds, "nothing is removed; --force removes them all the same"]))
    left = [
        dataclasses.replace(source, calibrates=tuple(name for name in source.calibrates if name not in gone))
        for source in known
        if source.name not in gone
    ]
    return left, [*bonds, *_orphans(known, left)]


def _bonds(known: Sequence[Source], gone: set[str]) -> list[str]:
    said = []
    for source in known:
        lost = [name for name in source.calibrates if (name in gone) != (source.name in gone)]
        if lost:
            said.append(f"{source.name} calibrates {', '.join(lost)}")
    return said


def _orphans(known: Sequence[Source], left: Sequence[Source]) -> list[str]:
    had = {target for source in known for target in source.calibrates}
    have = {target for source in left for target in source.calibrates}
    idle = {source.name for source in known if source.calibrates}
    said = [f"{source.name} has no calibrator left" for source in left if source.name in had - have]
    said += [f"{one.name} calibrates nothing any more" for one in left if one.name in idle and not one.calibrates]
    return said


@takes_options
def rename(
    options: ArchiveOptions,
    name: Name,
    new: Annotated[str, typer.Argument(metavar="NEW", show_default=False, help="The new name.")],
) -> int:
    """Give a source another name; the old one stays as an alias.

    What calibrates it, and flags of its results, go with it. Results carry the new name once they are made again.
    """
    from iop4cli.archive.catalog_journal import pairs_of
    from iop4cli.archive.catalog_store import read_sources

    store = open_archive(options).store
    known = read_sources(store)
    source, left = renamed(known, name, new)
    make_change(store, rename_words(source, new), pairs_of(known, left), flags_renamed(store, source.name, new.strip()))
    return 0


def rename_words(source: Source, new: str) -> str:
    """What the record of the change says."""
    return f"rename {source.name} to {new.strip()}"


def renamed(known: Sequence[Source], name: str, new: str) -> tuple[Source, list[Source]]:
    """The source that `name` means, and the catalogue in which it has the new name."""
    from iop4cli.archive.names import normalise

    source = source_named(known, name)
    new = new.strip()
    if not normalise(new) or ";" in new or new.startswith("#"):
        raise UsageError(f"{new!r} is no name: it needs a letter or figure, and neither ; nor # in front")
    if new == source.name:
        raise UsageError(f"{source.name} has that name already")
    if any(one.name == new for one in known):
        raise UsageError(f"{new} is in the catalogue already")
    aliases = (source.name, *(other for other in source.other_names if other != new))
    left = [
        dataclasses.replace(source, name=new, other_names=aliases) if one is source else dataclasses.replace(
            one, calibrates=tuple(sorted(new if target == source.name else target for target in one.calibrates))
        )
        for one in known
    ]  # fmt: skip
    return source, left


def flags_renamed(store: Store, old: str, new: str) -> list[Batch]:
    """Flags for the results as they will be called; the old ones stay, for the change may be undone."""
    from iop4cli.pipeline.step import measurement_id

    rows = store.rows(
        "select f.*, m.mode, m.method, (select list(i.input) from measurement_input i where i.measurement = m.id "
        "and i.role like 'frame%') as inputs from flag f join measurement m on m.id = f.measurement "
        "where m.source = ?",
        [old],
    )
    flags = [
        {
            "measurement": measurement_id(new, row["mode"], row["method"], row["inputs"] or []),
            "reason": row["reason"], "who": row["who"], "time_utc": row["time_utc"],
        }
        for row in rows
    ]  # fmt: skip
    return [Batch("flag", flags)] if flags else []


@takes_options
def log(
    options: ArchiveOptions,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAMES", show_default=False, help="Only changes of these sources."),
    ] = None,
    json: Json = False,
) -> int:
    """List who changed what in the catalogue and when, the oldest first."""
    rows = change_rows(open_archive(options).store, names or ())
    if json:
        for row in rows:
            output.json_row(row)
    else:
        output.table(rows, ("change", "time_utc", "who", "what", "source", "undone_by", "changes"))
    if not rows:
        messages.notice("no change of the catalogue is recorded")
    return 0


def change_rows(store: Store, names: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each source of each change, the oldest first; those of some names, or all."""
    from iop4cli.archive.catalog_journal import differences, read_changes
    from iop4cli.archive.names import normalise

    wanted = {normalise(name) for name in names}
    return [
        {
            "change": change.number, "time_utc": change.time_utc, "who": change.who, "what": change.what,
            "source": pair.name, "undone_by": change.undone_by, "changes": "; ".join(differences(pair)),
        }
        for change in read_changes(store)
        for pair in change.pairs
        if not wanted or normalise(pair.name) in wanted
    ]  # fmt: skip


@takes_options
def undo(
    options: ArchiveOptions,
    number: Annotated[
        int | None,
        typer.Argument(metavar="N", show_default=False, help="Number of the change; none: the last one."),
    ] = None,
) -> int:
    """Take a change of the catalogue back, whole; this is a change too, and can be undone.

    Refused if a source of it was changed since.
    """
    from iop4cli.archive import catalog_journal

    taken = catalog_journal.undo(open_archive(options).store, who(), number)
    for pair in taken.pairs:
        output.line(pair.name)
    messages.notice(f"change {taken.number} ({taken.what}: {counted(taken.pairs)}) is taken back")
    return 0
