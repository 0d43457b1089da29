"""Real servers on loopback, with the faults that servers and networks have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from faults import PASSWORD, USER, Faults
from ftp_house import FtpHouse
from http_house import HttpHouse
from sftp_house import SftpHouse

__all__ = ["HOUSES", "PASSWORD", "USER", "Faults", "FtpHouse", "House", "HttpHouse", "SftpHouse"]

House = FtpHouse | SftpHouse | HttpHouse
HOUSES: dict[str, Callable[[Path], House]] = {"ftp": FtpHouse, "sftp": SftpHouse, "http": HttpHouse}
