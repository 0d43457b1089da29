"""The reference as a page of Markdown."""

from __future__ import annotations

from iop4cli.reference.described import Described


def markdown(commands: list[Described]) -> str:
    """The reference: every verb with its help, arguments, options and examples."""
    first = "# Reference\n\nMade from the commands by `make docs`; `iop4 VERB -h` and the man pages say the same.\n"
    return "\n".join([first, *(_section(command) for command in commands)])


def _section(command: Described) -> str:
    arguments = [(f"`{argument.name}`", argument.help) for argument in command.arguments]
    options = [(f"`{', '.join(names)}`{f' {takes}' if takes else ''}", text) for names, takes, text in command.options]
    rows = "\n".join(f"| {cell(name)} | {cell(text)} |" for name, text in (*arguments, *options))
    section = (
        f"## {' '.join(command.words)}\n\n    {command.usage}\n\n{plain_help(command.help, '**')}\n\n"
        f"| argument or option | meaning |\n| --- | --- |\n{rows}\n"
    )
    examples = "".join(f"    {line}\n" for line in command.examples)
    return f"{section}\n{examples}" if examples else section


def cell(text: str) -> str:
    return text.replace("|", r"\|")


def plain_help(text: str, bold: str) -> str:
    """A help text without the marks of rich; `bold` stands on both sides of what is bold."""
    return text.replace("[bold]", bold).replace("[/bold]", bold).replace(r"\[", "[")
