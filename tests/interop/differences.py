"""Where NSD, Knot DNS and BIND differ from each other, and whom this server is with.

Each rule says which of them go another way, of which parts of a reply, and in which cases. What
no rule explains has to be equal. The reasons are in docs/protocol.md, under the names used here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from comparing import PARTS, Case
from plain_zones import ZONES, owners

NSD, KNOT, BIND = "NSD", "Knot DNS", "BIND"
_SECTIONS = ("answer", "authority", "additional")
_FOLLOWING = ("rcode", "tc", *_SECTIONS)
_APEXES = frozenset(f"{zone}." for zone in ZONES)
_OWNERS = {
    apex: frozenset(str(name).lower() for name in owners(apex, text))
    for apex, text in ((f"{zone}.", text) for zone, text in ZONES.items())
}


def _zone_of(name: str) -> str | None:
    labels = name.split(".")
    suffixes = (".".join(labels[start:]) for start in range(len(labels) - 1))
    return next((suffix for suffix in suffixes if suffix in _APEXES), None)


def _leads_to_another_zone(case: Case) -> bool:
    chain = case.chain()
    if len(chain) == 1:
        return False
    end = _zone_of(chain[-1])
    # DS of an apex stands in another zone than all else there.
    own = _zone_of(chain[0])
    return end is not None and (
        end != own or (case.question.type.name == "DS" and end == chain[-1])
    )


def _leads_below_a_cut(case: Case) -> bool:
    return _leads_to_another_zone(case) and any(
        type == "NS" for _, _, type, _ in case.ours.authority
    )


def _turns_in_a_circle(case: Case) -> bool:
    chain = case.chain()
    return len(chain) != len(set(chain)) or _grows_without_end(case)


def _grows_without_end(case: Case) -> bool:
    return str(case.question.name).lower().endswith(".deeper.alias.test.")


def _has_many_aliases(case: Case) -> bool:
    return len(case.chain()) > 6


def _grows_too_long(case: Case) -> bool:
    return case.ours.rcode == "YXDOMAIN"


def _asks_for_what_signs_an_alias(case: Case) -> bool:
    return case.question.type.name in {"NSEC", "RRSIG", "NSEC3"}


def _exists_in_another_zone(case: Case) -> bool:
    name = str(case.question.name).lower()
    return sum(name in names for names in _OWNERS.values()) > 0 and case.ours.rcode == "NXDOMAIN"


def _has_cd(case: Case) -> bool:
    return case.question.cd


def _has_a_rest(case: Case) -> bool:
    return bool(case.question.rest)


def _is_referral(case: Case) -> bool:
    return any(type == "NS" for _, _, type, _ in case.ours.authority)


def _names_hosts(case: Case) -> bool:
    return bool(case.ours.answer) and not _is_referral(case)


def _names_services(case: Case) -> bool:
    return case.question.type.name in {"HTTPS", "SVCB"}


def _names_mail_below_a_cut(case: Case) -> bool:
    return case.question.type.name == "MX" and case.ours.additional < case.theirs[KNOT].additional


def _asks_for_name_servers(case: Case) -> bool:
    return case.question.type.name == "NS"


def _is_cut_for_glue(case: Case) -> bool:
    return case.ours.tc and case.theirs[KNOT].tc and not case.ours.aa


def _is_cut_by_all(case: Case) -> bool:
    return case.ours.tc and all(reply.tc for reply in case.theirs.values())


def _names_hosts_seldom(case: Case) -> bool:
    return case.question.type.name in {"AFSDB", "KX", "NAPTR", "RT"}


def _names_many_hosts(case: Case) -> bool:
    return len(case.ours.answer) > 13


def _fits(case: Case) -> bool:
    return not case.ours.tc


class Rule(NamedTuple):
    """``others`` go another way in ``parts`` of the replies where ``applies``."""

    name: str
    others: Collection[str]
    parts: Collection[str]
    applies: Callable[[Case], bool]


RULES = (
    Rule("aliases into another zone", {NSD}, _FOLLOWING, _leads_to_another_zone),
    Rule("aliases into a child zone", {BIND}, ("authority", "additional"), _leads_below_a_cut),
    Rule("aliases in a circle", {BIND}, {"rcode"}, _turns_in_a_circle),
    Rule("aliases without end", {NSD, KNOT, BIND}, ("tc", "answer"), _grows_without_end),
    Rule("many aliases", {KNOT}, _FOLLOWING, _has_many_aliases),
    Rule("renamed too long", {KNOT}, _FOLLOWING, _grows_too_long),
    Rule("signatures of an alias", {NSD}, _FOLLOWING, _asks_for_what_signs_an_alias),
    Rule("names of other zones", {NSD}, {"rcode"}, _exists_in_another_zone),
    Rule("the CD bit", {NSD, KNOT}, {"flags"}, _has_cd),
    Rule("bytes behind the last record", {KNOT}, PARTS, _has_a_rest),
    Rule("addresses in a referral", {BIND}, {"additional"}, _is_referral),
    Rule("addresses of hosts", {NSD}, {"additional"}, _names_hosts),
    Rule("addresses of services", {KNOT, BIND}, {"additional"}, _names_services),
    Rule("addresses from below a cut", {KNOT}, {"additional"}, _names_mail_below_a_cut),
    Rule("addresses of name servers", {BIND}, {"additional"}, _asks_for_name_servers),
    Rule("addresses of rare types", {BIND}, {"additional"}, _names_hosts_seldom),
    Rule("addresses of many hosts", {BIND}, {"additional"}, _names_many_hosts),
    Rule("glue that does not fit", {NSD, BIND}, {"tc"}, _is_cut_for_glue),
    Rule("rcode of what is cut", {NSD}, {"rcode"}, _is_cut_by_all),
    Rule("what just fits", {NSD, KNOT, BIND}, {"tc"}, _fits),
)


def unexplained(case: Case, used: set[str]) -> list[str]:
    """The parts in which this server stands against what the others say, or differs for no reason.

    Adds the names of the rules that were needed to ``used``.
    """
    found = []
    cut = case.ours.tc or any(reply.tc for reply in case.theirs.values())
    for part in PARTS:
        if cut and part in _SECTIONS:
            continue
        ours = getattr(case.ours, part)
        against = {name for name, reply in case.theirs.items() if getattr(reply, part) != ours}
        if len({getattr(reply, part) for reply in case.theirs.values()}) == 1:
            found += [part] if against else []
            continue
        rules = [rule for rule in RULES if part in rule.parts and rule.applies(case)]
        for rule in rules:
            if against & set(rule.others):
                used.add(rule.name)
                against -= set(rule.others)
        found += [part] if against else []
    return found
