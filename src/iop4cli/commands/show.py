"""iop4 show."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from iop4cli.commands.opening import open_archive
from iop4cli.errors import NoSuchItem
from iop4cli.shell import messages, output
from iop4cli.shell.options import ArchiveOptions, Json, takes_options

EPILOG = """Examples:

  iop4 show OSN-T090/2022-09-08/BLLac-0001R0.fit

  iop4 show "BL Lac"

  iop4 export --where "p > 0.1" --columns id --format ndjson | iop4 show - --json
"""


@takes_options
def command(
    options: ArchiveOptions,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME",
            show_default=False,
            help="Frames, masters, groups, globs of them, result ids, sources, or files of the archive; "
            "- reads names from standard input.",
        ),
    ],
    sweep: Annotated[
        bool,
        typer.Option("--sweep", help="Of results also how they depend on the radius of the aperture."),
    ] = False,
    json: Json = False,
) -> int:
    """Show the whole history of a frame, master, group, result or source.

    Reads the store and writes nothing. A [bold]frame[/bold]: what its header said and what people overrode,
    the masters taken and passed over, coordinates, apertures, results, and what each step did. A
    [bold]master[/bold]: its frames, those left out, and what was reduced with it. A [bold]group[/bold] or
    [bold]result id[/bold]: frames with angles and transparency, calibrators, calibration, quality, flags. A
    [bold]source[/bold]: its entry, its calibrators and its results.
    """
    from iop4cli.archive.lineage import Names
    from iop4cli.commands.showing import show_document
    from iop4cli.pipeline.lineage import document_of
    from iop4cli.pipeline.swept_result import sweep_rows
    from iop4cli.pipeline.view import View
    from iop4cli.shell.arguments import names_from

    opened = open_archive(options)
    surroundings = opened.surroundings()
    known = Names(opened.store, surroundings.registry)
    given = [name for name in names if name != "-"]
    if "-" in names:
        given += list(names_from(sys.stdin))
    things: dict[Any, None] = {}
    unknown = []
    for name in given:
        try:
            things.update(dict.fromkeys(known.find(name)))
        except NoSuchItem as problem:
            unknown.append(str(problem))
    view = View(opened.store, surroundings)
    for number, thing in enumerate(things):
        document = document_of(view, thing)
        if sweep and thing.kind == "result":
            document["sweep"] = sweep_rows(view, thing.name)
        if json:
            output.json_row(document)
        else:
            output.write("\n" if number else "")
            show_document(document)
    for said in unknown:
        messages.error(said)
    return NoSuchItem.exit_code if unknown else 0
