"""Mail with a page in it, handed to the server that the settings name."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from typing import Any

from iop4cli.errors import Iop4Error, UsageError
from iop4cli.remote.credentials import Credentials, Login, credentials_for

PORTS = {"yes": 465, "starttls": 587, "no": 25}
_TIMEOUT_S = 30.0


class MailError(Iop4Error):
    """The mail was not taken by the server."""


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed in, how, from whom, and to whom it goes."""

    host: str
    port: int
    tls: str
    sender: str
    to: tuple[str, ...]
    user: str = ""
    password_command: str = ""

    @property
    def where(self) -> str:
        return f"{self.host}, port {self.port}"

    def credentials(self) -> Credentials:
        """Who logs in; nobody if neither a user nor a password is known."""
        found = credentials_for(
            Login(self.host, self.host, self.user, "IOP4_MAIL_PASSWORD", "mail.password_command", self.password_command)
        )
        if bool(found.user) != bool(found.password):
            missing = "password (IOP4_MAIL_PASSWORD, mail.password_command or netrc)" if found.user else "mail.user"
            raise UsageError(f"the login at {self.host} lacks its {missing}")
        return found


@dataclass(frozen=True)
class Attachment:
    """A file that goes along: HTML text and its name."""

    filename: str
    html: str


def mail_server(settings: Mapping[str, Any]) -> MailServer:
    """The server of settings `mail.*`; what is missing or cannot be is an error that says so."""
    said = settings["mail.to"]
    to = [one.strip() for one in (said.split(",") if isinstance(said, str) else said) if one.strip()]
    for name, value in (("host", settings["mail.host"]), ("from", settings["mail.from"]), ("to", to)):
        if not value:
            variable = f"IOP4_MAIL_{name.upper()}"
            raise UsageError(f'mail.{name} is not set: in iop4.toml ([mail] {name} = "..."), or {variable}')
    tls = str(settings["mail.tls"]).lower()
    if tls not in PORTS:
        raise UsageError(f"mail.tls: must be starttls, yes or no, not {tls!r}")
    port = settings["mail.port"] or PORTS[tls]
    if not 0 < port <= 65535:
        raise UsageError(f"mail.port: must be 0 to 65535, not {port}")
    for name, addresses in (("from", [settings["mail.from"]]), ("to", to)):
        for one in addresses:
            _check_address(name, one)
    return MailServer(
        settings["mail.host"], port, tls, settings["mail.from"], tuple(to), settings["mail.user"],
        settings["mail.password_command"],
    )  # fmt: skip


def _check_address(name: str, text: str) -> None:
    address = parseaddr(text)[1]
    try:
        good = bool(address) and text.isprintable() and bool(Address(addr_spec=address).domain)
    except (ValueError, IndexError):
        good = False
    if not good:
        raise UsageError(f"mail.{name}: {text!r} is no address like name@example.org")


def message_of(
    server: MailServer, subject: str, text: str, html: str, attachments: Sequence[Attachment] = ()
) -> EmailMessage:
    """A message with text and the same as HTML, for whichever the reader's program prefers."""
    message = EmailMessage()
    message["Subject"] = " ".join(subject.split())
    message["From"] = server.sender
    message["To"] = ", ".join(server.to)
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=parseaddr(server.sender)[1].rsplit("@", 1)[-1])
    # Programs that answer mail by themselves leave such mail alone (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    for one in attachments:
        message.add_attachment(one.html, subtype="html", filename=one.filename, cte="base64")
    return message


def send(server: MailServer, message: EmailMessage) -> None:
    """Hand a message in; a MailError says what the server would not do, and never a password."""
    login = server.credentials()
    try:
        with _connected(server) as connection:
            if login.user:
                connection.login(login.user, login.password)
            refused = connection.send_message(message)
    except smtplib.SMTPAuthenticationError as error:
        said = login.scrubbed(_said(error.smtp_error))
        raise MailError(
            f"{server.where} refuses the login of {login.user}: {error.smtp_code} {said}. "
            "Check mail.user and the password (IOP4_MAIL_PASSWORD, mail.password_command or netrc)"
        ) from None
    except smtplib.SMTPRecipientsRefused as error:
        raise MailError(f"{server.where} {_refusals(error.recipients)}; nobody got the mail") from None
    except smtplib.SMTPNotSupportedError as error:
        wanted = "STARTTLS (mail.tls)" if "STARTTLS" in str(error) else "a login (mail.user)"
        raise MailError(f"{server.where} knows no way for {wanted}: {login.scrubbed(str(error))}") from None
    except smtplib.SMTPResponseException as error:
        said = login.scrubbed(_said(error.smtp_error))
        raise MailError(f"{server.where} did not take the mail: {error.smtp_code} {said}") from None
    except ssl.SSLError as error:
        why = login.scrubbed(getattr(error, "verify_message", "") or error.reason or str(error))
        raise MailError(
            f"{server.where}: no private connection ({why}); mail.tls is {server.tls}, and must fit the port"
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        said = login.scrubbed(getattr(error, "strerror", None) or str(error) or type(error).__name__)
        raise MailError(f"{server.where} cannot be reached, or broke off: {said}") from None
    if refused:
        raise MailError(f"{server.where} {_refusals(refused)}; the others got the mail")


def _connected(server: MailServer) -> smtplib.SMTP:
    if server.tls == "yes":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=_TIMEOUT_S, context=ssl.create_default_context())
    connection = smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT_S)
    if server.tls == "starttls":
        try:
            connection.starttls(context=ssl.create_default_context())
        except BaseException:
            connection.close()
            raise
    return connection


def _refusals(recipients: Mapping[str, tuple[int, bytes | str]]) -> str:
    return "refuses " + ", ".join(f"{who} ({code} {_said(said)})" for who, (code, said) in recipients.items())


def _said(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())
