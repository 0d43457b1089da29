"""iop4 mkmaster."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from iop4cli.commands.stepping import run_verb
from iop4cli.errors import UsageError
from iop4cli.shell.options import PANEL_HOW, StepOptions, takes_options

EPILOG = """Examples:

  iop4 mkmaster

  iop4 mkmaster OSN-T090/2022-09-08 --dry-run

  iop4 classify | iop4 mkmaster -

  iop4 mkmaster --accept OSN-T090/2022-09-08/flat-AndorT90-R-2048x2048
"""


def _named(flag: str, text: str) -> Any:
    return typer.Option(flag, metavar="MASTER", show_default=False, rich_help_panel=PANEL_HOW, help=text)


@takes_options
def command(
    options: StepOptions,
    accept: Annotated[list[str] | None, _named("--accept", "Use this master, whatever its comparison says.")] = None,
    reject: Annotated[list[str] | None, _named("--reject", "Do not use this master.")] = None,
    unsay: Annotated[list[str] | None, _named("--unsay", "Take back what was said of this master.")] = None,
) -> int:
    """Combine the bias, dark and flat frames of each night, and judge the masters.

    Reads the classified calibration frames in raw/; writes master/TELESCOPE/NIGHT/KIND-...-KEY.fits (image, its
    uncertainty, pixel bits) and the tables [bold]master[/bold], [bold]master_structure[/bold] and, with the frames
    used and left out, [bold]master_input[/bold]. Each master is compared with the last good one of the same camera,
    size, band and angle; one that differs too much is kept, marked and not used, until the next night's agrees with
    it (the camera has changed) or a person says otherwise: --accept, --reject and --unsay are kept in the table
    [bold]override[/bold] and survive any re-run. `iop4 show MASTER` tells the statistics and the difference.
    """
    words = {"yes": accept or [], "no": reject or [], "": unsay or []}
    if any(words.values()):
        _say(options, words)
    return run_verb(("mkmaster",), options)


def _say(options: StepOptions, words: dict[str, list[str]]) -> None:
    """Keep the word of a person on masters."""
    from iop4cli.commands.opening import open_archive
    from iop4cli.pipeline.said import judge_masters

    if options.dry_run:
        raise UsageError("--accept, --reject and --unsay write what you say: leave out --dry-run")
    opened = open_archive(options)
    judge_masters(opened.store, opened.surroundings().registry, words)
