"""Tables of resolvers: where the clients are that they ask for."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from geodns.latency.resolvers import ResolverRow, read_resolvers


def read(folder: Path, text: str) -> tuple[list[ResolverRow], list[tuple[str, int, int]]]:
    file = folder / "resolvers.yaml"
    file.write_text(text, encoding="utf-8")
    rows, problems = read_resolvers(file)
    return rows, [(item.id, item.line, item.column) for item in problems]


def test_a_row_is_a_network_and_the_shares_of_its_clients(tmp_path: Path) -> None:
    rows, problems = read(
        tmp_path,
        "resolvers:\n"
        "  192.0.2.53: {eu-de: 60%, EU-FR: 0.4}\n"
        '  "2001:db8::/32": {AS4134: 100%, EU: 0%}\n',
    )
    assert problems == []
    assert rows == [
        (ip_network("192.0.2.53/32"), {"EU-DE": 0.6, "EU-FR": 0.4}),
        (ip_network("2001:db8::/32"), {"AS4134": 1.0}),
    ]


def test_rounded_percentages_may_miss_the_whole_a_little(tmp_path: Path) -> None:
    ((_, shares),), problems = read(
        tmp_path, "resolvers:\n  192.0.2.53: {EU-DE: 33.3%, EU-FR: 33.3%, EU-GB: 33.3%}\n"
    )
    assert problems == []
    assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", [("wrong-type", 1, 1)]),
        ("resolver: {}\n", [("unknown-key", 1, 1)]),
        ("resolvers: [192.0.2.53]\n", [("wrong-type", 1, 12)]),
        ("resolvers:\n  192.0.2.500: {EU: 100%}\n", [("bad-value", 2, 3)]),
        ("resolvers:\n  192.0.2.1/24: {EU: 100%}\n", [("bad-value", 2, 3)]),
        ("resolvers:\n  192.0.2.53: EU\n", [("wrong-type", 2, 15)]),
        ("resolvers:\n  192.0.2.53: {}\n", [("wrong-type", 2, 15)]),
        ("resolvers:\n  192.0.2.53: {XX: 100%}\n", [("bad-client", 2, 16)]),
        ("resolvers:\n  192.0.2.53: {default: 100%}\n", [("bad-client", 2, 16)]),
        ("resolvers:\n  192.0.2.53: {EU: most}\n", [("bad-value", 2, 20)]),
        ("resolvers:\n  192.0.2.53: {EU: 60%, AS: 30%}\n", [("not-whole", 2, 15)]),
        (
            "resolvers:\n  192.0.2.53: {EU: 1}\n  192.0.2.53/32: {AS: 1}\n",
            [("duplicate-resolver", 3, 3)],
        ),
        ("resolvers:\n  a: {", [("yaml-syntax", 3, 1)]),
        ("", []),
    ],
)
def test_what_is_wrong_is_found_at_its_place(
    tmp_path: Path, text: str, expected: list[tuple[str, int, int]]
) -> None:
    assert read(tmp_path, text)[1] == expected
