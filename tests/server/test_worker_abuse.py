"""A real worker with cookies and limits: what control hands it is what it does."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.query
from building import image, query
from workers import OPTIONS, PATIENCE, RunningWorker, until

from geodns.answer.cookies import CookieJar
from geodns.answer.limits import LimitRules
from geodns.server.options import WorkerOptions

SECRETS = (bytes(range(16)), b"the former one..")
LIMITED = replace(
    OPTIONS, cookie_secrets=SECRETS, limits=LimitRules(20, slip=1, exempt=("192.0.2.0/24",))
)


def test_options_arrive_whole_but_for_secrets() -> None:
    text = LIMITED.to_json()
    assert WorkerOptions.from_json(text) == replace(LIMITED, cookie_secrets=())
    assert WorkerOptions.from_json(OPTIONS.to_json()) == OPTIONS
    for secret in SECRETS:
        assert secret.hex() not in text
        assert repr(secret) not in text + repr(LIMITED)


def test_a_worker_makes_cookies_and_limits_who_has_none(tmp_path: Path) -> None:
    with RunningWorker(tmp_path, image(tmp_path), options=LIMITED) as worker:
        host, port = worker.address
        asked = dns.message.make_query(
            "www.example.test", "A", options=[dns.edns.CookieOption(b"a client", b"")]
        )
        reply = dns.query.udp(asked, host, PATIENCE, port)
        (option,) = reply.options
        cookie = bytes(option.to_wire())
        made = int.from_bytes(cookie[12:16], "big")
        assert CookieJar(SECRETS).check(cookie, host, made).proven

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.connect((host, port))
            cut = False
            while not cut:  # a slow machine takes several turns until a second holds enough
                for _ in range(200):
                    client.send(query("www.example.test"))
                    cut |= bool(client.recv(512)[2] & 0x02)
            good = query(
                "www.example.test", options=(dns.edns.CookieOption(cookie[:8], cookie[8:]),)
            )
            client.send(good)
            assert not client.recv(512)[2] & 0x02

        kept = dns.message.make_query("www.example.test", "A", options=[_KEEPALIVE])
        over_tcp = dns.query.tcp(kept, host, PATIENCE, port)
        assert over_tcp.answer
        (option,) = over_tcp.options
        assert option.to_wire() == (100).to_bytes(2, "big")
        until(lambda: worker.statistics().dropped.get("rate limit, slipped", 0) > 0)


_KEEPALIVE = dns.edns.GenericOption(dns.edns.OptionType.make(11), b"")
