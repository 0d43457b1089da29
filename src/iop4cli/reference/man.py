"""Man pages in roff: iop4(1), and one for each verb with its subcommands."""

from __future__ import annotations

from iop4cli import __version__
from iop4cli.app import VERBS
from iop4cli.reference.described import Described
from iop4cli.reference.markdown import plain_help
from iop4cli.reference.places import environment, environment_of_all, exit_status, exit_status_of_all, files

# As bold text begins and ends in a help text; no other text holds this character.
_BOLD = "\x01"


def man_pages(commands: list[Described]) -> dict[str, str]:
    """File name -> text of every page."""
    pages = {"iop4.1": _top()}
    for verb in VERBS:
        own = [command for command in commands if command.words[0] == verb.name]
        pages[f"iop4-{verb.name}.1"] = _page(verb.name, verb.help, own)
    return pages


def _top() -> str:
    verbs = []
    for panel in dict.fromkeys(verb.panel for verb in VERBS):
        entries = "".join(_item(f"iop4-{v.name}(1)", v.help) for v in VERBS if v.panel == panel)
        verbs.append(f".SS {_quoted(panel)}\n{entries}")
    return "".join(
        [
            _title("iop4"),
            _section("NAME", f"iop4 \\- {_escaped('from a night of raw CCD frames to photometry and polarimetry')}\n"),
            _section("SYNOPSIS", _command("iop4 VERB [OPTIONS] [ITEMS...]") + ".br\n" + _command("iop4 --version")),
            _section("DESCRIPTION", _paragraphs(_ABOUT)),
            _section("VERBS", "".join(verbs)),
            _section("OPTIONS", _item("--version", "Show the version and stop.") + _item("-h, --help", "Show help.")),
            _section("EXIT STATUS", _items(exit_status_of_all())),
            _section("ENVIRONMENT", _items(environment_of_all())),
            _section("FILES", _items(files())),
            _section("EXAMPLES", _examples(_FIRST_NIGHT)),
            _section("SEE ALSO", ",\n".join(f".BR iop4\\-{v.name} (1)" for v in VERBS).replace(",\n", " ,\n") + "\n"),
        ]
    )


_ABOUT = """\
iop4 reduces what a telescope took in a night: it reads headers, combines calibration frames, reduces, finds the stars \
and where they are, and measures magnitudes and linear polarisation with their errors.

All verbs work on an [bold]archive[/bold]: a folder that `iop4 init` makes, with raw frames, products and a store of \
results. It is found like a git repository: --archive, else IOP4_ARCHIVE, else the nearest folder above that holds \
iop4.toml. Raw frames are never written to.

Data go to standard output, words to standard error. In a pipe verbs write the names of what they did, one a line, and \
read names from standard input where `-` is given. What is up to date is left alone: a second run does nothing."""

_FIRST_NIGHT = (
    "iop4 init blazars --catalog && cd blazars",
    "iop4 index add /data/astrometry",
    "iop4 fetch /data/night/*.fits",
    "iop4 run",
    'iop4 export --source "BL Lac" -o bllac.ecsv',
)


def _page(verb: str, summary: str, own: list[Described]) -> str:
    first, *below = own
    name = f"iop4\\-{verb} \\- {_escaped(summary[0].lower() + summary[1:].rstrip('.'))}\n"
    usages = [command.usage for command in own if not command.has_subcommands or command.options[:-1]]
    parts = [
        _title(f"iop4-{verb}"),
        _section("NAME", name),
        _section("SYNOPSIS", ".br\n".join(_command(usage) for usage in usages or [first.usage])),
        _section("DESCRIPTION", _paragraphs(first.help)),
        _section("OPTIONS", _options(first)),
    ]
    if below:
        parts.append(_section("COMMANDS", "".join(_subcommand(command) for command in below)))
    parameters = _parameters(verb)
    if parameters:
        parts.append(_section("PARAMETERS", parameters))
    flags = {name for command in own for names, _, _ in command.options for name in names}
    parts += [
        _section("EXIT STATUS", _items(exit_status(verb, flags))),
        _section("ENVIRONMENT", _items(environment(verb, flags))),
        _section("FILES", _items(files(verb, flags))),
        _section("EXAMPLES", _examples(tuple(dict.fromkeys(line for command in own for line in command.epilog_lines)))),
        _section("SEE ALSO", ".BR iop4 (1)\n"),
    ]
    return "".join(parts)


def _subcommand(command: Described) -> str:
    head = f".SS {_quoted(' '.join(command.words))}\n{_command(command.usage)}.PP\n"
    return head + _paragraphs(command.help) + _options(command)


def _options(command: Described) -> str:
    arguments = ((str(argument), argument.help) for argument in command.arguments)
    options = ((", ".join(names) + (f" {takes}" if takes else ""), text) for names, takes, text in command.options)
    return _items((*arguments, *options))


def _parameters(verb: str) -> str:
    """What --param sets, of a step."""
    from iop4cli.pipeline.steps import STEP_NAMES, step_named

    if verb == "run":
        pages = ", ".join(f"iop4-{step}(1)" for step in STEP_NAMES)
        return _paragraphs(f"Those of all steps, as --param STEP.NAME=VALUE: see {pages}.")
    if verb not in STEP_NAMES:
        return ""
    rows = [
        (
            parameter.name,
            f"{parameter.help} (default {parameter.default}{f' {parameter.unit}' if parameter.unit else ''})",
        )
        for parameter in step_named(verb).parameters
    ]
    said = f"Set with --param NAME=VALUE, as {verb}.NAME in iop4.toml, or for one instrument in its file."
    return _paragraphs(said if rows else "This step has none.") + _items(rows)


def _title(name: str) -> str:
    # No date: the same program makes the same pages on any day.
    return f'.TH "{_escaped(name.upper())}" "1" "" "iop4 {_escaped(__version__)}" "iop4"\n.nh\n.ad l\n'


def _section(title: str, text: str) -> str:
    return f".SH {_quoted(title)}\n{text}" if text else ""


def _items(rows: object) -> str:
    return "".join(_item(name, text) for name, text in rows)  # type: ignore[attr-defined]


def _item(name: str, text: str) -> str:
    return f".TP\n\\fB{_escaped(name)}\\fR\n{_line(text) or '.'}\n"


def _paragraphs(text: str) -> str:
    return "".join(f".PP\n{_line(' '.join(paragraph.split()))}\n" for paragraph in text.split("\n\n"))


def _command(line: str) -> str:
    return f"\\fB{_escaped(line)}\\fR\n"


def _examples(lines: tuple[str, ...]) -> str:
    return "".join(f".PP\n.nf\n{_line(line)}\n.fi\n" for line in lines)


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _line(text: str) -> str:
    """A line of text: marks of bold become fonts, and no control character begins it."""
    parts = plain_help(text, _BOLD).split(_BOLD)
    made = "".join(f"\\fB{_escaped(part)}\\fR" if number % 2 else _escaped(part) for number, part in enumerate(parts))
    return f"\\&{made}" if made.startswith((".", "'")) else made


_ESCAPES = str.maketrans(
    {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}
)


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)
