"""What to try once the example runs, as lines to copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from demonstration.clients import CLIENTS, NAME
from demonstration.setting import Setting

_BOLD, _DIM, _GREEN, _OFF = "\033[1m", "\033[2m", "\033[32m", "\033[0m"


def hints(setting: Setting, coloured: bool) -> str:
    """The text that scripts/run prints when everything is up."""
    lines = list(_lines(setting, shutil.which("dig"), shutil.which("kdig")))
    if coloured:
        lines = [_colour(line) for line in lines]
    return "\n".join(lines)


def _lines(setting: Setting, dig: str | None, kdig: str | None) -> Iterator[str]:
    host, port = setting.dns
    server = f"@{host} -p {port}"
    tool = "dig" if dig or not kdig else "kdig"
    first = setting.azs[0]
    yield f"geodns answers on {host} port {port}, over UDP and TCP. In another terminal, try:"
    if not dig:
        other = "the lines below use kdig" if kdig else "or use geodns explain, below"
        yield f"  (dig is not installed: apt-get install bind9-dnsutils; {other})"
    yield ""
    yield "The nearest datacenter for clients in eleven countries and one office:"
    width = max(len(client.subnet) for client in CLIENTS)
    for client in CLIENTS:
        yield f"  {tool} {server} {NAME} +short +subnet={client.subnet:{width}}  # {client.country}"
    yield "  scripts/demo world                              # all of them in one table"
    yield ""
    yield "The same over TCP, with all that the answer says, and why it is so:"
    yield f"  {tool} {server} {NAME} +tcp +subnet={CLIENTS[0].subnet}"
    yield f"  .venv/bin/geodns explain {NAME} --client {CLIENTS[0].subnet}"
    yield f"  curl http://{first.addresses[0]}:{setting.port}/"
    yield ""
    yield "Stop a datacenter, watch the answer move within seconds, and start it again:"
    yield f"  scripts/demo stop {first.region}              # all its AZs; or one: {first.name}"
    yield f"  {tool} {server} {NAME} +short +subnet={CLIENTS[0].subnet}"
    yield "  .venv/bin/geodns status"
    yield f"  scripts/demo start {first.region}"
    yield ""
    if setting.admin:
        yield f"Status page: http://{setting.admin}/   Metrics: http://{setting.admin}/metrics"
    yield "Ctrl-C stops everything."


def _colour(line: str) -> str:
    if not line.startswith("  "):
        return f"{_BOLD}{line}{_OFF}" if line else ""
    command, hash_, note = line.partition("  #")
    return f"{_GREEN}{command}{_OFF}" + (f"{_DIM}{hash_}{note}{_OFF}" if note else "")
