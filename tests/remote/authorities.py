"""A certificate authority that is made for a test, and what it signs."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


class Authority:
    """Signs certificates of servers; who trusts `certificate_file` trusts them."""

    def __init__(self, folder: Path, name: str = "Institute") -> None:
        self._folder, self._key, self._n_made = folder / f"authority-{name}", _key(), 0
        self._folder.mkdir(parents=True)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        self._certificate = (
            _valid(x509.CertificateBuilder(), -DAY, 30 * DAY)
            .subject_name(self._name).issuer_name(self._name).public_key(self._key.public_key())
            .add_extension(constraints, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )  # fmt: skip
        self.certificate_file = self._folder / "authority.pem"
        self.certificate_file.write_bytes(_pem(self._certificate))

    def context(self, host: str = "127.0.0.1", *, since: datetime.timedelta = -DAY,
                until: datetime.timedelta = DAY) -> ssl.SSLContext:  # fmt: skip
        """What a server of that name or address speaks TLS with; `since` and `until` are from now."""
        key = _key()
        certificate = (
            _valid(x509.CertificateBuilder(), since, until)
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])).issuer_name(self._name)
            .public_key(key.public_key())
            .add_extension(x509.SubjectAlternativeName([_alternative(host)]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )  # fmt: skip
        self._n_made += 1
        path = self._folder / f"server-{self._n_made}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + _pem(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


@cache
def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _valid(
    builder: x509.CertificateBuilder, since: datetime.timedelta, until: datetime.timedelta
) -> x509.CertificateBuilder:
    return (
        builder.serial_number(x509.random_serial_number())
        .not_valid_before(_now() + since)
        .not_valid_after(_now() + until)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
