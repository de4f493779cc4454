"""Control's part in keeping zones, lived through again and again and killed each time.

``python killed_lives.py FOLDER ROUNDS SEED``: a life has the store, dynamic updates, resets, edits,
serials, the journal and the compiler, with real files, and nothing else of the server. It says what
it serves and what it acknowledges; after its death, all that was said must hold for the next one.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.update
from day_world import write_database
from keys import SECRET
from killing import Ending, Moment, killed_at, mark

from geodns.control import journal
from geodns.control.compiler import compile_to
from geodns.control.compiling import Compilation
from geodns.control.outcome import Compiled, Loaded, Message
from geodns.control.reloader import Reloader
from geodns.control.resetting import Resetting, Wish
from geodns.control.state import StateFolder
from geodns.control.store import FILE, Event, Store
from geodns.control.updating import Updating
from geodns.editor.edit import edit, edit_zone
from geodns.editor.site import open_site
from geodns.replication.messages import Record
from geodns.replication.zones import open_zone
from geodns.server.answering import HandedQuery
from geodns.zone.editing.records import Key, RecordSet

_ORIGIN = dns.name.from_text("example.test.")
_APEX = _ORIGIN.to_digestable()
_CONFIG = f"""\
listen: ["127.0.0.1:5300"]
zones: zones
state: var
admin: {{socket: none.sock}}
geoip: {{databases: [places.mmdb]}}
transfer: {{allow: [{{key: k.test.}}]}}
keys: {{k.test.: {{secret: "{SECRET}"}}}}
update: {{zones: {{example.test.: [{{key: k.test.}}]}}}}
"""
_UPDATED = [f"{side}{number}" for number in range(4) for side in "uv"]
_EDITED = [f"{side}{number}" for number in range(4) for side in "ef"]
_MANY = 200  # stops: more than any step has
_STEPS = 3  # of a life that is not killed before

Values = dict[str, str | None]
"""TXT by name; None: there is none."""


@dataclass(frozen=True)
class Step:
    """One thing that a life is asked to do. ``messages``: updates that are sent at once."""

    kind: str
    messages: tuple[Values, ...] = ()
    values: Values = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True)
class Zone:
    """What the file says, and what updates wrote."""

    file: Values
    written: Values = field(default_factory=dict)

    @property
    def served(self) -> dict[str, str]:
        """By name."""
        merged = {**self.file, **self.written}
        return {name: value for name, value in merged.items() if value is not None}

    def after(self, step: Step, acknowledged: int) -> list[Zone]:
        """What it may be when a step was under way of which so much was acknowledged."""
        zones = [self]
        if step.kind == "update":
            for message in step.messages:
                last = zones[-1]
                zones.append(Zone(last.file, {**last.written, **message}))
        elif step.kind == "edit":
            zones.append(Zone({**self.file, **step.values}, self.written))
        else:
            left = {name: value for name, value in self.written.items() if name != step.name}
            zones.append(Zone(self.file, left))
        return zones[acknowledged:]


# --- a life ---------------------------------------------------------------------------------------


class _Alone:
    """A server without a pair."""

    def must_lead(self) -> None:
        pass

    def written(self) -> None:
        pass

    async def is_safe(self) -> bool:
        return True


class Life:
    """As ``ControlProcess``, less health, workers and sockets."""

    def __init__(self, config: Path, out: int) -> None:
        self._config = config
        self._out = out
        self._image = -1
        self._reloader = Reloader(self._compile, self._apply, lambda _files: None)
        self._updating = Updating(
            lambda: self._image,
            lambda: self._reloader.request("update"),
            self._log,
            _Alone(),
        )
        self._resetting = Resetting(
            self._updating,
            lambda: self._reloader.request("reset"),
            self._log,
        )

    async def run(self, steps: Iterable[Step]) -> None:
        self._folder = StateFolder(self._config.parent / "var")
        compilation = await self._compile()
        self._store = Store(self._config.parent / "var")
        self._updating.use(self._store)
        await self._apply(compilation)
        self._tell("started")
        reloads = asyncio.create_task(self._reloader.run())
        for step in steps:
            mark()
            await self._do(step)
        mark()
        reloads.cancel()

    def _log(self, event: Event) -> None:
        self._store.add(event)

    async def _compile(self) -> Compilation:
        image = os.memfd_create("image")
        told: list[Message] = []
        former = self._image if self._image >= 0 else None
        compile_to(self._config, image, told.append, {}, former)
        loaded, compiled = told
        assert isinstance(loaded, Loaded), loaded
        assert isinstance(compiled, Compiled), compiled
        return Compilation(loaded, compiled, image)

    async def _apply(self, compilation: Compilation) -> None:
        compiled = compilation.compiled
        self._store.keep_serials(compiled.serials, compiled.changes)
        self._updating.renew(compilation.loaded.configuration.server.update)
        if self._image >= 0:
            os.close(self._image)
        self._image = compilation.image
        zone = open_zone(self._image, _APEX)
        assert zone is not None
        self._tell("served", serial=zone.serial, zone=_values(zone.records()))

    async def _do(self, step: Step) -> None:
        if step.kind == "update":
            await asyncio.gather(*map(self._update, step.messages))
            return
        if step.kind == "reset":
            owner = dns.name.from_text(step.name, _ORIGIN)
            await self._resetting.do(Wish(_ORIGIN, owner, None, True), "test")
        else:
            self._edit(step.values)
            assert (await self._reloader.request("edit")).ok
        self._tell("done")

    async def _update(self, message: Values) -> None:
        update = dns.update.UpdateMessage(_ORIGIN)
        for name, value in message.items():
            if value is None:
                update.delete(name, "TXT")
            else:
                update.replace(name, 60, "TXT", value)
        query = HandedQuery("tcp", update.to_wire(), "127.0.0.1")
        reply = await self._updating.answer(query, "k.test.")
        assert reply[3] & 15 == dns.rcode.NOERROR
        self._tell("done")

    def _edit(self, values: Values) -> None:
        site = open_site(self._config)
        change: dict[Key, RecordSet | None] = {
            (dns.name.from_text(name, _ORIGIN), dns.rdatatype.TXT): None
            if value is None
            else RecordSet(60, (dns.rdata.from_text("IN", "TXT", value),))
            for name, value in values.items()
        }
        file = site.file_of(_ORIGIN)
        edit(site, lambda: edit_zone(site, file, lambda *_: change, force=True), dry_run=False)

    def _tell(self, what: str, **more: Any) -> None:
        os.write(self._out, json.dumps({"what": what, **more}).encode() + b"\n")


def _values(records: Iterable[Record]) -> dict[str, str]:
    found = {}
    for record in records:
        if record.type == dns.rdatatype.TXT:
            name = dns.name.from_wire(record.owner, 0)[0].relativize(_ORIGIN).to_text()
            found[name] = record.rdata[1:].decode()
    return found


# --- many of them ---------------------------------------------------------------------------------


class Rounds:
    """Lives on one folder, one after the other, and what must hold over all of them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._config = folder / "geodns.yaml"
        self._dice = random.Random(seed)
        self._number = 0
        self._possible = [Zone(dict.fromkeys((*_UPDATED[:4], *_EDITED[:4]), "first"))]
        self._versions: dict[int, dict[str, str]] = {}
        self._served = 0
        self._longest: dict[str, int] = {}  # stops of a whole step, by kind
        self.counts: Counter[str] = Counter()
        (folder / "zones").mkdir(parents=True)
        write_database(folder / "places.mmdb", "DE")  # read in no time
        self._config.write_text(_CONFIG)
        first = "".join(
            f'{name}: {{type: TXT, ttl: 60, value: "{value}"}}\n'
            for name, value in self._possible[0].served.items()
        )
        zone = '"": {type: NS, value: ns1.example.net.}\n' + first
        (folder / "zones/example.test.yaml").write_text(zone)

    def run(self) -> None:
        """One life."""
        steps = [self._step() for _ in range(_STEPS)]
        marks = self._dice.randrange(_STEPS + 1)
        kind = "start" if not marks else steps[marks - 1].kind
        stops = self._dice.randrange(self._longest.get(kind, _MANY) + 1)
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        ending = killed_at(
            Moment(marks, stops), lambda: asyncio.run(Life(self._config, writing).run(steps))
        )
        os.close(writing)
        with os.fdopen(reading, "rb") as said:
            lines = (said.read() or b"").splitlines(keepends=True)
        self._judge([json.loads(line) for line in lines if line.endswith(b"\n")], steps)
        self._count(kind, stops, ending)
        self._follow()

    def _step(self) -> Step:
        kind = self._dice.choice(("update", "update", "edit", "reset"))
        if kind == "update":
            count = self._dice.randrange(1, 4)
            return Step(kind, messages=tuple(self._pair(_UPDATED) for _ in range(count)))
        if kind == "edit":
            return Step(kind, values=self._pair(_EDITED))
        return Step(kind, name=self._dice.choice(_UPDATED))

    def _pair(self, names: list[str]) -> Values:
        """Two names that get the same: a half would show."""
        self._number += 1
        at = self._dice.randrange(len(names) // 2) * 2
        value = None if self._dice.random() < 0.2 else f"{self._number}"
        return dict.fromkeys(names[at : at + 2], value)

    def _judge(self, said: list[dict[str, Any]], steps: list[Step]) -> None:
        """What a life said must fit what those before it left; then what it may have left."""
        started = next((n for n, each in enumerate(said) if each["what"] == "started"), None)
        for each in said:
            if each["what"] == "served":
                self._take(each["serial"], each["zone"])
        if said:  # the first image is of what there was
            first = said[0]["zone"]
            self._possible = [zone for zone in self._possible if zone.served == first]
            assert self._possible, f"nobody wrote this: {first}"
        if started is None:
            return
        acknowledged = sum(each["what"] == "done" for each in said)
        for step in steps:
            size = len(step.messages) or 1
            done = min(acknowledged, size)
            acknowledged -= done
            later = [each for zone in self._possible for each in zone.after(step, done)]
            self._possible = [each for n, each in enumerate(later) if each not in later[:n]]
            if done < size:
                return  # nothing of the next one was begun

    def _take(self, serial: int, zone: dict[str, str]) -> None:
        """A serial never goes back, and stands for one content."""
        assert serial >= self._served, f"{serial} was served after {self._served}"
        assert self._versions.setdefault(serial, zone) == zone, f"{serial} stands for two contents"
        self._served = serial

    def _count(self, kind: str, stops: int, ending: Ending) -> None:
        assert ending.status in (None, 0), f"a life failed with status {ending.status}"
        self.counts[f"killed in {kind}"] += 1
        if ending.stops < stops:  # it was over before
            self._longest[kind] = max(ending.stops, self._longest.get(kind, 0))

    def _follow(self) -> None:
        """What a secondary that holds any version is sent leads to the present one."""
        versions = list(self._versions)
        for serial in self._dice.sample(versions, min(3, len(versions))):
            if serial == self._served:
                continue
            file = self._config.parent / "var" / FILE
            difference = journal.read(file, _APEX, serial, self._served)
            if difference is None:
                continue
            self.counts["followed by the journal"] += 1
            found = set(self._versions[serial].items())
            removed, added = _items(difference.removed), _items(difference.added)
            assert removed <= found
            assert found - removed | added == set(self._versions[self._served].items())


def _items(records: Iterable[Record]) -> set[tuple[str, str]]:
    return set(_values(records).items())


def main(folder: Path, rounds: int, seed: int) -> None:
    """All rounds; prints the counts. Fails with what was wrong."""
    lives = Rounds(folder, seed)
    gc.freeze()
    for _ in range(rounds):
        lives.run()
    print(json.dumps(lives.counts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
