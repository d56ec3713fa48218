"""Certificates for TLS on loopback, made anew for each run."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
from typing import Any


class Certificates:
    """An authority of our own, and a certificate for `localhost` and 127.0.0.1 signed by it.

    Attributes:
        ca: File of the authority's certificate: what clients have to trust.
        certificate: File of the server's certificate.
        key: File of its private key.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ca = folder / "ca.crt"
        self.certificate = folder / "server.crt"
        self.key = folder / "server.key"
        self._make()

    def _make(self) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        authority = _named("afresh test authority")
        ca = _builder(authority, authority, ca_key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        server = _builder(_named("localhost"), authority, key.public_key()).add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
        encoding = serialization.Encoding.PEM
        self.ca.write_bytes(_signed(ca, ca_key).public_bytes(encoding))
        self.certificate.write_bytes(_signed(server, ca_key).public_bytes(encoding))
        self.key.write_bytes(
            key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        self.key.chmod(0o600)


def _named(name: str) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(subject: Any, issuer: Any, key: Any) -> Any:
    from cryptography import x509

    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=7))
    )


def _signed(builder: Any, key: Any) -> Any:
    from cryptography.hazmat.primitives import hashes

    return builder.sign(key, hashes.SHA256())
