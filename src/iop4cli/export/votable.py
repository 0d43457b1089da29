"""Results as a VOTable 1.4: astropy makes the document; rows are written here, for it takes a minute for 100,000."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from iop4cli.archive.store import Answer
from iop4cli.export.column_types import TypedColumn, typed_columns
from iop4cli.export.text_escapes import escaped

# The smallest of 64 bits: no count or set of bits is that.
NULL_WHOLE = -(2**63)
_TIMES = {"mjd_utc": "time_utc", "bjd_tdb": "time_tdb"}
_DATATYPES = {
    "text": ("unicodeChar", "*"), "whole": ("long", None), "real": ("double", None), "truth": ("boolean", None),
}  # fmt: skip
_END_OF_TABLE = "  </TABLE>"


def votable_bytes(answer: Answer, meta: Mapping[str, Any]) -> bytes:
    """UTF-8; NULL is the declared number of a whole column, NaN of a real one, an empty cell of text."""
    columns = typed_columns(answer)
    head, end, tail = _document(columns, meta).partition(_END_OF_TABLE)
    assert end, "the document has a table"
    body = "".join(_rows(columns))
    data = f"   <DATA>\n    <TABLEDATA>\n{body}    </TABLEDATA>\n   </DATA>\n"
    return (head + data + end + tail).encode("utf-8")


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


def _rows(columns: Sequence[TypedColumn]) -> Iterable[str]:
    cells = [list(map(_WRITERS[column.kind], column.values)) for column in columns]
    for row in zip(*cells, strict=True):
        yield f"     <TR>{''.join(row)}</TR>\n"


def _text_cell(value: str | None) -> str:
    return f"<TD>{escape(escaped(value))}</TD>" if value else "<TD/>"


def _whole_cell(value: int | None) -> str:
    return f"<TD>{NULL_WHOLE if value is None else value}</TD>"


def _real_cell(value: float | None) -> str:
    return "<TD>NaN</TD>" if value is None else f"<TD>{value!r}</TD>"


def _truth_cell(value: bool | None) -> str:
    return "<TD>?</TD>" if value is None else "<TD>T</TD>" if value else "<TD>F</TD>"


_WRITERS: dict[str, Callable[[Any], str]] = {
    "text": _text_cell, "whole": _whole_cell, "real": _real_cell, "truth": _truth_cell,
}  # fmt: skip
