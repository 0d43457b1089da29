"""Shell completions of bash, zsh and fish."""

from __future__ import annotations

from iop4cli.app import VERBS
from iop4cli.reference.described import Described

COMPLETIONS = ("iop4.bash", "_iop4", "iop4.fish")


def completions(commands: list[Described]) -> dict[str, str]:
    """File name -> text of the completions of all shells."""
    return dict(zip(COMPLETIONS, (bash(commands), zsh(commands), fish(commands)), strict=True))


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
