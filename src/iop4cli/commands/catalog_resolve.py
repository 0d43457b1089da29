"""iop4 catalog resolve."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from iop4cli.commands.catalog_named import make_change
from iop4cli.commands.opening import open_archive
from iop4cli.errors import NoSuchItem, UsageError
from iop4cli.sexagesimal import separation_deg
from iop4cli.shell import messages, output
from iop4cli.shell.options import ArchiveOptions, Json, takes_options

_NEAR_ARCSEC = 2.0


@takes_options
def resolve(
    options: ArchiveOptions,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="A name that SIMBAD may know.")],
    add: Annotated[bool, typer.Option("--add", help="Add it to the catalogue under this name.")] = False,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="S", min=0.1, show_default=False, help="Seconds for the service."),
    ] = None,
    json: Json = False,
) -> int:
    """Ask SIMBAD where a source is and what: TOML, as `iop4 catalog add -` reads it.

    The network is needed for this alone; if the service does not answer nothing is changed. SIMBAD's main name
    becomes an alias. Its magnitudes are of many epochs and systems, and are not taken.
    """
    from iop4cli.archive.catalog_journal import Pair
    from iop4cli.archive.catalog_store import read_sources
    from iop4cli.archive.catalog_toml import to_toml
    from iop4cli.archive.names import normalise
    from iop4cli.archive.source import Source
    from iop4cli.remote.simbad import ask_simbad

    opened = open_archive(options)
    seconds = timeout or opened.config["catalog.timeout_s"]
    found = ask_simbad(opened.config["catalog.simbad_url"], name, seconds)
    if found is None:
        raise NoSuchItem(f"SIMBAD knows no {name!r}")
    known = read_sources(opened.store)
    taken = {normalise(word) for source in known for word in (source.name, *source.other_names)}
    # `NAME BL Lac` and `V* BL Lac` are SIMBAD's ways of writing, not what anybody calls it.
    main = found.main_id.removeprefix("NAME ").removeprefix("V* ")
    alias = () if normalise(main) in {normalise(name), *taken} else (main,)
    source = Source(
        name.strip(), found.ra_deg, found.dec_deg, found.kind, alias, found.redshift, reference="SIMBAD",
        comment=f"SIMBAD {found.main_id}, type {found.otype}",
    )  # fmt: skip
    for other in known:
        apart_arcsec = 3600.0 * separation_deg(other.ra_deg, other.dec_deg, found.ra_deg, found.dec_deg)
        if apart_arcsec <= _NEAR_ARCSEC:
            messages.notice(f'{other.name} of the catalogue is {apart_arcsec:.1f}" away')
    if json:
        output.json_row(dataclasses.asdict(found))
    elif not add:
        output.write(to_toml(source))
    if add:
        if normalise(source.name) in taken:
            raise UsageError(f"{source.name} is in the catalogue already; nothing is changed")
        make_change(opened.store, "resolve", [Pair(source.name, None, source)])
    return 0
