"""Sources by any of their names, and a change of the catalogue told: used by all of `iop4 catalog`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from iop4cli.archive.catalog_journal import Pair, apply_change
from iop4cli.archive.names import NameIndex
from iop4cli.archive.people import who
from iop4cli.archive.source import Source
from iop4cli.archive.store import Batch, Store
from iop4cli.errors import NoSuchItem, UsageError
from iop4cli.shell import messages, output

HELP = {"help_option_names": ["-h", "--help"]}


def known_names(sources: Sequence[Source]) -> dict[str, tuple[str, ...]]:
    return {source.name: source.other_names for source in sources}


def sources_named(sources: Sequence[Source], names: Sequence[str]) -> list[Source]:
    """Those of the names, all if there are none; a name that nothing bears is an error."""
    if not names:
        return list(sources)
    index = NameIndex(known_names(sources))
    wanted = {found for name in names for found in _found(index, name)}
    return [source for source in sources if source.name in wanted]


def source_named(sources: Sequence[Source], name: str) -> Source:
    """The one source that a name means."""
    found = sources_named(sources, [name])
    if len(found) > 1:
        raise UsageError(f"{name!r} may be {' or '.join(source.name for source in found)}: write it as it is spelled")
    return found[0]


def _found(index: NameIndex, name: str) -> list[str]:
    from iop4cli.archive.results import suggestion

    found = index.find(name)
    if not found:
        hint = suggestion(name, index.names)
        raise NoSuchItem(f"no source is called {name!r}{hint}; `iop4 catalog list` shows those there are")
    return found


def make_change(store: Store, what: str, pairs: Sequence[Pair], more: Sequence[Batch] = ()) -> int:
    """Apply and tell it: names on stdout, the number on stderr."""
    number = apply_change(store, what, who(), pairs, more)
    for pair in pairs:
        output.line(pair.name)
    messages.notice(
        f"change {number}: {counted(pairs)}; results that rest on it are due (`iop4 run -n`); "
        f"`iop4 catalog undo {number}` takes it back"
    )
    return number


def counted(pairs: Sequence[Pair]) -> str:
    """1 added, 2 changed."""
    n: Mapping[str, int] = {
        "added": sum(pair.before is None for pair in pairs),
        "changed": sum(pair.before is not None and pair.after is not None for pair in pairs),
        "removed": sum(pair.after is None for pair in pairs),
    }
    return ", ".join(f"{count} {word}" for word, count in n.items() if count)
