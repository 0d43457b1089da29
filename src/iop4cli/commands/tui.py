"""iop4 tui."""

from __future__ import annotations

import sys

from iop4cli.commands.opening import open_archive
from iop4cli.errors import UsageError
from iop4cli.shell import output
from iop4cli.shell.options import ArchiveOptions, takes_options

EPILOG = """Examples:

  iop4 tui

  iop4 tui --archive /data/blazars

  iop4 tui --archive /data/blazars --lock-timeout 30
"""
# A screen that waits for the store says so soon; the next look tries again.
_LOCK_TIMEOUT_S = 5.0


@takes_options
def command(options: ArchiveOptions) -> int:
    """Look through the archive on the whole terminal: nights, frames, results, sources, masters, log, jobs.

    Reads the store in short looks, so that other commands can write meanwhile, and follows what they write. It
    writes what you tell it to: flags of results, your word on masters and calibrations, and what the steps write that
    you start. Keys: 1 to 8 screens, / filter, ? help, c the same as a shell command, e export, q quit. It works on 80
    columns and 24 lines, and shows more on more.
    """
    if not (output.is_terminal() and sys.stdin.isatty()):
        raise UsageError(
            "iop4 tui needs a terminal; in scripts `iop4 status`, `iop4 show` and `iop4 sql` tell the same"
        )
    opened = open_archive(options, () if options.lock_timeout else [("lock_timeout_s", _LOCK_TIMEOUT_S, "iop4 tui")])
    from iop4cli.tui.app import Iop4App
    from iop4cli.tui.desk import Desk
    from iop4cli.tui.jobs import stop_all

    # A store that cannot be read is told here, before the terminal is taken.
    opened.store.rows("select 1 as one")
    app = Iop4App(Desk(opened))
    try:
        app.run()
    finally:
        stop_all(app.jobs)
    return app.return_value if app.return_value is not None else int(app.return_code or 0)
