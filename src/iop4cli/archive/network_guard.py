"""Keeps people from losing rows where locks mean nothing: told, or refused, before the store is written to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from iop4cli.archive.network_disks import Locks, NetworkDisk, network_disk
from iop4cli.errors import StoreError, UsageError

POLICIES = ("auto", "allow", "refuse")
_WHAT_FOR = "Two hosts that write at once may lose rows there."
_WAY_OUT = (
    "The frames may lie there, but let one program hold the store: `iop4 serve` on one host, and "
    "`--db quack:HOST:PORT` on the others."
)

_told: set[Path] = set()


@dataclass
class NetworkGuard:
    """Asks once what disk the store is on. `policy` is the setting network_store; without `warn` doubts stay unsaid."""

    folder: Path
    policy: str
    warn: Callable[[str], object] | None
    _is_checked: bool = field(default=False, init=False)

    def check(self) -> None:
        """StoreError if the store may not be written to on this disk."""
        if self.policy not in POLICIES:
            raise UsageError(f"network_store must be one of {', '.join(POLICIES)}, not {self.policy!r}")
        if self._is_checked or self.policy == "allow":
            return
        disk = network_disk(self.folder)
        if disk is not None:
            self._judge(disk)
        self._is_checked = True

    def _judge(self, disk: NetworkDisk) -> None:
        if self.policy == "refuse" or disk.locks is Locks.ONE_HOST:
            raise StoreError(
                f"the store is not written to: {disk.text}. {_WHAT_FOR} {_WAY_OUT} If no other host writes to it, "
                'set network_store = "allow".'
            )
        if disk.locks is Locks.UNSURE and self.warn is not None and self.folder not in _told:
            # Once: a watch opens its archive again for each pass.
            _told.add(self.folder)
            self.warn(f'{disk.text}. {_WHAT_FOR} {_WAY_OUT} Set network_store = "allow" if all is well.')
