"""Names across the rows of a catalogue: nothing has two owners, and what a star calibrates exists."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from iop4cli.archive.catalog_row import CatalogProblem
from iop4cli.archive.names import NameIndex, normalise, spelled
from iop4cli.archive.source import Source
from iop4cli.nearest import did_you_mean

Known = Mapping[str, Iterable[str]]


@dataclass(frozen=True)
class Placed:
    """A source and the line of the file where it stands."""

    line: int
    source: Source

    def names(self) -> Iterator[tuple[str, str]]:
        """(column, name) of each name."""
        yield "name", self.source.name
        for other in self.source.other_names:
            yield "other_names", other


def name_problems(placed: list[Placed], known: Known, file: str) -> list[CatalogProblem]:
    """A problem for each name that an earlier row, or a source known already, has too.

    A target and a star that calibrates it may be alike but for blanks and signs, for the names of comparison
    stars are those of the target and a figure: PKS 0420-014 and PKS 0420-01 4.
    """
    problems: list[CatalogProblem] = []
    first: dict[str, list[tuple[Placed, str]]] = {}
    for item in placed:
        for column, word in item.names():
            for other, other_word in first.setdefault(normalise(word), []):
                if other is item or (spelled(word) != spelled(other_word) and _related(item, other)):
                    continue
                message = f"is the same name as {other_word!r} in line {other.line}"
                problems.append(CatalogProblem(file, item.line, column, word, message))
                break
            first[normalise(word)].append((item, word))
    for name, others in _kept(placed, known).items():
        for word in (name, *others):
            for item, own_word in first.get(normalise(word), []):
                calibrated = {normalise(target) for target in item.source.calibrates}
                if spelled(word) != spelled(own_word) and calibrated & {normalise(n) for n in (name, *others)}:
                    continue
                message = f"is a name of {name!r}, which is known already"
                problems.append(CatalogProblem(file, item.line, "name", own_word, message))
    return problems


def resolve_targets(placed: list[Placed], known: Known, file: str, problems: list[CatalogProblem]) -> list[Source]:
    """The sources with `calibrates` as canonical names; what they name must exist."""
    names: dict[str, tuple[str, ...]] = {name: tuple(others) for name, others in _kept(placed, known).items()}
    names |= {item.source.name: item.source.other_names for item in placed}
    index = NameIndex(names)
    calibrators = {item.source.name for item in placed if item.source.calibrates}
    sources = []
    for item in placed:
        targets: list[str] = []
        for written in item.source.calibrates:
            found = index.find(written)
            if len(found) > 1:  # a target and its own stars, alike but for blanks
                found = [name for name in found if name not in calibrators] or found
            if not found:
                message = f"is no source{did_you_mean(written, names)}"
            elif len(found) > 1:
                message = f"may be {' or '.join(found)}"
            elif found[0] == item.source.name:
                message = "is the source itself"
            else:
                targets.append(found[0])
                continue
            problems.append(CatalogProblem(file, item.line, "calibrates", written, message))
        sources.append(replace(item.source, calibrates=tuple(dict.fromkeys(targets))))
    return sources


def _related(one: Placed, other: Placed) -> bool:
    """Whether one of the two calibrates the other."""
    return _calibrates(one, other) or _calibrates(other, one)


def _calibrates(star: Placed, target: Placed) -> bool:
    return bool({normalise(name) for name in star.source.calibrates} & {normalise(name) for _, name in target.names()})


def _kept(placed: list[Placed], known: Known) -> Known:
    """The known sources that the file does not replace by one of the same name."""
    replaced = {normalise(item.source.name) for item in placed}
    return {name: others for name, others in known.items() if normalise(name) not in replaced}
