"""Index files, fields and needs as flat rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iop4cli.archive.index_files import BrokenIndex, IndexFile
    from iop4cli.pipeline.index_needs import Field, Need


def index_rows(found: Iterable[IndexFile | BrokenIndex]) -> Iterator[dict[str, Any]]:
    """A row for each file; one whose name was in a folder before is not used, and says so."""
    seen = dict[str, str]()
    for one in found:
        row = index_row(one)
        if row["status"] == "ok":
            first = seen.setdefault(one.path.name, row["folder"])
            if first != row["folder"]:
                row |= {"status": "shadowed", "reason": f"{first} has one of that name"}
        yield row


def index_row(one: IndexFile | BrokenIndex) -> dict[str, Any]:
    """An index file as one flat row."""
    from iop4cli.archive.index_files import BrokenIndex

    row: dict[str, Any] = {"file": one.path.name, "folder": str(one.path.parent)}
    if isinstance(one, BrokenIndex):
        size = one.path.stat().st_size if one.path.is_file() else None
        return row | {"size_bytes": size, "status": "broken", "reason": one.reason}
    ra_deg, dec_deg = one.centre or (None, None)
    return row | {
        "number": one.index_id or None, "quads_arcmin": _quads(one.quad_lower_arcsec, one.quad_upper_arcsec),
        "healpix": None if one.whole_sky else one.healpix, "nside": None if one.whole_sky else one.nside,
        "ra_deg": ra_deg, "dec_deg": dec_deg, "size_bytes": one.size_bytes, "status": "ok", "reason": None,
    }  # fmt: skip


def coverage_row(field: Field, files: list[IndexFile]) -> dict[str, Any]:
    """A field and the index files that cover it as one flat row."""
    side_arcmin = field.side_arcsec / 60.0
    return {
        "source": field.source, "instrument": field.instrument, "ra_deg": field.ra_deg, "dec_deg": field.dec_deg,
        "side_arcmin": side_arcmin, "status": "covered" if files else "none", "n_files": len(files),
        "files": [file.path.name for file in files],
    }  # fmt: skip


def need_row(need: Need, mirror: str) -> dict[str, Any]:
    """A published file that is needed as one flat row; `mirror` is the setting index.url."""
    file = need.file
    return {
        "name": file.name, "series": file.series, "scale": file.scale,
        "quads_arcmin": _quads(file.quad_lower_arcsec, file.quad_upper_arcsec),
        "healpix": file.healpix if file.nside else None, "nside": file.nside or None, "size_bytes": file.size_bytes,
        "sources": list(need.sources), "url": file.address(mirror),
    }  # fmt: skip


def _quads(lower_arcsec: float, upper_arcsec: float) -> str:
    return f"{lower_arcsec / 60.0:.3g}-{upper_arcsec / 60.0:.3g}"
