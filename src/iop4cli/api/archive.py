"""An archive, and what the commands do with it as methods of the same names."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from iop4cli.api.choosing import Chosen, Filters, Item, names_of, selection
from iop4cli.api.running import Flags
from iop4cli.api.steps import Steps
from iop4cli.archive.layout import CONFIG_NAME, Layout, find_archive
from iop4cli.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from iop4cli.api.calib import Calibrations
    from iop4cli.api.catalog import Catalog
    from iop4cli.api.index import Index
    from iop4cli.api.masters import Masters
    from iop4cli.commands.opening import Opened


class Archive(Steps):
    """An archive in a folder made by `iop4 init`.

    Methods have the names and mean what the commands mean. They print nothing and return polars frames (numbers in
    the units that the columns' names end in; p, q and u are fractions, times mid-exposure) or plain values. What goes
    wrong is an `iop4cli.errors.Iop4Error`: UsageError, NoSuchItem, StoreBusy (try again later), StoreError.

    Items are epochs (`"OSN-T090/2022-09-08"`), frames, globs of either, result ids, or a `Run`, of which they are
    what it has done or found up to date; none means all that is due. Settings are read anew at each call: arguments
    over IOP4_* variables over the archive's iop4.toml over the user's.
    """

    def __init__(self, path: str | Path, *, db: str | None = None, lock_timeout_s: float | None = None) -> None:
        """The archive in the folder `path`; `lock_timeout_s` is how long to wait for a busy store.

        `db` is the address of the server that has its store (`iop4 serve`): "quack:HOST:PORT".
        """
        root = Path(path).expanduser()
        if not (root / CONFIG_NAME).is_file():
            raise UsageError(
                f"{root} is not an archive: it holds no {CONFIG_NAME}; Archive.create({str(path)!r}) makes one"
            )
        self._layout = Layout(root.resolve())
        self._db = db
        self._lock_timeout_s = lock_timeout_s

    @classmethod
    def find(cls, *, db: str | None = None, lock_timeout_s: float | None = None) -> Archive:
        """The archive that IOP4_ARCHIVE names, else the nearest folder above the working one that is one."""
        return cls(find_archive(None).root, db=db, lock_timeout_s=lock_timeout_s)

    @classmethod
    def create(cls, path: str | Path, *, raw: str | Path | None = None, catalog: bool = False) -> Archive:
        """Make what is missing of an archive (`iop4 init`); with `catalog` it has the shipped blazars and stars."""
        from iop4cli.archive.create import create_archive

        layout = create_archive(Path(path).expanduser(), None if raw is None else Path(raw), with_catalog=catalog)
        return cls(layout.root)

    def __repr__(self) -> str:
        return f"Archive({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The folder, absolute."""
        return self._layout.root

    def opened(self, flags: Flags | None = None) -> Opened:
        """The archive with its settings, as the commands take it; `flags` are (setting, value, how it was said)."""
        from iop4cli.commands.opening import opened_at, store_flags

        return opened_at(self._layout, [*(flags or ()), *store_flags(self._db, self._lock_timeout_s)])

    def settings(self) -> pl.DataFrame:
        """Every setting in force, with its unit, its default and where it came from."""
        import polars

        from iop4cli.shell.config import described

        rows = [
            {**row, "value": str(row["value"]), "default": str(row["default"])}
            for row in described(self.opened().config)
        ]
        return polars.DataFrame(rows)

    def fetch(self, files: str | Path | Iterable[str | Path], *, copy: bool | None = None) -> pl.DataFrame:
        """Bring FITS files of local disk, or folders of them, into raw/: linked, or copied.

        A row for each file: name in the archive, file, status (done, current, failed), reason.
        """
        from iop4cli.api.fetching import fetch_from_disk

        return fetch_from_disk(self.opened(), [files] if isinstance(files, (str, Path)) else list(files), copy=copy)

    def results(self, *items: Item, **chosen: Unpack[Chosen]) -> pl.DataFrame:
        """The view `results`, in time: one row for each measurement of a source, in the columns' own types.

        Results that people flagged are left out, as in `iop4 export`; `targets` leaves calibrators out.
        """
        from iop4cli.api.exporting import results

        return results(self.opened(), items, chosen)

    def export(self, path: str | Path, *items: Item, format: str | None = None, **chosen: Unpack[Chosen]) -> int:
        """Write results to a file, in the format of its name if none is given; returns how many.

        The formats are those of `iop4 export`: csv, ecsv, votable, fits, parquet, ndjson, markdown, latex.
        """
        from iop4cli.api.exporting import export

        return export(self.opened(), Path(path).expanduser(), items, format, chosen)

    def sql(self, query: str, *, write: bool = False) -> pl.DataFrame:
        """The answer of the store to a question in DuckDB's SQL; with `write` it may change the store."""
        from iop4cli.archive.asking import check_only_reads

        if not write:
            check_only_reads(query, " (write=True lets anything through)")
        return self.opened().store.frame(query, write=write)

    def status(self, *items: Item, why: bool = False, **filters: Unpack[Filters]) -> pl.DataFrame:
        """A row for each night: frames, masters, results, problems; with `why` each problem and its reason."""
        from iop4cli.api.telling import status

        return status(self.view(), selection(items, filters), why=why)

    def log(
        self, *items: str, run: str | None = None, step: str | None = None, level: str | None = None,
        since: str | None = None, until: str | None = None, lines: int | None = None,
    ) -> pl.DataFrame:  # fmt: skip
        """What steps did with items, the newest last; `level` means this and worse, times are UTC or like "2h" ago."""
        from iop4cli.api.telling import log

        return log(self.opened(), items, run=run, step=step, level=level, since=since, until=until, lines=lines)

    def runs(self, *, since: str | None = None, until: str | None = None, lines: int | None = None) -> pl.DataFrame:
        """The runs on record, the newest last (`iop4 log --runs`)."""
        from iop4cli.api.telling import runs

        return runs(self.opened(), since=since, until=until, lines=lines)

    def show(self, name: str, *, sweep: bool = False) -> dict[str, Any]:
        """The whole history of a frame, master, group, result or source: the JSON document of `iop4 show --json`.

        With `sweep` that of a result also tells how it depends on the radius of the aperture.
        """
        from iop4cli.api.telling import show

        return show(self.view(), name, sweep=sweep)

    def diff(
        self, before: str | Path | Archive | None = None, after: str | Path | Archive | None = None, *,
        sigma: float = 1.0, all: bool = False, **filters: Unpack[Filters],
    ) -> pl.DataFrame:  # fmt: skip
        """Which results moved by more than `sigma` errors between two runs ("last-1", an id) or two archives, and why.

        `all` keeps also what changed by less. A row has the value that moved most, before and after, its error before,
        how many of these errors it moved, and the causes.
        """
        from iop4cli.api.comparing import differences

        return differences(self, before, after, sigma, all, filters)

    def plot(
        self, kind: str, what: str | None = None, *, output: str | Path | None = None, wide: bool = False,
        **options: Any,
    ) -> pl.DataFrame:  # fmt: skip
        """Draw a plot of `iop4 plot` to a PNG, PDF or SVG file; returns the values that it shows.

        Kinds: lightcurve and qu (of a source), modulation and sweep (of a result), growth, astrometry and frame (of a
        frame), finding and health (of a source), zeropoint, masters. `options` are those of the command, and filters.
        """
        from iop4cli.api.drawing import plot

        return plot(self.view(), kind, what, None if output is None else Path(output).expanduser(), wide, options)

    def report(
        self, *nights: str, output: str | Path | None = None, since: str | None = None, until: str | None = None
    ) -> str:
        """How nights went, as Markdown; also to a file, if `output` is given (.html or .md). None: the newest night."""
        from iop4cli.api.drawing import report

        return report(self.opened(), nights, None if output is None else Path(output).expanduser(), since, until)

    def flag(self, ids: str | Iterable[str], reason: str) -> list[str]:
        """Mark results (ids, or frames, groups or nights, for all of theirs) with a reason; returns the ids."""
        from iop4cli.api.flagging import flag

        return flag(self.opened(), names_of(ids), reason)

    def unflag(self, ids: str | Iterable[str], reason: str | None = None) -> list[str]:
        """Take flags back, all or those of one reason; returns the ids that lost one."""
        from iop4cli.api.flagging import unflag

        return unflag(self.opened(), names_of(ids), reason)

    def flags(self) -> pl.DataFrame:
        """All flags, the oldest first."""
        from iop4cli.api.flagging import flags

        return flags(self.opened())

    @cached_property
    def catalog(self) -> Catalog:
        """Targets and calibrators."""
        from iop4cli.api.catalog import Catalog

        return Catalog(self)

    @cached_property
    def calib(self) -> Calibrations:
        """Polarimetric calibrations."""
        from iop4cli.api.calib import Calibrations

        return Calibrations(self)

    @cached_property
    def masters(self) -> Masters:
        """Combined bias, dark and flat frames."""
        from iop4cli.api.masters import Masters

        return Masters(self)

    @cached_property
    def index(self) -> Index:
        """Index files of astrometry.net."""
        from iop4cli.api.index import Index

        return Index(self)
