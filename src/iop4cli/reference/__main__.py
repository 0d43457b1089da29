"""`python -m iop4cli.reference completions|docs|man FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from iop4cli.reference import made


def main() -> None:
    """Write all files of a kind into a folder."""
    kind, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in made(kind).items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
