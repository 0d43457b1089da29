"""Completion for bash, 3.2 or newer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from iop4cli.app import VERBS
from iop4cli.reference.described import Described
from iop4cli.reference.taken import LISTING, Taken, taken_by_argument, taken_by_option

_BODY = r"""
# The words of a command line, without their quotes, into _iop4_words, the quote left open into _iop4_quote;
# nothing is expanded or run.
_iop4_split() {
  local line="$1" word="" quote="" begun="" letter i
  _iop4_words=()
  for ((i = 0; i < ${#line}; i++)); do
    letter="${line:i:1}"
    case "$quote$letter" in
      "''" | '""') quote="" ;;
      "'"?) word+="$letter" ;;
      '"\')
        i=$((i + 1))
        case "${line:i:1}" in [\"\\\$\`]) ;; *) word+="\\" ;; esac
        word+="${line:i:1}" ;;
      '"'?) word+="$letter" ;;
      "'" | '"') quote="$letter" begun=1 ;;
      "\\") i=$((i + 1)) begun=1 word+="${line:i:1}" ;;
      [[:space:]]) [ -z "$begun" ] || _iop4_words+=("$word"); word="" begun="" ;;
      *) word+="$letter" begun=1 ;;
    esac
  done
  _iop4_words+=("$word")
  _iop4_quote="$quote"
}

# The folder of the archive's names into _iop4_folder: --archive, IOP4_ARCHIVE, or the nearest folder above.
_iop4_find() {
  local i archive="$IOP4_ARCHIVE" last=$((${#_iop4_words[@]} - 1))
  _iop4_folder=""
  for ((i = 1; i < last; i++)); do
    case "${_iop4_words[i]}" in
      --archive) [ $((i + 1)) -lt "$last" ] && archive="${_iop4_words[i + 1]}" ;;
      --archive=*) archive="${_iop4_words[i]#*=}" ;;
    esac
  done
  case "$archive" in "~/"*) archive="$HOME/${archive#*/}" ;; esac
  if [ -z "$archive" ]; then
    archive="$PWD"
    while [ -n "$archive" ] && [ ! -f "$archive/iop4.toml" ]; do archive="${archive%/*}"; done
  fi
  [ -f "$archive/iop4.toml" ] && _iop4_folder="$archive/.names"
}

_iop4_names() {
  _iop4_find
  [ -d "$_iop4_folder" ] || return
  IOP4_NAMES="$_iop4_folder" IOP4_KIND="$1" IOP4_TYPED="$_iop4_typed" awk "$_iop4_listing" 2>/dev/null
}

# Lines of standard input that begin as typed become candidates, less what stands before the word that bash replaces.
_iop4_offer() {
  local line quoted special="" before="" apostrophe="'\\''"
  case "$_iop4_typed" in
    *"$_iop4_replaced") before="${_iop4_typed%"$_iop4_replaced"}" ;;
    *) case "$_iop4_typed" in *"$_iop4_plain") before="${_iop4_typed%"$_iop4_plain"}" ;; esac ;;
  esac
  while IFS= read -r line; do
    case "$line" in "$_iop4_typed"*) ;; *) continue ;; esac
    line="${line#"$before"}"
    # bash's own quoting of file names leaves $ and ` alone, so that a name could run a command.
    case "$_iop4_quote" in
      "'") quoted="${line//\'/$apostrophe}" ;;
      '"') quoted="${line//\\/\\\\}" quoted="${quoted//\"/\\\"}"
           quoted="${quoted//\$/\\\$}" quoted="${quoted//\`/\\\`}" ;;
      *) printf -v quoted %q "$line" ;;
    esac
    [ "$quoted" = "$line" ] || special=1
    COMPREPLY+=("$quoted")
  done
  [ -z "$special" ] || _iop4_option +o filenames
}

_iop4_option() { compopt "$@" 2>/dev/null; }

_iop4_offer_taken() {
  case "$1" in
    files) _iop4_option -o default || COMPREPLY=($(compgen -f -- "$_iop4_replaced")) ;;
    folders) _iop4_option -o dirnames || COMPREPLY=($(compgen -d -- "$_iop4_replaced")) ;;
    names:*) _iop4_offer < <(_iop4_names "${1#*:}") ;;
    *) _iop4_option +o filenames; _iop4_offer < <(printf '%s\n' $1) ;;
  esac
  case "${COMPREPLY[0]}" in */ | *=) _iop4_option -o nospace ;; esac
}

_iop4() {
  local _iop4_words _iop4_quote _iop4_folder _iop4_typed _iop4_replaced="$2" _iop4_plain n command option taken
  COMPREPLY=()
  _iop4_split "$2"
  _iop4_plain="${_iop4_words[${#_iop4_words[@]} - 1]}"
  case "$2" in "=" | ":" | "@") _iop4_replaced="" _iop4_plain="" ;; esac
  _iop4_split "${COMP_LINE:0:COMP_POINT}"
  n=${#_iop4_words[@]}
  _iop4_typed="${_iop4_words[n - 1]}"
  command="${_iop4_words[1]}"
  if [ "$n" -le 2 ]; then
    _iop4_offer_taken "@VERBS@ -h --help --version"
    return
  fi
  case " @GROUPS@ " in
    *" $command "*)
      if [ "$n" -eq 3 ]; then
        _iop4_subcommands "$command"
        _iop4_offer_taken "$_iop4_taken"
        return
      fi
      command="$command ${_iop4_words[2]}" ;;
  esac
  option="${_iop4_words[n - 2]}"
  case "$_iop4_typed" in
    --*=*) option="${_iop4_typed%%=*}" _iop4_typed="${_iop4_typed#*=}" ;;
    -*) option="" ;;
  esac
  local _iop4_taken=""
  _iop4_value "$command" "$option"
  if [ -n "$_iop4_taken" ]; then
    [ "$_iop4_taken" = nothing ] || _iop4_offer_taken "$_iop4_taken"
  elif [ "${_iop4_typed:0:1}" = - ]; then
    _iop4_options "$command"
    _iop4_offer_taken "$_iop4_taken"
  else
    _iop4_argument "$command"
    [ -z "$_iop4_taken" ] || _iop4_offer_taken "$_iop4_taken"
  fi
}
# bash 3.2 (macOS) cannot change its mind about file names.
if type compopt >/dev/null 2>&1; then complete -o filenames -F _iop4 iop4; else complete -F _iop4 iop4; fi
"""


def bash(commands: list[Described]) -> str:
    """The whole file."""
    groups = [c.words[0] for c in commands if c.has_subcommands]
    body = _BODY.replace("@VERBS@", " ".join(verb.name for verb in VERBS)).replace("@GROUPS@", " ".join(groups))
    return "\n".join(
        (
            "# Completion of iop4 for bash; made by `make completions`.",
            f"_iop4_listing='{LISTING}'",
            "# Each of these sets _iop4_taken: words to choose from, files, folders, names:KIND, nothing (free text).",
            _function("_iop4_subcommands", _subcommands(commands)),
            _function("_iop4_options", ((" ".join(c.words), " ".join(_names(c))) for c in commands)),
            _value_function(commands),
            _function("_iop4_argument", _arguments(commands)),
            body.strip(),
            "",
        )
    )


def _function(name: str, cases: Iterable[tuple[str, str]]) -> str:
    return f'{name}() {{\n  case "$1" in\n{_cases(cases)}  esac\n}}'


def _cases(cases: Iterable[tuple[str, str]]) -> str:
    """Those of equal meaning in one line."""
    by_meaning: dict[str, list[str]] = {}
    for key, meaning in cases:
        by_meaning.setdefault(meaning, []).append(f'"{key}"')
    return "".join(f'    {" | ".join(keys)}) _iop4_taken="{meaning}" ;;\n' for meaning, keys in by_meaning.items())


def _value_function(commands: list[Described]) -> str:
    """By option, but for the commands where it means something else than in most."""
    meanings: dict[str, dict[str, str]] = {}
    for command in commands:
        for names, metavar, text in command.options:
            for name in names:
                meaning = _meaning(taken_by_option(command, names, metavar, text)) if metavar else ""
                meanings.setdefault(name, {})[" ".join(command.words)] = meaning
    usual = {name: Counter(of.values()).most_common(1)[0][0] for name, of in meanings.items()}
    unusual = [(f"{words} {name}", m) for name, of in meanings.items() for words, m in of.items() if m != usual[name]]
    return (
        f'_iop4_value() {{\n  case "$1 $2" in\n{_cases(unusual)}    *) case "$2" in\n'
        f"{_cases((name, m) for name, m in usual.items() if m)}    esac ;;\n  esac\n}}"
    )


def _meaning(taken: Taken) -> str:
    if taken.names:
        return f"names:{taken.names}"
    return "files" if taken.files else "folders" if taken.folders else " ".join(taken.words) or "nothing"


def _subcommands(commands: list[Described]) -> list[tuple[str, str]]:
    below: dict[str, list[str]] = {}
    for command in commands:
        if len(command.words) == 2:
            below.setdefault(command.words[0], []).append(command.words[1])
    # doctor works by itself too.
    return [(c.words[0], " ".join([*below[c.words[0]], *_names(c)])) for c in commands if c.has_subcommands]


def _names(command: Described) -> list[str]:
    return [name for names, _, _ in command.options for name in names]


def _arguments(commands: list[Described]) -> list[tuple[str, str]]:
    meanings = ((" ".join(c.words), _meaning(taken_by_argument(c))) for c in commands)
    return [(words, meaning) for words, meaning in meanings if meaning != "nothing"]
