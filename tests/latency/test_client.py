"""The grammar of client keys."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.latency.client import ClientKey, ClientKeyError, Level, parse_client


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("default", ClientKey(Level.DEFAULT, "", "default")),
        (" Default ", ClientKey(Level.DEFAULT, "", "default")),
        ("AS", ClientKey(Level.CONTINENT, "AS", "AS")),
        ("as-cn", ClientKey(Level.COUNTRY, "CN", "AS-CN")),
        ("NA-US-CA", ClientKey(Level.SUBDIVISION, "US-CA", "NA-US-CA")),
        ("AS-JP-13", ClientKey(Level.SUBDIVISION, "JP-13", "AS-JP-13")),
        ("AS004134", ClientKey(Level.ASN, "4134", "AS4134")),
        ("as004134-cn", ClientKey(Level.ASN_COUNTRY, "4134-CN", "AS4134-CN")),
        ("as4294967295", ClientKey(Level.ASN, "4294967295", "AS4294967295")),
        ("0.0.0.0/0", ClientKey(Level.PREFIX, "0.0.0.0/0", "0.0.0.0/0")),
        ("2001:DB8:0::/33", ClientKey(Level.PREFIX, "2001:db8::/33", "2001:db8::/33")),
        ("::/0", ClientKey(Level.PREFIX, "::/0", "::/0")),
    ],
)
def test_a_key_is_read_in_canonical_form(text: str, key: ClientKey) -> None:
    assert parse_client(text) == key


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "E", "EUR", "EU-", "EU-D", "EU-DEU", "EU-DE-", "EU-DE-ABCD", "EU_DE", "DE"],
        *[
            "DE-BE",
            "AS4294967296",
            "AS0",
            "AS1.1",
            "AS-1",
            "AS1-",
            "AS1-XX",
            "AS1-CN-BJ",
            "AS0-CN",
            "ASx",
            "\u017fA",
            "\uff25\uff35",
        ],
        *["AS\u0661", "10.0.0.0", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/255.0.0.0", "1.2.3/24"],
        *["10.0.0.0/8/8", "2001:db8::1/32", "2001:db8::", "fe80::%eth0/64", "::ffff:10.0.0.0/104"],
        *[
            "64:ff9b::/96",
            "2002:a00::/24",
            "2001::/32",
            "/",
            ":",
            "/8",
            "EU-XX",
            "NA-DE",
            "EU-US-CA",
        ],
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ClientKeyError):
        parse_client(text)


@given(st.text() | st.from_regex(r"[0-9A-Fa-f:.]{1,20}/[0-9]{1,3}", fullmatch=True))
def test_any_text_is_a_key_that_reads_as_itself_or_is_refused(text: str) -> None:
    try:
        key = parse_client(text)
    except ClientKeyError:
        return
    assert parse_client(key.text) == key
    if key.level is Level.PREFIX:
        assert ip_network(key.text) == ip_network(text.strip())
