"""iop4 index add."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from iop4cli.commands.opening import open_archive
from iop4cli.errors import UsageError
from iop4cli.shell import messages, output
from iop4cli.shell.options import ArchiveOptions, takes_options

EPILOG = """Examples:

  iop4 index add /data/astrometry

  iop4 index add ~/index --user

  iop4 index add /mnt/mirror/5200 && iop4 index coverage
"""


@takes_options
def add(
    options: ArchiveOptions,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that holds index files.")],
    user: Annotated[
        bool, typer.Option("--user", help="In your own settings, for all archives, instead of the archive's.")
    ] = False,
) -> int:
    """Add a folder to solve.index_path in iop4.toml; what else is written there, comments too, stays as it is.

    A folder that is in the list already is left there; one without a usable index file is refused.
    """
    from iop4cli.archive.index_files import BrokenIndex, examined, index_files
    from iop4cli.export.atomic import write_text
    from iop4cli.shell.config import user_config_path, variable_of
    from iop4cli.shell.index_path import listed, with_folder
    from iop4cli.strict_toml import read

    where = folder.expanduser().absolute()
    if not where.is_dir():
        raise UsageError(f"{folder} is no folder")
    found = index_files([where])
    if not found:
        broken = [one for one in examined([where]) if isinstance(one, BrokenIndex)]
        below = sorted(path.parent for path in where.glob("*/index-*.fits"))
        hint = f"; {broken[0].path.name}: {broken[0].reason}" if broken else ""
        hint += f"; there are some in {below[0]}" if below else ""
        raise UsageError(f"{folder} holds no usable index file of astrometry.net (index-*.fits){hint}")
    if user:
        messages.set_verbosity(-1 if options.quiet else options.verbose)
        path, inherited = user_config_path(), []
        path.parent.mkdir(parents=True, exist_ok=True)
    else:
        opened = open_archive(options)
        path = opened.layout.config
        # The archive's list, once it has one, stands instead of the user's own.
        own = user_config_path()
        inherited = (listed(own.read_text(encoding="utf-8-sig")) or []) if own.is_file() else []
    text = ""
    if path.is_file():
        read(path)  # says what is wrong with it
        text = path.read_text(encoding="utf-8-sig")
    known = listed(text)
    here = inherited if known is None else known
    if any(Path(one).expanduser().resolve() == where.resolve() for one in here):
        messages.notice(f"{where} is in solve.index_path already")
    else:
        changed = with_folder(text, str(where), here, str(path))
        write_text(path, changed)
        messages.notice(f"{path}: solve.index_path has {where} now, with {len(found)} index files")
    output.line(str(where))
    variable = variable_of("solve.index_path")
    if os.environ.get(variable):
        messages.warn(f"{variable} is set and wins over {path}")
    return 0
