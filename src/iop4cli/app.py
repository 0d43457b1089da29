"""The command table: verbs are imported when they are called, so that help and start-up stay quick."""

from __future__ import annotations

import inspect
from collections.abc import MutableMapping
from importlib import import_module
from typing import Annotated, Any, NamedTuple, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


class Verb(NamedTuple):
    """A verb: its name (and module in commands/), its help in one line, its panel in the help."""

    name: str
    help: str
    panel: str


_STEPS, _WHOLE, _LOOK, _KEEP = "Steps, in order", "The whole night", "Look", "Set up and keep"

VERBS = (
    Verb("run", "Do all that is due, from raw frames to results.", _WHOLE),
    Verb("watch", "Do it as frames come in; results within seconds.", _WHOLE),
    Verb("demo", "Simulate a night, reduce it, and compare with the truth.", _WHOLE),
    Verb("classify", "Read headers: what each raw frame is.", _STEPS),
    Verb("mkmaster", "Combine bias, dark and flat frames.", _STEPS),
    Verb("reduce", "Raw light frames to electrons with pixel bits.", _STEPS),
    Verb("solve", "Find the stars and where on the sky they are.", _STEPS),
    Verb("phot", "Aperture photometry and magnitudes.", _STEPS),
    Verb("pol", "Polarisation of each group of frames.", _STEPS),
    Verb("correct", "Quality of each result beside the others of its night.", _STEPS),
    Verb("status", "What is there, what is missing, and why.", _LOOK),
    Verb("tui", "All of it on the whole terminal, with plots and images.", _LOOK),
    Verb("show", "The whole history of a frame, master or result.", _LOOK),
    Verb("diff", "Which results moved between two runs, and why.", _LOOK),
    Verb("plot", "Draw light curves and all else, on the terminal or in files.", _LOOK),
    Verb("report", "A night on one page: for the screen, a browser or the mail.", _LOOK),
    Verb("export", "Results as CSV, ECSV or NDJSON.", _LOOK),
    Verb("log", "What happened, by run, step and item.", _LOOK),
    Verb("sql", "Ask the store in SQL.", _LOOK),
    Verb("init", "Make an archive.", _KEEP),
    Verb("fetch", "Bring raw frames into the archive.", _KEEP),
    Verb("catalog", "Targets and calibrators: edit, find, check.", _KEEP),
    Verb("index", "Index files of astrometry.net: what they cover; fetch those needed.", _KEEP),
    Verb("flag", "Mark results by hand, with a reason.", _KEEP),
    Verb("calib", "Polarimetric calibrations: fit them to standards, accept, show.", _KEEP),
    Verb("serve", "Let several machines use one store: a server for it.", _KEEP),
    Verb("doctor", "Check the set-up, and an instrument's file.", _KEEP),
    Verb("simulate", "Make raw nights with a known truth.", _KEEP),
)

# Where -h stands, if there is such a panel: it is that of shell/options.py, which start-up does not import.
_HELP_NAMES, _HELP_PANEL = ("-h", "--help"), "Output and settings"
_EPILOG = "Every verb has -h with examples. Data go to stdout, words to stderr."


class LazyCommands(dict[str, Any]):
    """name -> command; looking one up imports its module."""

    def __init__(self) -> None:
        super().__init__({verb.name: None for verb in VERBS})

    def __getitem__(self, name: str) -> Any:
        loaded = super().__getitem__(name)
        if loaded is None:
            loaded = load_verb(name)
            self[name] = loaded
        return loaded

    def get(self, name: str, default: Any = None) -> Any:
        # Not dict.get: that would not load the verb.
        return self[name] if name in self else default  # noqa: SIM401


def load_verb(name: str) -> Any:
    """The command of a verb: its module has a function `command`, or an `app` of subcommands."""
    module = import_module(f"iop4cli.commands.{name}")
    settings = {"help_option_names": list(_HELP_NAMES)}
    subcommands = getattr(module, "app", None)
    if subcommands is not None:
        for one in (*subcommands.registered_commands, *subcommands.registered_groups):
            # Groups bear theirs in what typer calls a default.
            one.help = flowed(one.help if isinstance(one.help, str) else getattr(one.callback, "__doc__", None))
        command = get_command(subcommands)
        # That of a callback: typer took it as it stands.
        command.help = flowed(command.help)
    else:
        single = typer.Typer(add_completion=False, rich_markup_mode="rich")
        text = flowed(module.command.__doc__)
        single.command(name, help=text, context_settings=settings, epilog=getattr(module, "EPILOG", None))(
            module.command
        )
        command = get_command(single)
    command.name = name
    command.context_settings.update(settings)
    _without_types(command)
    return command


def _without_types(command: Any) -> None:
    """Let the help of flags and arguments show no type: `<bool>` or `<list[str]>` tells nobody anything."""
    context = command.context_class(command, help_option_names=list(_HELP_NAMES))
    help_option = command.get_help_option(context)
    if any(getattr(parameter, "rich_help_panel", None) == _HELP_PANEL for parameter in command.params):
        help_option.rich_help_panel = _HELP_PANEL
    for parameter in (*command.params, help_option):
        if parameter.param_type_name == "argument" or parameter.is_flag or parameter.count:
            parameter.display_type_rich = _no_type
    for below in getattr(command, "commands", {}).values():
        _without_types(below)


def _no_type(ctx: Any) -> None:
    return None


def flowed(text: str | None) -> str | None:
    """A docstring whose paragraphs are lines, so that they fill a terminal of any width."""
    if text is None:
        return None
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(text).split("\n\n"))


class Verbs(TyperGroup):
    """The group of all verbs; its own help needs no module but this."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        stubs = {
            verb.name: TyperCommand(verb.name, help=verb.help, rich_help_panel=verb.panel, rich_markup_mode=None)
            for verb in VERBS
        }
        kept, self.commands = self.commands, cast(MutableMapping[str, Any], stubs)
        try:
            super().format_help(ctx, formatter)
        finally:
            self.commands = kept


def make_app() -> TyperGroup:
    """The whole command."""
    top = typer.Typer(
        name="iop4", cls=Verbs, no_args_is_help=True, add_completion=False, rich_markup_mode="rich", epilog=_EPILOG,
        context_settings={"help_option_names": list(_HELP_NAMES)},
    )  # fmt: skip
    top.callback()(_top)
    group = cast(TyperGroup, get_command(top))
    _without_types(group)
    group.commands = cast(MutableMapping[str, Any], LazyCommands())
    return group


def _top(
    version: Annotated[bool, typer.Option("--version", help="Show the version and stop.")] = False,
) -> None:
    """From a night of raw CCD frames to magnitudes and polarisation, with honest errors."""
    # __main__ answers --version before anything is imported; the option is here for the help.
