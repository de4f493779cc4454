"""Who the server says that it is, from its settings to the reply."""

from __future__ import annotations

from pathlib import Path

import dns.message
import dns.query
import pytest
from running import SERVER, RunningServer


def _ask(server: RunningServer, name: str) -> tuple[str, list[str]]:
    query = dns.message.make_query(name, "TXT", "CH")
    reply = dns.query.udp(query, server.udp[0], port=server.udp[1], timeout=60)
    return reply.rcode().name, [rdata.to_text() for rrset in reply.answer for rdata in rrset]


@pytest.mark.parametrize("name", ["version.bind", "VERSION.server"])
def test_the_version_is_told_where_it_is_set_and_refused_where_not(
    tmp_path: Path, name: str
) -> None:
    with RunningServer(tmp_path) as server:
        assert _ask(server, name) == ("REFUSED", [])
        server.write("geodns.yaml", SERVER + 'version: "one of ours"\n')
        server.wait_for("reloaded")
        assert _ask(server, name) == ("NOERROR", ['"one of ours"'])
        assert _ask(server, "id.server") == ("NOERROR", ['"ns1.test"'])
