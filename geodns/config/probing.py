"""The settings of health checks: one model per kind of check, each in ``health/kits``."""

from __future__ import annotations

from geodns.health.kits.combination import CombinedCheck
from geodns.health.kits.http import Expect, HttpCheck
from geodns.health.kits.kit import TlsSettings
from geodns.health.kits.push import PushCheck
from geodns.health.kits.registry import Check
from geodns.health.kits.tcp import TcpCheck

__all__ = ["Check", "CombinedCheck", "Expect", "HttpCheck", "PushCheck", "TcpCheck", "TlsSettings"]
