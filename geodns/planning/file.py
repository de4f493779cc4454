"""The plan file: written whole or not at all, and read with every problem where it stands."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from geodns import yamlfile
from geodns.errors import GeodnsError
from geodns.latency.client import ClientKeyError, parse_client
from geodns.planning.plan import Origin, Plan, RegionLoad
from geodns.problem import Problem
from geodns.wording import did_you_mean, shown
from geodns.yamlfile import Document, Keys

_KEYS = (
    *("service", "made", "demand", "total", "mean_ms", "objective", "move_cost", "cost_weight"),
    *("headroom", "down", "regions", "clients"),
)
_NUMBERS = ("total", "mean_ms", "objective", "move_cost", "cost_weight", "headroom")
_TOLERANCE = 1e-6  # that written decimals may miss 1 by

_HEAD = """\
# A plan of `geodns plan`: which share of which clients each region is to serve. A steering chain
# follows it with the filter `plan: {file: ...}`. Shares of a row add up to 1.
"""


class PlanWriteError(GeodnsError):
    """A plan can't be written."""


def write_plan(plan: Plan, file: Path) -> None:
    """Replaces a file: after a crash there is the old one or the new one, never half of one.

    Raises PlanWriteError.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        fresh = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(plan_text(plan))
                stream.flush()
                os.fsync(stream.fileno())
            fresh.chmod(_mode(file))
            fresh.replace(file)
        except BaseException:
            with suppress(OSError):
                fresh.unlink()
            raise
        _sync_folder(file.parent)
    except OSError as error:
        raise PlanWriteError(f"{file} can't be written: {error.strerror or error}") from error


def plan_text(plan: Plan) -> str:
    """A plan as YAML."""
    origin = plan.origin
    head: dict[str, Any] = {
        "service": plan.service,
        "made": origin.made,
        "demand": origin.demand,
        "total": _short(origin.total),
        "mean_ms": _short(origin.mean),
        "objective": _short(origin.objective),
        "move_cost": _short(origin.move_cost),
        "cost_weight": _short(origin.cost_weight),
        "headroom": _short(origin.headroom),
        "down": list(origin.down),
    }
    given = {key: value for key, value in head.items() if value not in (None, "", [])}
    parts = [
        _HEAD,
        yaml.safe_dump(given, sort_keys=False, allow_unicode=True),
        "regions:\n" if plan.regions else "",
        *(f"  {_key(name)}: {_flow(_load(load))}\n" for name, load in plan.regions.items()),
        "clients:\n",
        *(f"  {_key(client)}: {_flow(dict(row))}\n" for client, row in plan.rows.items()),
    ]
    return "".join(parts)


def read_plan(file: Path, regions: Collection[str]) -> tuple[Plan, list[Problem]]:
    """The plan in a file, and everything that is wrong with it.

    ``regions`` are the names in the topology; that of another one is a warning, and its share
    goes to the others of its row. With errors, the rows are those that are sound. No exception
    leaves this function, whatever the file holds.
    """
    document, problems = yamlfile.read(file)
    reader = _Reader(document, regions, problems)
    return reader.plan(), reader.problems


class _Reader:
    def __init__(
        self, document: Document, regions: Collection[str], problems: list[Problem]
    ) -> None:
        self.document = document
        self.problems = list(problems)
        self._regions = regions

    def plan(self) -> Plan:
        data = self.document.data
        if not isinstance(data, dict):
            if not self.problems:
                hint = "write service: web and clients: {EU-DE: {eu-central-1: 1}}"
                self._problem("wrong-type", "is no plan", (), hint)
            return Plan("", {})
        for key in data:
            if key not in _KEYS:
                hint = did_you_mean(key, _KEYS) or f"the keys are {', '.join(_KEYS)}"
                self._problem("unknown-key", f"unknown key {shown(key)}", (key,), hint, key=True)
        return Plan(self._service(data), self._rows(data), self._origin(data), self._loads(data))

    def _service(self, data: dict[str, Any]) -> str:
        service = data.get("service")
        if isinstance(service, str) and service:
            return service
        self._problem("no-service", "does not say which service it is for", ("service",))
        return ""

    def _rows(self, data: dict[str, Any]) -> dict[str, dict[str, float]]:
        clients = data.get("clients")
        if not isinstance(clients, dict) or not clients:
            hint = "as in clients: {EU-DE: {eu-central-1: 0.8, eu-west-1: 0.2}}"
            self._problem("no-clients", "has no clients with shares", ("clients",), hint)
            return {}
        rows: dict[str, dict[str, float]] = {}
        spellings: dict[str, str] = {}
        for text, shares in clients.items():
            client = self._client(text)
            if client is None:
                continue
            if client in spellings:
                line = self.document.key_at(("clients", spellings[client]))[0]
                message = f"{shown(text)} is {client}, which has a row in line {line}"
                self._problem("duplicate-client", message, ("clients", text), key=True)
                continue
            spellings[client] = text
            row = self._row(text, shares)
            if row is not None:
                rows[client] = row
        return rows

    def _client(self, text: str) -> str | None:
        try:
            return parse_client(text).text
        except ClientKeyError as error:
            self._problem("bad-client", str(error), ("clients", text), error.hint, key=True)
            return None

    def _row(self, text: str, shares: object) -> dict[str, float] | None:
        path = ("clients", text)
        if not isinstance(shares, dict) or not shares:
            message = f"the row of {text} must map regions to shares"
            self._problem("wrong-type", message, path, "as in {eu-central-1: 0.8, eu-west-1: 0.2}")
            return None
        sound = [self._is_share(share, (*path, name)) for name, share in shares.items()]
        if not all(sound):
            return None
        total = sum(shares.values())
        if abs(total - 1) > _TOLERANCE:
            message = f"the shares of {text} add up to {total:.7g}"
            self._problem("wrong-sum", message, path, "they must add up to 1")
            return None
        known = {
            name: float(share)
            for name, share in shares.items()
            if self._is_region(name, (*path, name)) and share
        }
        left = sum(known.values())
        whole = left == total
        return {name: share if whole else share / left for name, share in known.items()} or None

    def _is_region(self, name: str, path: Keys) -> bool:
        """A region may be gone since the plan was made: that must not stand in a reload's way."""
        if name in self._regions:
            return True
        problem = self.document.problem(
            "undefined-region",
            f"region {shown(name)} is not in the topology: its share goes to the others",
            path,
            key=True,
            hint=did_you_mean(name, self._regions),
            severity="warning",
        )
        self.problems.append(problem)
        return False

    def _is_share(self, share: object, path: Keys) -> bool:
        if _is_number(share) and 0 <= share <= 1:  # type: ignore[operator]
            return True
        message = f"{shown(share)} is not a share"
        self._problem("bad-share", message, path, "write a number from 0 to 1")
        return False

    def _origin(self, data: dict[str, Any]) -> Origin:
        numbers: dict[str, float] = {}
        for key in _NUMBERS:
            if data.get(key) is None:
                continue
            # A price of moving may be infinite.
            if _is_number(data[key]) or data[key] == math.inf:
                numbers[key] = float(data[key])
            else:
                self._problem("bad-number", f"{key}: {shown(data[key])} is no number", (key,))
        down = data.get("down") or []
        return Origin(
            made=str(data.get("made") or ""),
            demand=str(data.get("demand") or ""),
            total=numbers.get("total", 0.0),
            mean=numbers.get("mean_ms"),
            objective=numbers.get("objective"),
            move_cost=numbers.get("move_cost", 0.0),
            cost_weight=numbers.get("cost_weight", 0.0),
            headroom=numbers.get("headroom", 0.0),
            down=tuple(map(str, down)) if isinstance(down, list) else (),
        )

    def _loads(self, data: dict[str, Any]) -> dict[str, RegionLoad]:
        """The prediction; it steers nothing, so a region that is gone meanwhile is no problem."""
        regions = data.get("regions") or {}
        if not isinstance(regions, dict):
            self._problem("wrong-type", "regions must map regions to loads", ("regions",))
            return {}
        return {
            name: RegionLoad(float(entry["load"]), _number_or_none(entry.get("capacity")))
            for name, entry in regions.items()
            if isinstance(entry, dict) and _is_number(entry.get("load"))
        }

    def _problem(
        self, id: str, message: str, path: Keys, hint: str | None = None, *, key: bool = False
    ) -> None:
        self.problems.append(self.document.problem(id, message, path, key=key, hint=hint))


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 1e300  # nan is not


def _number_or_none(value: object) -> float | None:
    return float(value) if _is_number(value) else None  # type: ignore[arg-type]


def _load(load: RegionLoad) -> dict[str, float | None]:
    use = load.utilisation
    entry = {
        "load": _short(load.load),
        "capacity": _short(load.capacity),
        "utilisation": None if use is None else round(use, 4),
    }
    return {key: value for key, value in entry.items() if value is not None}


def _short(value: float | None) -> float | None:
    """Nine digits: more than anybody measures."""
    return None if value is None else float(f"{value:.9g}")


def _key(text: str) -> str:
    """A mapping's key as YAML: quoted where it would be read as something else."""
    # In brackets, where more characters have to be quoted than elsewhere.
    return yaml.safe_dump([text], default_flow_style=True, allow_unicode=True, width=10_000)[1:-2]


def _flow(row: dict[str, Any]) -> str:
    pairs = (f"{_key(name)}: {_decimal(value)}" for name, value in row.items())
    return f"{{{', '.join(pairs)}}}"


def _decimal(value: float) -> str:
    """A number without an exponent: easier on people."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _mode(file: Path) -> int:
    """The permissions of the file that is replaced, or what a new file would get."""
    with suppress(OSError):
        return file.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    """Makes the new name last, too."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
