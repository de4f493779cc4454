"""The hint that stands in for a reply that is one too many is for its own query."""

from __future__ import annotations

from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import pytest
from building import image, query

from geodns.answer.cold import Identity
from geodns.answer.cookies import CookieJar
from geodns.answer.engine import Engine
from geodns.answer.limits import Limiter, LimitRules
from geodns.answer.moment import Moment

_COOKIE = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, bytes(8))


@pytest.mark.parametrize("options", [(), (_COOKIE,)])
def test_a_hint_echoes_the_client_subnet_of_its_own_query(
    tmp_path: Path, options: tuple[dns.edns.Option, ...]
) -> None:
    engine = Engine(
        image(tmp_path),
        Identity(),
        limiter=Limiter(LimitRules(responses_per_second=1, slip=1)),
        moment=Moment(1_700_000_000),
        cookies=CookieJar([bytes(16)]),
    )
    hints = 0
    for subnet in ("10.0.0.0/24", "20.9.8.0/24", "30.1.1.0/24") * 20:
        packet = query("www.example.test", subnet=subnet, options=options)
        reply = engine.respond(packet, "198.51.100.7")
        assert reply is not None
        message = dns.message.from_wire(reply)
        (echoed,) = (o for o in message.options if isinstance(o, dns.edns.ECSOption))
        assert f"{echoed.address}/{echoed.srclen}" == subnet
        hints += not message.answer
    assert hints
