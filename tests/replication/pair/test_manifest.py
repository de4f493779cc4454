"""Lists of files: nothing in them leads out of the folder, and the same files have the same id."""

from __future__ import annotations

import json

import pytest

from geodns.replication.pair.manifest import Entry, ManifestError, made, read_manifest, wanted

_SERVER = Entry("/etc/geodns/geodns.yaml", "file", "a" * 64, 10, 5, 0o600)
_ZONES = Entry("/etc/geodns/zones", "folder")
_ZONE = Entry("/etc/geodns/zones/example.test.zone", "file", "b" * 64, 20, 6, 0o644)


def test_it_is_read_as_it_was_written() -> None:
    manifest = made(_SERVER.path, [_ZONE, _ZONES, _SERVER])
    again = read_manifest(json.loads(json.dumps(manifest.as_dict())))
    assert again == manifest
    assert again.id == manifest.id
    assert again.id != made(_SERVER.path, [_ZONES, _SERVER]).id


def test_only_what_is_missing_is_wanted() -> None:
    manifest = made(_SERVER.path, [_ZONE, _ZONES, _SERVER])
    assert wanted(manifest, {"b" * 64}) == {"a" * 64: 10}
    assert wanted(manifest, {"a" * 64, "b" * 64}) == {}


@pytest.mark.parametrize(
    "path",
    ["etc/a", "/", "//a", "/a/../b", "/a/./b", "/a//b", "/a/", "/a\0b", "/..", "/" + "x" * 256,
     "/a" * 2050, ""],
)  # fmt: skip
def test_a_path_stays_inside(path: str) -> None:
    with pytest.raises(ManifestError):
        made(_SERVER.path, [_SERVER, Entry(path, "file", "b" * 64)])


@pytest.mark.parametrize(
    "entries",
    [
        [_ZONE],  # without the server file
        [_SERVER, _SERVER],
        [_SERVER, Entry(f"{_SERVER.path}/below", "file", "b" * 64)],
        [_SERVER, Entry("/a", "file", "B" * 64)],
        [_SERVER, Entry("/a", "file", "../../etc/passwd")],
        [_SERVER, Entry("/a", "file")],
    ],
)
def test_what_can_not_be_is_refused(entries: list[Entry]) -> None:
    with pytest.raises(ManifestError):
        made(_SERVER.path, entries)


@pytest.mark.parametrize(
    "data",
    [None, [], {}, {"server": "/a"}, {"server": "/a", "entries": 5},
     {"server": "/a", "entries": [["/a", "file", "a" * 64, 1, 1]]},
     {"server": "/a", "entries": [["/a", "socket", "a" * 64, 1, 1, 1]]},
     {"server": "/a", "entries": [["/a", "file", "a" * 64, -1, 1, 1]]},
     {"server": "/a", "entries": [["/a", "file", "a" * 64, True, 1, 1]]},
     {"server": "/a", "entries": [[5, "file", "a" * 64, 1, 1, 1]]}],
)  # fmt: skip
def test_what_is_no_list_is_refused(data: object) -> None:
    with pytest.raises(ManifestError):
        read_manifest(data)
