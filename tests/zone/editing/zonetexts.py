"""Zone files for tests of edits: read from text, and made at random as people write them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import dns.name
import dns.rdatatype

from geodns.zone.draft import Draft
from geodns.zone.editing.change import Change, adding, removing, setting
from geodns.zone.editing.master_edit import edit_master
from geodns.zone.editing.master_places import read_places
from geodns.zone.editing.records import Kind, Records, read_value, records_of
from geodns.zone.editing.yaml_edit import edit_octodns
from geodns.zone.load import read_zone
from geodns.zone.pending import Pending

ORIGIN = dns.name.from_text("example.test.")
FOLDER = Path("/zones")
YAML, MASTER = FOLDER / "example.test.yaml", FOLDER / "example.test.zone"
A, AAAA, TXT, MX = (
    dns.rdatatype.A,
    dns.rdatatype.AAAA,
    dns.rdatatype.TXT,
    dns.rdatatype.MX,
)
KINDS: tuple[Kind, ...] = (A, AAAA, TXT, MX, None)


def draft_of(text: str, file: Path = YAML) -> Draft:
    draft, _ = read_zone(file, file.parent, None, Pending({file: text.encode()}))
    assert draft is not None
    return draft


def records(text: str, file: Path = YAML) -> dict[tuple[dns.name.Name, Kind], object]:
    draft = draft_of(text, file)
    # what may stand beside what is not the edit's concern
    errors = [problem for problem in draft.problems if problem.severity == "error"]
    wrong = [problem for problem in errors if problem.id != "geo-beside-address"]
    assert not wrong, (text, wrong)
    return dict(records_of(draft.nodes))


def read(text: str, file: Path = YAML) -> Records:
    return records(text, file)  # type: ignore[return-value]


def yaml_edited(text: str, change: Change) -> str:
    return edit_octodns(text, ORIGIN, read(text), change)


def master_edited(text: str, change: Change, file: Path = MASTER) -> str:
    read = Pending({file: text.encode()}).read
    lines, elsewhere = read_places(text, file, file.parent, ORIGIN, read)
    before = records_of(draft_of(text, file).nodes)
    return edit_master(text, lines, elsewhere, ORIGIN, before, change)


def owner(name: str) -> dns.name.Name:
    return dns.name.from_text(name, ORIGIN) if name else ORIGIN


def values(kind: Kind, chance: random.Random, most: int = 3) -> list[str]:
    """Some values in presentation form; at the apex of randomness, none twice."""
    count = 1 if kind is None else chance.randint(1, most)
    numbers = chance.sample(range(1, 200), count)
    forms = {
        A: "192.0.2.{}",
        AAAA: "2001:db8::{:x}",
        TXT: '"text {}"',
        MX: "{} mail.example.test.",
        None: "web{}",
    }
    return [forms[kind].format(number) for number in numbers]


def random_change(before: Records, names: Sequence[str], chance: random.Random) -> Change:
    """A set, an addition or a removal that makes sense."""
    name = owner(chance.choice(names))
    kind = chance.choice(KINDS)
    wanted = [read_value(kind, text, ORIGIN) for text in values(kind, chance)]
    found = before.get((name, kind))
    ttl = chance.choice((None, None, 60, 7200))
    if kind is None and ttl is None and found is not None:
        ttl = found.ttl
    choice = chance.random()
    if found is not None and choice < 0.3:
        return removing(before, name, kind, chance.sample(found.values, 1))
    if found is not None and choice < 0.4:
        return removing(before, name, kind)
    if choice < 0.7 and kind is not None:
        return adding(before, name, kind, wanted, ttl)
    return setting(before, name, kind, wanted, ttl)
