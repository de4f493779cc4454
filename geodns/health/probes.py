"""The check kinds: the one place that knows all of them."""

from __future__ import annotations

from geodns.config.settings import Check, HttpCheck
from geodns.health.probe import Prober
from geodns.health.probe_http import HttpProber
from geodns.health.probe_tcp import TcpProber


def make_prober(check: Check) -> Prober:
    """The prober for a check. Raises GeodnsError when the check can't be set up."""
    if isinstance(check, HttpCheck):
        return HttpProber(check)
    return TcpProber(check)
