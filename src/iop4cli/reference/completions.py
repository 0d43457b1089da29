"""Shell completions of bash, zsh and fish."""

from __future__ import annotations

from iop4cli.reference.completions_bash import bash
from iop4cli.reference.completions_fish import fish
from iop4cli.reference.completions_zsh import zsh
from iop4cli.reference.described import Described

COMPLETIONS = ("iop4.bash", "_iop4", "iop4.fish")


def completions(commands: list[Described]) -> dict[str, str]:
    """File name -> text of the completions of all shells."""
    return dict(zip(COMPLETIONS, (bash(commands), zsh(commands), fish(commands)), strict=True))
