"""iop4 catalog add, edit: sources as options, from standard input, or in an editor."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from iop4cli.archive.source import Source
from iop4cli.commands.catalog_named import known_names, make_change, source_named
from iop4cli.commands.opening import open_archive
from iop4cli.errors import UsageError
from iop4cli.shell import messages
from iop4cli.shell.options import ArchiveOptions, takes_options

_TOML_LINE = re.compile(r"\s*(\[|[\w\"']+\s*=)")


def _value(flag: str, metavar: str, text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(flag, metavar=metavar, show_default=False, help=text)
    return option


@takes_options
def add(
    options: ArchiveOptions,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", show_default=False, help="A new source; - reads TOML or CSV from stdin."),
    ],
    ra: Annotated[str | None, _value("--ra", "RA", "Right ascension: degrees, or 22:02:43.29 in hours.")] = None,
    dec: Annotated[str | None, _value("--dec", "DEC", "Declination: degrees, or +42:16:40.0.")] = None,
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help="blazar, star, polarised, ...")] = "other",
    other_name: Annotated[list[str] | None, _value("--other-name", "NAME", "An alias; may be repeated.")] = None,
    mag: Annotated[list[str] | None, _value("--mag", "B=M[,ERR]", "A magnitude; may be repeated.")] = None,
    calibrates: Annotated[list[str] | None, _value("--calibrates", "NAME", "A target; may be repeated.")] = None,
    redshift: Annotated[str | None, _value("--redshift", "Z", "Redshift.")] = None,
    p: Annotated[str | None, _value("--p", "P[,ERR]", "Degree of polarisation, a fraction.")] = None,
    chi: Annotated[str | None, _value("--chi", "CHI[,ERR]", "Its position angle in degrees.")] = None,
    only_beam: Annotated[str | None, _value("--only-beam", "O|E", "Measure on one beam alone.")] = None,
    reference: Annotated[str, _value("--reference", "TEXT", "Where the numbers are from.")] = "",
    comment: Annotated[str, _value("--comment", "TEXT", "A remark.")] = "",
) -> int:
    """Add a source that is not there yet; `import` adds and replaces many.

    From standard input (-): TOML as `edit` shows it, one source or several tables \\[\\[source]], or a CSV or ECSV as
    `import` takes it. All or, with any error, nothing.
    """
    from iop4cli.archive.catalog_journal import Pair
    from iop4cli.archive.catalog_store import read_sources
    from iop4cli.archive.names import normalise

    store = open_archive(options).store
    known = read_sources(store)
    if name == "-":
        sources = from_text(sys.stdin.read(), "standard input", known)
    else:
        cells = {
            "name": name, "ra": ra or "", "dec": dec or "", "kind": kind, "redshift": redshift or "",
            "other_names": ";".join(other_name or ()), "calibrates": ";".join(calibrates or ()),
            "only_beam": only_beam or "", "reference": reference, "comment": comment,
            **_with_error("p", p), **_with_error("chi", chi),
        }  # fmt: skip
        for said in mag or ():
            band, equals, value = said.partition("=")
            if not equals:
                raise UsageError(f"--mag {said!r}: write BAND=MAGNITUDE or BAND=MAGNITUDE,ERROR, like R=13.2,0.01")
            cells |= _with_error(f"mag_{band.strip()}", value)
        sources = (source_from_cells(cells, known),)
    names = {normalise(source.name) for source in known}
    for source in sources:
        if normalise(source.name) in names:
            raise UsageError(f"{source.name} is in the catalogue already: `iop4 catalog edit` changes it")
    if not sources:
        raise UsageError("standard input holds no source")
    make_change(store, "add", [Pair(source.name, None, source) for source in sources])
    return 0


def from_text(text: str, file: str, known: Sequence[Source]) -> tuple[Source, ...]:
    """The sources of a text in TOML, CSV or ECSV, whichever it is."""
    from iop4cli.archive.catalog import parse_catalog
    from iop4cli.archive.catalog_toml import parse_toml

    first = next((line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")
    if _TOML_LINE.match(first):
        return parse_toml(text, file, known_names(known))
    return parse_catalog(text, file, known=known_names(known), ecsv=text.lstrip().startswith("# %ECSV"))


def _with_error(column: str, said: str | None) -> dict[str, str]:
    value, _, error = (said or "").partition(",")
    return {column: value.strip(), f"{column}_err": error.strip()}


def source_from_cells(cells: dict[str, str], known: Sequence[Source]) -> Source:
    """A source from the columns of a catalogue's file; what is wrong is a CatalogError."""
    from iop4cli.archive.catalog import CatalogError
    from iop4cli.archive.catalog_names import Placed, name_problems, resolve_targets
    from iop4cli.archive.catalog_row import BAND_COLUMN, CatalogProblem, Row, parse_row

    problems: list[CatalogProblem] = []
    where = "command line"
    for column in cells:
        if column.startswith("mag_") and not BAND_COLUMN.fullmatch(column):
            problems.append(CatalogProblem(where, None, "--mag", column[4:], "is no name of a band"))
    source = parse_row(Row(where, None, cells, problems))
    resolved = []
    if source is not None:
        placed = [Placed(0, source)]
        problems += name_problems(placed, known_names(known), where)
        resolved = resolve_targets(placed, known_names(known), where, problems)
    if problems:
        raise CatalogError(dataclasses.replace(problem, line=None) for problem in problems)
    return resolved[0]


@takes_options
def edit(
    options: ArchiveOptions,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="A source, by any of its names.")],
) -> int:
    """Change a source in an editor ($VISUAL, $EDITOR, else vi), as TOML.

    What is wrong is told with its line and the file is offered again; a file that cannot be taken changes nothing and
    is kept. For another name there is `rename`.
    """
    from iop4cli.archive.catalog_journal import Pair
    from iop4cli.archive.catalog_store import read_sources
    from iop4cli.archive.catalog_toml import to_toml

    store = open_archive(options).store
    known = read_sources(store)
    source = source_named(known, name)
    handle, path = tempfile.mkstemp(prefix="iop4-", suffix=".toml")
    os.close(handle)
    file = Path(path)
    file.write_text(to_toml(source), encoding="utf-8")
    while True:
        _open_editor(file)
        try:
            changed = _read_edited(file, source, known)
            break
        except UsageError as problem:
            if not _again(str(problem)):
                raise UsageError(f"{problem}\nnothing is changed; what you wrote is in {file}") from None
    file.unlink()
    if changed == source:
        messages.notice("nothing is changed")
        return 0
    make_change(store, "edit", [Pair(source.name, source, changed)])
    return 0


def _read_edited(file: Path, source: Source, known: Sequence[Source]) -> Source:
    from iop4cli.archive.catalog_toml import parse_toml

    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: is no text: {error}") from None
    # Its old names are its own to give away: only the others are known.
    found = parse_toml(text, file.name, known_names(known))
    if len(found) != 1 or found[0].name != source.name:
        raise UsageError(
            f"{file.name}: name must stay {source.name!r}: `iop4 catalog rename` gives another, and `add` a new source"
        )
    return found[0]


def _open_editor(file: Path) -> None:
    said = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        done = subprocess.run([*shlex.split(said), str(file)], check=False)
    except (OSError, ValueError) as error:
        file.unlink()
        raise UsageError(f"the editor {said!r} cannot be started ({error}): set EDITOR") from None
    if done.returncode != 0:
        raise UsageError(f"the editor {said!r} ended with {done.returncode}; nothing is changed ({file} is kept)")


def _again(problem: str) -> bool:
    """Whether a person at the terminal wants to mend the file."""
    if not sys.stdin.isatty():
        return False
    messages.error(problem)
    messages.notice("edit again? [Y/n]")
    return sys.stdin.readline().strip().lower() in ("", "y", "yes")
