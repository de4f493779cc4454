"""Why an answer's TTL is as short as it is, where it follows health."""

from __future__ import annotations

from geodns.answer.hints import types_asked
from geodns.answer.image import ServiceImage
from geodns.answer.service import States, depends_on_class
from geodns.answer.steady import steady_of


def why_ttl(
    service: ServiceImage, type: int, class_number: int, states: States, longest: int
) -> str | None:
    """In words; None where it is ``longest``, the TTL of the name, or is fixed."""
    least = service.least_ttl
    if least is None:
        return None
    types = types_asked(service, type)
    # Where all classes are answered alike, the server looks at the first.
    number = class_number if any(depends_on_class(service, each) for each in types) else 0
    steady = min(steady_of(service, number, each, states) for each in types)
    if steady.seconds >= longest:
        return None
    words = f"{steady.endpoint} could change in {steady.seconds:g} s"
    if not steady.seconds:
        words = f"{steady.endpoint} could change at any moment"
    return words if steady.seconds >= least else f"{words}, but it is at least {least} s"
