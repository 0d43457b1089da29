"""Options that several verbs share, written once; a verb takes a bundle of them as one argument."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

PANEL_ITEMS, PANEL_HOW, PANEL_OUTPUT = "What to work on", "How", "Output and settings"
_PANELS = (PANEL_ITEMS, PANEL_HOW, PANEL_OUTPUT)


def _items(none_given: str) -> Any:
    return typer.Argument(
        metavar="ITEMS", show_default=False,
        help="Epochs (OSN-T090/2022-09-08, T090/220908), frames, globs of either, or result ids; "
        f"- reads names or NDJSON from standard input. None given: {none_given}.",
    )  # fmt: skip


Archive = Annotated[
    Path | None,
    typer.Option("--archive", metavar="DIR", show_default=False, rich_help_panel=PANEL_OUTPUT,
                 help="The archive; else IOP4_ARCHIVE, else the nearest folder above."),
]  # fmt: skip
Db = Annotated[
    str | None,
    typer.Option("--db", metavar="ADDRESS", show_default=False, rich_help_panel=PANEL_OUTPUT,
                 help="The store at a server (quack:HOST:PORT, see iop4 serve), not the archive's file; else IOP4_DB."),
]  # fmt: skip
LockTimeout = Annotated[
    float | None,
    typer.Option("--lock-timeout", metavar="S", min=0, show_default=False, rich_help_panel=PANEL_OUTPUT,
                 help="Seconds to wait for a busy store, or for nights of other runs; then exit code 75."),
]  # fmt: skip
Quiet = Annotated[bool, typer.Option("-q", "--quiet", rich_help_panel=PANEL_OUTPUT, help="Only errors on stderr.")]
Verbose = Annotated[
    int,
    typer.Option(
        "-v",
        "--verbose",
        count=True,
        show_default=False,
        rich_help_panel=PANEL_OUTPUT,
        help="Say more; -vv more still.",
    ),
]
Json = Annotated[bool, typer.Option("--json", rich_help_panel=PANEL_OUTPUT, help="NDJSON rows on stdout, one a line.")]


def _filter(flag: str, metavar: str, text: str) -> Any:
    return typer.Option(flag, metavar=metavar, show_default=False, rich_help_panel=PANEL_ITEMS, help=text)


def _how(flag: str, other: str | None, metavar: str, text: str, at_least: int | None = None) -> Any:
    names = [flag] if other is None else [flag, other]
    return typer.Option(*names, metavar=metavar, min=at_least, show_default=False, rich_help_panel=PANEL_HOW, help=text)


@dataclass(frozen=True, kw_only=True)
class ArchiveOptions:
    """Every verb that opens an archive takes these."""

    archive: Archive = None
    db: Db = None
    lock_timeout: LockTimeout = None
    quiet: Quiet = False
    verbose: Verbose = 0


OfInstrument = Annotated[str | None, _filter("--instrument", "NAME", "Only of this instrument.")]
InBand = Annotated[str | None, _filter("--band", "BAND", "Only in this band.")]
InMode = Annotated[str | None, _filter("--mode", "phot|pol", "Only photometry or only polarimetry.")]
Since = Annotated[str | None, _filter("--since", "NIGHT", "From this night on.")]
Until = Annotated[str | None, _filter("--until", "NIGHT", "Up to and with this night.")]
Where = Annotated[str | None, _filter("--where", "SQL", "Rows that fulfil this condition in SQL.")]


@dataclass(frozen=True, kw_only=True)
class SelectionOptions(ArchiveOptions):
    """Verbs that work on or show items."""

    items: Annotated[list[str] | None, _items("what the filters let through")] = None
    source: Annotated[str | None, _filter("--source", "NAME", "Frames or results of this source.")] = None
    instrument: OfInstrument = None
    band: InBand = None
    mode: InMode = None
    since: Since = None
    until: Until = None
    where: Where = None


@dataclass(frozen=True, kw_only=True)
class FilterOptions(ArchiveOptions):
    """Verbs whose arguments say what to show, and that need only filters besides."""

    instrument: OfInstrument = None
    band: InBand = None
    mode: InMode = None
    since: Since = None
    until: Until = None
    where: Where = None


@dataclass(frozen=True, kw_only=True)
class StepOptions(SelectionOptions):
    """Every step takes these."""

    items: Annotated[list[str] | None, _items("all that is due")] = None
    dry_run: Annotated[
        bool,
        typer.Option("-n", "--dry-run", rich_help_panel=PANEL_HOW, help="Say what is due and why; write nothing."),
    ] = False
    force: Annotated[
        bool,
        typer.Option("--force", rich_help_panel=PANEL_HOW, help="Do it again even where it is up to date."),
    ] = False
    jobs: Annotated[int | None, _how("-j", "--jobs", "N", "Worker processes; 0 is one a core.", at_least=0)] = None
    executor: Annotated[str | None, _how("--executor", None, "NAME", "auto, here, processes or dask:ADDRESS.")] = None
    param: Annotated[
        list[str] | None, _how("--param", "-p", "NAME=VALUE", "Set a parameter of the step; may be repeated.")
    ] = None
    show_params: Annotated[
        bool,
        typer.Option(
            "--show-params", rich_help_panel=PANEL_HOW, help="List the parameters with units and values, and stop."
        ),
    ] = False
    json: Json = False


def takes_options(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Let typer see the fields of the bundle that the first argument `options` is annotated with."""
    hints = get_type_hints(function, include_extras=True)
    bundle = hints.pop("options")
    hints.pop("return", None)
    bundle_hints = get_type_hints(bundle, include_extras=True)
    empty = inspect.Parameter.empty
    shared = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY,
            default=empty if field.default is MISSING else field.default, annotation=bundle_hints[field.name],
        )
        for field in fields(bundle)
    ]  # fmt: skip
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name])
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "options"
    ]
    names = {field.name for field in fields(bundle)}

    @functools.wraps(function)
    def flat(**given: Any) -> int | None:
        options = bundle(**{name: given.pop(name) for name in list(given) if name in names})
        return function(options, **given)

    ordered = sorted([*own, *shared], key=_place_in_the_help)
    flat.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
    flat.__annotations__ = {parameter.name: parameter.annotation for parameter in ordered}
    del flat.__wrapped__
    return flat


def _place_in_the_help(parameter: inspect.Parameter) -> int:
    """Arguments, the verb's own options, then the panels, of which the same stand in the same order everywhere."""
    metadata = getattr(parameter.annotation, "__metadata__", ())
    if any(isinstance(said, typer.models.ArgumentInfo) for said in metadata):
        return 0
    panel = next((said.rich_help_panel for said in metadata if isinstance(said, typer.models.OptionInfo)), None)
    return 2 + _PANELS.index(panel) if panel in _PANELS else 1
