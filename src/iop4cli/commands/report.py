"""iop4 report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iop4cli.commands.opening import Opened, open_archive
from iop4cli.errors import UsageError
from iop4cli.shell import messages, output
from iop4cli.shell.options import PANEL_HOW, PANEL_ITEMS, ArchiveOptions, takes_options

if TYPE_CHECKING:
    from iop4cli.export.night_facts import NightFacts
    from iop4cli.remote.mail import MailServer

EPILOG = """Examples:

  iop4 report

  iop4 report OSN-T090/2022-09-08 -o night.html

  iop4 report -q --save --since $(date -d yesterday +%F) --mail-if problems
"""

_MAIL_IF = ("problems", "results", "always")
_MAIL = "Mail"


def _option(flags: tuple[str, ...], metavar: str | None, panel: str, text: str) -> Any:
    return typer.Option(*flags, metavar=metavar, show_default=False, rich_help_panel=panel, help=text)


@takes_options
def command(
    options: ArchiveOptions,
    nights: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NIGHT",
            show_default=False,
            rich_help_panel=PANEL_ITEMS,
            help="Epochs (OSN-T090/2022-09-08), dates alone (2022-09-08: all telescopes), globs; - reads names from "
            "standard input. None: the newest night with frames.",
        ),
    ] = None,
    since: Annotated[str | None, _option(("--since",), "NIGHT", PANEL_ITEMS, "From this night on.")] = None,
    until: Annotated[str | None, _option(("--until",), "NIGHT", PANEL_ITEMS, "Up to and with this night.")] = None,
    to: Annotated[
        Path | None, _option(("-o", "--output"), "FILE", PANEL_HOW, "A file (.html, .md); else Markdown on stdout.")
    ] = None,
    save: Annotated[
        bool, _option(("--save",), None, PANEL_HOW, "Write reports/TELESCOPE/NIGHT.html in the archive.")
    ] = False,
    mail: Annotated[
        bool, _option(("--mail",), None, _MAIL, "Send it by mail, as the settings mail.* say (`iop4 doctor`).")
    ] = False,
    mail_if: Annotated[
        str | None,
        _option(("--mail-if",), "WHEN", _MAIL, "Send it only if there are problems, or results; or always."),
    ] = None,
) -> int:
    """Tell on one page how a night went: for the person who was asleep.

    Reads the store, and changes nothing in it. First what needs a look and what moved; then what failed and
    why; results of targets beside the 30 days before, with plots; calibrators that are not what the catalogue
    says; what was taken; masters, seeing, transparency, astrometry; what people said. The HTML file needs
    nothing else: no scripts, nothing from the network. Mail has it attached, with the same in its text. A mail
    that is not taken is an error (exit code 1) after the report is written. In cron give --since, so that
    nothing is sent again of an old night when no frames came: no night, no report, and no error.
    """
    from iop4cli.export.night_page import night_page
    from iop4cli.pipeline.catalog_health import calibrator_health
    from iop4cli.pipeline.night_report import night_facts
    from iop4cli.pipeline.reported_nights import reported_nights

    _check(to, mail_if)
    opened = open_archive(options)
    server = _server(opened) if mail or mail_if else None
    registry = opened.surroundings().registry
    epochs = reported_nights(opened.store, opened.layout, registry, _names(nights), since, until)
    if not epochs:
        messages.notice("no night to report on")
        return 0
    health = calibrator_health(opened.store)
    found = [night_facts(opened.store, opened.layout, epoch, health) for epoch in epochs]
    pages = [night_page(facts) for facts in found]
    if to is not None:
        _write(to, pages)
    if save:
        for facts, page in zip(found, pages, strict=True):
            path = opened.layout.root / "reports" / facts.epoch.telescope / f"{facts.epoch.night}.html"
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, [page])
    if server is None and to is None and not save:
        from iop4cli.export.report_markdown import markdown

        output.markdown(markdown(pages))
    if server is not None:
        _mail(server, found, mail_if or "always")
    return 0


def _check(to: Path | None, mail_if: str | None) -> None:
    from iop4cli.nearest import did_you_mean

    if to is not None and to.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"-o {to}: a report is written as {' or '.join(_SUFFIXES)}")
    if mail_if is not None and mail_if not in _MAIL_IF:
        raise UsageError(f"--mail-if {mail_if!r}: must be {', '.join(_MAIL_IF)}{did_you_mean(mail_if, _MAIL_IF)}")


_SUFFIXES = (".html", ".md")


def _write(path: Path, pages: list[Any]) -> None:
    from iop4cli.export.atomic import write_text
    from iop4cli.export.report_html import html
    from iop4cli.export.report_markdown import markdown

    write_text(path, markdown(pages) if path.suffix.lower() == ".md" else html(pages))
    messages.notice(f"written to {path}")


def _names(said: list[str] | None) -> list[str] | None:
    """The names given, those on standard input for `-`; None if nothing was given, which is not the same as none."""
    from iop4cli.shell.arguments import names_from

    if "-" not in (said or []):
        return said or None
    return [name for name in said or [] if name != "-"] + list(names_from(sys.stdin))


def _server(opened: Opened) -> MailServer:
    """What the settings lack is said before any work."""
    from iop4cli.remote.mail import mail_server

    server = mail_server(opened.config.values)
    server.credentials()
    return server


def _mail(server: MailServer, found: list[NightFacts], when: str) -> None:
    """One mail a night, so that each has its own subject."""
    from iop4cli.export.night_page import night_page, subject
    from iop4cli.export.report_html import html
    from iop4cli.export.report_markdown import markdown
    from iop4cli.remote.mail import Attachment, message_of, send

    for facts in found:
        if (when == "problems" and not facts.concerns) or (when == "results" and not facts.n_target_results):
            messages.notice(f"{facts.epoch}: not mailed, for it has no {when}")
            continue
        page = [night_page(facts)]
        whole = Attachment(f"{facts.epoch.telescope}-{facts.epoch.night}.html", html(page))
        message = message_of(server, subject(facts), markdown(page), html(page, drawings=False), [whole])
        send(server, message)
        messages.notice(f"{facts.epoch}: mailed to {', '.join(server.to)}")
