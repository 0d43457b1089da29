"""Completion for fish."""

from __future__ import annotations

from iop4cli.app import VERBS
from iop4cli.reference.described import Described
from iop4cli.reference.taken import LISTING, Taken, first_sentence, taken_by_argument, taken_by_option

_NAMES = r"""
# The verb and, where it has any, the subcommand that are typed: true if they are these.
function __iop4_at
    set -l words (commandline -opc)
    set -e words[1]
    if contains -- "$words[1]" @GROUPS@
        test "$words[1..2]" = "$argv"
    else
        test "$words[1]" = "$argv"
    end
end

# The archive's names of a kind: --archive, IOP4_ARCHIVE, or the nearest folder above; quiet if there is none.
function __iop4_names
    set -l words (commandline -opc)
    set -l archive $IOP4_ARCHIVE
    for i in (seq (count $words))
        switch $words[$i]
            case --archive
                set -q words[(math $i + 1)]; and set archive $words[(math $i + 1)]
            case '--archive=*'
                set archive (string replace -- --archive= '' $words[$i])
        end
    end
    set archive (string replace -r '^~/' "$HOME/" -- $archive)
    if test -z "$archive"
        set archive $PWD
        while test -n "$archive" -a ! -f "$archive/iop4.toml"
            set archive (string replace -r '/[^/]*$' '' -- $archive)
        end
    end
    test -f "$archive/iop4.toml" -a -d "$archive/.names"; or return
    # What is typed, without quotes; nothing is expanded or run.
    set -l typed (commandline -ct)
    set typed (string replace -r '^--[a-z-]+=' '' -- $typed)
    # An open quote is closed.
    string match -qr -- '^["\']' $typed; and set typed $typed(string sub -l 1 -- $typed)
    set typed (string unescape -- $typed 2>/dev/null)
    IOP4_NAMES="$archive/.names" IOP4_KIND="$argv[1]" IOP4_TYPED="$typed" awk $__iop4_listing 2>/dev/null
end
"""


def fish(commands: list[Described]) -> str:
    """The whole file."""
    groups = [c.words[0] for c in commands if c.has_subcommands]
    lines = [
        "# Completion of iop4 for fish; made by `make completions`.",
        f"set -g __iop4_listing '{LISTING}'",
        _NAMES.strip().replace("@GROUPS@", " ".join(groups)),
        "complete -c iop4 -f",
        "complete -c iop4 -n __fish_use_subcommand -l version -d 'Show the version and stop'",
        "complete -c iop4 -n __fish_use_subcommand -s h -l help -d 'Show this message and exit'",
    ]
    lines += [f"complete -c iop4 -n __fish_use_subcommand -a {verb.name} -d {_quoted(verb.help)}" for verb in VERBS]
    for command in commands:
        condition = _quoted(f"__iop4_at {' '.join(command.words)}")
        if len(command.words) == 2:
            parent, word = command.words
            lines.append(
                f"complete -c iop4 -n '__iop4_at {parent}' -a {word} -d {_quoted(first_sentence(command.help))}"
            )
        lines += [_option(command, condition, *option) for option in command.options]
        offered = _offered(taken_by_argument(command))
        if offered:
            lines.append(f"complete -c iop4 -n {condition} {offered}")
    return "\n".join(lines) + "\n"


def _option(command: Described, condition: str, names: tuple[str, ...], metavar: str, text: str) -> str:
    flags = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in names)
    taken = f" -x {_offered(taken_by_option(command, names, metavar, text))}".rstrip() if metavar else ""
    # -x is for values that are no files.
    taken = taken.replace("-x -F", "-r -F")
    return f"complete -c iop4 -n {condition} {flags}{taken} -d {_quoted(first_sentence(text))}"


def _offered(taken: Taken) -> str:
    if taken.names:
        return f"-a '(__iop4_names {taken.names})'"
    if taken.folders:
        return "-a '(__fish_complete_directories)'"
    if taken.files:
        return "-F"
    return f"-a '{' '.join(taken.words)}'" if taken.words else ""


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
