"""Results as a polars frame, or as a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from iop4cli.api.choosing import Chosen, Filters, Item, selection
from iop4cli.errors import UsageError
from iop4cli.nearest import did_you_mean

if TYPE_CHECKING:
    import polars as pl

    from iop4cli.archive.selection import Selection
    from iop4cli.commands.opening import Opened


def results(opened: Opened, items: Iterable[Item], chosen: Chosen) -> pl.DataFrame:
    """The rows of the view `results` that are chosen, in time."""
    from iop4cli.archive.results import select_results

    _, condition, columns = _question(opened, items, chosen)
    return select_results(opened.store, condition, columns, flagged=chosen.get("flagged", False)).frame


def export(opened: Opened, path: Path, items: Iterable[Item], form: str | None, chosen: Chosen) -> int:
    """Write them with all that a reader must know; returns how many there are."""
    from iop4cli.archive.results import select_results
    from iop4cli.export.atomic import write_parts
    from iop4cli.export.formats import BARE, FORMATS, PRINTED, SUFFIXES, written
    from iop4cli.pipeline.provenance import provenance

    form = form.lower() if form is not None else SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise UsageError(f"{path}: give a format, for {path.suffix or 'no suffix'} is none of {', '.join(SUFFIXES)}")
    if form not in FORMATS:
        raise UsageError(f"format {form!r} is not known{did_you_mean(form, FORMATS)}")
    if form in PRINTED and chosen.get("columns") is None:
        chosen = {**chosen, "columns": ["atel"]}
    flagged = chosen.get("flagged", False)
    asked, condition, columns = _question(opened, items, chosen)
    found = select_results(opened.store, condition, columns, flagged=flagged)
    meta: dict[str, Any] = {}
    if form not in BARE:
        registry = opened.surroundings().registry
        n_flagged = found.n_flagged
        meta = provenance(opened.store, registry, asked, condition, flagged=flagged, n_flagged=n_flagged).meta
    write_parts(path, written(found.frame, form, meta))
    return found.frame.height


def _question(opened: Opened, items: Iterable[Item], chosen: Chosen) -> tuple[Selection, str, list[str]]:
    from iop4cli.archive.catalog_store import read_sources
    from iop4cli.archive.people import quoted
    from iop4cli.archive.results import condition_of, result_columns
    from iop4cli.archive.source import target_names
    from iop4cli.export.column_sets import chosen_columns

    rest = {name: value for name, value in chosen.items() if name not in {"columns", "flagged", "targets"}}
    asked = selection(items, cast(Filters, rest))
    said, known = chosen.get("columns"), result_columns(opened.store)
    columns = known if said is None else chosen_columns(said if isinstance(said, str) else ",".join(said), known)
    condition = condition_of(asked, opened.store, opened.surroundings().registry)
    if chosen.get("targets"):
        names = ", ".join(["null", *map(quoted, sorted(target_names(read_sources(opened.store))))])
        condition = f"({condition}) and source in ({names})"
    return asked, condition, columns
