"""What the commands say of themselves: words, help, options, arguments, examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from iop4cli.app import VERBS, load_verb


@dataclass(frozen=True)
class Described:
    """A verb or a subcommand (`catalog import`): its words, help, options and epilog."""

    words: tuple[str, ...]
    help: str
    options: tuple[tuple[tuple[str, ...], str, str], ...]
    arguments: tuple[str, ...]
    epilog: str


def described() -> list[Described]:
    """All verbs with their subcommands, in the order of the help."""
    return [one for verb in VERBS for one in _walk((verb.name,), load_verb(verb.name))]


def _walk(words: tuple[str, ...], command: Any) -> Iterator[Described]:
    options, arguments = [], []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            arguments.append(parameter.metavar or parameter.name.upper())
            continue
        names = (*parameter.opts, *parameter.secondary_opts)
        takes = "" if parameter.is_flag or parameter.count else (parameter.metavar or "VALUE")
        options.append((names, takes, parameter.help or ""))
    options.append((("-h", "--help"), "", "Show this message and exit."))
    yield Described(
        words, (command.help or "").strip(), tuple(options), tuple(arguments), (command.epilog or "").strip()
    )
    for name, below in getattr(command, "commands", {}).items():
        yield from _walk((*words, name), below)
