"""Who of a pair may take writes: epochs, and what follows from meeting the other. Pure.

Each promotion begins an epoch, with a number above all that the node has seen and the node's own
name. So an epoch has one primary for ever, and two nodes that are promoted while they can't see
each other are in different ones. A node never goes back to an epoch before one that it has seen.

================================  =======================================================
a node                            what follows
================================  =======================================================
starts, and has begun before      it is what it was
starts for the first time         it is what its settings say: primary in epoch 1, or
                                  standby in epoch 0, which is nobody's
meets one of a later epoch        it is a standby in that epoch, whatever it was
meets one of an earlier epoch,    it stays what it is
or of its own
is promoted                       it is the primary in an epoch of its own
is the standby of an epoch, and   it follows it
meets that epoch's primary
================================  =======================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from geodns.errors import GeodnsError

Role = Literal["primary", "standby"]
_MOST = 2**53  # whole in JSON everywhere


class StandingError(GeodnsError):
    """Somebody sent a standing that is none."""


class Epoch(NamedTuple):
    """The time between two promotions; ordered by number, then by whose it is."""

    number: int
    node: str

    def __str__(self) -> str:
        return f"{self.number} of {self.node}" if self.node else "none"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a node is, in the latest epoch that it knows of."""

    epoch: Epoch
    role: Role

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"epoch": list(self.epoch), "role": self.role}


def read_standing(data: Any) -> Standing:
    """What ``as_dict`` made. Raises StandingError."""
    match data:
        case {"epoch": [int(number), str(node)], "role": "primary" | "standby" as role} if (
            0 <= number < _MOST and not isinstance(number, bool)
        ):
            return Standing(Epoch(number, node), role)
    raise StandingError("this is no standing of a server")


def at_first(name: str, role: Role) -> Standing:
    """The standing of a node that has never been started."""
    return Standing(Epoch(1, name) if role == "primary" else Epoch(0, ""), role)


def met(mine: Standing, other: Standing) -> Standing:
    """My standing once I have seen another's."""
    return Standing(other.epoch, "standby") if other.epoch > mine.epoch else mine


def promoted(mine: Standing, name: str) -> Standing:
    """My standing as the primary of a new epoch."""
    return Standing(Epoch(mine.epoch.number + 1, name), "primary")


def follows(mine: Standing, other: Standing) -> bool:
    """Whether I copy from the other, now that both have met."""
    return mine.role == "standby" and other == Standing(mine.epoch, "primary")
