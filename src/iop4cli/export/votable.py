"""Results as a VOTable 1.4: astropy makes the document; rows are written here, for it takes a minute for 100,000."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from iop4cli.export.results_table import ResultsTable, TypedColumn
from iop4cli.export.text_escapes import escaped

# The smallest of 64 bits: no count or set of bits is that.
NULL_WHOLE = -(2**63)
_TIMES = {"mjd_utc": "time_utc", "bjd_tdb": "time_tdb"}
_DATATYPES = {
    "text": ("unicodeChar", "*"), "whole": ("long", None), "real": ("double", None),
}  # fmt: skip
_XML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_END_OF_TABLE = "  </TABLE>"


def votable_parts(table: ResultsTable, meta: Mapping[str, Any]) -> Iterator[bytes]:
    """UTF-8; NULL is the declared number of a whole column, NaN of a real one, an empty cell of text."""
    head, end, tail = _document(table.columns, meta).partition(_END_OF_TABLE)
    assert end, "the document has a table"
    yield (head + "   <DATA>\n    <TABLEDATA>\n").encode()
    yield from _rows(table)
    yield ("    </TABLEDATA>\n   </DATA>\n" + end + tail).encode()


def _document(columns: Sequence[TypedColumn], meta: Mapping[str, Any]) -> str:
    """The whole file, but for the rows."""
    from astropy.io.votable.tree import Info, Resource, TableElement, TimeSys, VOTableFile

    document = VOTableFile(version="1.4")
    resource = Resource()
    document.resources.append(resource)
    names = {column.name for column in columns}
    times = {
        "mjd_utc": TimeSys(
            "time_utc", timescale="UTC", refposition="TOPOCENTER", timeorigin="MJD-origin", config=document._config
        ),
        "bjd_tdb": TimeSys(
            "time_tdb", timescale="TDB", refposition="BARYCENTER", timeorigin="JD-origin", config=document._config
        ),
    }
    resource.time_systems.extend(one for name, one in times.items() if name in names)
    for number, (name, text) in enumerate(_infos(meta), start=1):
        # Ids of columns and of what is repeated would be the same as names.
        resource.infos.append(Info(ID=f"info_{number}", name=name, value=text))
    table = TableElement(document, ID="results", name="results")
    table.description = "Photometry and polarimetry: one row for each measurement of one source"
    resource.tables.append(table)
    table.fields.extend(_field(document, column) for column in columns)
    written = io.BytesIO()
    document.to_xml(written)
    return written.getvalue().decode("utf-8")


def _infos(meta: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in meta.items():
        for one in value if isinstance(value, list) else [value]:
            yield name, escaped(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False))


def _field(document: Any, column: TypedColumn) -> Any:
    from astropy.io.votable.tree import Field

    datatype, size = _DATATYPES[column.kind]
    field = Field(
        document, ID=column.name, name=column.name, datatype=datatype, arraysize=size, unit=column.unit or None,
        ucd=column.ucd or None, ref=_TIMES.get(column.name),
    )  # fmt: skip
    field.description = column.text or None
    if column.kind == "whole":
        field.values.null = NULL_WHOLE
    return field


def _rows(table: ResultsTable) -> Iterator[bytes]:
    import polars as pl

    cells: list[Any] = [pl.lit("     <TR>")]
    for column in table.columns:
        value = pl.col(column.name)
        if column.kind == "text":
            known = pl.concat_str(pl.lit("<TD>"), value.str.replace_many(_XML), pl.lit("</TD>"))
            cells.append(pl.when(value != "").then(known).otherwise(pl.lit("<TD/>")))
        else:
            null = str(NULL_WHOLE) if column.kind == "whole" else "NaN"
            cells += [pl.lit("<TD>"), value.cast(pl.String).fill_null(null), pl.lit("</TD>")]
    row = pl.concat_str([*cells, pl.lit("</TR>\n")])
    for slab in table.escaped().slabs():
        yield "".join(slab.select(row).to_series()).encode()
