"""iop4 init."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from iop4cli.archive.create import create_archive
from iop4cli.shell import messages, output
from iop4cli.shell.options import Quiet

EPILOG = """Examples:

  iop4 init blazars

  iop4 init blazars --raw /data/telescope

  cd blazars && iop4 fetch ~/night/*.fits && iop4 run
"""


def command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where; made if it is not there.")] = Path(),
    raw: Annotated[
        Path | None,
        typer.Option(
            "--raw",
            metavar="DIR",
            show_default=False,
            help="Let raw/ be a link to this folder, which may be read-only.",
        ),
    ] = None,
    catalog: Annotated[
        bool, typer.Option("--catalog", help="Start with the shipped blazars and their comparison stars.")
    ] = False,
    quiet: Quiet = False,
) -> int:
    """Make an archive: raw/, master/, reduced/, plots/, iop4.toml and the store iop4.duckdb.

    Reads nothing but the shipped catalogue (with --catalog); writes the folders, the settings and an empty
    store. Nothing that is already there is touched, so that it is safe to repeat.
    """
    messages.set_verbosity(-1 if quiet else 0)
    layout = create_archive(folder, raw, with_catalog=catalog)
    messages.notice(f"archive in {layout.root}; its settings are in {layout.config.name}")
    output.line(str(layout.root))
    return 0
