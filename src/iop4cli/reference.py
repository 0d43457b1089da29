"""What the commands say of themselves, as shell completions and as a page of reference; `make completions docs`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iop4cli.app import VERBS, load_verb

COMPLETIONS = ("iop4.bash", "_iop4", "iop4.fish")


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


def bash(commands: list[Described]) -> str:
    """Completion for bash: verbs, subcommands, options, then files."""
    cases = "\n".join(f'    "{" ".join(c.words)}") words="{_candidates(c, commands)}" ;;' for c in commands)
    verbs = " ".join(verb.name for verb in VERBS)
    return f"""\
# Completion of iop4 for bash; made by `make completions`.
_iop4() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" words=""
  local first="${{COMP_WORDS[1]}}" second="${{COMP_WORDS[2]}}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{verbs} --help --version" -- "$current"))
    return
  fi
  [ "$COMP_CWORD" -eq 2 ] && second=""
  case "$first $second" in
{_bash_pairs(commands)}  esac
  [ -n "$words" ] || case "$first" in
{cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ "${{#COMPREPLY[@]}}" -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}}
complete -o filenames -F _iop4 iop4
"""


def _bash_pairs(commands: list[Described]) -> str:
    pairs = [c for c in commands if len(c.words) == 2]
    return "".join(f'    "{" ".join(c.words)}") words="{_candidates(c, commands)}" ;;\n' for c in pairs)


def _candidates(command: Described, commands: list[Described]) -> str:
    below = [c.words[-1] for c in commands if len(c.words) == len(command.words) + 1 and c.words[:-1] == command.words]
    return " ".join([*below, *(name for names, _, _ in command.options for name in names)])


def zsh(commands: list[Described]) -> str:
    """Completion for zsh, with the help of each verb and option."""
    verbs = "\n".join(f"    '{verb.name}:{_quoted(verb.help)}'" for verb in VERBS)
    cases = "\n".join(_zsh_case(c, commands) for c in commands if len(c.words) == 1)
    return f"""\
#compdef iop4
# Completion of iop4 for zsh; made by `make completions`.
_iop4() {{
  local -a verbs
  verbs=(
{verbs}
  )
  if (( CURRENT == 2 )); then
    _describe 'verb' verbs
    return
  fi
  case "$words[2]" in
{cases}
  esac
}}
_iop4 "$@"
"""


def _zsh_case(command: Described, commands: list[Described]) -> str:
    below = [c for c in commands if len(c.words) == 2 and c.words[0] == command.words[0]]
    subcommands = f"_values 'subcommand' {' '.join(c.words[-1] for c in below)}; " if below else ""
    gathered = {o[0]: o for c in (command, *below) for o in c.options}
    options = " ".join(
        f"'{name}[{_quoted(_first_sentence(text))}]{':' + takes + ':' if takes else ''}'"
        for names, takes, text in gathered.values()
        for name in names
    )
    return f"    {command.words[0]}) {subcommands}_arguments {options} '*:file:_files' ;;"


def fish(commands: list[Described]) -> str:
    """Completion for fish."""
    lines = ["# Completion of iop4 for fish; made by `make completions`."]
    for verb in VERBS:
        lines.append(f"complete -c iop4 -n __fish_use_subcommand -a {verb.name} -d '{_quoted(verb.help)}'")
    for command in commands:
        condition = " and ".join(f"__fish_seen_subcommand_from {word}" for word in command.words)
        if len(command.words) == 2:
            lines.append(f"complete -c iop4 -n '__fish_seen_subcommand_from {command.words[0]}' -a {command.words[1]}")
        for names, takes, text in command.options:
            flags = " ".join(f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in names)
            needs = " -r" if takes else ""
            lines.append(f"complete -c iop4 -n '{condition}' {flags}{needs} -d '{_quoted(_first_sentence(text))}'")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return text.replace("'", "").replace("[", "(").replace("]", ")").replace(":", " -")


def _first_sentence(text: str) -> str:
    return text.split(". ")[0].rstrip(".")


def markdown(commands: list[Described]) -> str:
    """The reference: every verb with its help, options and examples."""
    parts = ["# Reference\n\nMade from the commands by `make docs`; `iop4 VERB -h` says the same.\n"]
    for command in commands:
        usage = " ".join(["iop4", *command.words, "[OPTIONS]", *command.arguments])
        text = command.help.replace("[bold]", "**").replace("[/bold]", "**")
        rows = "\n".join(
            f"| `{', '.join(names)}`{f' {takes}' if takes else ''} | {text} |".replace(
                "phot|pol|both", "phot, pol, both"
            ).replace("phot|pol", "phot or pol")
            for names, takes, text in command.options
        )
        parts.append(
            f"## {' '.join(command.words)}\n\n    {usage}\n\n{text}\n\n| option | meaning |\n| --- | --- |\n{rows}\n"
        )
        examples = "\n".join(
            f"    {line.strip()}" for line in command.epilog.splitlines() if line.strip().startswith("iop4")
        )
        if examples:
            parts.append(f"{examples}\n")
    return "\n".join(parts)


def made(kind: str) -> dict[str, str]:
    """File name -> text of all files of a kind, `completions` or `docs`."""
    commands = described()
    if kind == "docs":
        return {"reference.md": markdown(commands)}
    return dict(zip(COMPLETIONS, (bash(commands), zsh(commands), fish(commands)), strict=True))


def main() -> None:
    """`python -m iop4cli.reference completions|docs FOLDER`."""
    kind, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in made(kind).items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
