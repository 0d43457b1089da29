"""iop4 sql."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iop4cli.commands.opening import open_archive
from iop4cli.errors import NoSuchItem, UsageError
from iop4cli.nearest import did_you_mean
from iop4cli.shell import messages, output, page
from iop4cli.shell.options import ArchiveOptions, takes_options

if TYPE_CHECKING:
    import polars as pl

    from iop4cli.archive.store import Answer, Store

EPILOG = """Examples:

  iop4 sql "select night, band, count(*) from results group by all"

  iop4 sql --schema results

  iop4 sql "select * from results" -o results.parquet

  iop4 sql "select source, count(*) as n from results where flags is null group by all order by n desc"

  iop4 sql "from frame select name, reason where status = 'failed'" --format ndjson

  iop4 sql --write "insert into note values ('2200+420', 'flare', 'me', now()::timestamp)"

  iop4 sql --shell
"""

_FORMATS = ("table", "csv", "ndjson", "parquet")


@takes_options
def command(
    options: ArchiveOptions,
    query: Annotated[
        str | None,
        typer.Argument(
            metavar="QUERY",
            show_default=False,
            help="One statement; - reads it from standard input. With --schema: a table or view.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("-f", "--file", metavar="FILE", show_default=False, help="Read the statement from a file."),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            show_default=False,
            help="table, csv, ndjson or parquet; else as the file is called; else table, or csv in a pipe.",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", show_default=False, help="A file; else stdout."),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Let it change the store: several statements are one transaction.")
    ] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Explain tables, views and columns.")] = False,
    shell: Annotated[
        bool, typer.Option("--shell", help="Open the store in the program duckdb, if it is installed.")
    ] = False,
) -> int:
    """Ask the store in SQL (DuckDB's).

    Reads only: just questions are taken (SELECT, DESCRIBE, SHOW, EXPLAIN ...), which may look into other
    files too: read_csv('mine.csv'). A table rounds numbers to what can be read, and has a value a line where
    rows are wider than the terminal; csv, ndjson and parquet keep every digit. With --write anything goes, and
    nothing guards you; products are remade by the steps, so change only the tables of people (source, override,
    flag, note, calibration). --shell runs duckdb on the store, read-only unless --write is given, and ends with its
    exit code; until then whoever wants to write to the store waits (with --write: everybody).
    """
    from iop4cli.archive.asking import check_only_reads
    from iop4cli.archive.name_lists import TABLES, keep_names

    if shell:
        return _shell(options, write=write, besides=[query, file, form, to, schema or None])
    chosen = _format(form, to)
    opened = open_archive(options)
    if schema:
        answer = _schema(opened.store, query)
        if chosen == "table" and to is None:
            rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
            page.table(rows, answer.columns, indent=0)
            return 0
    else:
        sql = _statement(query, file)
        if not write:
            check_only_reads(sql, " (--write lets anything through)")
        if chosen == "parquet":
            _write_parquet(opened.store.frame(sql, write=write), to)
            if write:
                keep_names(opened.store, TABLES)
            return 0
        answer = opened.store.ask(sql, write=write)
        if write:
            keep_names(opened.store, TABLES)
    _show(answer, chosen, to)
    if write and not schema and answer.columns != ("Count",):
        messages.notice("written")
    return 0


def _format(said: str | None, to: Path | None) -> str:
    from iop4cli.export.formats import SUFFIXES

    if said is not None:
        if said.lower() not in _FORMATS:
            raise UsageError(f"--format {said!r} is not known{did_you_mean(said, _FORMATS)}")
        if said.lower() == "parquet" and to is None and output.is_terminal():
            raise UsageError("parquet is no text for a terminal: give -o FILE, or send it on (> FILE)")
        return said.lower()
    if to is not None:
        named = SUFFIXES.get(to.suffix.lower(), "csv")
        if named not in _FORMATS:
            raise UsageError(f"-o {to}: questions are answered as {', '.join(_FORMATS)} (results: iop4 export)")
        return named
    return "table" if output.is_terminal() else "csv"


def _shell(options: ArchiveOptions, *, write: bool, besides: Sequence[object]) -> int:
    from iop4cli.archive.duckdb_shell import run_shell
    from iop4cli.archive.name_lists import TABLES, keep_names

    if any(one is not None for one in besides):
        raise UsageError("--shell goes with --write only: statements are typed into it, or come from standard input")
    store = open_archive(options).store
    code = run_shell(store, write=write)
    if write:
        keep_names(store, TABLES)
    return code


def _write_parquet(frame: pl.DataFrame, to: Path | None) -> None:
    from iop4cli.export.parquet import arrow_parquet

    _deliver_bytes(arrow_parquet(frame.to_arrow()), to)


def _deliver_bytes(content: bytes, to: Path | None) -> None:
    from iop4cli.export.atomic import write_bytes

    if to is None:
        output.write_bytes(content)
    else:
        write_bytes(to, content)


def _statement(query: str | None, file: Path | None) -> str:
    if (query is None) == (file is None):
        raise UsageError("give one statement: QUERY, - for standard input, or -f FILE (--schema explains the tables)")
    if file is not None:
        return file.read_text(encoding="utf-8")
    return sys.stdin.read() if query == "-" else str(query)


def _schema(store: Store, name: str | None) -> Answer:
    from iop4cli.archive.columns import TABLES, column_of
    from iop4cli.archive.queries import described_tables
    from iop4cli.archive.store import Answer

    found = described_tables(store)
    if name is None:
        known = [table for table in TABLES if table in found] + sorted(set(found) - set(TABLES))
        return Answer(
            ("table", "columns", "description"),
            [(table, len(found[table]), TABLES.get(table)) for table in known],
        )
    if name not in found:
        raise NoSuchItem(f"there is no table {name!r}{did_you_mean(name, found)}")
    rows = []
    for column, kind in found[name]:
        said = column_of(name, column)
        rows.append((column, kind.lower(), (said.unit or None) if said else None, said.text if said else None))
    return Answer(("column", "type", "unit", "description"), rows)


def _show(answer: Answer, form: str, to: Path | None) -> None:
    from iop4cli.archive.asking import distinct
    from iop4cli.export.atomic import write_text
    from iop4cli.export.tables import csv_text, ndjson_text, shown_column

    if not answer.columns:
        return
    columns = distinct(answer.columns)
    if form == "table":
        by_column = [shown_column([row[i] for row in answer.rows]) for i in range(len(columns))]
        cells = [dict(zip(columns, row, strict=True)) for row in zip(*by_column, strict=True)]
        text = _table(cells, columns, None if to else page.width())
        messages.notice(f"{len(answer.rows)} row{'' if len(answer.rows) == 1 else 's'}")
    elif form == "parquet":
        # Only tables of our own come here (--schema): questions are frames.
        import polars

        _write_parquet(polars.DataFrame(answer.rows, columns, orient="row", infer_schema_length=None), to)
        return
    else:
        text = (csv_text if form == "csv" else ndjson_text)(columns, answer.rows)
    if to is None:
        output.write(text)
    else:
        write_text(to, text)


def _table(cells: Sequence[Mapping[str, str]], columns: Sequence[str], room: int | None) -> str:
    """Rows under one header; where they don't fit, a value a line."""
    if room is None or not cells or page.fits(cells, columns, room):
        return "\n".join(page.table_lines(cells, columns, 0, room)) + "\n"
    label = max(map(len, columns))
    blocks = (
        "\n".join(output.clean(f"{name.ljust(label)}  {row[name]}").rstrip() for name in columns) for row in cells
    )
    return "\n\n".join(blocks) + "\n"
