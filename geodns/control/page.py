"""The status page: one self-contained piece of HTML for a person with a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from geodns.control import page_tables, view
from geodns.control.glance import Line, RegionGlance, Tone, ZoneGlance, regions
from geodns.control.markup import Content, Html, element, joined
from geodns.control.order_words import standing
from geodns.control.page_style import STYLE
from geodns.control.snapshot import Snapshot
from geodns.control.summary import Finding, extent, findings, foremost, last_reload, pair_line

_REFRESH = "5"  # seconds
_SIGNS = {Tone.WELL: "✓", Tone.WAITING: "○", Tone.PART: "◐", Tone.BAD: "✗"}


def render(snapshot: Snapshot) -> str:
    """The whole page. Everything that comes from configuration or probes is escaped."""
    status = view.status(snapshot)
    found = regions(status)
    wrong = findings(status, found)
    name = status["identity"] or "geodns"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="refresh", content=_REFRESH),
        element("title", f"{_SIGNS[_worst(wrong)]} {name}: {_in_words(wrong)}"),
        element("style", Html(STYLE)),
    )
    body = element(
        "body",
        _header(status, found, wrong, name),
        _regions(found, status["at"]),
        *page_tables.sections(status),
    )
    return f"<!DOCTYPE html>{element('html', head, body, lang='en')}"


def _worst(wrong: list[Finding]) -> Tone:
    return max((tone for tone, _ in wrong), default=Tone.WELL)


def _in_words(wrong: list[Finding]) -> str:
    return "; ".join(words for _, words in wrong) or "all well"


def _header(
    status: dict[str, Any], found: tuple[RegionGlance, ...], wrong: list[Finding], name: str
) -> Html:
    lines = [_signed("p", tone, _state(words)) for tone, words in wrong]
    box = element(
        "div",
        *(lines or [_signed("p", Tone.WELL, _state("All well"))]),
        element("p", extent(found, status), class_="quiet line"),
        class_=f"box {_name(_worst(wrong))}",
    )
    return element(
        "header",
        element("h1", name),
        box,
        *_notes(status["configuration"]),
        *_orders(status["orders"], status["at"]),
        *_pair(status),
        element("p", *_running(status), class_="quiet"),
    )


def _pair(status: dict[str, Any]) -> Iterator[Html]:
    if status["pair"] is not None:
        yield element("p", f"Pair: {pair_line(status['pair'], status['at'])}", class_="quiet")


def _running(status: dict[str, Any]) -> Iterator[Content]:
    now, traffic = status["at"], status["traffic"]
    secure = status["tls_addresses"]
    tls = f" and, with TLS, {', '.join(secure)}" if secure else ""
    yield f"geodns {status['version']} on {', '.join(status['addresses'])}{tls}, up "
    yield page_tables.since(status["started"], now)
    yield f". Queries answered: {traffic['queries']:,}, "
    yield f"TCP connections open: {traffic['tcp_connections']:,}. "
    words, at = last_reload(status["configuration"])
    yield words.capitalize()
    if at is not None:
        yield joined((" ", page_tables.since(at, now), " ago"))
    yield joined((". As of ", element("time", view.moment(now)), "."))


def _notes(configuration: dict[str, Any]) -> Iterator[Html]:
    last = configuration["last_reload"]
    if last and not last["ok"]:
        yield _note(
            Tone.BAD,
            "The last reload was refused, the configuration from before it stays in use: "
            f"{last['error']}",
            last["problems"],
        )
    if configuration["warnings"]:
        yield _note(Tone.PART, "Warnings of the configuration in use", configuration["warnings"])


def _orders(orders: list[dict[str, Any]], now: float) -> Iterator[Html]:
    if orders:
        lines = (element("li", f"{o['text']} ({standing(o, now)})") for o in orders)
        title = element("b", "Orders of people")
        yield element("div", title, element("ul", *lines), class_=f"box note {_name(Tone.PART)}")


def _note(tone: Tone, title: str, problems: list[dict[str, Any]]) -> Html:
    lines = (element("li", line) for line in foremost(problems))
    return element(
        "div", element("b", title), element("ul", *lines), class_=f"box note {_name(tone)}"
    )


def _regions(found: tuple[RegionGlance, ...], now: float) -> Html:
    """Trouble in wide boxes, then the rest in small ones."""
    if not found:
        return Html("")
    trouble = [_region(region, now) for region in found if region.tone is not Tone.WELL]
    well = [_region(region, now) for region in found if region.tone is Tone.WELL]
    return element(
        "section",
        element("h2", "Regions"),
        *((element("div", *trouble, class_="grid trouble"),) if trouble else ()),
        *((element("div", *well, class_="grid"),) if well else ()),
    )


def _region(region: RegionGlance, now: float) -> Html:
    title = element("span", f" {region.title}", class_="quiet")
    well = region.tone is Tone.WELL
    return element(
        "div",
        _signed("h3", region.tone, region.name, title),
        *(() if well else (_group("p", region, now),)),
        element("ul", *(_zone(zone, now) for zone in region.zones)),
        class_=f"box {_name(region.tone)}",
    )


def _zone(zone: ZoneGlance, now: float) -> Html:
    """A line where it is well, with all that is wrong below it where it isn't."""
    name = element("span", element("b", zone.name), f" {zone.title}" if zone.title else "")
    if zone.tone is Tone.WELL:
        many = f"{len(zone.lines)} endpoint{'' if len(zone.lines) == 1 else 's'}"
        took = "" if zone.milliseconds is None else f", {zone.milliseconds:.1f} ms"
        told = element("span", many, took, class_="quiet number")
        return _signed("li", zone.tone, element("span", name, told, class_="short"))
    lines = (_line(line, now) for line in zone.trouble)
    return _signed("li", zone.tone, name, " ", _group("span", zone, now), element("ul", *lines))


def _group(tag: str, group: RegionGlance | ZoneGlance, now: float) -> Html:
    tone = Tone.WELL if group.state == "in service" else group.tone
    told = joined((" for ", page_tables.since(group.since, now), f": {group.reason}"))
    return element(tag, _state(group.state), told, class_=f"{_name(tone)}")


def _line(line: Line, now: float) -> Html:
    where = element("span", f" {', '.join(line.where)} ", class_="quiet")
    since = "" if line.since is None else joined((" for ", page_tables.since(line.since, now)))
    reason = f"{': ' if line.tone is Tone.BAD else ', '}{line.reason}" if line.reason else ""
    return _signed(
        "li", line.tone, ", ".join(line.services), where, _state(line.state), since, reason
    )


def _signed(tag: str, tone: Tone, *content: Content) -> Html:
    """A line that begins with the sign of how it stands, for eyes that don't tell the colours."""
    sign = element("span", _SIGNS[tone], class_="sign")
    return element(tag, sign, *content, class_=f"line {_name(tone)}")


def _state(words: str) -> Html:
    return element("span", words, class_="state")


def _name(tone: Tone) -> str:
    return tone.name.lower()
