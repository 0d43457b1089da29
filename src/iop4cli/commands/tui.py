"""iop4 tui."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iop4cli.commands.opening import Opened, open_archive
from iop4cli.errors import UsageError
from iop4cli.shell import messages, output
from iop4cli.shell.config import variable_of
from iop4cli.shell.options import PANEL_HOW, ArchiveOptions, takes_options

if TYPE_CHECKING:
    from iop4cli.tui.pixels import Canvas

BLOCKS = "blocks"
EPILOG = """Examples:

  iop4 tui

  iop4 tui --archive /data/blazars

  iop4 tui --images auto

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
    images: Annotated[
        str | None,
        typer.Option("--images", rich_help_panel=PANEL_HOW, metavar="WAY", show_default=False,
                     help="How to show images: blocks (coloured half characters), kitty or sixel (real pixels, where "
                     "the terminal can), auto; else tui.images says."),
    ] = None,
) -> int:  # fmt: skip
    """Look through the archive on the whole terminal: nights, frames, results, sources, masters, log, jobs.

    Reads the store in short looks, so that other commands can write meanwhile, and follows what they write. It
    writes what you tell it to: flags of results, your word on masters and calibrations, and what the steps write that
    you start. Keys: 1 to 8 screens, / filter, ? help, c the same as a shell command, e export, q quit. It works on 80
    columns and 24 lines, and shows more on more.

    Images are drawn with half blocks, which any terminal shows. Terminals with the Kitty or Sixel protocol show them
    pixel by pixel with --images (or tui.images in iop4.toml); that needs the package textual-image.

    With --web it is the same in a browser of this machine, with half blocks, at an address with a secret that is
    printed: whoever has that can do what you can. From elsewhere come through SSH (`ssh -L 8000:localhost:8000 HOST`).
    """
    flags: list[tuple[str, Any, str]] = [] if images is None else [("tui.images", images, "--images")]
    if web:
        if images not in {None, BLOCKS}:
            raise UsageError("--images is for terminals: a browser gets blocks")
        opened = open_archive(options)
        _tell_others(opened)
        return _serve(opened, host, port)
    if not (served() or (output.is_terminal() and sys.stdin.isatty())):
        raise UsageError(
            "iop4 tui needs a terminal; in scripts `iop4 status`, `iop4 show` and `iop4 sql` tell the same"
        )
    if not options.lock_timeout:
        flags.append(("lock_timeout_s", _LOCK_TIMEOUT_S, "iop4 tui"))
    opened = open_archive(options, flags)
    from iop4cli.tui.app import Iop4App
    from iop4cli.tui.desk import Desk
    from iop4cli.tui.jobs import stop_all

    # A store that cannot be read is told here, before the terminal is taken.
    opened.store.rows("select 1 as one")
    _tell_others(opened)
    app = Iop4App(Desk(opened), _canvas_maker(opened))
    try:
        app.run()
    finally:
        stop_all(app.jobs)
    return app.return_value if app.return_value is not None else int(app.return_code or 0)


def _canvas_maker(opened: Opened) -> Callable[[], Canvas] | None:
    """What makes images of real pixels, if that is wanted."""
    way = opened.config["tui.images"]
    if way == BLOCKS or served():
        return None
    from iop4cli.tui.pixels import canvas_maker

    return canvas_maker(way, opened.config.origins["tui.images"])


def served() -> bool:
    """Whether a browser is the terminal: then the program that serves it has said so."""
    return "WebDriver" in os.environ.get("TEXTUAL_DRIVER", "")


def _tell_others(opened: Opened) -> None:
    """Jobs, and what a browser shows, are commands of their own: they use the same store."""
    if opened.config["db"]:
        os.environ[variable_of("db")] = opened.config["db"]


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
