"""The catalogue of an archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iop4cli.api.frames import frame_of
from iop4cli.errors import NoSuchItem, UsageError

if TYPE_CHECKING:
    import polars as pl

    from iop4cli.api.archive import Archive
    from iop4cli.archive.catalog_journal import Pair
    from iop4cli.archive.source import Source
    from iop4cli.archive.store import Batch, Store

_SOURCE = (
    "name", "other_names", "ra_deg", "dec_deg", "kind", "redshift", "mags", "p", "chi_deg", "calibrates", "comment",
)  # fmt: skip
_CHANGE = ("change", "time_utc", "who", "what", "source", "undone_by", "changes")

# A number, or a number and its error.
Measured = float | tuple[float, float]


class Catalog:
    """Targets and calibrators; every change is recorded, has a number, and can be taken back."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def list(self, *names: str) -> pl.DataFrame:
        """The sources (those named, or all): positions in degrees (J2000), magnitudes as text like "R=13.2 V=13.9"."""
        from iop4cli.commands.catalog import source_row
        from iop4cli.commands.catalog_named import sources_named

        return frame_of([source_row(source) for source in sources_named(self._sources(), names)], _SOURCE)

    def add(
        self, name: str, *, ra: float | str, dec: float | str, kind: str = "other", other_names: Sequence[str] = (),
        mags: Mapping[str, Measured] | None = None, calibrates: Sequence[str] = (), redshift: float | None = None,
        p: Measured | None = None, chi: Measured | None = None, only_beam: str | None = None, reference: str = "",
        comment: str = "",
    ) -> int:  # fmt: skip
        """Add a source that is not there yet; returns the number of the change.

        Parameters
        ----------
        ra, dec
            Degrees, or sexagesimal text with hours for `ra`; J2000.
        mags
            Magnitude, or (magnitude, error), by band: {"R": (13.2, 0.01)}.
        p, chi
            Degree of polarisation (a fraction) and its angle (degrees, north through east), each alone or with error.
        calibrates
            Names of targets for which this source is a calibrator.
        only_beam
            "O" or "E": measured on one beam alone.
        """
        from iop4cli.archive.catalog_journal import Pair
        from iop4cli.archive.names import normalise
        from iop4cli.commands.catalog_adding import source_from_cells

        known = self._sources()
        cells = {
            "name": name, "ra": str(ra), "dec": str(dec), "kind": kind, "other_names": ";".join(other_names),
            "calibrates": ";".join(calibrates), "redshift": "" if redshift is None else repr(redshift),
            "only_beam": only_beam or "", "reference": reference, "comment": comment,
            **_cells("p", p), **_cells("chi", chi),
        }  # fmt: skip
        for band, mag in (mags or {}).items():
            cells |= _cells(f"mag_{band}", mag)
        source = source_from_cells(cells, known)
        if normalise(source.name) in {normalise(one.name) for one in known}:
            raise UsageError(f"{source.name} is in the catalogue already")
        return self._change("add", [Pair(source.name, None, source)])

    def import_(self, file: str | Path | None = None) -> int | None:
        """Add the sources of a CSV, ECSV or VOTable, or replace those of the same name; None: the shipped ones.

        Returns the number of the change, None if the catalogue has all of it already.
        """
        from iop4cli.archive.catalog import read_catalog
        from iop4cli.archive.catalog_journal import pairs_of
        from iop4cli.commands.catalog_named import known_names
        from iop4cli.share import share_dir

        known = self._sources()
        path = Path(file).expanduser() if file is not None else share_dir() / "catalogs" / "comparison_stars.ecsv"
        sources = read_catalog(path, known_names(known))
        names = {source.name for source in sources}
        pairs = pairs_of([source for source in known if source.name in names], sources)
        return self._change(f"import {path.name}", pairs) if pairs else None

    def export(self, path: str | Path, *names: str, format: str | None = None) -> None:
        """Write the catalogue as csv, ecsv or votable, in the format of the file's name if none is given."""
        from iop4cli.archive.catalog import to_csv
        from iop4cli.archive.catalog_tables import to_ecsv, to_votable
        from iop4cli.commands.catalog import FORMATS
        from iop4cli.commands.catalog_named import sources_named
        from iop4cli.export.atomic import write_text

        to = Path(path).expanduser()
        form = format or FORMATS.get(to.suffix.lower())
        writers = {"csv": to_csv, "ecsv": to_ecsv, "votable": to_votable}
        if form not in writers:
            raise UsageError(
                f"{to}: its name must end in {', '.join(FORMATS)}, or give a format of {', '.join(writers)}"
            )
        write_text(to, writers[form](sources_named(self._sources(), names)))

    def remove(self, *names: str, force: bool = False) -> int:
        """Remove sources, all or none; with `force` also those that calibrate or are calibrated."""
        from iop4cli.archive.catalog_journal import pairs_of
        from iop4cli.commands.catalog_changing import without

        if not names:
            raise UsageError("name the sources to remove")
        known = self._sources()
        left, _ = without(known, names, force=force)
        return self._change("remove", pairs_of(known, left))

    def rename(self, name: str, new: str) -> int:
        """Give a source another name; the old one stays as an alias, calibrators and flags go with it."""
        from iop4cli.archive.catalog_journal import pairs_of
        from iop4cli.commands.catalog_changing import flags_renamed, rename_words, renamed

        known = self._sources()
        source, left = renamed(known, name, new)
        flags = flags_renamed(self._store, source.name, new.strip())
        return self._change(rename_words(source, new), pairs_of(known, left), flags)

    def log(self, *names: str) -> pl.DataFrame:
        """Who changed what and when, the oldest first; of these sources, or all."""
        from iop4cli.commands.catalog_changing import change_rows

        return frame_of(change_rows(self._store, names), _CHANGE)

    def undo(self, number: int | None = None) -> int:
        """Take a change back, whole (None: the last one); returns its number."""
        from iop4cli.archive.catalog_journal import undo
        from iop4cli.archive.people import who

        return undo(self._store, who(), number).number

    def check(self) -> pl.DataFrame:
        """What is amiss in the catalogue: a row for each thing to look at, none if all is well."""
        from iop4cli.pipeline.catalog_check import COLUMNS, check_catalog

        opened = self._archive.opened()
        return frame_of(check_catalog(opened.store, opened.surroundings().registry), COLUMNS)

    def health(self, source: str | None = None) -> pl.DataFrame:
        """What the results say of each calibrator (of a target, or all), in magnitudes; the worst first."""
        from iop4cli.archive.results import source_named
        from iop4cli.pipeline.catalog_health import COLUMNS, calibrator_health, calibrators_named

        names = None
        if source is not None:
            named = source_named(self._store, source)
            names = calibrators_named(self._store, named)
            if not names:
                raise NoSuchItem(f"{named} calibrates nothing and has no calibrators")
        return frame_of(calibrator_health(self._store, names), (*COLUMNS, "note"))

    def exposure(
        self, source: str, instrument: str, *, snr: float | None = None, p_error: float | None = None,
        band: str | None = None, mag: float | None = None, longest_s: float = 300.0,
    ) -> dict[str, Any]:  # fmt: skip
        """How long (s) and how often to expose for a signal-to-noise in all, or for an error of p (a fraction)."""
        from iop4cli.commands.catalog_exposure import Wish, exposure_row

        return exposure_row(self._archive.opened(), source, Wish(instrument, snr, p_error, band, mag, longest_s))

    @property
    def _store(self) -> Store:
        return self._archive.opened().store

    def _sources(self) -> Sequence[Source]:
        from iop4cli.archive.catalog_store import read_sources

        return read_sources(self._store)

    def _change(self, what: str, pairs: Sequence[Pair], more: Sequence[Batch] = ()) -> int:
        from iop4cli.archive.catalog_journal import apply_change
        from iop4cli.archive.people import who

        return apply_change(self._store, what, who(), pairs, more)


def _cells(column: str, value: Measured | None) -> dict[str, str]:
    """A value and its error as a catalogue's file has them."""
    if value is None:
        return {}
    number, error = value if isinstance(value, tuple) else (value, None)
    return {column: repr(number), f"{column}_err": "" if error is None else repr(error)}
