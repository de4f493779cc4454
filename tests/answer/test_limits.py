"""Response rate limiting: who is limited when, what is sent instead, and what is remembered."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest
from building import image, query
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import packets

from geodns.answer.cold import Identity
from geodns.answer.cookies import CookieJar
from geodns.answer.engine import Engine
from geodns.answer.limits import Limiter, LimitRules, Verdict
from geodns.answer.moment import Moment

NOW = 1_700_000_000
HOST = "198.51.100.7"
RATE = 10
TEN = LimitRules(RATE)


class Server:
    """An engine with limits, and a clock of its own."""

    def __init__(self, folder: Path, rules: LimitRules, *, cookies: bool = False) -> None:
        self.moment = Moment(NOW)
        self.limiter = Limiter(rules)
        self.engine = Engine(
            image(folder),
            Identity("ns1.demo"),
            limiter=self.limiter,
            moment=self.moment,
            cookies=CookieJar([bytes(16)]) if cookies else None,
        )

    def flood(self, count: int, packet: Callable[[int], bytes], host: str = HOST) -> Counter[str]:
        """What becomes of so many queries within one second."""
        found = Counter[str]()
        for number in range(count):
            reply = self.engine.respond(packet(number), host)
            if reply is None:
                found["dropped"] += 1
                continue
            message = dns.message.from_wire(reply)
            cut = bool(message.flags & dns.flags.TC)
            found["cut" if cut else dns.rcode.to_text(message.rcode())] += 1
        return found


def same() -> Callable[[int], bytes]:
    packet = query("www.example.test")
    return lambda _number: packet


def test_one_question_over_and_over_is_limited_and_every_other_reply_is_cut(tmp_path: Path) -> None:
    server = Server(tmp_path, TEN)
    found = server.flood(1000, same())
    # First as many as make the bucket hot, then as many as the account holds.
    assert found["NOERROR"] == 2 * RATE
    assert found["cut"] == found["dropped"] == (1000 - 2 * RATE) // 2
    server.moment.now += 1
    assert "NOERROR" not in server.flood(1000, same())
    assert server.engine.counts().dropped == {
        "rate limit": found["dropped"] + 500, "rate limit, slipped": found["cut"] + 500,
    }  # fmt: skip


def test_who_stays_below_the_rate_is_never_limited(tmp_path: Path) -> None:
    server = Server(tmp_path, TEN)
    for _ in range(60):
        assert server.flood(RATE, same()) == {"NOERROR": RATE}
        server.moment.now += 1


def test_limits_end_when_the_debt_is_paid(tmp_path: Path) -> None:
    server = Server(tmp_path, TEN._replace(window=5))
    server.flood(1000, same())
    server.moment.now += 4
    assert "NOERROR" not in server.flood(1, same())
    server.moment.now += 7
    assert server.flood(RATE, same()) == {"NOERROR": RATE}


@pytest.mark.parametrize(
    "packet",
    [
        lambda number: query(f"n{number}.example.test"),
        lambda number: query(f"n{number}.wild.example.test"),
        lambda number: query(f"n{number}.child.example.test"),
        lambda number: query(f"n{number}.old.example.test"),
        lambda number: query(f"n{number}.elsewhere.test", edns=True),
        lambda number: query("ns1.example.test", f"TYPE{1000 + number}"),
        lambda number: bytes((number >> 8, number & 255)) + b"\0\0\0\2" + bytes(6),
    ],
    ids=["NXDOMAIN", "wildcard", "referral", "DNAME", "REFUSED", "NODATA", "FORMERR"],
)
def test_names_that_are_made_up_share_an_account(
    tmp_path: Path, packet: Callable[[int], bytes]
) -> None:
    found = Server(tmp_path, TEN).flood(500, packet)
    assert found["dropped"] >= (500 - 3 * RATE) // 2


def test_different_questions_to_names_that_exist_are_not_limited_together(tmp_path: Path) -> None:
    names = ["www", "ns1", "mail", "both", "host.new", "deep.empty"]
    packets = [query(f"{name}.example.test") for name in names]
    found = Server(tmp_path, TEN).flood(60, lambda number: packets[number % len(packets)])
    assert set(found) == {"NOERROR"}


def test_a_network_is_limited_as_one_and_others_are_not(tmp_path: Path) -> None:
    server = Server(tmp_path, TEN)
    for number in range(256):
        server.flood(4, same(), f"198.51.100.{number}")
    assert "NOERROR" not in server.flood(10, same(), "198.51.100.200")
    assert server.flood(RATE, same(), "198.51.101.1") == {"NOERROR": RATE}
    assert server.flood(RATE, same(), "2001:db8::1") == {"NOERROR": RATE}


def test_ipv6_networks_have_their_own_length(tmp_path: Path) -> None:
    server = Server(tmp_path, TEN)
    for number in range(256):
        server.flood(4, same(), f"2001:db8:0:{number:x}::1%eth0")
    assert "NOERROR" not in server.flood(10, same(), "2001:db8:0:ff::9")
    assert server.flood(RATE, same(), "2001:db8:0:100::1") == {"NOERROR": RATE}


def test_exempt_networks_are_not_limited(tmp_path: Path) -> None:
    server = Server(tmp_path, TEN._replace(exempt=("198.51.100.0/28", "2001:db8::/32")))
    for host in ("198.51.100.7", "::ffff:198.51.100.7", "2001:db8::5"):
        assert server.flood(500, same(), host) == {"NOERROR": 500}
    assert "dropped" in server.flood(500, same(), "198.51.100.99")


@pytest.mark.parametrize(("slip", "cut"), [(0, 0), (1, 100), (2, 50), (5, 20)])
def test_slip_says_how_many_are_cut_and_not_dropped(tmp_path: Path, slip: int, cut: int) -> None:
    server = Server(tmp_path, TEN._replace(slip=slip))
    server.flood(2 * RATE, same())
    found = server.flood(100, same())
    assert (found["cut"], found["dropped"]) == (cut, 100 - cut)


def test_log_only_limits_nobody_but_counts(tmp_path: Path) -> None:
    server = Server(tmp_path, TEN._replace(log_only=True))
    assert server.flood(500, same()) == {"NOERROR": 500}
    assert server.engine.counts().dropped["rate limit, log only"] == 500 - 2 * RATE
    assert server.limiter.limited(NOW) == {"198.51.100.0/24": 500 - 2 * RATE}


def test_a_reply_that_is_cut_is_no_larger_than_its_query(tmp_path: Path) -> None:
    server = Server(tmp_path, TEN._replace(slip=1))
    for packet in (query("WWW.example.test"), query("www.Example.test", subnet="10.0.0.0/24")):
        server.flood(100, lambda _number, packet=packet: packet)  # type: ignore[misc]
        reply = server.engine.respond(packet, HOST)
        assert reply is not None
        assert len(reply) <= len(packet)
        message = dns.message.from_wire(reply)
        assert message.flags & dns.flags.TC
        assert message.question == dns.message.from_wire(packet).question
        assert message.edns == dns.message.from_wire(packet).edns
        assert not message.answer


def cookie_query(cookie: bytes) -> bytes:
    return query("www.example.test", options=(dns.edns.CookieOption(cookie[:8], cookie[8:]),))


def test_who_has_a_good_cookie_is_never_limited(tmp_path: Path) -> None:
    server = Server(tmp_path, TEN, cookies=True)
    good = CookieJar([bytes(16)]).check(b"a client", HOST, NOW).reply
    server.flood(1000, same())
    assert server.flood(1000, lambda _number: cookie_query(good)) == {"NOERROR": 1000}
    # From elsewhere, the same cookie is worth nothing.
    assert "dropped" in server.flood(1000, lambda _number: cookie_query(good), "198.51.100.8")


def test_who_is_limited_and_sent_half_a_cookie_gets_the_whole_one(tmp_path: Path) -> None:
    server = Server(tmp_path, TEN, cookies=True)
    found = server.flood(1000, lambda _number: cookie_query(b"a client"))
    # RFC 7873 5.2.3: BADCOOKIE, with the server cookie to come again with.
    assert found["BADCOOKIE"] == found["dropped"] > 400
    while (reply := server.engine.respond(cookie_query(b"a client"), HOST)) is None:
        pass
    (option,) = dns.message.from_wire(reply).options
    assert not dns.message.from_wire(reply).flags & dns.flags.TC
    again = server.engine.respond(cookie_query(bytes(option.to_wire())), HOST)
    assert again is not None
    assert dns.message.from_wire(again).answer


def test_a_flood_of_names_from_a_network_can_not_have_an_account_for_each() -> None:
    limiter = Limiter(TEN)
    bucket = limiter.admit(HOST, NOW)
    assert limiter.hot(bucket, NOW)
    verdicts = Counter(limiter.judge(bucket, number, NOW) for number in range(5000))
    assert verdicts[Verdict.SEND] == 1000 + RATE


def test_accounts_are_bounded_over_all_networks() -> None:
    limiter = Limiter(TEN)
    for network in range(400):
        bucket = limiter.admit(
            f"10.0.{network}.1" if network < 256 else f"10.1.{network - 256}.1", NOW
        )
        assert limiter.hot(bucket, NOW)
        for number in range(1000):
            limiter.judge(bucket, number, NOW)
    assert limiter.accounts <= 100_400
    # Once the flood is over, the accounts are there for others again.
    bucket = limiter.admit("192.0.2.1", NOW + 100)
    limiter.hot(bucket, NOW + 100)
    limiter.judge(bucket, "a", NOW + 100)
    limiter.judge(bucket, "b", NOW + 100)
    assert limiter.accounts == 2


def test_networks_are_bounded_and_those_that_are_limited_stay_so() -> None:
    limiter = Limiter(TEN._replace(most_prefixes=1000))
    victim = limiter.admit(HOST, NOW)
    assert limiter.hot(victim, NOW)
    for number in range(5000):
        limiter.admit(f"10.{number >> 8}.{number & 255}.1", NOW)
        assert len(limiter.hosts) <= 50_000
    assert limiter.admit(HOST, NOW) is victim


def test_a_clock_that_is_put_back_limits_nobody_for_long(tmp_path: Path) -> None:
    server = Server(tmp_path, TEN)
    server.flood(1000, same())
    server.moment.now -= 1_000_000
    assert server.flood(RATE, same()) == {"NOERROR": RATE}


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200)), min_size=1, max_size=30),
    st.integers(0, 2**32),
)
def test_nobody_is_sent_more_of_one_kind_than_three_times_the_rate_in_a_second(
    rate: int, seconds: list[tuple[int, int]], seed: int
) -> None:
    limiter, now, chance = Limiter(LimitRules(rate)), NOW, random.Random(seed)
    bucket = limiter.admit(HOST, now)
    for pause, count in seconds:
        now += pause
        sent = 0
        for _ in range(count):
            bucket.left -= 1
            if bucket.left < 0 and not limiter.hot(bucket, now):
                bucket.left -= 1
            if bucket.left >= 0:
                sent += 1
                continue
            bucket.left = 0
            kind = chance.choice("ab") if pause == 3 else "a"
            if limiter.judge(bucket, kind, now) is Verdict.SEND and kind == "a":
                sent += 1
        if pause:
            assert sent <= 3 * rate


@pytest.mark.parametrize("seed", range(3))
def test_a_limited_peer_that_sends_anything_gets_a_small_valid_reply_or_silence(
    tmp_path: Path, seed: int
) -> None:
    server = Server(tmp_path, LimitRules(1, slip=1), cookies=True)
    server.flood(10, same())
    for packet in packets(seed, 3_000):
        reply = server.engine.respond(packet, HOST)
        if reply is None:
            # With slip 1 none is dropped: silence is for what is no query.
            assert len(packet) < 12 or packet[2] & 0x80
            continue
        assert reply[:2] == packet[:2]
        message = dns.message.from_wire(reply)
        if message.flags & dns.flags.TC:
            assert len(reply) <= 12 + 260 + 11 + 80
