"""iop4 classify."""

from __future__ import annotations

from typing import Annotated

import typer

from iop4cli.commands.opening import open_archive
from iop4cli.commands.stepping import run_verb
from iop4cli.errors import UsageError
from iop4cli.shell.options import PANEL_HOW, StepOptions, takes_options

EPILOG = """Examples:

  iop4 classify

  iop4 classify --set band=V OSN-T090/2022-09-08/BLLac-0002V.fit

  iop4 classify | iop4 mkmaster -
"""


@takes_options
def command(
    options: StepOptions,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            show_default=False,
            rich_help_panel=PANEL_HOW,
            help="The header of these frames lies: note what is true. May be repeated; FIELD= takes it back.",
        ),
    ] = None,
) -> int:
    """Read the headers of raw frames: instrument, kind, band, angle, time, target.

    Reads the header of every file in raw/TELESCOPE/NIGHT/ that is new or has changed; writes the table
    [bold]frame[/bold]. What a person says with --set is kept in the table override, beside who and when, and survives
    any re-run.
    """
    if set_:
        _note_overrides(options, set_)
    return run_verb(("classify",), options)


def _note_overrides(options: StepOptions, said: list[str]) -> None:
    from iop4cli.pipeline.said import override_headers
    from iop4cli.pipeline.view import View
    from iop4cli.shell.arguments import selection_of

    if not options.items:
        raise UsageError("--set needs the frames it holds for, for instance `iop4 classify --set band=R FRAME`")
    values = {}
    for text in said:
        field, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text!r}: must be FIELD=VALUE")
        values[field.strip()] = value.strip()
    opened = open_archive(options)
    override_headers(View(opened.store, opened.surroundings()), selection_of(options), values)
