"""Asks the running server as clients in many countries would, by EDNS client subnet."""

from __future__ import annotations

import time
from typing import NamedTuple

import dns.edns
import dns.exception
import dns.message
import dns.query

from demonstration.setting import DemoError, Setting

NAME = "www.example.test"


class Client(NamedTuple):
    """A country, and a network that the embedded country database places there."""

    country: str
    subnet: str


CLIENTS = (
    Client("Germany", "141.20.0.0/16"),
    Client("United Kingdom", "129.31.0.0/16"),
    Client("United States", "128.112.0.0/16"),
    Client("Brazil", "143.107.0.0/16"),
    Client("South Africa", "146.141.0.0/16"),
    Client("Emirates", "94.200.0.0/17"),
    Client("India", "59.88.0.0/16"),
    Client("Singapore", "137.132.0.0/22"),
    Client("Australia", "129.94.0.0/16"),
    Client("Japan", "133.11.0.0/16"),
    Client("China", "166.111.0.0/23"),
    Client("an office", "198.51.100.0/24"),
)


def ask(setting: Setting, subnet: str, timeout: float = 2.0) -> list[str]:
    """The addresses that a client in a subnet gets for the example's name. Raises DemoError."""
    address, _, length = subnet.partition("/")
    option = dns.edns.ECSOption(address, int(length))
    query = dns.message.make_query(NAME, "A", use_edns=0, options=[option])
    host, port = setting.dns
    try:
        answer = dns.query.udp(query, host, timeout=timeout, port=port)
    except (OSError, dns.exception.DNSException) as error:
        raise DemoError(f"no answer from {host} port {port}: {error}") from error
    return [rdata.to_text() for rrset in answer.answer for rdata in rrset]


def wait_until_answering(setting: Setting, patience: float) -> None:
    """Returns when the server answers; raises DemoError after ``patience`` seconds without."""
    end = time.monotonic() + patience
    while True:
        try:
            if ask(setting, CLIENTS[0].subnet, timeout=0.5):
                return
        except DemoError:
            if time.monotonic() > end:
                raise
        if time.monotonic() > end:
            raise DemoError(f"{NAME} has no address after {patience:.0f} s")
        time.sleep(0.1)


class Sent(NamedTuple):
    """Where a client was sent: the addresses of the answer, and the AZs that have them."""

    country: str
    subnet: str
    addresses: str
    where: str


def world(setting: Setting) -> list[Sent]:
    """Where every client is sent now. Raises DemoError."""
    names = {a: f"{az.title}, {az.name}" for az in setting.azs for a in az.addresses}
    rows = []
    for client in CLIENTS:
        addresses = ask(setting, client.subnet)
        where = "; ".join(names.get(address, "elsewhere") for address in addresses)
        rows.append(Sent(*client, " ".join(addresses), where or "no answer"))
    return rows
