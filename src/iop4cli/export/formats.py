"""The formats of results: how each is called, its suffixes, and what writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from iop4cli.archive.store import Answer
from iop4cli.export import tables

SUFFIXES = {
    ".csv": "csv", ".ecsv": "ecsv", ".vot": "votable", ".xml": "votable", ".fits": "fits", ".parquet": "parquet",
    ".ndjson": "ndjson", ".jsonl": "ndjson", ".md": "markdown", ".tex": "latex",
}  # fmt: skip
FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))
# Not to be written to a terminal.
BINARY = ("fits", "parquet")
# Rounded, for reading: they show a few columns unless others are asked for.
PRINTED = ("markdown", "latex")


def to_bytes(answer: Answer, form: str, meta: Mapping[str, Any]) -> bytes:
    """A table of results in one of FORMATS; `meta` goes where the format has a place for it."""
    writer = _WRITERS.get(form)
    if writer is None:
        return tables.to_text(answer, form, meta).encode("utf-8")
    text = {} if form == "parquet" else {"text": tables.ESCAPED}
    return writer(answer, {**meta, **tables.CONVENTIONS, "null": _NULLS[form], **text})


def _votable(answer: Answer, meta: Mapping[str, Any]) -> bytes:
    from iop4cli.export.votable import votable_bytes

    return votable_bytes(answer, meta)


def _fits(answer: Answer, meta: Mapping[str, Any]) -> bytes:
    from iop4cli.export.fits_table import fits_bytes

    return fits_bytes(answer, meta)


def _parquet(answer: Answer, meta: Mapping[str, Any]) -> bytes:
    from iop4cli.export.parquet import parquet_bytes

    return parquet_bytes(answer, meta)


def _markdown(answer: Answer, meta: Mapping[str, Any]) -> bytes:
    from iop4cli.export.markdown_table import markdown_bytes

    return markdown_bytes(answer, meta)


def _latex(answer: Answer, meta: Mapping[str, Any]) -> bytes:
    from iop4cli.export.latex_table import latex_bytes

    return latex_bytes(answer, meta)


_WRITERS: dict[str, Callable[[Answer, Mapping[str, Any]], bytes]] = {
    "votable": _votable, "fits": _fits, "parquet": _parquet, "markdown": _markdown, "latex": _latex,
}  # fmt: skip
_NULLS = {
    "votable": "a value that is not known is NaN, the null value of its column, or empty text",
    "fits": "a value that is not known is NaN, TNULL of its column, or empty text",
    "parquet": "a value that is not known is NULL",
    "markdown": "a value that is not known is empty",
    "latex": "a value that is not known is empty",
}
