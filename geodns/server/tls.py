"""Certificates of DNS over TLS: reading them, judging them, and the context made from one."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from geodns.errors import GeodnsError

_ALPN = "dot"  # RFC 7858 with RFC 7301: IANA's identification sequence
_REASONS = {
    "KEY_VALUES_MISMATCH": "the key does not belong to the certificate",
    "KEY_TYPE_MISMATCH": "the key does not belong to the certificate",
    "EE_KEY_TOO_SMALL": "its key is too short for today; make a new one",
    "CA_MD_TOO_WEAK": "its signature is too weak for today; make a new one",
}
_ENCRYPTED = "the key is encrypted; write it without a passphrase"
_UNREADABLE = "it holds no PEM certificate with its private key"


class TlsError(GeodnsError):
    """A certificate or its key can't be used."""


def read_pem(certificate: Path, key: Path) -> bytes:
    """The certificate chain and the key as one PEM text, known to fit each other.

    Raises TlsError in one sentence.
    """
    pem = b"\n".join(_read(file) for file in (certificate, key))
    try:
        context(pem)
    except TlsError as error:
        raise TlsError(f"{certificate} with {key} can't be used: {error}") from error
    return pem


def context(pem: bytes) -> ssl.SSLContext:
    """What server connections are made with. Raises TlsError in one sentence."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # RFC 9325 3.1.1: nothing before TLS 1.2. 3.5 and RFC 9103 8.4: no renegotiation.
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    made.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    made.set_alpn_protocols([_ALPN])
    # The ssl module reads certificates from files alone: this one is in memory, nobody else's.
    file = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(file, pem)
        # A passphrase of nothing: asking for one on a terminal would stop the process.
        made.load_cert_chain(f"/proc/self/fd/{file}", password=b"")
    except ssl.SSLError as error:
        # RFC 7468 11 has it in the label, the older format of OpenSSL in a header.
        otherwise = _ENCRYPTED if b"ENCRYPTED" in pem else _UNREADABLE
        raise TlsError(_REASONS.get(error.reason or "", otherwise)) from error
    except OSError as error:
        raise TlsError(f"it can't be read: {error.strerror}") from error
    finally:
        os.close(file)
    return made


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise TlsError(f"{file} can't be read: {reason}") from error
