"""Edits of YAML zone files: what is asked for, and not a byte more."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from zonetexts import ORIGIN, TXT, A, owner, random_change, read, values, yaml_edited

from geodns.zone.editing.change import (
    adding,
    applied,
    equalling,
    removing,
    removing_name,
    setting,
)
from geodns.zone.editing.compare import must_match
from geodns.zone.editing.records import EditError, Kind, read_kind, read_value
from geodns.zone.editing.yaml_text import scalar

NS = '"": {type: NS, values: [ns.example.net.]}\n'
NAMES = ("www", "api", "*", "1", "on", "null", "a.b", "_sip._tcp", "xn--bcher-kva")


def changed(
    text: str, verb: str, name: str, kind: str, *wanted: str, ttl: int | None = None
) -> str:
    before, found = read(text), read_kind(kind)
    parsed = [read_value(found, value, ORIGIN) for value in wanted]
    if verb == "remove":
        change = removing(before, owner(name), found, parsed)
    else:
        make = setting if verb == "set" else adding
        change = make(before, owner(name), found, parsed, ttl)
    after = yaml_edited(text, change)
    must_match(before, change, read(after), made_soa=True)
    return after


@pytest.mark.parametrize(
    ("before", "command", "after"),
    [
        pytest.param(
            "www: {type: A, value: 192.0.2.1}   # one\n",
            ("set", "www", "A", "192.0.2.2"),
            "www: {type: A, value: 192.0.2.2}   # one\n",
            id="a value in its place",
        ),
        pytest.param(
            "www: {type: A, value: 192.0.2.1}\n",
            ("add", "www", "A", "192.0.2.2"),
            "www: {type: A, values: [192.0.2.1, 192.0.2.2]}\n",
            id="from value to values",
        ),
        pytest.param(
            "www: {type: A, values: [192.0.2.1, 192.0.2.2]}\n",
            ("remove", "www", "A", "192.0.2.1"),
            "www: {type: A, value: 192.0.2.2}\n",
            id="and back",
        ),
        pytest.param(
            "www:\n  type: A\n  value: 192.0.2.1  # one\napi: {type: A, value: 192.0.2.9}\n",
            ("add", "www", "A", "192.0.2.2"),
            "www:\n  type: A\n  values:\n    - 192.0.2.1  # one\n    - 192.0.2.2\n"
            "api: {type: A, value: 192.0.2.9}\n",
            id="a list in block style",
        ),
        pytest.param(
            "www:\n  type: A\n  values:\n  - 192.0.2.1  # one\n  # two is gone on Monday\n"
            "  - 192.0.2.2  # two\n",
            ("remove", "www", "A", "192.0.2.2"),
            "www:\n  type: A\n  values:\n  - 192.0.2.1  # one\n  # two is gone on Monday\n",
            id="comments outlive what they stand above",
        ),
        pytest.param(
            "www: {type: A, value: 192.0.2.1}  # one\n# end\n",
            ("set", "www", "TXT", "a; b"),
            'www:\n  - {type: A, value: 192.0.2.1}  # one\n  - {type: TXT, value: "a\\\\; b"}\n'
            "# end\n",
            id="a second type",
        ),
        pytest.param(
            "www:\n  type: A\n  # note\n  value: 192.0.2.1\n\n# end\n",
            ("set", "www", "TXT", "x"),
            "www:\n  - type: A\n    # note\n    value: 192.0.2.1\n"
            "  - type: TXT\n    value: x\n\n# end\n",
            id="a second type in block style",
        ),
        pytest.param(
            "www:\n  - {type: A, value: 192.0.2.1}\n  - {type: TXT, value: x}\n",
            ("remove", "www", "TXT"),
            "www: {type: A, value: 192.0.2.1}\n",
            id="one type is left",
        ),
        pytest.param(
            "www: {type: A, value: 192.0.2.1}\nb: {type: A, value: 192.0.2.1}\n# end\n",
            ("set", "on", "A", "192.0.2.1"),
            "www: {type: A, value: 192.0.2.1}\nb: {type: A, value: 192.0.2.1}\n"
            '"on": {type: A, value: 192.0.2.1}\n# end\n',
            id="a new name that YAML would take for true",
        ),
        pytest.param(
            "a1: {type: A, value: 192.0.2.1}\na10: {type: A, value: 192.0.2.1}\n",
            ("set", "a9", "A", "192.0.2.1"),
            "a1: {type: A, value: 192.0.2.1}\na9: {type: A, value: 192.0.2.1}\n"
            "a10: {type: A, value: 192.0.2.1}\n",
            id="a new name among sorted ones",
        ),
        pytest.param(
            "www: {type: MX, value: {preference: 10,  exchange: a.example.test.}}\n",
            ("set", "www", "MX", "20 a"),
            "www: {type: MX, value: {preference: 20,  exchange: a.example.test.}}\n",
            id="one field",
        ),
        pytest.param(
            "www: {type: MX, value: {priority: 10, value: a.example.test.}}\n",
            ("set", "www", "MX", "20 a"),
            "www: {type: MX, value: {preference: 20, exchange: a.example.test.}}\n",
            id="octoDNS's older names of fields",
        ),
        pytest.param(
            "x: &d {type: A, value: 192.0.2.1}\nwww: *d\n",
            ("set", "www", "A", "192.0.2.2"),
            "x: &d {type: A, value: 192.0.2.1}\nwww: {type: A, value: 192.0.2.2}\n",
            id="an alias is written out",
        ),
        pytest.param(
            "x: &d {type: A, ttl: 60, lenient: true, value: 192.0.2.1}\n"
            "www: {<<: *d, value: 192.0.2.3}\n",
            ("set", "www", "A", "192.0.2.2"),
            "x: &d {type: A, ttl: 60, lenient: true, value: 192.0.2.1}\n"
            "www: {type: A, ttl: 60, value: 192.0.2.2, lenient: true}\n",
            id="a merge is written out",
        ),
        pytest.param(
            "www: {type: GEO, service: web}\n",
            ("set", "www", "GEO", "api"),
            "www: {type: GEO, service: api}\n",
            id="a service",
        ),
        pytest.param(
            "www: {type: A, values: [\n    192.0.2.1,  # one\n    192.0.2.2,  # two\n  ]}\n",
            ("remove", "www", "A", "192.0.2.1"),
            "www: {type: A, values: [\n    192.0.2.2,  # two\n  ]}\n",
            id="a list over several lines",
        ),
        pytest.param(
            "www: {type: A, values: [\n    192.0.2.1,  # one\n    192.0.2.2   # two\n  ]}\n",
            ("add", "www", "A", "192.0.2.3"),
            "www: {type: A, values: [\n    192.0.2.1,  # one\n    192.0.2.2,   # two\n"
            "    192.0.2.3\n  ]}\n",
            id="another line in it",
        ),
    ],
)
def test_only_what_changes_is_replaced(before: str, command: tuple[str, ...], after: str) -> None:
    verb, name, kind, *wanted = command
    for text, wished in ((before, after), (before.rstrip("\n"), after.rstrip("\n"))):
        assert changed(NS + text, verb, name, kind, *wanted) == NS + wished
    crlf = (NS + before).replace("\n", "\r\n")
    assert changed(crlf, verb, name, kind, *wanted) == (NS + after).replace("\n", "\r\n")


def test_a_ttl_is_kept_unless_it_is_given() -> None:
    text = NS + "www: {type: A, ttl: 60, value: 192.0.2.1}\n"
    assert "ttl: 60, value: 192.0.2.2" in changed(text, "set", "www", "A", "192.0.2.2")
    assert "ttl: 90, value: 192.0.2.1" in changed(text, "set", "www", "A", "192.0.2.1", ttl=90)
    plain = NS + "www:\n  type: A\n  value: 192.0.2.1\n"
    after = "www:\n  type: A\n  ttl: 90\n  value: 192.0.2.1\n"
    assert changed(plain, "set", "www", "A", "192.0.2.1", ttl=90) == NS + after


def test_a_file_in_json_stays_json() -> None:
    text = (
        '{"": {"type": "NS", "value": "ns.example.net."}, "a": {"type": "A", "value": "192.0.2.1"}}'
    )
    after = changed(text, "set", "api", "A", "192.0.2.2")
    assert after == text[:-1] + ", api: {type: A, value: 192.0.2.2}}"
    assert changed(after, "remove", "api", "A") == text


def test_the_apex_and_an_empty_file_take_records() -> None:
    text = "# nothing yet\n"
    change = setting(
        {}, ORIGIN, read_kind("NS"), [read_value(read_kind("NS"), "ns.example.net.", ORIGIN)]
    )
    from geodns.zone.editing.yaml_edit import edit_octodns

    after = edit_octodns(text, ORIGIN, {}, change)
    assert after == '# nothing yet\n"": {type: NS, value: ns.example.net.}\n'


def test_what_others_refer_to_is_not_edited() -> None:
    text = NS + "x: &d {type: A, value: 192.0.2.1}\nwww: *d\n"
    with pytest.raises(EditError, match="this would also change www"):
        changed(text, "set", "x", "A", "192.0.2.2")


def test_octodns_steering_is_removed_or_left_alone() -> None:
    dynamic = "{pools: {one: {values: [{value: 192.0.2.1}]}}, rules: [{pool: one}]}"
    text = NS + f"www: {{type: A, value: 192.0.2.1, dynamic: {dynamic}}}\n"
    with pytest.raises(EditError, match="line 2 has 'dynamic'"):
        changed(text, "set", "www", "A", "192.0.2.2")
    assert changed(text, "remove", "www", "A") == NS


def test_a_whole_name_goes() -> None:
    text = (
        NS
        + "# above\nwww:\n  - {type: A, value: 192.0.2.1}\n  - {type: TXT, value: x}\n\n# below\n"
    )
    after = yaml_edited(text, removing_name(read(text), owner("www")))
    assert after == NS + "# above\n\n# below\n"


# --- at random ------------------------------------------------------------------------------------


def random_file(chance: random.Random) -> str:
    names = chance.sample(NAMES, chance.randint(1, len(NAMES)))
    lines = ["# a zone", '"": {type: NS, ttl: 300, values: [ns.example.net.]}  # apex']
    for name in names:
        if chance.random() < 0.3:
            lines += ["", f"# about {name}"]
        lines += random_name(name, chance)
    newline = chance.choice(("\n", "\n", "\r\n"))
    return newline.join(lines) + chance.choice((newline, ""))


def random_name(name: str, chance: random.Random) -> list[str]:
    kinds: Sequence[Kind] = chance.sample((A, TXT, None), chance.randint(1, 2))
    if A in kinds and None in kinds:
        kinds = (A,)
    style = chance.choice(("flow", "block"))
    records = [random_record(kind, style, chance) for kind in kinds]
    comment = chance.choice(("", "  # here"))
    key = scalar(name)
    if len(records) == 1:
        record = records[0]
        return (
            [f"{key}: {record[0]}{comment}"]
            if style == "flow"
            else [f"{key}:", *(f"  {line}" for line in record)]
        )
    if style == "flow" and chance.random() < 0.3:
        return [f"{key}: [{', '.join(record[0] for record in records)}]"]
    lines = [f"{key}:"]
    for first, *rest in records:
        lines += [f"  - {first}{comment}", *(f"    {line}" for line in rest)]
    return lines


def random_record(kind: Kind, style: str, chance: random.Random) -> list[str]:
    ttl = chance.choice((None, 60, 300))
    if kind is None:
        pairs = ["type: GEO", f"service: web{chance.randint(1, 9)}"]
    else:
        texts = [scalar(value.strip('"')) for value in values(kind, chance)]
        pairs = [f"type: {kind.name}"]
        if len(texts) == 1:
            pairs.append(f"value: {texts[0]}")
        elif style == "block":
            pairs.append("values:\0" + "\0".join(f"  - {text}  # {text[-3:]}" for text in texts))
        else:
            pairs.append(f"values: [{', '.join(texts)}]")
    if ttl is not None:
        pairs.insert(chance.choice((0, 1)), f"ttl: {ttl}")
    if style == "flow":
        return [f"{{{', '.join(pairs)}}}"]
    return [line for pair in pairs for line in pair.split("\0")]


def lines_of_others(text: str, names: set[str]) -> list[str]:
    """The lines that belong to no name of these, in order."""
    found, current = [], ""
    for line in text.replace("\r\n", "\n").rstrip("\n").split("\n"):
        if line and line[0] not in " #":
            current = line.split(":")[0].strip('"')
        if current not in names or line.startswith("#") or not line:
            found.append(line)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_random_edits_do_what_they_should_and_nothing_else(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(50):
        text = random_file(chance)
        before = read(text)
        change = random_change(before, NAMES, chance)
        after = yaml_edited(text, change)
        must_match(before, change, read(after), made_soa=True)
        touched = {key[0].relativize(ORIGIN).to_text() for key in change}
        assert lines_of_others(after, touched) == lines_of_others(text, touched)


@pytest.mark.parametrize("seed", range(8))
def test_a_set_and_its_inverse_give_the_same_bytes(seed: int) -> None:
    chance = random.Random(1000 + seed)
    for _ in range(50):
        text = random_file(chance)
        before = read(text)
        name, kind = chance.choice([key for key in before if key[0] != ORIGIN])
        former = before[name, kind]
        count = len(former.values)
        wanted = [
            value
            for text_ in values(kind, chance, 9)
            if (value := read_value(kind, text_, ORIGIN)) not in former.values
        ][:count]
        if len(wanted) < count:
            continue
        there = yaml_edited(text, setting(before, name, kind, wanted))
        assert there != text
        assert yaml_edited(there, setting(read(there), name, kind, former.values)) == text


@pytest.mark.parametrize("seed", range(8))
def test_a_name_that_is_added_and_removed_leaves_no_trace(seed: int) -> None:
    chance = random.Random(2000 + seed)
    for _ in range(40):
        text = random_file(chance)
        before = read(text)
        name = owner("brand-new")
        there = yaml_edited(text, setting(before, name, TXT, [read_value(TXT, "hello", ORIGIN)]))
        back = yaml_edited(there, removing(read(there), name, TXT))
        assert back == text


@pytest.mark.parametrize("seed", range(8))
def test_many_changes_at_once_are_as_good_as_one_after_the_other(seed: int) -> None:
    chance = random.Random(3000 + seed)
    refused = 0
    for _ in range(30):
        text = random_file(chance)
        before = read(text)
        wanted = dict(before)
        for _ in range(3):
            wanted = applied(wanted, random_change(wanted, NAMES, chance))
        kept = {key: found for key, found in wanted.items() if key[0] != ORIGIN}
        soa = {key: found for key, found in before.items() if key[0] == ORIGIN}
        change = equalling(before, {**kept, **soa})
        try:
            after = yaml_edited(text, change)
        except EditError:
            refused += 1  # some changes are too close to each other
            continue
        must_match(before, change, read(after), made_soa=True)
    assert refused < 5
