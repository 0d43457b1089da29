"""A small archive, and how tests run commands in it."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from iop4cli.share import share_dir

NIGHT = "OSN-T090/2022-09-08"


def _image_or_copy(source: str, to: str) -> object:
    """Copying the images of an archive takes longer than most tests."""
    return os.link(source, to) if source.endswith((".fit", ".fits")) else shutil.copy2(source, to)


@dataclass(frozen=True)
class SmallArchive:
    """An archive in `root` whose one night `NIGHT` has been run: AndorT90, BL Lac, 640 x 640 px, band R.

    There are 3 bias and 3 flat frames of each of 5 filters; a polarimetric group of four frames and one frame
    of photometry, all good; and two that cannot be: `Cut-0001R.fit` (cut short) and `BLLac-0002V.fit` (no
    flat). The catalogue holds BL Lac (2200+420) and its calibrators. A test that changes anything works on a
    `copy`.
    """

    root: Path

    def run(self, *arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the archive's folder, in this process (a tenth of the time), as in a pipe."""
        from iop4cli.__main__ import main

        out, err, code = io.StringIO(), io.StringIO(), 0
        with (
            chdir(self.root),
            mock.patch.dict(os.environ, self.environment(**variables), clear=True),
            mock.patch.object(sys, "argv", ["iop4", *arguments]),
            mock.patch.object(sys, "stdin", io.StringIO(stdin)),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    def process(self, *arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """The same in a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "iop4cli", *arguments],
            cwd=self.root,
            env=self.environment(**variables),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def rows(self, *arguments: str, stdin: str = "") -> list[dict[str, Any]]:
        """The NDJSON rows of a command that must end well."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def copy(self, to: Path) -> SmallArchive:
        """The same elsewhere, to be changed; but images are the same files: to change one is to write a new one."""
        shutil.copytree(self.root, to, symlinks=True, copy_function=_image_or_copy)
        return SmallArchive(to)

    def images(self) -> dict[Path, tuple[int, int]]:
        """path -> (time of change in ns, size), by which one can tell that none was changed."""
        found = {path: path.stat() for path in self.root.rglob("*.fit*")}
        return {path: (stat.st_mtime_ns, stat.st_size) for path, stat in found.items()}

    def environment(self, **more: str) -> dict[str, str]:
        """The variables of a user without settings of their own, but for the demo's index files."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("IOP4_")}
        home = str(self.root.parent / "home")
        index = str(share_dir() / "demo" / "index")
        kept |= {"XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home, "IOP4_INDEX_PATH": index, "COLUMNS": "80"}
        return kept | more
