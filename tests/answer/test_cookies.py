"""DNS cookies: the test vectors of RFC 9018, what is good when, and what an engine replies."""

from __future__ import annotations

import socket
from pathlib import Path

import dns.edns
import dns.message
import pytest
from building import image, query
from hypothesis import given
from hypothesis import strategies as st

from geodns.answer.cold import Identity
from geodns.answer.cookies import CookieJar, packed_address, well_formed
from geodns.answer.engine import Engine
from geodns.answer.moment import Moment

NOW = 1_700_000_000
SECRET = bytes(range(16))
HOST = "198.51.100.1"
CLIENT = b"a client"

VECTORS = [
    # RFC 9018 appendix A: host, secrets, now, cookie of the query, cookie of the reply, proven
    (
        "198.51.100.100", ["e5e973e5a6b2a43f48e7dc849e37bfcf"], 1559731985,
        "2464c4abcf10c957", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", False,
    ),
    (
        "198.51.100.100", ["e5e973e5a6b2a43f48e7dc849e37bfcf"], 1559734385,
        "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
        "2464c4abcf10c957010000005cf7a871d4a564a1442aca77", True,
    ),
    (
        "203.0.113.203", ["e5e973e5a6b2a43f48e7dc849e37bfcf"], 1559734700,
        "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
        "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e", False,
    ),
    (
        "2001:db8:220:1:59de:d0f4:8769:82b8",
        ["445536bcd2513298075a5d379663c962", "dd3bdf9344b678b185a6f5cb60fca715"], 1559741961,
        "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
        "22681ab97d52c298010000005cf7c609a6bb79d16625507a", True,
    ),
]  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS, ids=["A.1", "A.2", "A.3", "A.4"])
def test_the_vectors_of_the_rfc(vector: tuple[str, list[str], int, str, str, bool]) -> None:
    host, secrets, now, cookie, expected, proven = vector
    jar = CookieJar([bytes.fromhex(secret) for secret in secrets])
    found = jar.check(bytes.fromhex(cookie), host, now)
    assert found.reply.hex() == expected
    assert found.proven is proven


def test_reserved_bytes_count_for_the_hash_and_are_not_handed_on() -> None:
    # RFC 9018 A.3 is 1 h 52 min old by then; at its own time it is good.
    jar = CookieJar([bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")])
    cookie = bytes.fromhex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5")
    found = jar.check(cookie, "203.0.113.203", 0x5CF78F71)
    assert found.proven
    assert found.reply[8:12] == b"\1\0\0\0"


@pytest.mark.parametrize(
    ("age", "proven", "renewed"),
    [(0, True, False), (1799, True, False), (1800, True, True), (3600, True, True),
     (3601, False, True), (-300, True, False), (-301, False, True)],
)  # fmt: skip
def test_a_cookie_is_good_for_an_hour_and_renewed_after_half_of_it(
    age: int, proven: bool, renewed: bool
) -> None:
    jar = CookieJar([SECRET])
    cookie = jar.check(CLIENT, HOST, NOW).reply
    found = jar.check(cookie, HOST, NOW + age)
    assert (found.proven, found.reply != cookie) == (proven, renewed)
    assert found.until > NOW + age
    # What is remembered of a cookie never outlives what it says.
    assert jar.check(cookie, HOST, found.until - 1).proven is proven or not proven


def test_times_are_compared_across_their_end() -> None:
    jar, end = CookieJar([SECRET]), (1 << 32) - 10
    cookie = jar.check(CLIENT, HOST, end).reply
    assert jar.check(cookie, HOST, end + 60).proven


def test_a_cookie_is_good_for_its_own_host_client_and_secret_only() -> None:
    jar = CookieJar([SECRET])
    cookie = jar.check(CLIENT, HOST, NOW).reply
    assert not jar.check(cookie, "198.51.100.2", NOW).proven
    assert not jar.check(b"b client" + cookie[8:], HOST, NOW).proven
    assert not CookieJar([b"another secret.."]).check(cookie, HOST, NOW).proven
    assert jar.check(cookie, f"::ffff:{HOST}", NOW).proven


def test_a_secret_can_be_replaced_without_a_bad_cookie() -> None:
    old, new = SECRET, b"the next secret."
    first = CookieJar([old, new]).check(CLIENT, HOST, NOW).reply
    turned = CookieJar([new, old]).check(first, HOST, NOW + 1)
    assert turned.proven
    assert turned.reply != first
    assert CookieJar([new]).check(turned.reply, HOST, NOW + 2).proven


@given(st.binary(max_size=60), st.integers(0, 2**33))
def test_any_bytes_are_judged(data: bytes, now: int) -> None:
    assert well_formed(data) == (len(data) == 8 or 16 <= len(data) <= 40)
    if well_formed(data):
        found = CookieJar([SECRET]).check(data, HOST, now)
        assert found.reply[:8] == data[:8]
        assert len(found.reply) == 24


def test_addresses_are_packed_as_the_kernel_writes_them() -> None:
    assert packed_address("192.0.2.1") == bytes((192, 0, 2, 1))
    assert packed_address("fe80::1%eth0") == socket.inet_pton(socket.AF_INET6, "fe80::1")


# --- in the engine ----------------------------------------------------------------------------


class Server:
    """An engine with cookies and a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.moment = Moment(NOW)
        jar = CookieJar([SECRET])
        self.engine = Engine(image(folder), Identity("ns1.demo"), cookies=jar, moment=self.moment)

    def ask(
        self, cookie: bytes, *, host: str = HOST, subnet: str | None = None, name: str = "www"
    ) -> dns.message.Message:
        options: list[dns.edns.Option] = [dns.edns.CookieOption(cookie[:8], cookie[8:])]
        packet = query(f"{name}.example.test", subnet=subnet, options=tuple(options))
        reply = self.engine.respond(packet, host)
        assert reply is not None
        return dns.message.from_wire(reply)


def cookie_of(message: dns.message.Message) -> bytes:
    (option,) = [each for each in message.options if each.otype == dns.edns.OptionType.COOKIE]
    return bytes(option.to_wire())


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


@pytest.mark.parametrize("subnet", [None, "10.0.0.0/24", "10.0.0.0/0"])
def test_a_client_learns_a_cookie_keeps_it_and_has_it_renewed(
    server: Server, subnet: str | None
) -> None:
    first = cookie_of(server.ask(CLIENT, subnet=subnet))
    assert CookieJar([SECRET]).check(first, HOST, NOW).proven
    for later in (0, 1, 1799):
        server.moment.now = NOW + later
        assert cookie_of(server.ask(first, subnet=subnet)) == first
    for later in (1800, 3600):
        server.moment.now = NOW + later
        renewed = cookie_of(server.ask(first, subnet=subnet))
        assert renewed != first
        assert CookieJar([SECRET]).check(renewed, HOST, NOW + later).proven


@pytest.mark.parametrize("subnet", [None, "10.0.0.0/24"])
def test_what_is_remembered_of_a_cookie_is_not_told_to_another_host(
    server: Server, subnet: str | None
) -> None:
    jar = CookieJar([SECRET])
    for host in (HOST, "198.51.100.2", HOST, "2001:db8::1", HOST):
        for number in range(3):
            found = cookie_of(server.ask(CLIENT, host=host, subnet=subnet, name=f"n{number}.wild"))
            assert jar.check(found, host, NOW).proven


def test_a_cookie_and_a_client_subnet_go_together(server: Server) -> None:
    cookie = cookie_of(server.ask(CLIENT))
    wanted = {"10.0.0.0/24": "192.0.2.", "20.9.8.0/24": "192.0.2.11", "30.1.1.0/24": "192.0.2.21"}
    for _ in range(3):
        for subnet, address in wanted.items():
            reply = server.ask(cookie, subnet=subnet)
            assert str(reply.answer[0][0]).startswith(address)
            assert cookie_of(reply) == cookie
            (option,) = [each for each in reply.options if isinstance(each, dns.edns.ECSOption)]
            assert option.to_text().startswith(f"ECS {subnet} scope/")


def test_cookies_that_are_no_longer_than_they_may_be_are_answered(server: Server) -> None:
    for length in (8, 32):
        assert len(cookie_of(server.ask(CLIENT + bytes(length)))) == 24


@pytest.mark.parametrize("length", [0, 1, 7, 9, 15, 41, 100])
def test_a_cookie_of_another_length_is_a_format_error(server: Server, length: int) -> None:
    option = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, bytes(length))
    for _ in range(2):
        reply = server.engine.respond(query("www.example.test", options=(option,)), HOST)
        assert reply is not None
        assert reply[3] & 0x0F == 1
        assert dns.message.from_wire(reply).edns == 0


@pytest.mark.parametrize("name", ["refused.elsewhere.test", "nothing.example.test"])
def test_negative_replies_have_a_cookie_too(server: Server, name: str) -> None:
    packet = query(name, options=(dns.edns.CookieOption(CLIENT, b""),))
    for _ in range(2):
        reply = server.engine.respond(packet, HOST)
        assert reply is not None
        assert len(cookie_of(dns.message.from_wire(reply))) == 24


def test_without_a_secret_a_cookie_is_an_option_that_is_not_understood(tmp_path: Path) -> None:
    engine = Engine(image(tmp_path), Identity())
    option = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"short")
    reply = engine.respond(query("www.example.test", options=(option,)), HOST)
    assert reply is not None
    message = dns.message.from_wire(reply)
    assert message.rcode() == 0
    assert not message.options
