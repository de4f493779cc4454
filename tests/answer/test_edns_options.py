"""OPT records of every kind: versions, DO, broken ones, several options, extended errors."""

from __future__ import annotations

from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest
from building import image, query
from hypothesis import given, settings
from hypothesis import strategies as st

from geodns.answer.cold import Identity
from geodns.answer.cookies import CookieJar
from geodns.answer.engine import Engine
from geodns.answer.moment import Moment

NOW = 1_700_000_000
HOST = "198.51.100.1"
NSID, ECS, COOKIE, KEEPALIVE, PADDING = 3, 8, 10, 11, 12
V4 = b"\0\1\x18\0\x0a\0\0"  # 10.0.0.0/24
V6 = b"\0\2\x30\0\x20\1\x0d\xb8\0\x0a"  # 2001:db8:a::/48
ELSEWHERE = b"\0\1\x18\0\x14\0\0"  # 20.0.0.0/24


def option(code: int, data: bytes) -> bytes:
    return code.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data


def opt(options: bytes = b"", *, version: int = 0, do: bool = False, size: int = 1232) -> bytes:
    ttl = bytes((0, version, 0x80 if do else 0, 0))
    fixed = b"\0\0\x29" + size.to_bytes(2, "big") + ttl
    return fixed + len(options).to_bytes(2, "big") + options


def asked(*additional: bytes, name: str = "www.example.test", type: str = "A") -> bytes:
    plain = query(name, type)
    return plain[:10] + len(additional).to_bytes(2, "big") + plain[12:] + b"".join(additional)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return make(tmp_path)


def make(folder: Path, *, keepalive: int | None = None) -> Engine:
    return Engine(
        image(folder),
        Identity("ns1.demo"),
        cookies=CookieJar([bytes(16)]),
        moment=Moment(NOW),
        keepalive=keepalive,
        stream=keepalive is not None,
    )


def reply_to(engine: Engine, packet: bytes) -> dns.message.Message:
    """The reply, which must be the same when it comes from what was remembered."""
    first = engine.respond(packet, HOST)
    assert first is not None
    assert engine.respond(packet, HOST) == first
    return dns.message.from_wire(first)


def options_of(message: dns.message.Message) -> dict[int, bytes]:
    return {int(each.otype): bytes(each.to_wire() or b"") for each in message.options}


def errors_of(message: dns.message.Message) -> list[int]:
    return [int(each.code) for each in message.options if isinstance(each, dns.edns.EDEOption)]


# A TSIG-like record behind the OPT record takes the same query out of the ordinary.
_EXTRA = b"\0\0\x10\0\1" + bytes(4) + b"\0\2\1x"


@pytest.mark.parametrize("extra", [(), (_EXTRA,)], ids=["ordinary", "unusual"])
@pytest.mark.parametrize(
    "options",
    [
        b"\0",
        b"\0\3",
        b"\0\3\0",
        b"\0\3\0\1",
        option(NSID, b"") + b"\0\3\0",
        option(ECS, b""),
        option(ECS, b"\0\1\x18"),
        option(ECS, V4[:-1]),
        option(ECS, V4 + b"\0"),
        option(ECS, b"\0\1\x18\1\x0a\0\0"),
        option(ECS, b"\0\1\x21\0\x0a\0\0\0\0"),
        option(ECS, b"\0\1\x17\0\x0a\0\1"),
        option(ECS, b"\0\2\x81\0" + bytes(17)),
        option(COOKIE, b""),
        option(COOKIE, bytes(7)),
        option(COOKIE, bytes(9)),
        option(NSID, b"") + option(COOKIE, bytes(41)),
        option(ECS, V4) + option(COOKIE, bytes(7)),
        option(COOKIE, bytes(8)) + option(ECS, V4[:-1]),
    ],
    ids=lambda options: options.hex() or "empty",
)
def test_broken_options_are_a_format_error_with_edns(
    engine: Engine, options: bytes, extra: tuple[bytes, ...]
) -> None:
    message = reply_to(engine, asked(opt(options), *extra))
    assert message.rcode() == dns.rcode.FORMERR
    assert message.edns == 0
    assert message.question


@pytest.mark.parametrize(
    "packet",
    [
        asked(opt(), opt()),
        asked(opt(option(ECS, V4)), opt(option(ECS, V4))),
        asked(b"\1x" + opt()),
        asked(opt(option(NSID, b""))[:-1]),
        asked(opt()[:9] + b"\0\5"),
        asked(opt())[:6] + b"\0\1\0\0\0\0" + asked(opt())[12:],
    ],
    ids=["two", "two with subnets", "not at the root", "cut", "too long", "among the answers"],
)
def test_broken_opt_records_are_a_format_error(engine: Engine, packet: bytes) -> None:
    assert reply_to(engine, packet).rcode() == dns.rcode.FORMERR


@pytest.mark.parametrize("version", [1, 17, 255])
@pytest.mark.parametrize("do", [False, True])
def test_other_versions_get_the_one_that_we_have(engine: Engine, version: int, do: bool) -> None:
    # Its options may be anything: they are of another version.
    for options in (b"", b"\0\3\0", option(COOKIE, b"x")):
        message = reply_to(engine, asked(opt(options, version=version, do=do)))
        assert message.rcode() == dns.rcode.BADVERS
        assert message.edns == 0
        assert bool(message.ednsflags & dns.flags.DO) is do
        assert not message.answer


@pytest.mark.parametrize("name", ["www.example.test", "nothing.example.test", "else.where.test"])
@pytest.mark.parametrize("do", [False, True])
def test_the_do_bit_is_copied_and_the_other_flags_are_not(
    engine: Engine, name: str, do: bool
) -> None:
    packet = asked(opt(do=do), name=name)
    message = reply_to(engine, packet[:-3] + b"\x7f" + packet[-2:])
    assert message.ednsflags & 0xFFFF == (dns.flags.DO if do else 0)


@pytest.mark.parametrize("subnet", [None, V4, V6])
@pytest.mark.parametrize("cookie", [None, bytes(8)])
@pytest.mark.parametrize("nsid", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_options_of_all_kinds_are_answered_in_one_reply(
    engine: Engine, subnet: bytes | None, cookie: bytes | None, nsid: bool, backwards: bool
) -> None:
    parts = [option(65001, b"unknown"), option(PADDING, bytes(5))]
    parts += [option(NSID, b"")] if nsid else []
    parts += [option(ECS, subnet)] if subnet else []
    parts += [option(COOKIE, cookie)] if cookie else []
    packet = asked(opt(b"".join(parts[::-1] if backwards else parts), do=True))
    found = options_of(reply_to(engine, packet))
    assert set(found) == {
        code for code, there in ((NSID, nsid), (ECS, subnet), (COOKIE, cookie)) if there
    }
    assert found.get(NSID, b"ns1.demo") == b"ns1.demo"
    assert len(found.get(COOKIE, bytes(24))) == 24
    if subnet:
        assert found[ECS][:3] + found[ECS][4:] == subnet[:3] + subnet[4:]
        assert found[ECS][3] > 0


def test_of_two_options_of_a_kind_the_first_counts(engine: Engine) -> None:
    both = option(ECS, V4) + option(ECS, ELSEWHERE)
    for options, address in ((both, "192.0.2."), (both[11:] + both[:11], "192.0.2.11")):
        for more in (b"", option(COOKIE, bytes(8)) + option(COOKIE, b"b" * 8)):
            message = reply_to(engine, asked(opt(options + more)))
            assert str(message.answer[0][0]).startswith(address)
            assert len(message.options) == (2 if more else 1)
            assert options_of(message)[ECS][4:] == options[8:11]
            assert not more or options_of(message)[COOKIE][:8] == bytes(8)


def test_subnets_beside_other_options_are_told_apart(engine: Engine) -> None:
    # The same shape: what was remembered of one must not be said to another.
    for more in (b"", option(NSID, b""), option(COOKIE, b"a client"), option(PADDING, bytes(7))):
        for last in range(20):
            for subnet in (
                b"\0\1\x18\0\x0a\0" + bytes((last,)),
                b"\0\1\x18\0\x14\0" + bytes((last,)),
            ):
                for options in (option(ECS, subnet) + more, more + option(ECS, subnet)):
                    found = options_of(reply_to(engine, asked(opt(options))))
                    assert found[ECS][4:] == subnet[4:]
        wrong = option(ECS, b"\0\1\x17\0\x0a\0\1") + more
        assert reply_to(engine, asked(opt(wrong))).rcode() == dns.rcode.FORMERR


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from((NSID, ECS, COOKIE, KEEPALIVE, PADDING, 65001)),
            st.one_of(st.sampled_from((b"", V4, V6, ELSEWHERE, bytes(8))), st.binary(max_size=30)),
        ),
        max_size=4,
    ),
    st.booleans(),
)
def test_a_query_that_is_unusual_gets_the_options_of_an_ordinary_one(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[int, bytes]], stream: bool
) -> None:
    engine = _ENGINES.get(stream)
    if engine is None:
        folder = tmp_path_factory.mktemp("engine")
        engine = _ENGINES[stream] = make(folder, keepalive=100 if stream else None)
    record = opt(b"".join(option(*part) for part in parts))
    ordinary = reply_to(engine, asked(record))
    unusual = reply_to(engine, asked(record, _EXTRA))
    assert ordinary.rcode() == unusual.rcode()
    assert options_of(ordinary) == options_of(unusual)


_ENGINES: dict[bool, Engine] = {}


# --- edns-tcp-keepalive (RFC 7828) -------------------------------------------------------------


def test_over_tcp_keepalive_is_answered_with_the_idle_time(tmp_path: Path) -> None:
    engine = make(tmp_path, keepalive=100)
    for more in (b"", option(ECS, V4), option(COOKIE, bytes(8))):
        found = options_of(reply_to(engine, asked(opt(option(KEEPALIVE, b"") + more))))
        assert found[KEEPALIVE] == b"\0\x64"
    assert KEEPALIVE not in options_of(reply_to(engine, asked(opt())))


def test_over_tcp_a_time_from_the_client_is_a_format_error(tmp_path: Path) -> None:
    engine = make(tmp_path, keepalive=100)
    message = reply_to(engine, asked(opt(option(KEEPALIVE, b"\0\x64"))))
    assert message.rcode() == dns.rcode.FORMERR


@pytest.mark.parametrize("data", [b"", b"\0\x64", b"x"])
def test_over_udp_keepalive_is_ignored(engine: Engine, data: bytes) -> None:
    message = reply_to(engine, asked(opt(option(KEEPALIVE, data))))
    assert message.rcode() == dns.rcode.NOERROR
    assert not message.options


# --- extended errors (RFC 8914) ----------------------------------------------------------------


def in_class(packet: bytes, number: int) -> bytes:
    end = packet.index(b"\0\0\x29") if packet[11] else len(packet)
    return packet[: end - 2] + number.to_bytes(2, "big") + packet[end:]


@pytest.mark.parametrize(
    ("packet", "rcode", "error"),
    [
        (asked(opt(), name="www.elsewhere.test"), "REFUSED", 20),
        (asked(opt(option(ECS, V4)), name="www.elsewhere.test"), "REFUSED", 20),
        (in_class(asked(opt()), 3), "REFUSED", 21),
        (in_class(asked(opt()), 255), "REFUSED", 21),
        (asked(opt(), type="AXFR"), "REFUSED", 18),
        (asked(opt())[:2] + b"\x20" + asked(opt())[3:], "NOTIMP", 21),
    ],
    ids=["outside", "outside with subnet", "class CH", "class ANY", "transfer", "NOTIFY"],
)
def test_who_has_edns_is_told_why(engine: Engine, packet: bytes, rcode: str, error: int) -> None:
    message = reply_to(engine, packet)
    assert dns.rcode.to_text(message.rcode()) == rcode
    assert errors_of(message) == [error]


def test_who_asks_for_the_identity_gets_edns_as_in_every_other_reply(engine: Engine) -> None:
    asking = opt(option(NSID, b"") + option(COOKIE, bytes(8)) + option(ECS, V4), do=True)
    message = reply_to(engine, in_class(asked(asking, name="id.server", type="TXT"), 3))
    assert [rrset.to_text() for rrset in message.answer] == ['id.server. 0 CH TXT "ns1.demo"']
    assert message.ednsflags & dns.flags.DO
    found = options_of(message)
    assert found[NSID] == b"ns1.demo"
    assert len(found[COOKIE]) == 24
    assert found[ECS] == V4
    plain = reply_to(engine, in_class(asked(name="id.server", type="TXT"), 3))
    assert plain.edns == -1
    assert plain.answer == message.answer


def test_the_longest_identity_fits_with_all_else_into_the_least_reply(tmp_path: Path) -> None:
    cookies = CookieJar([bytes(16)])
    identity = Identity("i" * 128, "v" * 240)
    engine = Engine(image(tmp_path), identity, cookies=cookies, moment=Moment(NOW))
    everything = opt(
        option(NSID, b"") + option(COOKIE, bytes(8)) + option(ECS, b"\0\2\x80\0" + bytes(16)),
        size=512,
    )
    for name in ("hostname.bind", "version.server"):
        reply = engine.respond(in_class(asked(everything, name=name, type="TXT"), 3), HOST)
        assert reply is not None
        assert len(reply) <= 512
        assert len(dns.message.from_wire(reply).options) == 3


def test_who_has_no_edns_is_told_nothing_more(engine: Engine) -> None:
    message = reply_to(engine, query("www.elsewhere.test"))
    assert message.rcode() == dns.rcode.REFUSED
    assert message.edns == -1


def test_a_refusal_has_no_answer_that_could_be_amplified(engine: Engine) -> None:
    for packet in (asked(opt(), name="www.elsewhere.test"), query("www.elsewhere.test", "ANY")):
        reply = engine.respond(packet, HOST)
        assert reply is not None
        assert len(reply) <= len(packet) + 6  # the extended error
