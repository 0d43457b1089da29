"""An archive as its user sees it: commands in processes of their own, and SQL."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iop4cli.archive.catalog import read_catalog
from iop4cli.archive.catalog_store import write_sources
from iop4cli.archive.create import create_archive
from iop4cli.archive.store import Store
from iop4cli.share import share_dir
from iop4cli.simulate.night import NightRecipe, simulate_night

INDEX = share_dir() / "demo" / "index"
# Longer than anything here takes on a slow and busy machine.
LONGEST_S = 600


def environment(root: Path, **more: str) -> dict[str, str]:
    """The variables of a user with no settings of their own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IOP4_")}
    kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    home = root.with_name(f"{root.name}-home")
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        (home / variable).mkdir(parents=True, exist_ok=True)
        kept[variable] = str(home / variable)
    return {**kept, "IOP4_INDEX_PATH": str(INDEX), **more}


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The NDJSON rows of `--json`."""
        return [json.loads(line) for line in self.lines]


@dataclass(frozen=True)
class Archive:
    """An archive in `root`, and the variables that commands in it are given."""

    root: Path

    def iop4(self, *arguments: str, code: int = 0, stdin: str = "", **variables: str) -> Said:
        """Run a command in the archive's folder; its exit code must be `code`."""
        done = subprocess.run(
            [sys.executable, "-m", "iop4cli", *arguments], cwd=self.root,
            env=environment(self.root, **variables), input=stdin, capture_output=True,
            text=True, timeout=LONGEST_S, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"exit {done.returncode} of {arguments}:\n{done.stdout}{done.stderr}"
        return Said(done.returncode, done.stdout, done.stderr)

    def shell(self, script: str, **variables: str) -> Said:
        """Run a shell's command line in the archive's folder."""
        done = subprocess.run(
            ["sh", "-c", script], cwd=self.root, env=environment(self.root, **variables),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST_S, check=False,
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)

    @property
    def store(self) -> Store:
        return Store(self.root / "iop4.duckdb")

    def sql(self, question: str) -> list[dict[str, Any]]:
        return self.store.rows(question)

    def results(self) -> dict[str, dict[str, Any]]:
        """All columns of the view `results`, by id."""
        return {row["id"]: row for row in self.sql("select * from results")}

    def items(self, step: str) -> dict[str, dict[str, Any]]:
        """What a step did, by item."""
        return {row["name"]: row for row in self.sql(f"select * from item where step = '{step}'")}

    def due(self, *arguments: str) -> dict[str, dict[str, str]]:
        """step -> item -> why, of `iop4 run --dry-run`."""
        found: dict[str, dict[str, str]] = {}
        for row in self.iop4("run", "-n", "--json", *arguments).rows:
            if row["status"] == "due":
                found.setdefault(row["step"], {})[row["name"]] = row["reason"]
        return found

    def copy(self, to: Path) -> Archive:
        """The same archive elsewhere, times of change and all."""
        shutil.copytree(self.root, to, symlinks=True)
        return Archive(to)

    def files(self) -> dict[str, tuple[int, int]]:
        """Size and time of change of every file, but for the lock, which every command touches."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            if path.is_file() and path.suffix != ".lock":
                status = path.stat()
                found[str(path.relative_to(self.root))] = (status.st_size, status.st_mtime_ns)
        return found


def make_archive(root: Path, *recipes: NightRecipe) -> Archive:
    """An archive with simulated raw nights and their catalogue."""
    layout = create_archive(root)
    for recipe in recipes:
        simulate_night(root, recipe)
    write_sources(Store(layout.store), read_catalog(root / "sources.csv"))
    return Archive(root)


def without(row: Mapping[str, Any], *columns: str) -> dict[str, Any]:
    """A row but for some columns."""
    return {name: value for name, value in row.items() if name not in columns}
