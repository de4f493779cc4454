"""Certificates for tests of TLS: self-signed, for the loopback addresses and ns1.test."""

from __future__ import annotations

import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

NAME = "ns1.test"


class Pair(NamedTuple):
    """A certificate and its key, both PEM."""

    certificate: bytes
    key: bytes

    @property
    def pem(self) -> bytes:
        """Both in one."""
        return self.certificate + self.key

    def write(self, folder: Path) -> None:
        """Writes ``certificate.pem`` and ``key.pem``, each replacing the former at once."""
        for name, data in (("key.pem", self.key), ("certificate.pem", self.certificate)):
            fresh = folder / f".{name}.new"
            fresh.write_bytes(data)
            fresh.replace(folder / name)


def make(serial: int = 1, *, passphrase: bytes | None = None) -> Pair:
    """A new key and a certificate for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    addresses = [x509.IPAddress(ip_address(text)) for text in ("127.0.0.1", "::1")]
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME), *addresses]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, SHA256())
    )
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        encryption = BestAvailableEncryption(passphrase)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return Pair(made.public_bytes(Encoding.PEM), text)


def serial(certificate: bytes) -> int:
    """The serial number of a certificate in DER."""
    return x509.load_der_x509_certificate(certificate).serial_number
