"""Rules for checks and recovery: one text that breaks each, and exactly what is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from configfolder import found, problems, write

Finding = tuple[str, int, int]


def finds(folder: Path, checks: str, health: str = "") -> list[Finding]:
    """What is found in a services file of these checks; ``c`` is in use."""
    services = f"checks:\n{checks}services: {{web: {{check: c}}}}\n{health}"
    findings = found(write(folder, services=services))
    return [(id, line, column) for file, id, line, column in findings if file == "services.yaml"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{type: http, interval: 2s, timeout: 2s}", []),
        ("{type: http, interval: 9s, fast_interval: 9s}", []),
        ("{type: http, interval: 9s, fast_interval: 10s}", [("slow-fast-interval", 2, 48)]),
        ("{type: http, interval: 9s, fast_interval: 1s, timeout: 1s}", []),
        ("{type: http, fast_interval: 1s}", [("timeout-over-fast-interval", 2, 34)]),
        ("{type: http, fast_interval: 1s, timeout: 3s}", [("timeout-over-fast-interval", 2, 47)]),
        ("{type: tcp, port: 1, connect_timeout: 2s}", []),
        ("{type: tcp, port: 1, connect_timeout: 3s}", [("idle-connect-timeout", 2, 44)]),
        ("{type: tcp, port: 1, connect_timeout: 3s, timeout: 4s}", []),
        ("{type: push}", []),
        ("{type: push, keep: 0s}", [("bad-value", 2, 25)]),
        ("{type: push, rise: 1}", [("unknown-key", 2, 19)]),
        ("{type: push, fall: 1}", [("unknown-key", 2, 19)]),
        ("{type: push, interval: 1s}", [("unknown-key", 2, 19)]),
    ],
)
def test_times_of_a_check_fit_together(tmp_path: Path, text: str, expected: list[Finding]) -> None:
    assert finds(tmp_path, f"  c: {text}\n") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{type: http, path: '/a#b'}", [("bad-value", 2, 25)]),
        ('{type: http, path: "/a\\nb"}', [("bad-value", 2, 25)]),
        ("{type: http, path: '/a b?q=ü'}", []),
        ("{type: tls}", [("tls-without-name", 2, 3)]),
        ("{type: tls, server_name: a.test}", []),
        ("{type: tls, verify: false}", []),
        ("{type: tls, server_name: a.test, alpn: [h2]}", []),
        ("{type: tls, server_name: a.test, alpn: ['ü']}", [("bad-value", 2, 46)]),
        ("{type: tls, server_name: a.test, alpn: ['']}", [("bad-value", 2, 46)]),
        ("{type: tls, server_name: a.test, ca: geodns.yaml}", [("unusable-authorities", 2, 43)]),
        ("{type: http, redirects: 1, ca: geodns.yaml}", [("unusable-authorities", 2, 37)]),
        ("{type: grpc, port: 1}", []),
        ("{type: grpc, port: 1, tls: true}", [("tls-without-name", 2, 3)]),
        ("{type: grpc, port: 1, tls: true, authority: a.test}", []),
        ("{type: grpc, port: 1, ca: geodns.yaml}", [("ca-without-tls", 2, 32)]),
        ("{type: exec, command: [/bin/true]}", []),
        ("{type: exec, command: []}", [("empty-list", 2, 28)]),
        ("{type: exec, command: [bin/true]}", [("bad-value", 2, 28)]),
        ("{type: exec, command: [/no/such/program]}", [("program-not-runnable", 2, 29)]),
        ("{type: exec, command: [/etc/passwd]}", [("program-not-runnable", 2, 29)]),
        (f"{{type: exec, command: [/{'x' * 300}]}}", [("program-not-runnable", 2, 29)]),
        ('{type: exec, command: ["/a\\0b"]}', [("bad-value", 2, 29)]),
        ('{type: tls, server_name: a.test, ca: "a\\0b"}', [("missing-file", 2, 43)]),
    ],
)
def test_what_a_check_asks_can_be_done(tmp_path: Path, text: str, expected: list[Finding]) -> None:
    assert finds(tmp_path, f"  c: {text}\n") == expected


HOSTS = [
    "a",
    "www.example.net",
    "A-1.example_x.net",
    "_service.example.net",
    "xn--bcher-kva.example",
    "192.0.2.1",
]
NO_HOSTS = [
    "",
    " ",
    "a b",
    "a\\tb",
    "a\\r\\nX-Y: z",
    "a\\0",
    "a/b",
    "user@a",
    "a..b",
    ".a",
    "a.",
    "-a.example",
    "a-.example",
    "192.0.2.256",
    "1.2.3",
    "bücher.example",
    f"{'a' * 64}.example",
    ".".join(["a" * 60] * 5),
    "fe80::1%eth0",
]


@pytest.mark.parametrize("key", ["host", "server_name"])
def test_hosts_that_can_be_asked_for_are_taken(tmp_path: Path, key: str) -> None:
    more = ["a:8080", "192.0.2.1:1", "[2001:db8::1]", "[2001:db8::1]:65535"]
    for host in HOSTS + (more if key == "host" else ["2001:db8::1"]):
        assert finds(tmp_path, f'  c: {{type: http, {key}: "{host}"}}\n') == [], host


@pytest.mark.parametrize("key", ["host", "server_name"])
def test_what_is_no_host_is_found_before_it_is_probed(tmp_path: Path, key: str) -> None:
    more = ["a:", "a:0", "a:65536", "a:b", "2001:db8::1", "[a]", "[192.0.2.1]", "[2001:db8::1"]
    for host in NO_HOSTS + (more if key == "host" else ["a:80", "[2001:db8::1]"]):
        found = finds(tmp_path, f'  c: {{type: http, {key}: "{host}"}}\n')
        assert [id for id, _, _ in found] == ["bad-value"], host


def test_the_authority_of_a_grpc_check_is_a_host(tmp_path: Path) -> None:
    assert finds(tmp_path, "  c: {type: grpc, port: 1, authority: 'a:50051'}\n") == []
    assert finds(tmp_path, "  c: {type: grpc, port: 1, authority: 'a/b'}\n") == [
        ("bad-value", 2, 39)
    ]


@pytest.mark.parametrize(
    ("host", "right"),
    [
        ("bücher.example", "must be written in ASCII: xn--bcher-kva.example"),
        ("a.example.", "must be written without its final dot: a.example"),
        ("2001:db8::1", "needs brackets: [2001:db8::1]"),
    ],
)
def test_a_host_that_is_written_otherwise_is_told_as_it_would_be_right(
    tmp_path: Path, host: str, right: str
) -> None:
    services = f'checks:\n  c: {{type: http, host: "{host}"}}\nservices: {{web: {{check: c}}}}\n'
    (problem,) = problems(write(tmp_path, services=services))
    assert problem.message == f"{host!r} {right}"


@pytest.mark.parametrize(
    ("recovery", "expected"),
    [
        ("{suppress: 3, reuse: 1}", []),
        ("{reuse: 5}", []),
        ("{suppress: 3, reuse: 3}", [("crossed-penalties", 5, 34)]),
        ("{suppress: 2, reuse: 3.5}", [("crossed-penalties", 5, 34)]),
        ("{suppress: 1}", [("crossed-penalties", 5, 24)]),
        ("{suppress: 4, half_life: 5m, longest: 10m}", []),
        ("{suppress: 4.1, half_life: 5m, longest: 10m}", [("unreachable-suppress", 5, 24)]),
        ("{suppress: 0.5}", [("bad-value", 5, 24)]),
    ],
)
def test_what_is_held_out_can_come_back_and_what_comes_back_was_held_out(
    tmp_path: Path, recovery: str, expected: list[Finding]
) -> None:
    checks = "  c: {type: tcp, port: 1}\n"
    assert finds(tmp_path, checks, f"health:\n  recovery: {recovery}\n") == expected


@pytest.mark.parametrize(
    ("whole", "part", "expected"),
    [
        ("", "", []),
        ("families: [ipv4], ", "", []),
        ("families: [ipv4], ", ", families: [ipv4]", []),
        ("", ", families: [ipv4]", [("families-of-part", 2, 27)]),
        ("families: [ipv6], ", ", families: [ipv4]", [("families-of-part", 2, 45)]),
    ],
)
def test_parts_of_a_combination_are_for_all_of_its_addresses(
    tmp_path: Path, whole: str, part: str, expected: list[Finding]
) -> None:
    checks = f"  c: {{type: all, {whole}checks: [p]}}\n  p: {{type: tcp, port: 1{part}}}\n"
    assert finds(tmp_path, checks) == expected
