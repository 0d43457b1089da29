"""An archive whose settings name a server on loopback, and nights of frames for that to serve."""

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

import numpy as np
from servers import PASSWORD, USER, House, SftpHouse

EPOCH = "OSN-T090/2022-09-08"
FOLDER = "DATA/20220908"
CARD_BYTES, BLOCK_BYTES = 80, 2880


def fits_bytes(data_bytes: int, seed: int = 0) -> bytes:
    """A whole FITS file with one image of `data_bytes` bytes of noise."""
    cards = ["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    2",
             f"NAXIS1  = {1:20d}", f"NAXIS2  = {data_bytes:20d}", f"SEED    = {seed:20d}", "END"]  # fmt: skip
    header = "".join(card.ljust(CARD_BYTES) for card in cards).encode()
    noise = np.random.default_rng(seed).bytes(data_bytes)
    return _padded(header, b" ") + _padded(noise, b"\0")


def _padded(content: bytes, with_byte: bytes) -> bytes:
    return content + with_byte * (-len(content) % BLOCK_BYTES)


def make_night(root: Path, sizes: dict[str, int], folder: str = FOLDER) -> dict[str, bytes]:
    """Frames of these names and sizes of data, in the folder of a night; their contents."""
    place = root / folder
    place.mkdir(parents=True, exist_ok=True)
    contents = {name: fits_bytes(size, seed) for seed, (name, size) in enumerate(sizes.items())}
    for name, content in contents.items():
        (place / name).write_bytes(content)
    return contents


@dataclass
class Here:
    """An archive that knows one remote archive, `loop`."""

    root: Path
    house: House

    @classmethod
    def made(cls, root: Path, house: House, *, more: str = "", settings: str = "") -> Here:
        from iop4cli.archive.create import create_archive

        empty = root.parent.parent / "empty-archive"  # made once, for all tests of a session
        if not empty.exists():
            create_archive(empty)
        shutil.copytree(empty, root)
        (root / "archives" / "loop.toml").write_text(
            f'name = "loop"\nprotocol = "{house.protocol}"\ntelescope = "OSN-T090"\nfolder = "DATA/{{YYYYMMDD}}"\n'
            f'host = "127.0.0.1"\nport = {house.port}\nuser = "{USER}"\npause_s = 0\n{more}',
            encoding="utf-8",
        )
        known = root / "known_hosts"
        known.write_text(house.known_hosts() + "\n" if isinstance(house, SftpHouse) else "", encoding="utf-8")
        (root / "iop4.toml").write_text(
            f'[fetch]\nretry_pause_s = 0.01\ntimeout_s = 5.0\n{settings}\n[fetch.loop]\nknown_hosts = "{known}"\n',
            encoding="utf-8",
        )
        return cls(root, house)

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("IOP4_")}
        kept.pop("SSH_AUTH_SOCK", None)
        home = str(self.root.parent / "home")
        kept |= {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home, "NETRC": f"{home}/.netrc"}
        return kept | {"IOP4_FETCH_LOOP_PASSWORD": PASSWORD} | more

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A command in this process."""
        from iop4cli.__main__ import main

        out, err, code = io.StringIO(), io.StringIO(), 0
        with (
            chdir(self.root),
            mock.patch.dict(os.environ, self.environment(**variables), clear=True),
            mock.patch.object(sys, "argv", ["iop4", *arguments]),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    def fetch(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.run("fetch", "--from", "loop", *arguments, **variables)

    def rows(self, *arguments: str) -> dict[str, dict[str, Any]]:
        """What became of each file, by its name."""
        found = [json.loads(line) for line in self.fetch(*arguments, "--json").stdout.splitlines()]
        return {row["name"]: row for row in found}

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """A command in a process of its own, not waited for."""
        return subprocess.Popen(
            [sys.executable, "-m", "iop4cli", "fetch", "--from", "loop", *arguments],
            cwd=self.root, env=self.environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def night(self, epoch: str = EPOCH) -> dict[str, bytes]:
        """All files of a night, temporary ones too."""
        folder = self.root / "raw" / epoch
        return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}
