"""The public key in a certificate, as far as its digest is concerned (RFC 8310 8.2). Pure."""

from __future__ import annotations

from hashlib import sha256

_SEQUENCE, _VERSION = 0x30, 0xA0
_FIELDS_BEFORE_KEY = 5  # RFC 5280 4.1: serialNumber, signature, issuer, validity, subject
_LONG = 0x80


def pin_of(certificate: bytes) -> bytes:
    """SHA-256 of the SubjectPublicKeyInfo of a certificate in DER. Raises ValueError."""
    try:
        at, _ = _inside(certificate, 0)  # Certificate
        at, _ = _inside(certificate, at)  # TBSCertificate
        if certificate[at] == _VERSION:
            at = _behind(certificate, at)
        for _ in range(_FIELDS_BEFORE_KEY):
            at = _behind(certificate, at)
        if certificate[at] != _SEQUENCE:
            raise ValueError("it has no public key where one should be")
        return sha256(certificate[at : _behind(certificate, at)]).digest()
    except IndexError as error:
        raise ValueError("it ends too early") from error


def _inside(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of an element begins and ends."""
    length, start = der[at + 1], at + 2
    if length & _LONG:
        size = length & ~_LONG
        length = int.from_bytes(der[start : start + size], "big")
        start += size
    return start, start + length


def _behind(der: bytes, at: int) -> int:
    return _inside(der, at)[1]
