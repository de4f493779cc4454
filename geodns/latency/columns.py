"""Which columns of a file of raw measurements hold what: usual spellings, or what the user says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from geodns.errors import GeodnsError
from geodns.wording import did_you_mean

SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "client": (
        *("client", "address", "ip", "client_ip", "client_address", "clientip", "ip_address"),
        *("addr", "src", "source", "source_ip", "src_addr", "src_ip", "subnet", "prefix"),
        *("client_subnet", "remote_addr", "from"),
    ),
    "region": (
        *("region", "datacenter", "data_center", "dc", "pop", "site", "location", "az"),
        *("availability_zone", "target", "server", "endpoint", "dst", "destination"),
    ),
    "ms": (
        *("ms", "milliseconds", "rtt", "rtt_ms", "latency", "latency_ms", "ping", "ping_ms"),
        *("srtt", "min_rtt", "minrtt", "rtt_avg", "duration_ms"),
    ),
    "time": (
        *("time", "timestamp", "ts", "measured", "measured_at", "at", "date", "datetime"),
        *("created_at", "epoch", "unixtime"),
    ),
}


class ColumnError(GeodnsError):
    """A column can't be found, or is named twice."""


def parse_choice(text: str) -> dict[str, str]:
    """``client=ip,ms=rtt`` as a mapping. Raises ColumnError."""
    chosen: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        what, equals, name = (word.strip() for word in part.partition("="))
        if what not in SPELLINGS or not equals or not name:
            hint = did_you_mean(what, SPELLINGS) or f"it is one of {', '.join(SPELLINGS)}"
            raise ColumnError(f"{part!r} names no column: write client=NAME, and so on ({hint})")
        chosen[what] = name
    return chosen


def find_columns(header: Sequence[str], chosen: Mapping[str, str], where: str) -> dict[str, int]:
    """The positions of client, region, ms and, if there is one, time.

    ``chosen`` are names that the user gave, which must be there. ``where`` is the file, for the
    message. Raises ColumnError.
    """
    names = [_plain(name) for name in header]
    found: dict[str, int] = {}
    for what, spellings in SPELLINGS.items():
        if what in chosen:
            wanted: Sequence[str] = (_plain(chosen[what]),)
        else:
            wanted = spellings
        position = next((names.index(name) for name in wanted if name in names), None)
        if position is not None:
            found[what] = position
        elif what != "time" or what in chosen:
            name = chosen.get(what, what)
            raise ColumnError(
                f"{where} has no column for {what}"
                + (f" named {name!r}" if what in chosen else "")
                + f": it has {', '.join(header[:20]) or 'none'}; name it with --columns {what}=NAME"
            )
    if len(set(found.values())) < len(found):
        raise ColumnError(f"{where}: one column can't be two of {', '.join(found)}")
    return found


def _plain(name: str) -> str:
    return name.strip().strip('"').strip().lower().replace(" ", "_").replace("-", "_")
