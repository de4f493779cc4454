"""Rdata from words in presentation form, by dnspython's parser of each type."""

from __future__ import annotations

from collections.abc import Sequence

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer

from geodns.wording import did_you_mean, shown
from geodns.zone.draft import ContentError
from geodns.zone.lexer import Entry, Word, entries
from geodns.zone.names import parse_name

_END = dns.tokenizer.Token(dns.tokenizer.EOL, "\n")
_MOST_BYTES = 65535
_GAP = dns.tokenizer.Token(dns.tokenizer.WHITESPACE, " ")


class _Feed(dns.tokenizer.Tokenizer):
    """Hands words that are already split to dnspython's parsers."""

    def __init__(self, words: Sequence[Word]) -> None:
        super().__init__("")
        self.words = words
        self.next_word = 0

    def get(
        self,
        want_leading: bool = False,
        want_comment: bool = False,  # noqa: ARG002 - dnspython's interface; there are no comments
    ) -> dns.tokenizer.Token:
        if self.ungotten_token is not None:
            token, self.ungotten_token = self.ungotten_token, None
            return token
        if self.next_word >= len(self.words):
            return _END
        word = self.words[self.next_word]
        if want_leading and word.spaced:
            return _GAP
        self.next_word += 1
        return word

    def as_name(
        self,
        token: dns.tokenizer.Token,
        origin: dns.name.Name | None = None,
        relativize: bool = False,  # noqa: ARG002 - dnspython's interface; names stay absolute
        relativize_to: dns.name.Name | None = None,  # noqa: ARG002
    ) -> dns.name.Name:
        if not token.is_identifier():
            raise ContentError("bad-name", "a domain name can't be quoted")
        return parse_name(token.value, origin)


def parse_rdata(
    rdtype: dns.rdatatype.RdataType, words: Sequence[Word], origin: dns.name.Name | None
) -> dns.rdata.Rdata:
    """The rdata that the words describe, names made absolute with ``origin``.

    Without an origin names must be absolute. Raises ContentError; its ``inside`` holds the index
    of the word that does not fit.
    """
    feed = _Feed(words)
    kind = dns.rdatatype.to_text(rdtype)
    if not words:
        raise ContentError("bad-rdata", f"the {kind} record has no data")
    try:
        rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, feed, origin, relativize=False)
        # Some parsers take what their writers can't write (LOC's altitude), so it is tried here.
        return check_length(rdata)
    except ContentError:
        raise
    except dns.name.NeedAbsoluteNameOrOrigin as error:
        raise ContentError(
            "missing-final-dot", f"a name in the {kind} must end with a dot"
        ) from error
    except Exception as error:
        # dnspython has some seventy parsers, each with its own ways to fail on text that nobody
        # expected; whatever they raise is this record's fault, not the program's.
        at = max(0, min(feed.next_word, len(words)) - 1)
        word = shown(words[at].value)
        reason = str(error).strip(" .") or "malformed"
        raise ContentError(
            "bad-rdata", f"{word} does not fit type {kind}: {reason}", None, (at,)
        ) from error


def check_length(rdata: dns.rdata.Rdata) -> dns.rdata.Rdata:
    """The same rdata, unless it is too long for a message. Raises ContentError."""
    # RFC 1035 3.2.1: RDLENGTH is "an unsigned 16 bit integer"
    length = len(rdata.to_wire() or b"")
    if length > _MOST_BYTES:
        raise ContentError(
            "rdata-too-long", f"the data has {length} bytes; a record can have {_MOST_BYTES}"
        )
    return rdata


def rdata_from_text(
    rdtype: dns.rdatatype.RdataType, text: str, origin: dns.name.Name | None = None
) -> dns.rdata.Rdata:
    """The rdata of a presentation form. Without an origin names must be absolute.

    Raises ContentError.
    """
    found = list(entries(text))
    if len(found) != 1 or not isinstance(found[0], Entry):
        flaw = next((item.message for item in found if not isinstance(item, Entry)), None)
        reason = flaw or ("it is empty" if not found else "it has several lines")
        kind = dns.rdatatype.to_text(rdtype)
        raise ContentError("bad-rdata", f"the value does not fit type {kind}: {reason}")
    try:
        return parse_rdata(rdtype, found[0].words, origin)
    except ContentError as fault:  # the whole value is its place in the file
        raise ContentError(fault.id, fault.message) from fault


def record_type(text: str) -> dns.rdatatype.RdataType:
    """The type that a word such as MX or ``TYPE65280`` names. Raises ContentError."""
    try:
        rdtype = dns.rdatatype.from_text(text)
    except Exception as error:
        # UnknownRdatatype for a word, ValueError and others for a number that is out of range.
        known = [*(item.name.replace("_", "-") for item in dns.rdatatype.RdataType), "GEO"]
        raise ContentError(
            "unknown-type",
            f"{shown(text)} is not a record type",
            did_you_mean(text.upper(), known) or "other types are written as in TYPE65280",
        ) from error
    if dns.rdatatype.is_metatype(rdtype) or rdtype == dns.rdatatype.NONE:
        raise ContentError("meta-type", f"{text} stands only in messages; a zone can't have it")
    return rdtype
