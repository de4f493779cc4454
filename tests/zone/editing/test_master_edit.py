"""Edits of master files: what is asked for, and what later lines took over from one that goes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from zonetexts import (
    KINDS,
    MASTER,
    ORIGIN,
    TXT,
    draft_of,
    master_edited,
    owner,
    random_change,
    read,
    values,
)

from geodns.zone.editing.change import adding, removing, setting
from geodns.zone.editing.compare import must_match
from geodns.zone.editing.records import EditError, kind_text, read_kind, read_value, records_of

SOA = "@ 300 IN SOA ns hostmaster 1 2 3 4 300\n@ 300 IN NS ns.example.net.\n"
NAMES = ("www", "api", "*", "1", "in", "a.b", "_sip._tcp")


def changed(
    text: str,
    verb: str,
    name: str,
    kind: str,
    *wanted: str,
    ttl: int | None = None,
    file: Path = MASTER,
) -> str:
    before, found = records_of(draft_of(text, file).nodes), read_kind(kind)
    parsed = [read_value(found, value, ORIGIN) for value in wanted]
    if verb == "remove":
        change = removing(before, owner(name), found, parsed)
    else:
        make = setting if verb == "set" else adding
        change = make(before, owner(name), found, parsed, ttl)
    after = master_edited(text, change, file)
    found_after = records_of(draft_of(after, file).nodes)
    must_match(before, change, found_after, made_soa=False)
    return after


@pytest.mark.parametrize(
    ("before", "command", "after"),
    [
        pytest.param(
            "www   60 IN  A   192.0.2.1 ; one\n",
            ("set", "www", "A", "192.0.2.2"),
            "www   60 IN  A   192.0.2.2 ; one\n",
            id="a value in its place",
        ),
        pytest.param(
            "www   60 IN  A   192.0.2.1 ; one\napi 60 IN A 192.0.2.9\n",
            ("add", "www", "A", "192.0.2.2"),
            "www   60 IN  A   192.0.2.1 ; one\nwww   60 IN  A   192.0.2.2\napi 60 IN A 192.0.2.9\n",
            id="a value behind the others",
        ),
        pytest.param(
            "www   60 IN  A   192.0.2.1\n      60 IN  AAAA ::1\n",
            ("remove", "www", "A"),
            "www   60 IN  AAAA ::1\n",
            id="the next line gets the owner",
        ),
        pytest.param(
            "www   90 IN  A   192.0.2.1\napi IN A 192.0.2.2\nb IN A 192.0.2.3\n",
            ("remove", "www", "A"),
            "api 90 IN A 192.0.2.2\nb IN A 192.0.2.3\n",
            id="the next line gets the TTL",
        ),
        pytest.param(
            "$TTL 90\nwww   IN  A   192.0.2.1\n      IN  A   192.0.2.2\n; end\n",
            ("add", "www", "A", "192.0.2.3"),
            "$TTL 90\nwww   IN  A   192.0.2.1\n      IN  A   192.0.2.2\n"
            "      IN  A   192.0.2.3\n; end\n",
            id="the layout of the name's lines",
        ),
        pytest.param(
            "$TTL 90\nwww     IN A 192.0.2.1\n; end\n",
            ("set", "api", "GEO", "web"),
            "$TTL 90\nwww     IN A 192.0.2.1\n; end\napi     IN GEO web\n",
            id="a new name at the end",
        ),
        pytest.param(
            "$ORIGIN sub.example.test.\nwww 60 IN A 192.0.2.1\n",
            ("set", "a.sub", "A", "192.0.2.2"),
            "$ORIGIN sub.example.test.\nwww 60 IN A 192.0.2.1\na   3600 IN A 192.0.2.2\n",
            id="relative to the origin that holds there",
        ),
        pytest.param(
            "$ORIGIN sub.example.test.\nwww 60 IN A 192.0.2.1\n",
            ("set", "a", "A", "192.0.2.2"),
            "$ORIGIN sub.example.test.\nwww 60 IN A 192.0.2.1\n"
            "a.example.test. 3600 IN A 192.0.2.2\n",
            id="absolute outside of it",
        ),
        pytest.param(
            "m 60 IN SRV ( 1 ; priority\n  2 ; weight\n  80 mail )\n",
            ("set", "m", "SRV", "1 7 80 mail"),
            "m 60 IN SRV ( 1 ; priority\n  7 ; weight\n  80 mail )\n",
            id="one word of several lines",
        ),
        pytest.param(
            'txt 60 IN TXT ( "a"\n  "b" ) ; two\nwww 60 IN A 192.0.2.1\n',
            ("set", "txt", "TXT", '"a" "b" "c"'),
            'txt 60 IN TXT "a" "b" "c"\nwww 60 IN A 192.0.2.1\n',
            id="parentheses that are not needed any more",
        ),
        pytest.param(
            "www 60 IN A 192.0.2.1\n$GENERATE 1-2 h$ 60 A 192.0.2.$\n    60 AAAA ::1\n",
            ("remove", "www", "A"),
            "$GENERATE 1-2 h$ 60 A 192.0.2.$\n    60 AAAA ::1\n",
            id="what a $GENERATE leaves behind stays",
        ),
        pytest.param(
            "@ 60 IN MX 10 mail\n",
            ("set", "@", "SOA", "ns hostmaster 9 2 3 4 300"),
            "@ 60 IN MX 10 mail\n",
            id="the serial",
        ),
    ],
)
def test_only_what_changes_is_replaced(before: str, command: tuple[str, ...], after: str) -> None:
    verb, name, kind, *wanted = command
    head = SOA.replace(" 1 2 ", " 9 2 ") if kind == "SOA" else SOA
    for text, wished in ((before, after), (before.rstrip("\n"), after.rstrip("\n"))):
        assert changed(SOA + text, verb, name, kind, *wanted) == head + wished
    crlf = (SOA + before).replace("\n", "\r\n")
    assert changed(crlf, verb, name, kind, *wanted) == (head + after).replace("\n", "\r\n")


def test_a_ttl_is_kept_unless_it_is_given() -> None:
    text = SOA + "www 1h IN A 192.0.2.1\nwww 1h IN A 192.0.2.2\n"
    assert changed(text, "set", "www", "A", "192.0.2.1") == SOA + "www 1h IN A 192.0.2.1\n"
    after = changed(text, "add", "www", "A", "192.0.2.3", ttl=60)
    lines = [f"www 60 IN A 192.0.2.{number}\n" for number in (1, 2, 3)]
    assert after == SOA + "".join(lines)


def test_records_of_other_files_and_of_generate_are_not_edited(tmp_path: Path) -> None:
    file = tmp_path / "example.test.zone"
    (tmp_path / "more.inc").write_bytes(b"www 60 IN A 192.0.2.1\n")
    text = SOA + "$INCLUDE more.inc\n$GENERATE 1-2 h$ 60 A 192.0.2.$\n"
    with pytest.raises(EditError, match=r"comes from more\.inc:1, "):
        changed(text, "set", "www", "A", "192.0.2.2", file=file)
    with pytest.raises(EditError, match=r"comes from example\.test\.zone:4, .*GENERATE"):
        changed(text, "remove", "h2", "A", file=file)
    after = changed(text, "add", "www", "A", "192.0.2.2", file=file)
    assert after == text + "www 60 IN A 192.0.2.2\n"


def test_a_broken_file_is_not_edited() -> None:
    with pytest.raises(EditError, match=r"repair the file first: .*:3:"):
        changed(SOA + "www 60 IN A 192.0.2.1 (\n", "set", "api", "A", "192.0.2.2")


# --- at random ------------------------------------------------------------------------------------


def random_file(chance: random.Random) -> str:
    names = chance.sample(NAMES, chance.randint(1, len(NAMES)))
    lines = ["; a zone", *SOA.splitlines()]
    if chance.random() < 0.5:
        lines.insert(1, "$TTL 300")
    for name in names:
        if chance.random() < 0.2:
            lines += ["", f"; about {name}"]
        if chance.random() < 0.1:
            lines.append("$TTL 600")
        lines += random_name(name, chance)
    newline = chance.choice(("\n", "\n", "\r\n"))
    return newline.join(lines) + chance.choice((newline, ""))


def random_name(name: str, chance: random.Random) -> list[str]:
    lines: list[str] = []
    for kind in chance.sample(KINDS, chance.randint(1, 2)):
        ttl = chance.choice(("", "", "60 ", "120 "))
        for value in values(kind, chance):
            head = name if not lines or chance.random() < 0.6 else ""
            comment = chance.choice(("", " ; here"))
            lines.append(
                f"{head:<8}{' ' if len(head) > 7 else ''}{ttl}IN {kind_text(kind)} {value}{comment}"
            )
    return lines


@pytest.mark.parametrize("seed", range(8))
def test_random_edits_do_what_they_should_and_nothing_else(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(60):
        text = random_file(chance)
        before = read(text, MASTER)
        change = random_change(before, NAMES, chance)
        after = master_edited(text, change)
        must_match(before, change, read(after, MASTER), made_soa=False)


@pytest.mark.parametrize("seed", range(8))
def test_a_set_and_its_inverse_give_the_same_bytes(seed: int) -> None:
    chance = random.Random(1000 + seed)
    for _ in range(60):
        text = random_file(chance)
        before = read(text, MASTER)
        name, kind = chance.choice([key for key in before if key[0] != ORIGIN])
        former = before[name, kind]
        wanted = [
            value
            for text_ in values(kind, chance, 9)
            if (value := read_value(kind, text_, ORIGIN)) not in former.values
        ][: len(former.values)]
        if len(wanted) < len(former.values):
            continue
        there = master_edited(text, setting(before, name, kind, wanted))
        assert there != text
        back = master_edited(there, setting(read(there, MASTER), name, kind, former.values))
        assert back == text


@pytest.mark.parametrize("seed", range(8))
def test_a_name_that_is_added_and_removed_leaves_no_trace(seed: int) -> None:
    chance = random.Random(2000 + seed)
    for _ in range(40):
        text = random_file(chance)
        name = owner("brand-new")
        wanted = [read_value(TXT, "hello", ORIGIN)]
        there = master_edited(text, setting(read(text, MASTER), name, TXT, wanted))
        back = master_edited(there, removing(read(there, MASTER), name, TXT))
        assert back == text
