"""What checks see of certificates is told with their targets, over real TLS."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from health_fakes import configuration
from health_servers import HOST, Authority, http, saying, serving

from geodns.health.monitor import Monitor
from geodns.health.status import TargetStatus

NAME = "www.example.test"
DAY = 86400.0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def seen(authority: Authority, days: int, **settings: Any) -> TargetStatus:
    """The target after its first result."""

    async def whole() -> TargetStatus:
        context = authority.context(NAME, days=days)
        async with serving(saying(http()), tls=context) as port:
            check = {"type": "https", "host": NAME, "port": port, "ca": authority.file, **settings}
            monitor = Monitor(lambda _: None)
            monitor.apply(
                configuration({"eu": {"eu-a": {"web": [HOST]}}}, {"web": {"check": "c"}},
                              {"c": check})
            )  # fmt: skip
            running = asyncio.create_task(monitor.run())
            async with asyncio.timeout(60):
                while monitor.status().targets[0].checked is None:
                    await asyncio.sleep(0.01)
            found = monitor.status()
            await monitor.close()
            await running
            [target] = found.targets
            assert target.certificate_expires is None or (
                abs(target.certificate_expires - found.at - days * DAY) < DAY
            )
            return target

    return asyncio.run(whole())


def test_the_end_of_a_certificate_is_told(authority: Authority) -> None:
    target = seen(authority, 60)
    assert target.certificate_expires is not None
    assert not target.certificate_soon


def test_one_that_expires_soon_is_told_as_such(authority: Authority) -> None:
    assert seen(authority, 3).certificate_soon
    assert not seen(authority, 3, certificate_warning="1d").certificate_soon


def test_one_that_is_not_verified_is_not_told_of(authority: Authority) -> None:
    assert seen(authority, 3, verify=False).certificate_expires is None
