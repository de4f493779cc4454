"""Domain names as written in zone files: escapes, U-labels, relative and absolute."""

from __future__ import annotations

import re

import dns.exception
import dns.name

from geodns.wording import shown
from geodns.zone.draft import ContentError

# The names that almost all files are made of; everything else goes through dnspython's parser,
# which is several times slower: it looks at each byte for escapes.
_PLAIN = re.compile(r"[A-Za-z0-9_*-]{1,63}(?:\.[A-Za-z0-9_*-]{1,63})*\.?")


def owner_name(text: str, origin: dns.name.Name) -> dns.name.Name:
    """The owner that a word stands for, relative to ``origin`` unless it ends with a dot.

    RFC 4343 3: names compare without case; owners are held in lower case, as the origin must be.
    Raises ContentError.
    """
    if _PLAIN.fullmatch(text):
        return parse_name(text.lower(), origin)
    return parse_name(text, origin).canonicalize()


def is_below_or_at(name: dns.name.Name, origin: dns.name.Name) -> bool:
    """Whether a name in lower case is in the zone: a quick comparison, as each record asks."""
    return name.labels[-len(origin.labels) :] == origin.labels


def parse_name(text: str, origin: dns.name.Name | None) -> dns.name.Name:
    """A name in presentation form (RFC 1035 5.1, RFC 4343 2.1) or with U-labels (RFC 5890).

    Without an origin a relative name stays relative. Raises ContentError with the reason.
    """
    try:
        if _PLAIN.fullmatch(text):
            labels = text.encode("ascii").split(b".")  # a final dot leaves the root's empty label
            if origin is not None and not text.endswith("."):
                labels += origin.labels
            return dns.name.Name(labels)
        return dns.name.from_text(text, origin)
    except dns.name.NameTooLong as error:
        raise ContentError(
            "name-too-long", f"{shown(text)} is longer than the 255 bytes that a name can have"
        ) from error
    except dns.name.LabelTooLong as error:
        raise ContentError(
            "label-too-long", f"a label of {shown(text)} is longer than 63 bytes"
        ) from error
    except dns.name.EmptyLabel as error:
        raise ContentError(
            "bad-name", f"{shown(text)} has an empty label: two dots in a row"
        ) from error
    except dns.name.BadEscape as error:
        raise ContentError(
            "bad-name", f"{shown(text)} has a bad escape; write \\DDD (000 to 255) or \\X"
        ) from error
    except (dns.exception.DNSException, UnicodeError, ValueError) as error:
        raise ContentError("bad-name", f"{shown(text)} is not a domain name: {error}") from error


def absolute_name(text: str, origin: dns.name.Name) -> dns.name.Name:
    """A name in an octoDNS value, where the final dot is required. Raises ContentError."""
    if not text:
        raise ContentError("bad-name", "an empty string is not a domain name; write . for the root")
    name = parse_name(text, None)
    if name.is_absolute():
        return name
    inside = f"{text}.".lower().endswith(f".{origin}".lower())
    whole = text if inside or "." in text else f"{text}.{origin}".rstrip(".")
    raise ContentError("missing-final-dot", f"{shown(text)} must end with a dot", f"write {whole}.")
