"""Promotion: makes the standby the primary, after the primary has stepped down if it is there."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from geodns.config.basis import Basis
from geodns.control.pairing.following import Following
from geodns.control.pairing.pairing import NotPrimaryError, Pairing
from geodns.control.store import Event
from geodns.errors import GeodnsError
from geodns.replication.pair.standing import promoted

logger = logging.getLogger(__name__)

_HAND_OVER = 600.0  # seconds for the primary to step down and send what is left
_AHEAD = 100  # how far serials move on where the last ones of the primary are not known for sure
_MOST_AHEAD = 1 << 24


class PromotionError(GeodnsError):
    """This server is not made the primary; the message says why."""


async def promote(pairing: Pairing, author: str, *, force: bool, dry_run: bool) -> dict[str, Any]:
    """Makes this server the primary, for good: what was done, or would be.

    Raises PromotionError or StateError.
    """
    warnings = _warnings(pairing, force=force)
    pair, meeting = pairing.settings, pairing.meeting
    assert pair is not None
    assert meeting is not None
    before = pairing.standing
    told: dict[str, Any] = {
        "name": pair.name,
        "former": before.epoch.node or pair.other.name,
        "epoch": before.epoch.number + 1,
        "dry_run": dry_run,
        "warnings": warnings,
        "handed_over": False,
        "serials_move_by": 0,
        "files": None,
        "reload": None,
    }
    if dry_run:
        told["serials_move_by"] = 0 if meeting.following else _ahead(pairing)
        return told
    following = meeting.following
    handed_over = following is not None and await _handed_over(pairing, following)
    by = 0 if handed_over else _ahead(pairing)
    await meeting.hang_up()
    try:
        await _become_primary(pairing, by)
    finally:
        meeting.resume()
    standing = pairing.standing
    what = f"was promoted to epoch {standing.epoch.number}"
    pairing.log(Event(time.time(), "pair", pair.name, what, author))
    logger.warning("promoted", extra={"epoch": standing.epoch.number, "author": author})
    result = await pairing.reload("promotion")
    if not result.ok:
        warnings.append(f"its configuration was refused, the one before is in use: {result.error}")
    told |= {
        "epoch": standing.epoch.number,
        "handed_over": handed_over,
        "serials_move_by": by,
        "files": files_of(pairing),
        "reload": {"ok": result.ok, "error": result.error},
    }
    return told


async def use_own_files(pairing: Pairing, author: str, *, dry_run: bool) -> dict[str, Any]:
    """Has the primary go back to the files that its own server file names.

    Raises PromotionError where they can't be used; then nothing has changed.
    """
    pair = pairing.settings
    if pair is None or not pairing.leads:
        raise PromotionError("only the primary of a pair goes back to files of its own")
    if pairing.basis.kind == "own":
        raise PromotionError(f"{pair.name} uses the files of its own server file already")
    former = files_of(pairing)
    if not dry_run:
        result = await pairing.use_own_files()
        if not result.ok:
            why = [str(item) for item in result.problems if item.severity == "error"]
            raise PromotionError("\n".join((*why, f"{former} stays in use: {result.error}")))
        what = "goes back to the files of its own server file"
        pairing.log(Event(time.time(), "pair", pair.name, what, author))
    return {"name": pair.name, "dry_run": dry_run, "former": former, "files": str(pairing.path)}


def files_of(pairing: Pairing) -> str | None:
    """Where the server file stands that the configuration is made from; None: nowhere yet."""
    basis = pairing.basis
    if basis.kind == "copy":
        return f"{basis.root(pairing.state)}{basis.server}"
    return str(pairing.path) if basis.kind == "own" else None


def _warnings(pairing: Pairing, *, force: bool) -> list[str]:
    """What speaks against it. Raises PromotionError where that is too much without ``force``."""
    pair, meeting = pairing.settings, pairing.meeting
    if pair is None or meeting is None:
        raise PromotionError("this server is alone: its configuration has no `pair`")
    if pairing.leads:
        raise PromotionError(
            f"{pair.name} is the primary already, in epoch {pairing.standing.epoch}"
        )
    if pairing.basis.kind == "none":
        raise PromotionError(
            f"nothing has come from {pair.other.name} yet: there is nothing to serve"
        )
    found = []
    position = pairing.store.position()
    if meeting.following is not None:
        found.append(
            f"{pair.other.name} is connected and the primary; it will be told to step down"
        )
    if position is None or position.copying or position.epoch != pairing.standing.epoch:
        found.append(
            f"not everything of {pairing.standing.epoch.node or pair.other.name} has come yet: what"
            " was here before would count in its place"
        )
    if found and not force:
        raise PromotionError("; ".join(found) + "; say --force if this is meant")
    if pairing.error is not None:
        found.append(f"its last configuration was refused here and will be lost: {pairing.error}")
    return found


async def _handed_over(pairing: Pairing, following: Following) -> bool:
    """Whether the primary has stepped down, and all that it had is here."""
    assert pairing.settings is not None
    epoch = promoted(pairing.standing, pairing.settings.name).epoch
    try:
        async with asyncio.timeout(_HAND_OVER):
            await following.ask_to_step_down(epoch)
    except OSError as error:
        logger.warning("the primary did not step down", extra={"reason": str(error)})
        return False
    return True


async def _become_primary(pairing: Pairing, by: int) -> None:
    assert pairing.settings is not None
    name = pairing.settings.name
    await pairing.quiet()
    basis: Basis = pairing.basis
    if basis.kind == "copy":
        number = pairing.standing.epoch.number + 1
        keep = pairing.copies.keep_as_primary
        basis = await asyncio.to_thread(keep, basis, f"{number}-{name}")
    await pairing.quiet()
    if pairing.leads:
        raise NotPrimaryError("somebody else has promoted it meanwhile")
    standing = promoted(pairing.standing, name)
    pairing.store.promote(standing, basis, pairing.automatic, by)
    pairing.become(standing, basis)


def _ahead(pairing: Pairing) -> int:
    """How far the primary's serials may have moved on, at most, since it was last heard of.

    Each reload is one; there are hardly more than one in a second.
    """
    heard = None if pairing.meeting is None else pairing.meeting.last_heard
    generation = pairing.store.get("generation")
    if heard is None and generation is not None:
        heard = float(generation["at"])
    silent = 0.0 if heard is None else max(0.0, time.time() - heard)
    return min(_MOST_AHEAD, _AHEAD + int(silent))
