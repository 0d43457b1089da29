"""iop4 report --mail: handed to a real mail server on loopback, which can be as unkind as real ones."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from small_archives import NIGHT, SmallArchive

USER, PASSWORD = "observer", "geheim 7&%"
TO = "me@example.org, Other <other@example.org>"


@dataclass
class PostOffice:
    """A server on loopback that keeps what it gets; `variables` are the settings of its customers."""

    certificate: Path
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    to: list[list[str]] = field(default_factory=list)
    logins: list[bool] = field(default_factory=list)
    refuses: str = ""

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, to: str, options: Any) -> str:
        if to == self.refuses:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.to.append(list(envelope.rcpt_tos))
        return "250 OK"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        self.logins.append(right)
        return AuthResult(success=right, handled=False)

    def variables(self, tls: str) -> dict[str, str]:
        return {
            "IOP4_MAIL_HOST": "localhost", "IOP4_MAIL_PORT": str(self.port), "IOP4_MAIL_TLS": tls,
            "IOP4_MAIL_FROM": "iop4 <iop4@example.org>", "IOP4_MAIL_TO": TO, "SSL_CERT_FILE": str(self.certificate),
        }  # fmt: skip


class _AnyPort(Controller):
    """On a port that the system chooses."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def post_office(certificate: Path, *, tls: str = "no", login: bool = False) -> Iterator[PostOffice]:
    office = PostOffice(certificate)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    options: dict[str, Any] = {}
    if login:
        options = {"authenticator": office.authenticate, "auth_required": tls == "starttls"}
        options["auth_require_tls"] = tls == "starttls"
    if tls == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    controller = _AnyPort(office, "127.0.0.1", 0, ssl_context=context if tls == "yes" else None, **options)
    controller.start()
    try:
        office.port = controller.port
        yield office
    finally:
        controller.stop()


@pytest.fixture(scope="module")
def certificate(module_folder: Callable[[str], Path]) -> Path:
    """A key and a certificate of localhost that signs itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = module_folder("mail") / "localhost.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.fixture
def archive(small_archive: SmallArchive, tmp_path: Path) -> SmallArchive:
    return small_archive.copy(tmp_path / "archive")


@pytest.mark.parametrize("tls", ["no", "starttls", "yes"])
@pytest.mark.parametrize("login", [False, True])
def test_a_mail_arrives_over_each_kind_of_connection(
    archive: SmallArchive, certificate: Path, tls: str, login: bool
) -> None:
    said = {"IOP4_MAIL_USER": USER, "IOP4_MAIL_PASSWORD": PASSWORD} if login else {}
    with post_office(certificate, tls=tls, login=login) as office:
        done = archive.run("report", "--mail", **office.variables(tls), **said)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert office.logins == ([True] if login else [])
    assert office.to == [["me@example.org", "other@example.org"]]


def test_a_mail_has_the_report_as_text_as_html_and_whole_in_a_file(archive: SmallArchive, certificate: Path) -> None:
    with post_office(certificate) as office:
        assert archive.run("report", "--mail", **office.variables("no")).returncode == 0
    (mail,) = office.mails
    assert mail["Subject"] == f"iop4 {NIGHT}: needs a look, 2 results"
    assert (mail["From"], mail["To"]) == ("iop4 <iop4@example.org>", TO)
    text, page = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None and page is not None
    assert without_time(text.get_content()) == without_time(archive.run("report").stdout)
    assert "<svg" not in page.get_content() and "<h1>" in page.get_content()
    (whole,) = mail.iter_attachments()
    assert whole.get_filename() == "OSN-T090-2022-09-08.html"
    assert whole.get_content().count("<svg") == 3


def without_time(text: str) -> str:
    return text.replace("\r\n", "\n").split(" Made ")[0].strip()


def test_a_wrong_password_is_an_error_that_does_not_tell_it(archive: SmallArchive, certificate: Path) -> None:
    wrong = {"IOP4_MAIL_USER": USER, "IOP4_MAIL_PASSWORD": "not-it-at-all"}
    with post_office(certificate, tls="starttls", login=True) as office:
        done = archive.run("report", "--save", "--mail", **office.variables("starttls"), **wrong)
    assert done.returncode == 1
    assert "refuses the login of observer" in done.stderr and "IOP4_MAIL_PASSWORD" in done.stderr
    assert "not-it-at-all" not in done.stderr + done.stdout
    assert office.mails == [] and office.logins
    assert (archive.root / "reports" / f"{NIGHT}.html").is_file()


def test_the_password_may_come_from_a_command_or_netrc(
    archive: SmallArchive, certificate: Path, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f'machine localhost login {USER} password "{PASSWORD}"\n', encoding="utf-8")
    netrc.chmod(0o600)
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    command = {"IOP4_MAIL_USER": USER, "IOP4_MAIL_PASSWORD_COMMAND": f"cat {secret}"}
    with post_office(certificate, tls="starttls", login=True) as office:
        for known in (command, {"NETRC": str(netrc)}):
            done = archive.run("report", "--mail", **office.variables("starttls"), **known)
            assert done.returncode == 0, done.stderr
    assert office.logins == [True, True]


def test_a_server_that_is_down_leaves_the_report(archive: SmallArchive, certificate: Path, tmp_path: Path) -> None:
    with post_office(certificate) as office:
        pass
    to = tmp_path / "night.md"
    done = archive.run("report", "-q", "-o", str(to), "--mail", **office.variables("no"))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"localhost, port {office.port} cannot be reached" in done.stderr
    assert "night of 2022-09-08" in to.read_text(encoding="utf-8")


def test_a_password_is_never_sent_in_clear_by_mistake(archive: SmallArchive, certificate: Path) -> None:
    """A server (or somebody between) that offers no STARTTLS gets no login."""
    with post_office(certificate, tls="no", login=True) as office:
        login = {"IOP4_MAIL_USER": USER, "IOP4_MAIL_PASSWORD": PASSWORD}
        done = archive.run("report", "--mail", **office.variables("starttls"), **login)
    assert done.returncode == 1
    assert "STARTTLS" in done.stderr and PASSWORD not in done.stderr
    assert office.logins == [] and office.mails == []


def test_a_certificate_that_nobody_vouches_for_is_refused(archive: SmallArchive, certificate: Path) -> None:
    with post_office(certificate, tls="starttls") as office:
        variables = office.variables("starttls")
        del variables["SSL_CERT_FILE"]
        done = archive.run("report", "--mail", **variables)
    assert done.returncode == 1
    assert "no private connection" in done.stderr and "self" in done.stderr
    assert office.mails == []


def test_a_refused_address_is_named_and_the_others_get_the_mail(archive: SmallArchive, certificate: Path) -> None:
    with post_office(certificate) as office:
        office.refuses = "other@example.org"
        done = archive.run("report", "--mail", **office.variables("no"))
    assert done.returncode == 1
    assert "other@example.org (550 no such mailbox)" in done.stderr
    assert office.to == [["me@example.org"]]


@pytest.mark.parametrize(("when", "n_mails"), [("problems", 1), ("results", 1), ("always", 1)])
def test_mail_if_sends_by_itself_when_it_applies(
    archive: SmallArchive, certificate: Path, when: str, n_mails: int
) -> None:
    with post_office(certificate) as office:
        assert archive.run("report", "--mail-if", when, **office.variables("no")).returncode == 0
    assert len(office.mails) == n_mails


def test_mail_if_is_silent_when_it_does_not_apply(archive: SmallArchive, certificate: Path) -> None:
    folder = archive.root / "raw" / "OSN-T090" / "2022-09-09"
    folder.mkdir()
    (folder / "new.fit").write_bytes(b"")
    with post_office(certificate) as office:
        done = archive.run("report", "--mail-if", "results", **office.variables("no"))
    assert done.returncode == 0 and office.mails == []
    assert "not mailed, for it has no results" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("IOP4_MAIL_TO", "nobody", "no address"),
        ("IOP4_MAIL_TO", "a@b.org\nBcc: c@d.org", "no address"),
        ("IOP4_MAIL_TLS", "maybe", "starttls, yes or no"),
        ("IOP4_MAIL_USER", USER, "lacks its password"),
    ],
)
def test_settings_that_cannot_be_are_said_before_any_work(
    archive: SmallArchive, certificate: Path, name: str, value: str, said: str
) -> None:
    variables = PostOffice(certificate, 1).variables("no") | {name: value}
    done = archive.run("report", "--save", "--mail", **variables)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (archive.root / "reports" / f"{NIGHT}.html").exists()


def test_addresses_may_be_a_list_in_the_file_of_settings(archive: SmallArchive, certificate: Path) -> None:
    with post_office(certificate) as office:
        with (archive.root / "iop4.toml").open("a", encoding="utf-8") as stream:
            stream.write(
                f'\n[mail]\nhost = "localhost"\nport = {office.port}\ntls = "no"\nfrom = "iop4@example.org"\n'
                'to = ["a@example.org", "b@example.org"]\n'
            )
        done = archive.run("report", "--mail")
    assert done.returncode == 0, done.stderr
    assert office.to == [["a@example.org", "b@example.org"]]
