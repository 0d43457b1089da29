"""Whether a folder is on a network file system, and whether a lock taken on one host holds on the others.

DuckDB's file is kept whole by flock alone. What each file system makes of it, by the manuals flock(2), nfs(5),
mount.cifs(8), mount.lustre(8) and those of the programs: NFS 4 and Lustre (mounted with `flock`) keep locks where all
hosts see them; sshfs keeps them on the host that took them; for others it depends on how they are set up.
"""

from __future__ import annotations

import enum
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_MOUNTINFO = Path("/proc/self/mountinfo")


class Locks(enum.Enum):
    """How far a lock is seen."""

    EVERYWHERE = "locks hold between hosts"
    UNSURE = "whether locks hold between hosts depends on how it is set up"
    ONE_HOST = "locks hold on one host only"


@dataclass(frozen=True)
class Mounted:
    """A mounted file system: its kind as the system names it, where, from where, and its options."""

    kind: str
    point: str
    source: str
    options: frozenset[str]


@dataclass(frozen=True)
class NetworkDisk:
    """A folder's network file system, what becomes of locks on it, and why."""

    mounted: Mounted
    locks: Locks
    why: str

    @property
    def text(self) -> str:
        return f"{self.mounted.point} is {self.mounted.kind} from {self.mounted.source}: {self.why}"


@cache
def network_disk(folder: Path) -> NetworkDisk | None:
    """What is known of a folder's disk if it is on a network; None on a local one. Asked once a process."""
    here = mounted_at(folder.resolve(), mounts())
    return None if here is None else judged(here)


def mounts() -> list[Mounted]:
    """What is mounted, in order; nothing where that cannot be found out."""
    try:
        if sys.platform == "darwin":
            said = subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5, check=False).stdout
            return list(_of_mount(said))
        return list(_of_mountinfo(_MOUNTINFO.read_text(encoding="utf-8", errors="replace")))
    except (OSError, subprocess.SubprocessError):
        return []


def mounted_at(folder: Path, mounted: Iterable[Mounted]) -> Mounted | None:
    """The file system that a folder is on: the innermost, and of several on one place the last."""
    found = [one for one in mounted if folder.is_relative_to(one.point)]
    return max(reversed(found), key=lambda one: len(Path(one.point).parts), default=None)


def judged(here: Mounted) -> NetworkDisk | None:
    """What becomes of locks on it."""
    options = here.options
    for kinds, local_with, needs, locks, why in _KINDS:
        if not re.fullmatch(kinds, here.kind):
            continue
        off = sorted(options & set(local_with))
        if off:
            return NetworkDisk(here, Locks.ONE_HOST, f"mounted with {off[0]}, {Locks.ONE_HOST.value}")
        if needs and needs not in options:
            return NetworkDisk(here, Locks.ONE_HOST, f"mounted without {needs}, {Locks.ONE_HOST.value}")
        return NetworkDisk(here, locks, f"{why}; {locks.value}" if why else locks.value)
    return None


_LOCAL_NFS = ("nolock", "local_lock=all", "local_lock=flock")
# Kinds; options with which locks are local; an option without which they are; how far else; why.
_KINDS: tuple[tuple[str, tuple[str, ...], str, Locks, str], ...] = (
    ("nfs4", _LOCAL_NFS, "", Locks.EVERYWHERE, "NFS 4 keeps locks on the server"),
    ("nfs", _LOCAL_NFS, "", Locks.UNSURE, "NFS 3 needs the lock daemon on every host"),
    ("cifs|smb[23]?|smbfs", ("nobrl", "nolock"), "", Locks.UNSURE, "older kernels keep locks of SMB to themselves"),
    ("lustre", ("localflock", "noflock"), "flock", Locks.EVERYWHERE, ""),
    ("ceph|fuse\\.ceph.*|gfs2|ocfs2", (), "", Locks.EVERYWHERE, ""),
    ("glusterfs|fuse\\.glusterfs|gpfs|beegfs|afs|pvfs2|orangefs|afpfs", (), "", Locks.UNSURE, ""),
    ("9p|virtiofs|vboxsf|prl_fs|fuse\\.vmhgfs-fuse|fuse\\.grpcfuse", (), "", Locks.UNSURE,
     "what a host shares with its virtual machines is mostly locked in one of them only"),
    ("fuse\\.sshfs|fuse\\.rclone|fuse\\.s3fs|fuse\\.gcsfuse|fuse\\.goofys|fuse\\.curlftpfs|davfs|webdav|ncpfs",
     (), "", Locks.ONE_HOST, ""),
)  # fmt: skip


def _of_mountinfo(text: str) -> Iterable[Mounted]:
    """Lines like `36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/root rw`, see proc_pid_mountinfo(5)."""
    for line in text.splitlines():
        before, dash, after = line.partition(" - ")
        first, last = before.split(" "), after.split(" ")
        if not dash or len(first) < 6 or len(last) < 2:
            continue
        options = frozenset(",".join([first[5], *last[2:3]]).split(","))
        kind = last[0]
        if kind == "fuse" and last[1].partition("#")[0] in {"sshfs", "rclone", "s3fs", "gcsfuse", "curlftpfs"}:
            kind = f"fuse.{last[1].partition('#')[0]}"
        yield Mounted(kind, _plain(first[4]), _plain(last[1]), options)


def _of_mount(text: str) -> Iterable[Mounted]:
    """Lines like `//me@server/share on /Volumes/share (smbfs, nodev, nosuid, mounted by me)`, of macOS."""
    for line in text.splitlines():
        said = re.fullmatch(r"(.+?) on (/.*) \(([^()]+)\)", line)
        if said is not None:
            kind, *options = [part.strip() for part in said[3].split(",")]
            kind = "fuse.sshfs" if kind in {"macfuse", "osxfuse"} and ":" in said[1] else kind
            yield Mounted(kind, said[2], said[1], frozenset(options))


def _plain(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
