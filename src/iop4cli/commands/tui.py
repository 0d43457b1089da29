"""iop4 tui."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from iop4cli.commands.opening import Opened, open_archive
from iop4cli.errors import UsageError
from iop4cli.shell import messages, output
from iop4cli.shell.options import PANEL_HOW, ArchiveOptions, takes_options

EPILOG = """Examples:

  iop4 tui

  iop4 tui --archive /data/blazars

  iop4 tui --web --port 8042
"""
# A screen that waits for the store says so soon; the next look tries again.
_LOCK_TIMEOUT_S = 5.0


@takes_options
def command(
    options: ArchiveOptions,
    web: Annotated[bool, typer.Option("--web", rich_help_panel=PANEL_HOW, help="Serve it to a browser.")] = False,
    host: Annotated[
        str, typer.Option("--host", rich_help_panel=PANEL_HOW, metavar="NAME", help="With --web: the address to serve.")
    ] = "localhost",
    port: Annotated[
        int, typer.Option("--port", rich_help_panel=PANEL_HOW, min=1, max=65535, help="With --web: the port.")
    ] = 8000,
) -> int:
    """Look through the archive on the whole terminal: nights, frames, results, sources, masters, log, jobs.

    Reads the store in short looks, so that other commands can write meanwhile, and follows what they write. It
    writes what you tell it to: flags of results, your word on masters and calibrations, and what the steps write that
    you start. Keys: 1 to 8 screens, / filter, ? help, c the same as a shell command, e export, q quit. It works on 80
    columns and 24 lines, and shows more on more.

    With --web it is the same in a browser of this machine, at an address with a secret that is printed: whoever has
    that can do what you can. From elsewhere come through SSH (`ssh -L 8000:localhost:8000 HOST`).
    """
    if web:
        return _serve(open_archive(options), host, port)
    if not (served() or (output.is_terminal() and sys.stdin.isatty())):
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


def served() -> bool:
    """Whether a browser is the terminal: then the program that serves it has said so."""
    return "WebDriver" in os.environ.get("TEXTUAL_DRIVER", "")


def _serve(opened: Opened, host: str, port: int) -> int:
    try:
        from iop4cli.tui.web import GuardedServer
    except ImportError as error:
        raise UsageError(f"--web needs the package textual-serve ({error}): pip install 'iop4cli[web]'") from error

    def announce(address: str) -> None:
        messages.notice(f"{address}\nCtrl-C ends it")

    opened.store.rows("select 1 as one")
    GuardedServer(opened.layout.root, host, port, announce).serve()
    return 0
