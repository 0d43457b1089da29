"""Index files of astrometry.net: which are here, what they cover, which are needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from iop4cli.api.frames import frame_of

if TYPE_CHECKING:
    import polars as pl

    from iop4cli.api.archive import Archive
    from iop4cli.commands.index_fields import Asked

_FILE = (
    "file", "number", "quads_arcmin", "healpix", "nside", "ra_deg", "dec_deg", "size_bytes", "status", "folder",
    "reason",
)  # fmt: skip
_FIELD = ("source", "instrument", "ra_deg", "dec_deg", "side_arcmin", "status", "n_files", "files")
_NEED = ("name", "series", "scale", "quads_arcmin", "healpix", "nside", "size_bytes", "sources", "url")


class Index:
    """The index files that an archive's settings find; nothing here asks a server."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def list(self) -> pl.DataFrame:
        """Every index file found: quads in arcmin, tile and its middle in degrees, bytes; broken ones say why."""
        from iop4cli.archive.index_files import examined
        from iop4cli.commands.index_rows import index_rows

        return frame_of(list(index_rows(examined(self._archive.opened().config.index_folders()))), _FILE)

    def coverage(self, *, sources: Sequence[str] = (), instruments: Sequence[str] = ()) -> pl.DataFrame:
        """For each target and instrument the files that may solve its frames; status is covered or none."""
        from iop4cli.commands.index_rows import coverage_row

        covered = self._asked(sources, instruments).covered
        return frame_of([coverage_row(field, files) for field, files in covered.items()], _FIELD)

    def needs(
        self, *, sources: Sequence[str] = (), instruments: Sequence[str] = (), scales: str | None = None,
        series: str | None = None,
    ) -> pl.DataFrame:  # fmt: skip
        """The published files that the catalogue's fields need and that are not here, with their addresses.

        `scales` are numbers like "2-6", `series` like "5200,4100" (None: the setting index.series).
        """
        from iop4cli.commands.index_rows import need_row

        asked = self._asked(sources, instruments, scales, series)
        mirror = asked.opened.config["index.url"]
        return frame_of([need_row(need, mirror) for need in asked.needed()], _NEED)

    def _asked(
        self, sources: Sequence[str], instruments: Sequence[str], scales: str | None = None, series: str | None = None
    ) -> Asked:  # fmt: skip
        from iop4cli.commands.index_fields import Asked, Wish

        wish = Wish(tuple(sources), tuple(instruments), scales, series)
        return Asked(self._archive.opened(), wish, lambda _: None)
