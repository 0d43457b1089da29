"""The reference as a page of Markdown."""

from __future__ import annotations

from iop4cli.reference.described import Described


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
