"""The catalog zone (RFC 9432) of a running server: what is in it, and when it moves."""

from __future__ import annotations

from pathlib import Path

import dns.name
import dns.query
import dns.rcode
import dns.xfr
import dns.zone
from running import SERVER, ZONE, RunningServer
from workers import until

from geodns.zone.catalog import catalog_zone, member_label

SETTINGS = """\
transfer:
  allow: [127.0.0.1]
  catalog: Catalog.invalid.
  zones: {hidden.test.: {catalog: false}, closed.test.: {allow: []}}
"""
FILES = {
    "geodns.yaml": SERVER + SETTINGS,
    "zones/hidden.test.yaml": ZONE,
    "zones/closed.test.yaml": ZONE,
}


def _catalog(server: RunningServer) -> dns.zone.Zone:
    copied = dns.zone.Zone("catalog.invalid")
    query, _ = dns.xfr.make_query(copied)
    dns.query.inbound_xfr(server.tcp[0], copied, query, port=server.tcp[1], timeout=60)
    return copied


def _members(server: RunningServer) -> set[str]:
    found = _catalog(server).iterate_rdatas("PTR")
    return {rdata.to_text() for _, _, rdata in found}


def _serial(server: RunningServer) -> int:
    (soa,) = server.answer("catalog.invalid", "SOA")
    return int(soa.split()[2])


def test_zones_that_come_and_go_are_in_the_catalog_and_out_of_it(tmp_path: Path) -> None:
    with RunningServer(tmp_path, FILES) as server:
        zone = _catalog(server)
        assert zone.find_rdataset("version", "TXT")[0].strings == (b"2",)
        assert zone.find_rdataset("@", "NS")[0].to_text() == "invalid."
        assert _members(server) == {"example.test."}
        first = _serial(server)
        server.write("zones/new.test.yaml", ZONE.replace("example", "new"))
        until(lambda: _members(server) == {"example.test.", "new.test."})
        second = _serial(server)
        assert second > first
        # What changes within a zone does not change the list.
        server.write("zones/example.test.yaml", ZONE + "more: {type: A, value: 192.0.2.9}\n")
        until(lambda: server.answer("more.example.test") == ["192.0.2.9"])
        assert _serial(server) == second
        server.stop()
        server.start()
        assert _serial(server) == second
        (tmp_path / "zones/new.test.yaml").unlink()
        until(lambda: _members(server) == {"example.test."})
        assert _serial(server) > second
        until(lambda: server.ask("new.test", "SOA").rcode() == dns.rcode.REFUSED)


def test_a_zone_has_one_label_for_ever_however_its_name_is_written() -> None:
    names = [dns.name.from_text(f"z{n}.test.") for n in range(1000)]
    labels = {member_label(name) for name in names}
    assert len(labels) == 1000
    upper = dns.name.from_text("Z1.TEST.")
    assert member_label(upper) == member_label(names[1]) == "33aaa02b4ca5aa9a0489c5841a84e09c"
    zone = catalog_zone(dns.name.from_text("catalog.invalid."), names, Path("geodns.yaml"), 5)
    assert len(zone.nodes) == 2 + 1000
