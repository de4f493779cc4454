"""Whether a client may ask at all, in words."""

from __future__ import annotations

from geodns.answer.image import Image
from geodns.answer.resolve import Outcome
from geodns.explain.explanation import ZoneFinding
from geodns.explain.question import Client
from geodns.explain.zones import text


def judge_access(
    image: Image, found: tuple[ZoneFinding, Outcome], client: Client
) -> tuple[ZoneFinding, Outcome, tuple[str, ...]]:
    """What is found in the zones as this client sees it, and what else is to be known.

    A client subnet comes from a resolver, which is not known here: then it is one that may ask, and
    the image is opened for it.
    """
    finding, outcome = found
    zone = outcome.zone
    if zone is None or zone.access is None:
        return finding, outcome, ()
    name = text(zone.apex)
    if client.subnet:
        for each in image.zones.values():
            each.access = None
        note = f"only resolvers that allow_query names may ask for {name}, others are refused"
        return finding, outcome, (note,)
    if zone.access.permits(str(client.address)):
        return finding, outcome, ()
    sentence = f"allow_query of {name} does not name {client.address}, so it is refused"
    refused = ZoneFinding(name, "refused", finding.name, None, (), None, sentence)
    return refused, Outcome(), ()
