"""From a check's settings to its prober."""

from __future__ import annotations

from geodns.config.settings import Check
from geodns.health.kits.registry import KITS
from geodns.health.probe import Prober


def is_probed(check: Check) -> bool:
    """False for a check whose state is told, or follows from other checks."""
    return any(isinstance(check, kit.settings) and kit.prober for kit in KITS)


def make_prober(check: Check) -> Prober:
    """The prober for a check. Raises GeodnsError when the check can't be set up."""
    for kit in KITS:
        if isinstance(check, kit.settings) and kit.prober is not None:
            return kit.prober(check)
    raise AssertionError(f"the {check.type} check does not probe")
