"""Rules for a pair of servers: what it needs is there, and its address is nobody else's."""

from __future__ import annotations

from collections.abc import Iterator

from geodns.config.check_server import visible
from geodns.config.pair import SecretError, secret_of
from geodns.config.sources import Rule, Sources
from geodns.problem import Problem
from geodns.server.tls import TlsError, read_pem


def unusable_secret(sources: Sources) -> Iterator[Problem]:
    """The file of the secret can be read, and has one in it."""
    pair = sources.server.settings.pair
    if pair is None:
        return
    try:
        secret_of(pair)
    except SecretError as error:
        document = sources.server.document
        yield document.problem("bad-secret-file", str(error), ("pair", "secret_file"))


def unusable_pair_certificate(sources: Sources) -> Iterator[Problem]:
    """The certificate and its key can be read and belong together."""
    pair = sources.server.settings.pair
    if pair is None or not (visible(pair.certificate) and visible(pair.key)):
        return
    try:
        read_pem(pair.certificate, pair.key)
    except TlsError as error:
        document = sources.server.document
        yield document.problem("unusable-certificate", str(error), ("pair", "certificate"))


def pair_address_taken(sources: Sources) -> Iterator[Problem]:
    """The other's connections come to an address of their own."""
    server = sources.server.settings
    if server.pair is None or not server.pair.listen.port:
        return
    address = server.pair.listen
    taken = [*server.listen, *(server.tls.listen if server.tls else ())]
    if server.admin.http is not None:
        taken.append(server.admin.http)
    if address in taken:
        yield sources.server.document.problem(
            "repeated-listen",
            f"{address} is listened on for something else; the other server needs another",
            ("pair", "listen"),
        )
    if address == server.pair.other.address:
        yield sources.server.document.problem(
            "repeated-listen",
            f"{address} is where this server listens; write the address of the other one",
            ("pair", "other", "address"),
        )


PAIR_RULES: tuple[Rule, ...] = (unusable_secret, unusable_pair_certificate, pair_address_taken)
