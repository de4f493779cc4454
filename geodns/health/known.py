"""What was known of addresses before a change of the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from geodns.config.values import Address
from geodns.health.machine import Machine, State
from geodns.health.plan import PlannedTarget, TargetKey
from geodns.health.target import Target


class Known:
    """The states of targets that were judged, by endpoint and address."""

    def __init__(
        self,
        targets: Mapping[TargetKey, Target],
        lasting: Callable[[Target], Machine] = lambda target: target.machine,
    ) -> None:
        """``lasting`` gives the machine of a target as it is to go on."""
        self._named: dict[tuple[str, Address, str], Machine] = {}
        self._deciding: dict[tuple[str, Address], Machine] = {}
        for key, target in targets.items():
            machine = lasting(target)
            if machine.state is State.UNKNOWN:
                continue
            for id in target.endpoints:
                self._named[id, key.address, target.name] = machine
                if target.decides:
                    self._deciding[id, key.address] = machine

    def machine(self, key: TargetKey, wanted: PlannedTarget) -> Machine | None:
        """That of the check of the same name, or else of the one that decided. None: neither."""
        for id in wanted.endpoints:
            found = self._named.get((id, key.address, wanted.check))
            if found is None and wanted.decides:
                found = self._deciding.get((id, key.address))
            if found is not None:
                return found
        return None
