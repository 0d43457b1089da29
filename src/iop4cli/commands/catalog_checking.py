"""iop4 catalog check."""

from __future__ import annotations

from iop4cli.commands.opening import open_archive
from iop4cli.shell import messages, output
from iop4cli.shell.options import ArchiveOptions, Json, takes_options

EXIT_FOUND = 3


@takes_options
def check(options: ArchiveOptions, json: Json = False) -> int:
    """Look for what is amiss in the catalogue; exit code 0 if nothing is, 3 if something is.

    Entries within 2" of each other, calibrators that lie on no frame of their target (before there are any: outside
    the widest camera's field), calibrators without magnitudes, names that two sources have.
    """
    from iop4cli.pipeline.catalog_check import COLUMNS, check_catalog

    opened = open_archive(options)
    rows = check_catalog(opened.store, opened.surroundings().registry)
    if json:
        for row in rows:
            output.json_row(row)
    elif rows:
        output.table(rows, COLUMNS)
    messages.notice(f"{len(rows)} to look at" if rows else "nothing is amiss")
    return EXIT_FOUND if rows else 0
