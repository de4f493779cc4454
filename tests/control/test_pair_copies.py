"""The primary's files on a standby: whole, shared between generations, and cleaned up in time."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from geodns.config.basis import Basis
from geodns.control.pairing.copies import Copies
from geodns.control.state import StateError
from geodns.replication.pair.manifest import Entry, Manifest, made


def _came(copies: Copies, **files: bytes) -> Manifest:
    """The list of these files, whose contents have come."""
    entries = [Entry("/etc/empty", "folder")]
    for name, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        incoming = copies.receive(digest, len(content))
        assert incoming.add(content)
        assert incoming.finish()
        entries.append(Entry(f"/etc/{name}", "file", digest, len(content), 10**18, 0o666))
    return made("/etc/server", entries)


def _read(copies: Copies, basis: Basis, state: Path) -> dict[str, bytes]:
    root = basis.root(state)
    return {file.name: file.read_bytes() for file in root.rglob("*") if file.is_file()}


def test_a_generation_is_exactly_what_was_listed(tmp_path: Path) -> None:
    copies = Copies(tmp_path)
    manifest = _came(copies, server=b"1", zone=b"z")
    basis = copies.build(manifest, Basis("none"))
    assert basis == Basis("copy", "1", "/etc/server")
    assert _read(copies, basis, tmp_path) == {"server": b"1", "zone": b"z"}
    assert copies.manifest(basis) == manifest
    file = basis.root(tmp_path) / "etc/zone"
    assert (file.stat().st_mode & 0o777, file.stat().st_mtime_ns) == (0o640, 10**18)
    assert (basis.root(tmp_path) / "etc/empty").is_dir()


def test_what_somebody_has_changed_comes_again(tmp_path: Path) -> None:
    copies = Copies(tmp_path)
    basis = copies.build(_came(copies, server=b"1", zone=b"z"), Basis("none"))
    copies.clean({basis.folder})
    digests = {entry.digest for entry in copies.manifest(basis).entries} - {""}  # type: ignore[union-attr]
    assert copies.held(basis) == digests
    (basis.root(tmp_path) / "etc/zone").write_bytes(b"changed by hand")
    assert copies.held(basis) == {hashlib.sha256(b"1").hexdigest()}


def test_a_content_that_is_not_what_it_was_is_thrown_away(tmp_path: Path) -> None:
    copies = Copies(tmp_path)
    manifest = _came(copies, server=b"1", zone=b"z")
    digest = hashlib.sha256(b"z").hexdigest()
    (tmp_path / "replica/incoming" / digest).write_bytes(b"")  # as a crash may leave it
    with pytest.raises(StateError, match="is not what it was"):
        copies.build(manifest, Basis("none"))
    assert copies.held(Basis("none")) == {hashlib.sha256(b"1").hexdigest()}


def test_a_wrong_content_is_not_kept(tmp_path: Path) -> None:
    copies = Copies(tmp_path)
    incoming = copies.receive("0" * 64, 2)
    assert incoming.add(b"ab")
    assert not incoming.add(b"c")
    assert not incoming.finish()
    assert copies.held(Basis("none")) == set()


def test_cleaning_takes_nothing_that_is_being_made(tmp_path: Path) -> None:
    """A thread that nobody waits for any more may clean while another one builds or promotes."""
    copies = Copies(tmp_path)
    basis = copies.build(_came(copies, server=b"1", zone=b"z"), Basis("none"))
    done = threading.Event()

    def clean() -> None:
        while not done.is_set():
            copies.clean({basis.folder})

    cleaning = threading.Thread(target=clean)
    cleaning.start()
    try:
        manifest = copies.manifest(basis)
        assert manifest is not None
        for number in range(5):
            kept = copies.keep_as_primary(basis, f"{number}-ns2")
            later = copies.build(manifest, basis)
    finally:
        done.set()
        cleaning.join()
    for found in (kept, later):
        assert _read(copies, found, tmp_path) == {"server": b"1", "zone": b"z"}
    names = {folder.name for folder in (tmp_path / "replica").iterdir()}
    assert {"primary-2-ns2", "primary-3-ns2", "primary-4-ns2"} <= names
