"""Single rows for people: record, prefix and words of every kind of database."""

from __future__ import annotations

import json
import random
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import maxminddb
import pytest
from mmdb_files import ALIASES, assemble, encode, random_networks, write_database

from geodns.geo.database import EMBEDDED_DATABASE
from geodns.geo.errors import GeoError
from geodns.geo.lookup import DatabaseRow, look_up

BERLIN = {
    "city": {"names": {"de": "Berlin (de)", "en": "Berlin"}},
    "continent": {"code": "EU", "names": {"en": "Europe"}},
    "country": {"iso_code": "DE", "names": {"en": "Germany"}},
    "location": {"accuracy_radius": 20, "latitude": 52.52, "longitude": 13.4},
    "subdivisions": [{"iso_code": "BE", "names": {"en": "Land Berlin"}}],
}
TELEKOM = {
    "autonomous_system_number": 3320,
    "autonomous_system_organization": "Deutsche Telekom AG",
}


def row(folder: Path, database_type: str, record: Any, address: str = "192.0.2.9") -> DatabaseRow:
    file = folder / "one.mmdb"
    networks = {"192.0.2.0/24": record, "2001:db8::/32": record}
    write_database(file, networks, database_type=database_type)
    (found,) = look_up([file], ip_address(address))
    return found


@pytest.mark.parametrize(
    ("database_type", "record", "summary"),
    [
        ("GeoLite2-City", BERLIN, "Berlin, Land Berlin, Germany (DE), EU, within 20 km"),
        ("GeoLite2-Country", BERLIN, "Germany (DE), EU"),
        ("GeoLite2-ASN", TELEKOM, "AS3320 Deutsche Telekom AG"),
        (
            "GeoIP2-Enterprise",
            {**BERLIN, "traits": TELEKOM},
            "Berlin, Land Berlin, Germany (DE), EU, within 20 km, AS3320 Deutsche Telekom AG",
        ),
        ("Geoacumen-Country", {"country": {"iso_code": "DE"}}, "DE"),
        ("Geoacumen-Country", {"country": {"iso_code": "None"}}, "no data"),
        (
            "GeoLite2-Country",
            {"registered_country": {"iso_code": "FR", "names": {"en": "France"}}},
            "registered in France (FR)",
        ),
        (
            "GeoLite2-City",
            {"country": {"iso_code": "US"}, "location": {"latitude": 37.751, "longitude": -97.822}},
            "US, at 37.75, -97.82",
        ),
        (
            "GeoLite2-City",
            {"country": {"iso_code": "US"}, "subdivisions": [{"iso_code": "CA"}]},
            "CA, US",
        ),
        ("GeoLite2-ASN", {"autonomous_system_number": 3320}, "AS3320"),
        # The same types in files of other publishers, with records of another shape.
        ("Other-City", {"city": "Paris", "country": "FR", "state1": "IdF"}, "Paris, IdF, FR"),
        ("Other-Country", {"country": "FR", "continent": "EU"}, "FR, EU"),
        ("Other-ASN", {"asn": "AS64500", "as_name": "Example"}, "AS64500 Example"),
        # Types that are nobody's.
        (
            "flat",
            {"country_code": "FR", "asn": 64500, "organization": "Example"},
            "FR, AS64500 Example",
        ),
        ("flat", {"country": "FR", "country_code": "FR"}, "FR"),
        ("flat", {"is_proxy": True, "speed": 7}, "is_proxy True, speed 7"),
        ("flat", {}, "no data"),
        ("flat", "DE", "value DE"),
    ],
)
def test_a_record_in_words(tmp_path: Path, database_type: str, record: Any, summary: str) -> None:
    assert row(tmp_path, database_type, record).summary == summary


def test_the_record_is_the_one_in_the_file_and_the_prefix_the_network_that_has_it(
    tmp_path: Path,
) -> None:
    found = row(tmp_path, "GeoLite2-City", BERLIN)
    assert found.file == tmp_path / "one.mmdb"
    assert found.record == BERLIN
    assert found.prefix == ip_network("192.0.2.0/24")
    found = row(tmp_path, "GeoLite2-City", BERLIN, "2001:db8:1::1")
    assert found.record == BERLIN
    assert found.prefix == ip_network("2001:db8::/32")


def test_the_record_of_a_model_is_not_changed_by_making_it_words(tmp_path: Path) -> None:
    record = {**BERLIN, "traits": {**TELEKOM, "is_anycast": True}}
    assert row(tmp_path, "GeoIP2-Enterprise", record).record == record


def test_an_address_that_is_in_no_network_has_an_empty_record(tmp_path: Path) -> None:
    found = row(tmp_path, "GeoLite2-City", BERLIN, "192.0.3.1")
    assert found.record == {}
    assert found.summary == "no data"
    assert found.prefix == ip_network("192.0.3.0/24")


def test_a_database_of_ipv4_says_nothing_of_ipv6(tmp_path: Path) -> None:
    file = write_database(tmp_path / "four.mmdb", {"192.0.2.0/24": BERLIN}, ip_version=4)
    (found,) = look_up([file], ip_address("2001:db8::1"))
    assert (found.record, found.summary) == ({}, "no data")
    assert found.prefix == ip_network("::/0")


def test_a_network_wider_than_all_of_ipv4_is_cut_to_it(tmp_path: Path) -> None:
    file = write_database(tmp_path / "wide.mmdb", {"::/64": {"country": "FR"}})
    (found,) = look_up([file], ip_address("192.0.2.1"))
    assert found.prefix == ip_network("0.0.0.0/0")
    assert found.record == {"country": "FR"}


def test_the_rows_of_several_databases_come_in_their_order(tmp_path: Path) -> None:
    city = write_database(tmp_path / "city.mmdb", {"192.0.2.0/24": BERLIN}, database_type="X-City")
    asn = write_database(tmp_path / "asn.mmdb", {"192.0.0.0/16": TELEKOM}, database_type="X-ASN")
    found = look_up([asn, city], ip_address("192.0.2.1"))
    assert [row.file for row in found] == [asn, city]
    assert [str(row.prefix) for row in found] == ["192.0.0.0/16", "192.0.2.0/24"]


def test_without_databases_the_embedded_one_is_asked() -> None:
    (found,) = look_up([], ip_address("8.8.8.8"))
    assert found.file == EMBEDDED_DATABASE
    assert (found.record, found.summary) == ({"country": {"iso_code": "US"}}, "US")
    assert ip_address("8.8.8.8") in found.prefix


def test_every_record_can_be_written_as_json(tmp_path: Path) -> None:
    record = {"raw": b"\x01\xff", "list": [{"deep": b""}, 1.5], "big": 2**100, "flag": True}
    found = row(tmp_path, "flat", record)
    assert found.record == {"raw": "01ff", "list": [{"deep": ""}, 1.5], "big": 2**100, "flag": True}
    assert json.loads(json.dumps(found.record)) == found.record


def test_rows_are_those_of_the_official_reader(tmp_path: Path) -> None:
    chance = random.Random(2)
    records = [BERLIN, TELEKOM, {"country": "FR"}]
    networks = random_networks(chance, 80, 4, records) + random_networks(chance, 80, 6, records)
    file = write_database(tmp_path / "many.mmdb", networks, aliases=ALIASES, record_size=28)
    with maxminddb.open_database(file) as reader:
        for _ in range(200):
            ten = IPv4Address(10 << 24 | chance.getrandbits(24))
            doc = IPv6Address(0x20010DB8 << 96 | chance.getrandbits(96))
            for address in (ten, doc):
                (found,) = look_up([file], address)
                record, length = reader.get_with_prefix_len(address)
                assert found.record == (record or {})
                assert found.prefix == ip_network((address, length), strict=False)


@pytest.mark.parametrize("content", [b"", b"no database", bytes(5000)])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.mmdb"
    file.write_bytes(content)
    with pytest.raises(GeoError, match="is not an MMDB file"):
        look_up([file], ip_address("192.0.2.1"))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match="can't be read: No such file or directory"):
        look_up([tmp_path / "none.mmdb"], ip_address("192.0.2.1"))


def test_a_loop_in_the_data_is_refused(tmp_path: Path) -> None:
    data, _ = encode("padding")
    file = tmp_path / "loop.mmdb"
    loop = b"\xe1\x41a" + bytes([0x20, len(data)])  # a map whose value is the map itself
    file.write_bytes(assemble([(1 + 16 + len(data),) * 2], data + loop))
    with pytest.raises(GeoError, match=r"can't be read at 192\.0\.2\.1: .*maximum"):
        look_up([file], ip_address("192.0.2.1"))
