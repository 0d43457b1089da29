"""What each option and argument takes, so that shells can complete it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from iop4cli.reference.described import Described

# What the awk program of the shells knows to list: see archive/name_lists.py, and `LISTING` below.
NAME_KINDS = (
    "epochs", "nights", "items", "frames", "products", "things", "results", "frames_or_results", "sources",
    "any_sources", "instruments", "bands", "masters", "calibrations",
)  # fmt: skip

# The lists of an archive's names, filtered by what is typed: in awk, for 20,000 names take a shell too long.
# ENVIRON, not -v: a backslash in what is typed stays one.
LISTING = r"""
function give(kind, tail,   line, n) {
  while ((getline line < (folder "/" kind)) > 0) if (index(line, typed) == 1) { print line tail; n++ }
  return n
}
function nights(   line, part) {
  while ((getline line < (folder "/epochs")) > 0) {
    split(line, part, "/")
    if (index(part[2], typed) == 1 && !seen[part[2]]++) print part[2]
  }
}
BEGIN {
  folder = ENVIRON["IOP4_NAMES"]; typed = ENVIRON["IOP4_TYPED"]; kind = ENVIRON["IOP4_KIND"]
  in_night = split(typed, part, "/") > 2
  if (kind == "nights") nights()
  else if (kind == "any_sources") { if (!give("sources") && typed != "") give("other_names") }
  else if (kind == "results") { if (length(typed) > 2) give("results") }
  else if (kind !~ /^(items|frames|frames_or_results|products|things)$/) give(kind)
  else if (in_night) {
    give("frames")
    if (kind != "frames" && kind != "frames_or_results") { give("masters"); give("groups") }
  } else {
    give("epochs", "/")
    if (kind == "things" && !give("sources") && typed != "") give("other_names")
    if (kind != "frames" && length(typed) > 2) give("results")
  }
}
"""


@dataclass(frozen=True)
class Taken:
    """What fits: names of this kind, one of these words, files or folders; nothing of it is free text."""

    names: str = ""
    words: tuple[str, ...] = ()
    files: bool = False
    folders: bool = False


NOTHING, FILES, FOLDERS = Taken(), Taken(files=True), Taken(folders=True)
_OPTIONS = {
    "--source": "sources", "--calibrates": "any_sources", "--instrument": "instruments", "--band": "bands",
    "--accept": "masters", "--reject": "masters", "--unsay": "masters", "--item": "items",
}  # fmt: skip
_BY_METAVAR = {
    "NIGHT": Taken("nights"), "DIR": FOLDERS, "FILE": FILES, "FITS": FILES, "CSV": FILES, "FILE.toml": FILES,
    "FILES": FILES, "FOLDER": FOLDERS, "RUN|ARCHIVE": FOLDERS, "FILES|FOLDERS|NIGHTS": FILES, "URL|FOLDER": FOLDERS,
}  # fmt: skip
_ARGUMENTS = {
    "ITEMS": "items", "NIGHTS": "epochs", "NIGHT": "epochs", "SOURCE": "any_sources", "RESULT": "results",
    "FRAME": "frames", "FRAME|RESULT": "frames_or_results",
}  # fmt: skip
# Words that the help has, but not as `one, two or three`.
_WORDS = {
    "--images": ("blocks", "kitty", "sixel", "auto"), "--mail-if": ("problems", "results", "always"),
    "--bad": ("all",), "--run": ("last",), "--executor": ("auto", "here", "processes", "dask:"),
}  # fmt: skip
_CHOSEN = ("--format", "--level", "--kind", "--system", "--hold")
_ALTERNATIVES = re.compile(r"([\w-]+(?:, [\w-]+)*),? or ([\w-]+)")


def taken_by_option(command: Described, names: tuple[str, ...], metavar: str, help_text: str) -> Taken:
    """What follows an option that takes a value."""
    long = next((name for name in names if name.startswith("--")), names[0])
    if metavar in {"O|E", "4|8|16"} or re.fullmatch(r"[a-z]+(\|[a-z]+)+", metavar):
        return Taken(words=tuple(metavar.split("|")))
    if long in _WORDS:
        return Taken(words=_WORDS[long])
    known = _known_words(command.words, long, metavar)
    if known:
        return Taken(words=known)
    if long in _CHOSEN:
        return Taken(words=choices(help_text))
    if long in _OPTIONS and command.words[0] != "simulate":
        return Taken(_OPTIONS[long])
    return _BY_METAVAR.get(metavar, NOTHING)


def taken_by_argument(command: Described) -> Taken:
    """What a command works on; what it makes anew (`catalog add`) has no name yet."""
    if not command.arguments or command.words in {("catalog", "add"), ("catalog", "undo")}:
        return NOTHING
    name = command.arguments[0].name.strip("[].")
    if command.words == ("show",):
        return Taken("things")
    if command.words[0] in {"catalog", "calib"} and name in {"NAME", "NAMES"}:
        return Taken("any_sources" if command.words[0] == "catalog" else "calibrations")
    if name in _ARGUMENTS:
        return Taken(_ARGUMENTS[name])
    return _BY_METAVAR.get(name, NOTHING)


def choices(help_text: str) -> tuple[str, ...]:
    """`one, two or three` of a help."""
    found = _ALTERNATIVES.search(re.sub(r" ?\([^)]*\)", "", help_text))
    return (*found[1].split(", "), found[2]) if found else ()


def first_sentence(help_text: str) -> str:
    """What a shell has room for."""
    return help_text.replace("[bold]", "").replace("[/bold]", "").split(". ")[0].rstrip(".")


@cache
def _known_words(words: tuple[str, ...], option: str, metavar: str) -> tuple[str, ...]:
    from iop4cli.archive.source import KINDS
    from iop4cli.instruments.registry import Registry
    from iop4cli.pipeline.steps import STEP_NAMES, step_named
    from iop4cli.share import share_dir

    if option == "--step":
        return STEP_NAMES
    if option == "--kind" and words[0] == "catalog":
        return KINDS
    if option == "--instrument" and (words[0] in {"simulate", "index"} or words == ("catalog", "exposure")):
        return tuple(sorted(Registry.load().instruments))
    if option == "--from" and metavar == "ARCHIVE":
        return tuple(sorted(path.stem.replace("_", "-") for path in (share_dir() / "archives").glob("*.toml")))
    if option == "--param":
        steps = [name for name in STEP_NAMES if words[0] in {name, "run", "watch"}]
        return tuple(
            f"{parameter.name}=" if words[0] == step else f"{step}.{parameter.name}="
            for step in steps
            for parameter in step_named(step).parameters
        )
    return ()
