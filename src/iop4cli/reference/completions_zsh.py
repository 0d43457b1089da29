"""Completion for zsh, with the help of each verb and option."""

from __future__ import annotations

import re

from iop4cli.app import VERBS
from iop4cli.reference.described import Described
from iop4cli.reference.taken import LISTING, Taken, first_sentence, taken_by_argument, taken_by_option

_NAMES = r"""
# The archive's names of a kind: --archive, IOP4_ARCHIVE, or the nearest folder above; quiet if there is none.
_iop4_names() {
  local archive="$IOP4_ARCHIVE" typed i
  for ((i = 1; i < CURRENT; i++)); do
    case "$words[i]" in
      --archive) ((i + 1 < CURRENT)) && archive="${(Q)words[i + 1]}" ;;
      --archive=*) archive="${(Q)${words[i]#*=}}" ;;
    esac
  done
  archive="${archive/#\~\//$HOME/}"
  if [[ -z "$archive" ]]; then
    archive="$PWD"
    while [[ -n "$archive" && ! -f "$archive/iop4.toml" ]]; do archive="${archive%/*}"; done
  fi
  [[ -f "$archive/iop4.toml" && -d "$archive/.names" ]] || return 1
  # What is typed, without its quotes; nothing is expanded or run.
  case "$compstate[quote]" in
    \') typed="${PREFIX//\'\\\'\'/'}" ;;
    *) typed="${(Q)PREFIX}" ;;
  esac
  local -a found nights
  # Before the kind stand options that _arguments has for compadd.
  found=("${(@f)$(
    IOP4_NAMES="$archive/.names" IOP4_KIND="$@[-1]" IOP4_TYPED="$typed" awk "$_iop4_listing" 2>/dev/null
  )}")
  found=(${found:#})
  nights=(${(M)found:#*/})
  found=(${found:#*/})
  compadd "${@[1,-2]}" -S '' -a nights
  compadd "${@[1,-2]}" -a found
}
"""


def zsh(commands: list[Described]) -> str:
    """The whole file."""
    verbs = "\n".join(f"    {_quoted(f'{verb.name}:{verb.help}')}" for verb in VERBS)
    groups = [c for c in commands if c.has_subcommands]
    functions = "\n".join(_function(c) for c in commands if c not in groups)
    return f"""\
#compdef iop4
# Completion of iop4 for zsh; made by `make completions`.
typeset -g _iop4_listing='{LISTING}'
{_NAMES.strip()}

{functions}
{"".join(_group(c, commands) for c in groups)}
_iop4() {{
  local curcontext="$curcontext" context state state_descr line
  typeset -A opt_args
  local -a verbs
  verbs=(
{verbs}
  )
  _arguments -C '(- *)--version[Show the version and stop]' '(- *)'{{-h,--help}}'[Show this message and exit]' \\
    '1: :->verb' '*:: :->rest'
  case "$state" in
    verb) _describe 'verb' verbs ;;
    rest) (( $+functions[_iop4_$words[1]] )) && _iop4_$words[1] ;;
  esac
}}

_iop4 "$@"
"""


def _function(command: Described) -> str:
    return f"_iop4_{'_'.join(command.words)}() {{\n  _arguments -s {_specs(command)}\n}}"


def _group(command: Described, commands: list[Described]) -> str:
    (word,) = command.words
    below = [c for c in commands if len(c.words) == 2 and c.words[0] == word]
    listed = "\n".join(f"    {_quoted(f'{c.words[1]}:{first_sentence(c.help)}')}" for c in below)
    options = _options(command)
    return f"""
_iop4_{word}() {{
  local curcontext="$curcontext" context state state_descr line
  typeset -A opt_args
  local -a subcommands
  subcommands=(
{listed}
  )
  _arguments -C {options} \\
    '1: :->subcommand' '*:: :->rest'
  case "$state" in
    subcommand) _describe 'subcommand' subcommands ;;
    rest) (( $+functions[_iop4_{word}_$words[1]] )) && _iop4_{word}_$words[1] ;;
  esac
}}
"""


def _specs(command: Described) -> str:
    taken = _action(taken_by_argument(command))
    arguments = [_quoted(f"*:{_escaped(argument.name)}:{taken}") for argument in command.arguments[:1]]
    return " \\\n    ".join([_options(command), *arguments])


def _options(command: Described) -> str:
    return " \\\n    ".join(_option(command, *option) for option in command.options)


def _option(command: Described, names: tuple[str, ...], metavar: str, text: str) -> str:
    marked = [name + ("" if not metavar else "=" if name.startswith("--") else "+") for name in names]
    repeated = re.search(r"repeat", text) is not None or "-v" in names
    excluded = "*" if repeated else f"({' '.join(names)})" if len(names) > 1 else ""
    takes = f":{_escaped(metavar)}:{_action(taken_by_option(command, names, metavar, text))}" if metavar else ""
    rest = _quoted(f"[{_escaped(first_sentence(text))}]{takes}")
    together = f"{{{','.join(marked)}}}" if len(marked) > 1 else marked[0]
    return f"{_quoted(excluded) if excluded else ''}{together}{rest}"


def _action(taken: Taken) -> str:
    if taken.names:
        return f"_iop4_names {taken.names}"
    if taken.files or taken.folders:
        return "_files" if taken.files else "_files -/"
    endless = [word for word in taken.words if word.endswith("=")]
    return f"compadd -S '' -- {' '.join(endless)}" if endless else f"({' '.join(taken.words)})" if taken.words else " "


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _escaped(text: str) -> str:
    return re.sub(r"([\[\]:\\])", r"\\\1", text)
