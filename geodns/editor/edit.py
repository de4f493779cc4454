"""One edit of the zones folder: checked as a whole, written, taken into use, or put back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import dns.rdatatype

from geodns.config.load import load
from geodns.control import client
from geodns.control.state import StateError
from geodns.editor.lock import locked
from geodns.editor.own import all_written
from geodns.editor.site import Site, is_master, read_file
from geodns.editor.write import clear_unfinished, remove, write_whole
from geodns.errors import GeodnsError
from geodns.problem import ConfigurationError, Problem
from geodns.zone.draft import Draft
from geodns.zone.editing.change import Change, too_much, with_next_serial
from geodns.zone.editing.compare import must_match
from geodns.zone.editing.difference import Difference, differences
from geodns.zone.editing.master_edit import edit_master
from geodns.zone.editing.master_places import read_places
from geodns.zone.editing.records import EditError, Key, Records, RecordSet, records_of
from geodns.zone.editing.yaml_edit import edit_octodns
from geodns.zone.editing.yaml_values import readable
from geodns.zone.load import collector_paused, read_zone
from geodns.zone.pending import Pending

PATIENCE = 60.0  # seconds to wait for another edit
RELOAD_PATIENCE = 600.0  # seconds: a configuration of millions of records takes minutes
_BOM = b"\xef\xbb\xbf"
Use = Literal["dry run", "nothing to do", "in use", "no server", "not in use"]


class RefusedError(GeodnsError):
    """The edit was not made, or was undone; the message says why, with every problem on a line."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an edit. ``former`` and ``fresh`` are each file's bytes, None: no file.

    ``note`` says why it is not in use. ``backup`` is where a zone that was deleted is kept.
    ``overruled``: record sets of the edit in whose place those count that dynamic updates wrote.
    """

    use: Use
    former: Mapping[Path, bytes | None] = field(default_factory=dict)
    fresh: Mapping[Path, bytes | None] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    warnings: tuple[Problem, ...] = ()
    note: str | None = None
    backup: Path | None = None
    overruled: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the files are to be, and how their records differ then."""

    fresh: Mapping[Path, bytes | None]
    differences: tuple[Difference, ...]
    backup: tuple[Path, bytes] | None = None


def edit(site: Site, want: Callable[[], Wanted | None], *, dry_run: bool) -> Outcome:
    """Makes an edit; ``want`` reads the files, under the lock, and says what they are to be.

    Raises GeodnsError in a sentence that says why not.
    """
    site.must_lead()
    # A dry run changes nothing, and may be tried by who has no right to.
    with nullcontext() if dry_run else locked(site.folder, PATIENCE):
        wanted = want()
        former = {} if wanted is None else {file: _bytes(file) for file in wanted.fresh}
        if wanted is None or former == wanted.fresh:
            return Outcome("nothing to do")
        warnings, others = _checked(site, wanted.fresh)
        outcome = Outcome(
            "dry run",
            former,
            wanted.fresh,
            wanted.differences,
            warnings,
            overruled=_overruled(site, wanted.differences),
        )
        if dry_run:
            return outcome
        clear_unfinished(site.folder)
        backup = _backed_up(wanted.backup)
        _write(former, wanted.fresh)
        use, note = _take_into_use(site, former, wanted.fresh, others)
        return replace(outcome, use=use, note=note, backup=backup)


def _overruled(site: Site, differences: tuple[Difference, ...]) -> tuple[Key, ...]:
    try:
        written = all_written(site.state)
    except StateError:
        return ()  # who may edit files need not be allowed to read the state
    updated = {
        (owner, type) for zone in written.values() for owner, node in zone.items() for type in node
    }
    return tuple(
        (found.owner, found.kind)
        for found in differences
        if (found.owner.to_digestable(), found.kind) in updated
    )


@collector_paused()
def edit_zone(
    site: Site, file: Path, change_of: Callable[[Draft, Records], Change], *, force: bool
) -> Wanted | None:
    """A change of one zone's records, as ``edit`` wants it; None: there is nothing to change.

    Raises EditError.
    """
    draft = read_file(file, site.folder)
    before = records_of(draft.nodes)
    change = change_of(draft, before)
    master = is_master(file)
    if not master:
        change = {key: _as_yaml(fresh) for key, fresh in change.items()}
    if not change:
        return None
    if _sets_serial(draft, file):
        change = with_next_serial(before, change, draft.origin)
    reason = None if force else too_much(before, change)
    if reason is not None:
        raise EditError(reason)
    data = _bytes(file) or b""
    bom = _BOM if data.startswith(_BOM) else b""
    text = _decoded(data.removeprefix(_BOM), file)
    if master:
        lines, elsewhere = read_places(text, file, site.folder, draft.origin, Path.read_bytes)
        text = edit_master(text, lines, elsewhere, draft.origin, before, change)
    else:
        text = edit_octodns(text, draft.origin, before, change)
    fresh = {file: bom + text.encode()}
    after, problems = read_zone(file, site.folder, None, Pending(fresh))
    if after is None:
        raise EditError(str(problems[0]))
    found = records_of(after.nodes)
    known = {(item.id, item.message) for item in draft.problems}
    broken = [item for item in problems if item.severity == "error"]
    new = [str(item) for item in broken if (item.id, item.message) not in known]
    if new:
        raise RefusedError("\n".join((*new, "nothing was changed")))
    must_match(before, change, found, made_soa=not master)
    return Wanted(fresh, tuple(differences(before, found, serials=not draft.automatic_serial)))


def _sets_serial(draft: Draft, file: Path) -> bool:
    """Whether the file has a serial of its own, which an edit has to move on."""
    spot = draft.spots.get((draft.origin, dns.rdatatype.SOA))
    return not draft.automatic_serial and spot is not None and spot.file == file


def _as_yaml(records: RecordSet | None) -> RecordSet | None:
    if records is None:
        return None
    return records._replace(values=tuple(readable(value) for value in records.values))


def _bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EditError(f"{file} can't be read: {error.strerror}") from error


def _decoded(data: bytes, file: Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EditError(f"{file} is not UTF-8 at byte {error.start}; repair it first") from error


# --- checking -------------------------------------------------------------------------------------


def _checked(
    site: Site, fresh: Mapping[Path, bytes | None]
) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """The new warnings of the whole configuration after the edit, and errors that it had before.

    Raises RefusedError where there is a new error.
    """
    after = _problems(site, Pending(fresh))
    of_files = [item for item in after if item.file in fresh]
    before = _problems(site, Pending()) if of_files or _errors(after) else ()
    known = {(item.id, item.message, item.file) for item in before}
    new = [item for item in after if (item.id, item.message, item.file) not in known]
    errors = _errors(new)
    if errors:
        raise RefusedError("\n".join((*map(str, errors), "nothing was changed")))
    warnings = tuple(item for item in new if item.severity == "warning")
    return warnings, tuple(_errors(after))


def _problems(site: Site, pending: Pending) -> tuple[Problem, ...]:
    try:
        return load(site.config, pending=pending)[1]
    except ConfigurationError as error:
        return error.problems


def _errors(problems: tuple[Problem, ...] | list[Problem]) -> list[Problem]:
    return [item for item in problems if item.severity == "error"]


# --- writing --------------------------------------------------------------------------------------


def _backed_up(backup: tuple[Path, bytes] | None) -> Path | None:
    if backup is None:
        return None
    file, data = backup
    try:
        file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise EditError(
            f"a copy can't be kept in {file.parent}: {error.strerror}; nothing was changed"
        ) from error
    write_whole(file, data)
    return file


def _write(former: Mapping[Path, bytes | None], fresh: Mapping[Path, bytes | None]) -> None:
    for file, data in fresh.items():
        if _bytes(file) != former[file]:
            raise EditError(f"{file} was changed by somebody else just now; try again")
        if data is None:
            remove(file)
        else:
            write_whole(file, data)


def _take_into_use(
    site: Site,
    former: Mapping[Path, bytes | None],
    fresh: Mapping[Path, bytes | None],
    others: tuple[Problem, ...],
) -> tuple[Use, str | None]:
    """Has the running server read the files; a file that it refuses is put back as it was."""
    begun = time.monotonic()
    try:
        told = client.reload(site.admin, RELOAD_PATIENCE)
    except client.SilentServerError as error:
        return "not in use", str(error)
    except client.NoServerError as error:
        reason = None if site.admin.socket is not None else str(error)
        return "no server", reason
    if told.get("ok"):
        return _all_workers(site, time.monotonic() - begun)
    reasons = [item["text"] for item in told.get("problems", []) if item["severity"] == "error"]
    why = "\n".join((*reasons, str(told.get("error", "it does not say why"))))
    if others:
        return "not in use", f"the configuration has errors, which it had before:\n{why}"
    _write(fresh, former)
    client.reload(site.admin, RELOAD_PATIENCE)
    raise RefusedError(f"{why}\nthe running server refused this, and the file is as it was before")


def _all_workers(site: Site, seconds: float) -> tuple[Use, str | None]:
    found = client.ask(site.admin, "/v1/status")
    wanted = found["image_generation"]
    behind = [
        str(worker["pid"])
        for worker in found["workers"]
        if worker["pid"] is not None and worker["image_generation"] < wanted
    ]
    if behind:
        return "not in use", f"these workers have not taken it yet: {', '.join(behind)}"
    return "in use", f"{seconds:.1f} s"
