"""The past of a result as a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iop4cli.shell import page, words

_NEWEST = 8


def show_past(past: Sequence[Mapping[str, Any]]) -> None:
    """When the numbers of a result became what they are, and why; the newest last."""
    if not past:
        return
    page.heading("History of its numbers")
    if len(past) > _NEWEST:
        page.text(f"{len(past) - _NEWEST} earlier ones: --json", style="dim")
    rows = [
        {
            # Its name tells the time.
            "run": row["run"],
            "mag": words.measured(row["mag"], row["mag_err"], 4),
            "p_percent": None if row["p"] is None else words.measured(100 * row["p"], 100 * row["p_err"], 3),
            "chi_deg": words.measured(row["chi_deg"], row["chi_err_deg"], 1),
            "changed": "; ".join(row["changed"]) or ("measured" if number == 0 else "nothing that is on record"),
        }
        for number, row in enumerate(past)
    ]
    page.table(rows[-_NEWEST:], ("run", "mag", "p_percent", "chi_deg", "changed"))
