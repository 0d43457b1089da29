"""The tables and columns of the store as a page of Markdown."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from iop4cli.archive.columns import TABLES, column_of
from iop4cli.archive.queries import described_tables
from iop4cli.archive.store import Store
from iop4cli.frames.quality import MEANING
from iop4cli.reference.markdown import cell


def schema_page() -> str:
    """Every table with its columns, as a new store has them."""
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / "iop4.duckdb")
        store.create()
        found = described_tables(store)
    named = [table for table in TABLES if table in found] + sorted(set(found) - set(TABLES))
    parts = ["# Tables and columns\n\nMade from the store by `make docs`; `iop4 sql --schema TABLE` says the same.\n"]
    parts += [_section(table, found[table]) for table in named]
    return "\n".join([*parts, _quality_bits()])


def _quality_bits() -> str:
    rows = "".join(f"| {int(bit)} | {text} |\n" for bit, text in sorted(MEANING.items()))
    said = "Bits of `quality` in the view results and of `bits` in aperture and measurement; they are added up."
    return f"## Quality bits\n\n{said}\n\n| bit | meaning |\n| --- | --- |\n{rows}"


def _section(table: str, columns: list[tuple[str, str]]) -> str:
    rows = []
    for name, kind in columns:
        said = column_of(table, name)
        unit, text = (said.unit, said.text) if said else ("", "")
        rows.append(f"| `{name}` | {kind.lower()} | {unit} | {cell(text)} |\n")
    head = f"## {table}\n\n{TABLES.get(table, '')}\n\n| column | type | unit | meaning |\n| --- | --- | --- | --- |\n"
    return head + "".join(rows)
