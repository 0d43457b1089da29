"""What the commands say of themselves: words, help, options, arguments, examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from iop4cli.app import VERBS, load_verb


@dataclass(frozen=True)
class Argument:
    """A positional argument: its name, its help, whether it must be given and may be repeated."""

    name: str
    help: str
    required: bool
    repeated: bool

    def __str__(self) -> str:
        name = f"{self.name}..." if self.repeated else self.name
        return name if self.required else f"[{name}]"


@dataclass(frozen=True)
class Described:
    """A verb or a subcommand (`catalog import`): its words, help, options and epilog."""

    words: tuple[str, ...]
    help: str
    options: tuple[tuple[tuple[str, ...], str, str], ...]
    arguments: tuple[Argument, ...]
    epilog: str
    has_subcommands: bool

    @property
    def usage(self) -> str:
        """The command line in words: iop4 show [OPTIONS] NAME..."""
        below = ["COMMAND"] if self.has_subcommands else []
        return " ".join(["iop4", *self.words, "[OPTIONS]", *(str(argument) for argument in self.arguments), *below])

    @property
    def epilog_lines(self) -> tuple[str, ...]:
        """The command lines under the help."""
        lines = (line.strip() for line in self.epilog.splitlines())
        return tuple(line for line in lines if line and line != "Examples:")

    @property
    def examples(self) -> tuple[str, ...]:
        """Those of the epilog that have this command: subcommands share one."""
        own = " ".join(["iop4", *self.words])
        return tuple(line for line in self.epilog_lines if len(self.words) == 1 or f"{own} " in f"{line} ")


def described() -> list[Described]:
    """All verbs with their subcommands, in the order of the help."""
    return [one for verb in VERBS for one in _walk((verb.name,), load_verb(verb.name))]


def _walk(words: tuple[str, ...], command: Any) -> Iterator[Described]:
    options, arguments = [], []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            name = parameter.metavar or parameter.name.upper()
            arguments.append(Argument(name, _with_default(parameter), parameter.required, parameter.nargs != 1))
            continue
        names = (*parameter.opts, *parameter.secondary_opts)
        takes = "" if parameter.is_flag or parameter.count else (parameter.metavar or "VALUE")
        options.append((names, takes, _with_default(parameter)))
    options.append((("-h", "--help"), "", "Show this message and exit."))
    below = getattr(command, "commands", {})
    help_text, epilog = (command.help or "").strip(), (command.epilog or "").strip()
    yield Described(words, help_text, tuple(options), tuple(arguments), epilog, bool(below))
    for name, subcommand in below.items():
        yield from _walk((*words, name), subcommand)


def _with_default(parameter: Any) -> str:
    text = parameter.help or ""
    is_flag = getattr(parameter, "is_flag", False)
    shown = parameter.show_default and not is_flag and parameter.default not in (None, "")
    return f"{text.removesuffix('.')} (default: {parameter.default})." if shown else text
