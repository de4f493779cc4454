"""What the zones say of a question: kind, the name that answers, aliases, and one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dns.name
import dns.rdatatype
import pytest
from building import TOPOLOGY, configuration

from geodns.explain.compiled import zones_image
from geodns.explain.explanation import Alias, ZoneFinding
from geodns.explain.zones import find_in_zones

_V4_ONLY: dict[str, Any] = {
    name: region for name, region in TOPOLOGY.items() if name != "eu"
}  # only the endpoints in eu have IPv6 addresses


def finding(folder: Path, name: str, type: str, **settings: Any) -> ZoneFinding:
    absolute = dns.name.from_text(name)
    image = zones_image(configuration(folder, **settings), absolute)
    number = int(dns.rdatatype.from_text(type))
    return find_in_zones(image, absolute.to_wire() or b"", number)[0]


@pytest.mark.parametrize(
    ("name", "type", "kind", "source", "sentence"),
    [
        ("www.example.test", "A", "service", "www.example.test.", "from the service web"),
        ("example.test", "AAAA", "service", "example.test.", "from the service web"),
        ("x.y.apps.example.test", "A", "service", "*.apps.example.test.", "the service web"),
        ("mail.example.test", "A", "static", "mail.example.test.", "the same for every client"),
        ("a.b.wild.example.test", "A", "static", "*.wild.example.test.", "the same for every"),
        ("example.test", "MX", "static", "example.test.", "the same for every client"),
        ("www.example.test", "ANY", "static", "www.example.test.", "stands for all (RFC 8482)"),
        ("www.example.test", "HTTPS", "nodata", "www.example.test.", "web has no HTTPS"),
        ("mail.example.test", "AAAA", "nodata", "mail.example.test.", "no AAAA, only A"),
        ("empty.example.test", "A", "nodata", "empty.example.test.", "only names below it"),
        ("no.example.test", "A", "nxdomain", None, "no no.example.test. in the zone"),
        ("x.sub.wild.example.test", "A", "nxdomain", None, "and no wildcard for it"),
        ("child.example.test", "A", "referral", "child.example.test.", "is delegated"),
        ("x.child.example.test", "A", "referral", None, "child.example.test. is delegated"),
        ("child.example.test", "DS", "nodata", "child.example.test.", "has no DS, only NS"),
        ("www.elsewhere.test", "A", "refused", None, "no zone of this configuration holds"),
        ("www.example.test", "AXFR", "special", None, "AXFR is no type of record"),
    ],
)
def test_a_question_without_aliases(
    tmp_path: Path, name: str, type: str, kind: str, source: str | None, sentence: str
) -> None:
    found = finding(tmp_path, name, type)
    assert (found.kind, found.source, found.aliases) == (kind, source, ())
    assert sentence in found.sentence
    assert found.zone == (None if kind in ("refused", "special") else "example.test.")
    assert found.service == ("web" if kind == "service" else None)


@pytest.mark.parametrize(
    ("name", "kind", "end", "sentence"),
    [
        ("alias.example.test", "service", "www.example.test.", "from the service web"),
        ("to-mail.example.test", "static", "mail.example.test.", "the same for every client"),
        ("to-nothing.example.test", "nxdomain", "nothing.example.test.", "there is no nothing"),
        ("to-outside.example.test", "alias", "www.elsewhere.test.", "leads out of the zone"),
        ("loop-a.example.test", "alias", "loop-a.example.test.", "round in a circle"),
    ],
)
def test_aliases_are_followed(
    tmp_path: Path, name: str, kind: str, end: str, sentence: str
) -> None:
    found = finding(tmp_path, name, "A")
    assert (found.kind, found.name, found.aliases[-1].target) == (kind, end, end)
    assert found.aliases[0].owner == f"{name}."
    assert sentence in found.sentence


def test_a_dname_is_named_as_the_source_of_its_alias(tmp_path: Path) -> None:
    found = finding(tmp_path, "host.old.example.test", "A")
    assert found.aliases == (
        Alias("host.old.example.test.", "DNAME", "old.example.test.", "host.new.example.test."),
    )
    assert (found.kind, found.source) == ("static", "host.new.example.test.")


def test_a_cname_that_is_asked_for_is_an_answer_and_no_alias(tmp_path: Path) -> None:
    found = finding(tmp_path, "alias.example.test", "CNAME")
    assert (found.kind, found.aliases) == ("static", ())


def test_a_family_that_no_endpoint_has_is_said_to_be_missing(tmp_path: Path) -> None:
    found = finding(tmp_path, "www.example.test", "AAAA", regions=_V4_ONLY)
    assert found.kind == "nodata"
    assert "the service web has no AAAA at any endpoint" in found.sentence
