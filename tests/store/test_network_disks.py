"""A store on a disk where locks do not hold between hosts is not written to without a word."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from iop4cli.archive import network_disks
from iop4cli.archive.create import create_archive
from iop4cli.archive.network_disks import Locks, Mounted, _of_mount, judged, mounted_at, mounts, network_disk
from iop4cli.archive.network_guard import NetworkGuard
from iop4cli.commands.opening import opened_at
from iop4cli.errors import StoreError, UsageError

_LOCAL = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n"


def _line(point: str, kind: str, options: str, source: str = "server:/export") -> str:
    return f"40 22 0:50 / {point} rw,relatime shared:9 - {kind} {source} {options}\n"


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A made-up /proc/self/mountinfo."""
    network_disk.cache_clear()
    made = tmp_path / "mountinfo"
    made.write_text(_LOCAL)
    monkeypatch.setattr(network_disks, "_MOUNTINFO", made)
    monkeypatch.setattr(sys, "platform", "linux")
    yield made
    network_disk.cache_clear()


@pytest.mark.parametrize(
    ("kind", "options", "locks"),
    [
        ("nfs4", "rw,vers=4.2,local_lock=none", Locks.EVERYWHERE),
        ("nfs4", "rw,vers=4.2,local_lock=all", Locks.ONE_HOST),
        ("nfs", "rw,vers=3,local_lock=none", Locks.UNSURE),
        ("nfs", "rw,vers=3,nolock,local_lock=all", Locks.ONE_HOST),
        ("cifs", "rw,vers=3.0", Locks.UNSURE),
        ("smb3", "rw,nobrl", Locks.ONE_HOST),
        ("9p", "rw,trans=virtio", Locks.UNSURE),
        ("fuse.sshfs", "rw,user_id=0", Locks.ONE_HOST),
        ("lustre", "rw,flock", Locks.EVERYWHERE),
        ("lustre", "rw,localflock", Locks.ONE_HOST),
        ("lustre", "rw", Locks.ONE_HOST),
        ("gpfs", "rw", Locks.UNSURE),
        ("ceph", "rw", Locks.EVERYWHERE),
        ("ext4", "rw", None),
        ("fuseblk", "rw", None),
        ("overlay", "rw,lowerdir=/nfs", None),
    ],
)
def test_what_becomes_of_locks_is_told_by_kind_and_options(
    mounted: Path, kind: str, options: str, locks: Locks | None
) -> None:
    mounted.write_text(_LOCAL + _line("/data", kind, options))
    found = network_disk(Path("/data/blazars"))
    assert (None if found is None else found.locks) == locks
    assert network_disk(Path("/database")) is None


def test_the_innermost_disk_counts_and_of_two_on_one_place_the_last(mounted: Path) -> None:
    mounted.write_text(
        _LOCAL + _line("/data", "nfs4", "rw") + _line("/data/local", "xfs", "rw") + _line("/mnt", "ext4", "rw")
        + _line("/mnt", "fuse.sshfs", "rw", "me@host:/data") + _line("/a\\040b", "nfs4", "rw")
    )  # fmt: skip
    assert network_disk(Path("/data/local/blazars")) is None
    assert network_disk(Path("/mnt/x")) is not None
    assert network_disk(Path("/a b/c")) is not None


def test_the_table_of_macos_is_understood() -> None:
    text = (
        "/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)\n"
        "//me@server/share on /Volumes/my share (smbfs, nodev, nosuid, mounted by me)\n"
        "server:/export on /Volumes/nfs (nfs, nodev, nosuid)\n"
        "me@host:/data on /Volumes/far (macfuse, nodev, nosuid)\n"
    )
    found = [mounted_at(Path(place), _of_mount(text)) for place in ("/Users", "/Volumes/my share/x", "/Volumes/far/x")]
    assert [one and one.kind for one in found] == ["apfs", "smbfs", "fuse.sshfs"]
    assert [one and judged(one) and judged(one).locks for one in found] == [None, Locks.UNSURE, Locks.ONE_HOST]  # type: ignore[union-attr]


def test_the_store_is_refused_or_warned_of_once_as_it_was_set(mounted: Path, tmp_path: Path) -> None:
    layout = create_archive(tmp_path / "archive")
    told: list[str] = []

    def write(policy: str) -> None:
        opened_at(layout, [("network_store", policy, "test")], told.append).store.write([])

    write("auto")
    for options, warnings in (("rw,nobrl", 0), ("rw", 1)):
        network_disk.cache_clear()
        mounted.write_text(_LOCAL + _line(str(tmp_path), "cifs", options))
        if options == "rw":
            write("auto")
            write("auto")
        else:
            with pytest.raises(StoreError, match=r"locks hold on one host only.*iop4 serve.*network_store"):
                write("auto")
        assert len(told) == warnings
        write("allow")
        with pytest.raises(StoreError, match="not written to"):
            write("refuse")
        assert opened_at(layout).store.rows("select 1 as one") == [{"one": 1}]
    with pytest.raises(UsageError, match="auto, allow, refuse"):
        write("perhaps")


def test_asking_costs_next_to_nothing(mounted: Path, tmp_path: Path) -> None:
    mounted.write_text(_LOCAL + "".join(_line(f"/mnt/{number}", "ext4", "rw") for number in range(100)))
    guard = NetworkGuard(tmp_path, "auto", pytest.fail)
    guard.check()
    start = time.perf_counter()
    for _ in range(1000):
        guard.check()
    assert time.perf_counter() - start < 0.2


def test_what_is_mounted_here_is_read() -> None:
    assert isinstance(mounted_at(Path("/"), mounts()), Mounted)


_SERVER = """
import asyncio, sys, asyncssh

async def serve(key):
    own = asyncssh.generate_private_key("ssh-ed25519")
    own.write_private_key(key)
    public = asyncssh.import_authorized_keys(own.export_public_key().decode())
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[own], authorized_client_keys=public, sftp_factory=True
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()

asyncio.run(serve(sys.argv[1]))
"""


@contextlib.contextmanager
def _sshfs(folder: Path, point: Path, key: Path) -> Iterator[None]:
    """A folder behind an SSH server on this host, mounted with sshfs as another host would."""
    key.touch(0o600)
    with subprocess.Popen([sys.executable, "-c", _SERVER, str(key)], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            options = ["-p", server.stdout.readline().strip(), "-o", f"IdentityFile={key}"]
            options += ["-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={os.devnull}"]
            made = subprocess.run(
                ["sshfs", f"me@127.0.0.1:{folder}", str(point), *options], capture_output=True, text=True, check=False
            )
            if made.returncode:
                pytest.skip(f"sshfs cannot mount here: {made.stderr.strip()}")
            yield
        finally:
            subprocess.run(["fusermount3", "-u", str(point)], capture_output=True, check=False)
            server.kill()


@pytest.mark.night
@pytest.mark.skipif(shutil.which("sshfs") is None or not Path("/dev/fuse").exists(), reason="no sshfs here")
def test_locks_over_sshfs_do_not_hold_between_hosts_and_the_store_is_refused(tmp_path: Path) -> None:
    """The reason for the refusal, on a real mount: two mounts are two hosts, and both get the lock."""
    folder, points = tmp_path / "disk", [tmp_path / "one", tmp_path / "other"]
    for path in (folder, *points):
        path.mkdir()
    create_archive(folder)
    network_disk.cache_clear()
    with _sshfs(folder, points[0], tmp_path / "key1"), _sshfs(folder, points[1], tmp_path / "key2"):
        held = [os.open(point / "iop4.duckdb.lock", os.O_RDWR) for point in points]
        for descriptor in held:  # no error: nobody knows of the other
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for descriptor in held:
            os.close(descriptor)
        said = subprocess.run(
            [sys.executable, "-m", "iop4cli", "sql", "--write", "insert into note values ('a', '', '', now())"],
            cwd=points[0], capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert said.returncode == 1 and "fuse.sshfs" in said.stderr and "network_store" in said.stderr
        assert "Traceback" not in said.stderr
        read = subprocess.run(
            [sys.executable, "-m", "iop4cli", "sql", "select count(*) as n from note", "--format", "csv"],
            cwd=points[0], capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (read.returncode, read.stdout) == (0, "n\n0\n"), read.stderr
