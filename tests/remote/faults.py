"""What goes wrong on servers, and what they were asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

USER, PASSWORD = "observer", "pa55:wörd%s"


@dataclass
class Faults:
    """What goes wrong, and what was asked; changed while the server runs.

    Web servers send paths that begin with a key of `sends_to` to its value, and note in `passwords_at` the paths that
    they were asked for with an Authorization, whatever it says.
    """

    cuts_at_bytes: list[int] = field(default_factory=list)
    bytes_per_s: float = 0.0
    grows: set[str] = field(default_factory=set)
    listed_too: list[str] = field(default_factory=list)
    lies_about_checksum: set[str] = field(default_factory=set)
    echo_password: bool = False
    began_at: list[tuple[str, int]] = field(default_factory=list)
    logins: int = 0
    sent_bytes: int = 0
    sends_to: dict[str, str] = field(default_factory=dict)
    passwords_at: list[str] = field(default_factory=list)

    def began(self, name: str, offset: int) -> None:
        """A transfer begins; a file that grows has just got another block."""
        self.began_at.append((name, offset))

    def grow(self, path: Path) -> None:
        if path.name in self.grows:
            with path.open("ab") as file:
                file.write(bytes(2880))
