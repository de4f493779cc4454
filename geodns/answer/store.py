"""An image as a file: written once by the compiler, mapped by every worker.

The file is a sequence of blocks: kind (1 byte), padding to 16, length (8 bytes, big endian) and
payload. Arrays stay in the file and are shared by all workers through the page cache. Objects are
pickled in small pieces, so that a worker that loads them never holds up its answers for long. The
file is made and read by this program alone, and handed over as an open descriptor.
"""

from __future__ import annotations

import mmap
import pickle
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import IO, Any, Literal, NamedTuple

import numpy as np

from geodns.answer.image import Image, Node, ServiceImage, ZoneImage
from geodns.answer.location import LocationMap
from geodns.answer.resolvers import Resolvers

_MAGIC = b"geodns image 3\n\n"
_ARRAY, _PIECE = b"A", b"P"
# Zones have kinds of blocks of their own: who wants one of them need not look into all others.
_ZONE, _NODES, _TRANSFERRED = b"Z", b"N", b"T"
_ALIGN = 16
_NODES_A_PIECE = 500
_CLASSES_A_PIECE = 500
_ARRAYS = ("v4_starts", "v4_classes", "v6_high", "v6_low", "v6_classes")


def write_image(image: Image, file: IO[bytes]) -> None:
    """Writes an image to a file open for writing, from where it stands."""
    file.write(_MAGIC)
    _write_piece(file, ("resolvers", image.resolvers))
    for location in image.locations:
        _write_piece(file, ("map", location.resolvers))
        for name in _ARRAYS:
            array = np.asarray(getattr(location, name))
            _write_piece(file, ("array", array.dtype.char))
            _write(file, _ARRAY, array.tobytes())
    shared: dict[int, int] = {}
    for service in image.services:
        if id(service.classes) not in shared:
            shared[id(service.classes)] = len(shared)
            _write_piece(file, ("table", None))
            rows = iter(service.classes)
            while part := tuple(islice(rows, _CLASSES_A_PIECE)):
                _write_piece(file, ("classes", part))
        number = shared[id(service.classes)]
        _write_piece(file, ("service", (number, replace(service, classes=()))))
    for zone in image.zones.values():
        _write_piece(file, (zone.apex, zone.negative_ttl, zone.access), _ZONE)
        _write_nodes(file, zone.nodes, _NODES)
        _write_nodes(file, zone.transferred, _TRANSFERRED)
    file.flush()


def _write_nodes(file: IO[bytes], nodes: Mapping[bytes, Node], kind: bytes) -> None:
    items = iter(nodes.items())
    while piece := dict(islice(items, _NODES_A_PIECE)):
        _write_piece(file, piece, kind)


def _write_piece(file: IO[bytes], value: Any, kind: bytes = _PIECE) -> None:
    _write(file, kind, pickle.dumps(value, pickle.HIGHEST_PROTOCOL))


def _write(file: IO[bytes], kind: bytes, payload: bytes | memoryview) -> None:
    file.write(kind.ljust(_ALIGN - 8, b"\0") + len(payload).to_bytes(8, "big"))
    file.write(payload)
    file.write(b"\0" * (-len(payload) % _ALIGN))


def write_without(file: IO[bytes], zones: Collection[bytes], out: IO[bytes]) -> bool:
    """Writes an image again, with nothing in zones of these apexes; whether there was anything."""
    out.write(_MAGIC)
    left_out = changed = False
    for kind, payload in _blocks(_mapped(file)):
        if kind == _ZONE:
            left_out = pickle.loads(payload)[0] in zones
        if left_out and kind in (_NODES, _TRANSFERRED):
            changed = True
        else:
            _write(out, kind, payload)
    out.flush()
    return changed


def read_image(file: IO[bytes]) -> Image:
    """The image in a file. The arrays keep the file mapped for as long as they are used."""
    view = _mapped(file)
    maps: list[list[memoryview]] = []
    classes_of_resolvers: list[tuple[int, ...]] = []
    resolvers = Resolvers()
    services: list[ServiceImage] = []
    tables: list[list[tuple[int, ...]]] = []
    classes: dict[int, tuple[tuple[int, ...], ...]] = {}
    zones: dict[bytes, ZoneImage] = {}
    nodes: dict[bytes, Node] = {}
    dtype: Literal["B", "H", "I", "L", "Q"] = "B"
    for kind, payload in _blocks(view):
        if kind == _ARRAY:
            maps[-1].append(payload.cast(dtype))
            continue
        if kind == _TRANSFERRED:
            continue
        if kind == _ZONE:
            apex, negative_ttl, access = pickle.loads(payload)
            nodes = {}
            zones[apex] = ZoneImage(apex, nodes, negative_ttl, access)
            continue
        if kind == _NODES:
            nodes.update(pickle.loads(payload))
            continue
        what, value = pickle.loads(payload)
        if what == "map":
            maps.append([])
            classes_of_resolvers.append(value)
        elif what == "resolvers":
            resolvers = value
        elif what == "array":
            dtype = value
        elif what == "table":
            tables.append([])
        elif what == "classes":
            tables[-1].extend(value)
        elif what == "service":
            number, service = value
            service.classes = classes.setdefault(number, tuple(tables[number]))
            services.append(service)
    locations = (
        LocationMap(**dict(zip(_ARRAYS, arrays, strict=True)), resolvers=classes)
        for arrays, classes in zip(maps, classes_of_resolvers, strict=True)
    )
    return Image(zones, tuple(services), tuple(locations), resolvers)


class StoredZone(NamedTuple):
    """A zone in an image, read piece by piece: the apex is in the first one."""

    apex: bytes
    blocks: tuple[tuple[bytes, memoryview], ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it may be served."""
        return not self.blocks

    def nodes(self) -> Iterator[dict[bytes, Node]]:
        """Those that are answered from."""
        return (pickle.loads(payload) for kind, payload in self.blocks if kind == _NODES)

    def transferred(self) -> Iterator[dict[bytes, Node]]:
        """The records that stand for geo names in a transfer."""
        return (pickle.loads(payload) for kind, payload in self.blocks if kind == _TRANSFERRED)

    def having(self, owner: bytes) -> Iterator[dict[bytes, Node]]:
        """Of both, the pieces that may have an owner."""
        # A pickle holds bytes as they are, which are found far faster than it is loaded.
        return (pickle.loads(payload) for _, payload in self.blocks if owner in bytes(payload))


def stored_zones(file: IO[bytes]) -> Iterator[StoredZone]:
    """All zones in an image. Whatever becomes of the file, they can be read."""
    apex: bytes | None = None
    own: list[tuple[bytes, memoryview]] = []
    for kind, payload in _blocks(_mapped(file)):
        if kind == _ZONE:
            if apex is not None:
                yield StoredZone(apex, tuple(own))
            apex, own = pickle.loads(payload)[0], []
        elif kind in (_NODES, _TRANSFERRED):
            own.append((kind, payload))
    if apex is not None:
        yield StoredZone(apex, tuple(own))


def _mapped(file: IO[bytes]) -> memoryview:
    view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    if view[: len(_MAGIC)] != _MAGIC:
        raise ValueError("this is not an image of this version")
    return view


def _blocks(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    position = len(_MAGIC)
    while position < len(view):
        kind = bytes(view[position : position + 1])
        length = int.from_bytes(view[position + 8 : position + _ALIGN], "big")
        start = position + _ALIGN
        yield kind, view[start : start + length]
        position = start + length + (-length % _ALIGN)
