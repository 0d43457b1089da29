"""The checks of `iop4 doctor`, each of which goes on where another found something broken."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iop4cli.errors import Iop4Error

if TYPE_CHECKING:
    from iop4cli.archive.index_files import IndexFile
    from iop4cli.archive.layout import Layout
    from iop4cli.archive.store import Store
    from iop4cli.pipeline.examination import Trouble
    from iop4cli.shell.config import Config

OK, WARNING, BAD = "ok", "warning", "bad"
_SHOWN = 3
_OLDEST_PYTHON = (3, 11)

Row = dict[str, Any]


class Checks:
    """Runs all checks; `settings` are there when the configuration could be read."""

    def __init__(
        self, archive: Path | None, flags: Sequence[tuple[str, Any, str]] = (), *, thorough: bool = False
    ) -> None:
        self._archive = archive
        self._flags = flags
        self._layout: Layout | None = None
        self._config: Config | None = None
        self._store: Store | None = None
        self.thorough = thorough
        self.settings: list[Row] = []
        self.troubles: list[Trouble] = []

    def run(self) -> Iterator[Row]:
        """A row for each check: check, status (ok, warning, bad), text."""
        checks: tuple[tuple[str, Callable[[], Iterator[Row]]], ...] = (
            ("python", self._python),
            ("libraries", self._libraries),
            ("archive", self._find_archive),
            ("settings", self._settings),
            ("store", self._open_store),
            ("index files", self._index_files),
            ("instruments", self._instruments),
            ("files", self._files),
            ("overrides", self._people),
        )
        for name, check in checks:
            try:
                yield from check()
            except (Iop4Error, OSError) as problem:
                yield _row(name, BAD, str(problem))

    def _python(self) -> Iterator[Row]:
        text = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}"
        good = sys.version_info[:2] >= _OLDEST_PYTHON
        yield _row("python", OK if good else BAD, text if good else f"{text}: 3.11 or newer is needed")

    def _libraries(self) -> Iterator[Row]:
        """The declared requirements, as this installation meets them."""
        from packaging.requirements import Requirement

        found, problems = [], []
        for text in importlib.metadata.requires("iop4cli") or ():
            requirement = Requirement(text)
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
                continue
            try:
                version = importlib.metadata.version(requirement.name)
            except importlib.metadata.PackageNotFoundError:
                problems.append(f"{requirement.name} is not installed")
                continue
            found.append(f"{requirement.name} {version}")
            if not requirement.specifier.contains(version, prereleases=True):
                problems.append(f"{requirement.name} {version} is installed, and {requirement.specifier} is needed")
        own = importlib.metadata.version("iop4cli")
        yield _row(
            "libraries",
            BAD if problems else OK,
            "; ".join(problems) or f"iop4 {own} with " + ", ".join(found),
        )

    def _find_archive(self) -> Iterator[Row]:
        from iop4cli.archive.layout import find_archive
        from iop4cli.archive.soundness import missing_folders
        from iop4cli.errors import UsageError

        try:
            self._layout = find_archive(self._archive)
        except UsageError as problem:
            named = self._archive is not None or bool(os.environ.get("IOP4_ARCHIVE"))
            yield _row("archive", BAD if named else WARNING, str(problem))
            return
        missing = missing_folders(self._layout)
        status = WARNING if missing else OK
        lacking = f"; without {', '.join(missing)}: `iop4 init {self._layout.root}` makes them" if missing else ""
        yield _row("archive", status, f"{self._layout.root}{lacking}")
        raw = self._layout.raw
        if raw.is_symlink():
            there = raw.is_dir()
            yield _row(
                "raw frames",
                OK if there else BAD,
                f"raw/ is a link to {raw.readlink()}" + ("" if there else ", which is not there"),
            )

    def _settings(self) -> Iterator[Row]:
        from iop4cli.commands.opening import step_settings
        from iop4cli.shell.config import described, load_config, user_config_path

        self._config = load_config(self._layout.config if self._layout else None, self._flags, step_settings())
        self.settings = described(self._config)
        n_set = sum(row["from"] != "default" for row in self.settings)
        path = user_config_path()
        own = f"{path} is read" if path.is_file() else f"no {path}"
        yield _row("settings", OK, f"{n_set} of {len(self.settings)} set, the others are defaults; {own}")

    def _open_store(self) -> Iterator[Row]:
        if self._layout is None:
            return
        from iop4cli.archive.migrations import migrations
        from iop4cli.archive.store import Store
        from iop4cli.commands.opening import store_of

        store = store_of(self._layout, self._config) if self._config else Store(self._layout.store, 10.0)
        version = store.rows("select max(version) as version from schema_version")[0]["version"]
        counts = store.rows(
            "select (select count(*) from frame) as frames, (select count(*) from measurement) as results, "
            "(select count(*) from source) as sources"
        )[0]
        self._store = store
        where = f"{self._layout.store.stat().st_size / 1e6:.1f} MB" if store.is_file else f"at {store.door.where}"
        yield _row(
            "store",
            OK,
            f"schema {version} (newest {migrations()[-1][0]}), {where}; {counts['frames']} frames, "
            f"{counts['results']} results",
        )
        yield from self._network(self._layout)
        sources = f"{counts['sources']} sources"
        empty = "empty: `iop4 catalog import` brings the shipped blazars, or your own"
        yield _row("catalogue", OK if counts["sources"] else WARNING, sources if counts["sources"] else empty)

    @staticmethod
    def _network(layout: Layout) -> Iterator[Row]:
        from iop4cli.archive.network_disks import Locks, network_disk

        disk = network_disk(layout.root)
        if disk is not None:
            status = {Locks.EVERYWHERE: OK, Locks.UNSURE: WARNING, Locks.ONE_HOST: BAD}[disk.locks]
            yield _row("network disk", status, disk.text)

    def _index_files(self) -> Iterator[Row]:
        if self._config is None:
            return
        from iop4cli.archive.index_files import BrokenIndex, examined, index_files

        folders = self._config.index_folders()
        broken = [one.path.name for one in examined(folders) if isinstance(one, BrokenIndex)]
        if broken:
            yield _row("index files", WARNING, f"broken, and not used: {_several(broken)}; `iop4 index list` says why")
        named = self._config["solve.index_path"]
        missing = [str(folder) for folder in folders[:-1] if not folder.is_dir()]
        found = index_files(folders)
        searched = ", ".join(map(str, folders))
        if missing:
            yield _row(
                "index files",
                WARNING,
                f"{self._config.origins['solve.index_path']} names what is not there: {', '.join(missing)}",
            )
        if not found:
            text = (
                f"none in {searched}: frames cannot be solved; `iop4 index add DIR` (or IOP4_INDEX_PATH) says "
                "where they are, `iop4 index fetch` gets those needed"
            )
            yield _row("index files", WARNING if not named else BAD, text)
            return
        smallest = min(file.quad_lower_arcsec for file in found) / 60
        largest = max(file.quad_upper_arcsec for file in found) / 60
        whole = sum(file.healpix < 0 for file in found)
        sky = f"{whole} of the whole sky" + (f", {len(found) - whole} of parts" if len(found) > whole else "")
        yield _row(
            "index files",
            OK,
            f"{len(found)} ({sky}), quads of {smallest:.1f} to {largest:.1f} arcmin, in "
            f"{', '.join(sorted({str(file.path.parent) for file in found}))}",
        )
        yield from self._uncovered(found)

    def _uncovered(self, files: Sequence[IndexFile]) -> Iterator[Row]:
        """Targets that some instrument has no index file for."""
        if self._store is None or self._layout is None:
            return
        from iop4cli.archive.catalog_store import read_sources
        from iop4cli.instruments.registry import Registry
        from iop4cli.pipeline.index_needs import coverage, fields_of
        from iop4cli.shell.config import user_instrument_folder

        try:
            registry = Registry.load([user_instrument_folder(), self._layout.instruments])
        except Iop4Error:
            return  # the check of the instruments says what is wrong
        covered = coverage(fields_of(read_sources(self._store), registry.instruments.values()), files)
        bare = list(dict.fromkeys(field.source for field, here in covered.items() if not here))
        if bare:
            yield _row(
                "index coverage", WARNING, f"no index file for frames of {_several(bare)}: `iop4 index coverage`"
            )

    def _instruments(self) -> Iterator[Row]:
        from iop4cli.instruments.registry import Registry, load_instrument
        from iop4cli.shell.config import user_instrument_folder

        folders = [user_instrument_folder(), *([self._layout.instruments] if self._layout else [])]
        files = [path for folder in folders for path in sorted(folder.glob("*.toml"))]
        broken = False
        for path in files:
            try:
                load_instrument(path)
            except Iop4Error as problem:
                broken = True
                yield _row("instruments", BAD, str(problem))
        if broken:
            return
        registry = Registry.load(folders)
        own = f"; your own files: {', '.join(map(str, files))}" if files else ""
        yield _row("instruments", OK, ", ".join(registry.instruments) + own)

    def _files(self) -> Iterator[Row]:
        if self._layout is None or self._store is None:
            return
        from iop4cli.pipeline.examination import examine

        self.troubles = list(examine(self._store, self._layout))
        if self.thorough:
            self.troubles += self._read_all(self._store, self._layout)
        for trouble in self.troubles:
            text = f"{_several(trouble.names)}: {trouble.text}"
            yield _row(trouble.kind, BAD if trouble.is_bad else WARNING, text) | {"names": list(trouble.names)}
        if not self.troubles:
            read = "; all were read, and are what was recorded" if self.thorough else ""
            yield _row("files", OK, f"every row has its file, every product its row{read}")

    def _read_all(self, store: Store, layout: Layout) -> list[Trouble]:
        from iop4cli.pipeline.examination import n_to_read, read_all
        from iop4cli.shell import messages

        with messages.Progress() as progress:
            progress.begin("reading", n_to_read(store))
            return list(read_all(store, layout, progress.step))

    @property
    def opened(self) -> tuple[Store, Layout] | None:
        """The archive, if there is one with a store that could be opened."""
        return (self._store, self._layout) if self._store is not None and self._layout is not None else None

    def _people(self) -> Iterator[Row]:
        """What people said of things that are not there (any more)."""
        if self._store is None:
            return
        found = self._store.tables(
            {
                "overrides": "select distinct frame as name from override "
                "where frame not in (select name from frame union select name from master) order by 1",
                "flags": "select distinct measurement as name from flag "
                "where measurement not in (select id from measurement) order by 1",
            }
        )
        for kind, rows in found.items():
            if rows:
                names = [row["name"] for row in rows]
                yield _row(kind, WARNING, f"of what is not there (any more): {_several(names)}; they are kept")


def _row(check: str, status: str, text: str) -> Row:
    return {"check": check, "status": status, "text": text}


def _several(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
