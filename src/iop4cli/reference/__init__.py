"""What the commands say of themselves, as shell completions, reference and man pages; `make completions docs`."""

from __future__ import annotations

from iop4cli.reference.completions import completions
from iop4cli.reference.described import Described, described
from iop4cli.reference.man import man_pages
from iop4cli.reference.markdown import markdown
from iop4cli.reference.schema import schema_page

__all__ = ["Described", "described", "made"]


def made(kind: str) -> dict[str, str]:
    """File name -> text of all files of a kind: `completions`, `docs` or `man`."""
    commands = described()
    if kind == "docs":
        return {"reference.md": markdown(commands), "columns.md": schema_page()}
    if kind == "man":
        return man_pages(commands)
    return completions(commands)
