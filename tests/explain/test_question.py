"""What a command line may say, and what is refused with a better suggestion."""

from __future__ import annotations

import pytest

from geodns.explain.question import QuestionError, parse_question


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("www.example.test", "www.example.test."),
        ("www.example.test.", "www.example.test."),
        ("WWW.Example.TEST", "www.example.test."),
        ("bücher.example.test", "xn--bcher-kva.example.test."),
        ("*.apps.example.test", "*.apps.example.test."),
        ("_sip._tcp.example.test", "_sip._tcp.example.test."),
        (".", "."),
    ],
)
def test_a_name_is_absolute_and_in_lower_case(name: str, expected: str) -> None:
    question = parse_question(name, "A", "192.0.2.1", resolver=False)
    assert question.name.to_text() == expected


@pytest.mark.parametrize(
    ("type", "number"), [("a", 1), ("AAAA", 28), ("https", 65), ("any", 255), ("type65280", 65280)]
)
def test_a_type_is_read_in_any_case_and_by_number(type: str, number: int) -> None:
    assert parse_question("a.test", type, "192.0.2.1", resolver=False).type == number


@pytest.mark.parametrize(
    ("client", "network", "address"),
    [
        ("203.0.113.7", "203.0.113.7/32", "203.0.113.7"),
        ("203.0.113.7/24", "203.0.113.0/24", "203.0.113.0"),
        ("2001:DB8::1", "2001:db8::1/128", "2001:db8::1"),
        ("2001:db8:1:2::/48", "2001:db8:1::/48", "2001:db8:1::"),
    ],
)
def test_a_client_is_a_whole_address_or_a_subnet(client: str, network: str, address: str) -> None:
    found = parse_question("a.test", "A", client, resolver=False).client
    assert (str(found.network), str(found.address), found.subnet) == (network, address, True)


def test_a_resolvers_address_is_no_client_subnet() -> None:
    found = parse_question("a.test", "A", "203.0.113.7", resolver=True).client
    assert (str(found.network), found.subnet) == ("203.0.113.7/32", False)


@pytest.mark.parametrize(
    ("name", "type", "client", "resolver", "argument", "sentence"),
    [
        ("", "A", "192.0.2.1", False, "NAME", "'' is not a whole name"),
        ("@", "A", "192.0.2.1", False, "NAME", "'@' is not a whole name"),
        ("a..test", "A", "192.0.2.1", False, "NAME", "two dots in a row"),
        ("a" * 64, "A", "192.0.2.1", False, "NAME", "longer than 63 bytes"),
        ("a.test", "AAAAA", "192.0.2.1", False, "TYPE", "did you mean AAAA?"),
        ("a.test", "geo", "192.0.2.1", False, "TYPE", "GEO ties a name to a service"),
        ("a.test", "TYPE65536", "192.0.2.1", False, "TYPE", "is not a record type"),
        ("a.test", "A", "192.0.2.300", False, "--client", "is not an address"),
        ("a.test", "A", "192.0.2.1/33", False, "--client", "is not an address"),
        ("a.test", "A", "192.0.2.0/255.255.255.0", False, "--client", "is not an address"),
        ("a.test", "A", "192.0.2.0/", False, "--client", "is not an address"),
        ("a.test", "A", "fe80::1%eth0", False, "--client", "is not an address"),
        ("a.test", "A", "0.0.0.0/0", False, "--client", "asks not to be located"),
        ("a.test", "A", "192.0.2.0/24", True, "--client", "is not one address"),
    ],
)
def test_a_wrong_word_is_refused_with_what_would_be_right(
    name: str, type: str, client: str, resolver: bool, argument: str, sentence: str
) -> None:
    with pytest.raises(QuestionError, match=sentence.replace("?", r"\?")) as refusal:
        parse_question(name, type, client, resolver=resolver)
    assert refusal.value.argument == argument
