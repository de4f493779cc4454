"""dig and kdig understand every reply, and show what they should."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from clients import NO_RECURSION, dig, flags, kdig, section, status
from running import RunningServer
from served import Address, address_v6, serving

pytestmark = pytest.mark.interop
SOA = "example.test. 60 IN SOA ns1.example.test. admin.example.test. 7 3600 600 604800 60"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("dig")) as running:
        yield running


@pytest.fixture(scope="module")
def at(server: RunningServer) -> Address:
    return server.udp


@pytest.fixture(scope="module")
def at_v6(server: RunningServer) -> Address:
    address = address_v6(server)
    if address is None:
        pytest.skip("this machine has no IPv6 on its loopback interface")
    return address


@pytest.mark.parametrize(
    ("country", "subnet", "address"),
    [
        ("Germany", "141.20.0.0/16", "192.0.2.1"),
        ("United Kingdom", "129.31.0.0/16", "192.0.2.1"),
        ("United States", "128.112.0.0/16", "192.0.2.3"),
        ("Brazil", "143.107.0.0/16", "192.0.2.3"),
        ("Japan", "133.11.0.0/16", "192.0.2.2"),
        ("Australia", "129.94.0.0/16", "192.0.2.2"),
    ],
)
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_countries_get_their_nearest_region_and_a_scope(
    at: Address, country: str, subnet: str, address: str, transport: str
) -> None:
    output = dig(at, "www.example.test", f"+subnet={subnet}", transport)
    assert section(output, "ANSWER") == [f"www.example.test. 20 IN A {address}"]
    found = re.search(r"; CLIENT-SUBNET: (\S+)/(\d+)/(\d+)\n", output)
    assert found, output
    assert f"{found[1]}/{found[2]}" == subnet
    assert 0 < int(found[3]) <= 24


def test_a_client_subnet_of_length_0_is_answered_with_scope_0(at: Address) -> None:
    output = dig(at, "www.example.test", "+subnet=0")
    assert status(output) == "NOERROR"
    assert "; CLIENT-SUBNET: 0.0.0.0/0/0\n" in output


def test_ipv6_client_subnets_have_their_own_place(at: Address) -> None:
    output = dig(at, "www.example.test", "AAAA", "+subnet=2001:200::/32")  # WIDE, Japan
    assert section(output, "ANSWER") == ["www.example.test. 20 IN AAAA 2001:db8::2"]
    assert "; CLIENT-SUBNET: 2001:200::/32/" in output


@pytest.mark.parametrize(
    ("arguments", "rcode", "answer", "authority"),
    [
        (["ns1.example.test"], "NOERROR", ["ns1.example.test. 300 IN A 192.0.2.53"], []),
        (["a.b.wild.example.test"], "NOERROR", ["a.b.wild.example.test. 300 IN A 192.0.2.99"], []),
        (["example.test", "MX"], "NOERROR", ["example.test. 300 IN MX 10 mail.example.test."], []),
        (["example.test", "SOA"], "NOERROR", [SOA.replace(" 60 IN", " 900 IN")], []),
        (["ns1.example.test", "TXT"], "NOERROR", [], [SOA]),
        (["ns1.example.test", "HTTPS"], "NOERROR", [], [SOA]),
        (["nothing.example.test"], "NXDOMAIN", [], [SOA]),
        (["www.elsewhere.test"], "REFUSED", [], []),
        (
            ["ns1.example.test", "ANY", "+notcp"],
            "NOERROR",
            ['ns1.example.test. 3600 IN HINFO "RFC8482" ""'],
            [],
        ),
        (
            ["www.child.example.test"],
            "NOERROR",
            [],
            [
                "child.example.test. 300 IN NS ns.child.example.test.",
                "child.example.test. 300 IN NS ns2.elsewhere.test.",
            ],
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
@pytest.mark.parametrize("client", [dig, kdig])
def test_every_kind_of_answer(
    at: Address,
    client: Callable[..., str],
    arguments: list[str],
    rcode: str,
    answer: list[str],
    authority: list[str],
) -> None:
    output = client(at, *arguments)
    assert status(output) == rcode
    assert section(output, "ANSWER") == answer
    assert sorted(section(output, "AUTHORITY")) == authority
    refused = rcode == "REFUSED"
    assert ("aa" in flags(output)) == (not refused and not (authority and " NS " in authority[0]))


def test_the_apex_and_wildcards_are_steered_too(at: Address) -> None:
    for name in ("example.test", "x.y.apps.example.test"):
        output = dig(at, name, "+short", "+subnet=133.11.0.0/16")
        assert output == "192.0.2.2\n"


def test_nsid(at: Address) -> None:
    assert '("ns1.test")' in dig(at, "www.example.test", "+nsid")


def test_without_edns_there_is_none_in_the_reply(at: Address) -> None:
    output = dig(at, "www.example.test", "+noedns")
    assert "OPT PSEUDOSECTION" not in output
    assert status(output) == "NOERROR"


def test_a_long_answer_is_cut_and_then_fetched_over_tcp(at: Address) -> None:
    cut = dig(at, "many.example.test", "TXT", "+bufsize=512", "+ignore")
    assert "tc" in flags(cut)
    assert section(cut, "ANSWER") == []
    whole = dig(at, "many.example.test", "TXT", "+bufsize=512")
    assert "Truncated, retrying in TCP mode" in whole
    assert len(section(whole, "ANSWER")) == 12


def test_several_queries_on_one_connection(at: Address) -> None:
    names = ["ns1.example.test", "mail.example.test", "www.example.test", "x.wild.example.test"]
    output = kdig(at, "+tcp", "+keepopen", *names)
    assert output.count("status: NOERROR") == len(names)
    # kdig names the local end in none of its lines; that the connection was one is shown by
    # tests/server/test_tcp.py. Here it counts that kdig could go on with it.
    assert output.count("(TCP)") == len(names)
    assert dig(at, "+tcp", "+keepopen", *names).count("status: NOERROR") == len(names)


@pytest.mark.parametrize("name", ["id.server", "hostname.bind"])
def test_identity_in_class_chaos(at: Address, name: str) -> None:
    output = dig(at, "CH", "TXT", name)
    assert section(output, "ANSWER") == [f'{name}. 0 CH TXT "ns1.test"']


def test_recursion_is_neither_wanted_nor_offered(at: Address) -> None:
    assert flags(dig(at, "ns1.example.test", "+norec")) == {"qr", "aa"}
    output = dig(at, "ns1.example.test")
    assert flags(output) == {"qr", "aa", "rd"}
    assert NO_RECURSION in output


def test_the_case_of_the_question_comes_back(at: Address) -> None:
    output = dig(at, "WwW.eXaMpLe.TeSt", "+qr")
    assert output.count(";WwW.eXaMpLe.TeSt.") == 2
    assert section(output, "ANSWER")[0].startswith("WwW.eXaMpLe.TeSt. ")


def test_an_edns_version_that_is_not_implemented_is_badvers(at: Address) -> None:
    output = dig(at, "www.example.test", "+edns=1", "+noednsnegotiation")
    assert status(output) == "BADVERS"
    assert "; EDNS: version: 0" in output
    assert status(dig(at, "www.example.test", "+edns=1")) == "NOERROR"


@pytest.mark.parametrize(
    "option", ["+ednsopt=65001:c0ffee", "+cookie", "+ednsflags=0x4000", "+padding=64", "+expire"]
)
def test_what_is_not_understood_of_edns_is_passed_over(at: Address, option: str) -> None:
    output = dig(at, "www.example.test", option)
    assert status(output) == "NOERROR"
    assert len(section(output, "ANSWER")) == 1


def test_other_opcodes_are_not_implemented(at: Address) -> None:
    assert status(dig(at, "www.example.test", "+opcode=STATUS")) == "NOTIMP"


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_the_ipv6_transport(at_v6: Address, transport: str) -> None:
    assert status(dig(at_v6, "ns1.example.test", transport)) == "NOERROR"
    assert status(kdig(at_v6, "ns1.example.test", transport)) == "NOERROR"


def test_transfers_are_refused(at: Address) -> None:
    assert "Transfer failed" in dig(at, "example.test", "AXFR")
