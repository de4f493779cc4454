"""An image as a file: written once by the compiler, mapped by every worker.

The file is a sequence of blocks: kind (1 byte), padding to 16, length (8 bytes, big endian) and
payload. Arrays stay in the file and are shared by all workers through the page cache. Objects are
pickled in small pieces, so that a worker that loads them never holds up its answers for long. The
file is made and read by this program alone, and handed over as an open descriptor.
"""

from __future__ import annotations

import pickle
from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import islice
from typing import IO, Any, Literal

import numpy as np

from geodns.answer.blocks import ARRAY, MAGIC, PIECE, blocks, mapped, write, write_piece
from geodns.answer.image import Image, Node, ServiceImage, ZoneImage
from geodns.answer.layered import Layered
from geodns.answer.location import LocationMap
from geodns.answer.resolvers import Resolvers
from geodns.answer.stored import NODES, TRANSFERRED, ZONE
from geodns.answer.stored_base import BASE, StoredNodes, write_kept

_NODES_A_PIECE = 500
_CLASSES_A_PIECE = 500
_ARRAYS = ("v4_starts", "v4_classes", "v6_high", "v6_low", "v6_classes")


def write_image(image: Image, file: IO[bytes]) -> None:
    """Writes an image to a file open for writing, from where it stands."""
    file.write(MAGIC)
    write_piece(file, ("resolvers", image.resolvers))
    for location in image.locations:
        write_piece(file, ("map", location.resolvers))
        for name in _ARRAYS:
            array = np.asarray(getattr(location, name))
            write_piece(file, ("array", array.dtype.char))
            write(file, ARRAY, array.tobytes())
    shared: dict[int, int] = {}
    for service in image.services:
        if id(service.classes) not in shared:
            shared[id(service.classes)] = len(shared)
            write_piece(file, ("table", None))
            rows = iter(service.classes)
            while part := tuple(islice(rows, _CLASSES_A_PIECE)):
                write_piece(file, ("classes", part))
        number = shared[id(service.classes)]
        write_piece(file, ("service", (number, replace(service, classes=()))))
    for zone in image.zones.values():
        layers = zone.nodes if isinstance(zone.nodes, Layered) else None
        base_id = layers.id if layers is not None else None
        write_piece(file, (zone.apex, zone.negative_ttl, zone.access, base_id), ZONE)
        _write_nodes(file, layers.top if layers is not None else zone.nodes, NODES)
        _write_nodes(file, zone.transferred, TRANSFERRED)
        if zone.kept is not None:
            write_kept(zone.kept, file)
    file.flush()


def _write_nodes(file: IO[bytes], nodes: Mapping[bytes, Node], kind: bytes) -> None:
    items = iter(nodes.items())
    while piece := dict(islice(items, _NODES_A_PIECE)):
        write_piece(file, piece, kind)


def write_without(file: IO[bytes], zones: Collection[bytes], out: IO[bytes]) -> bool:
    """Writes an image again, with nothing in zones of these apexes; whether there was anything."""
    out.write(MAGIC)
    left_out = changed = False
    for kind, payload in blocks(mapped(file)):
        if kind == ZONE:
            apex, *more, _ = pickle.loads(payload)
            left_out = apex in zones
            if left_out:
                write_piece(out, (apex, *more, None), ZONE)
                continue
        if left_out and kind in (NODES, TRANSFERRED, BASE):
            changed = True
        else:
            write(out, kind, payload)
    out.flush()
    return changed


def read_image(file: IO[bytes], bases: Mapping[bytes, Mapping[bytes, Any]] = {}) -> Image:
    """The image in a file. The arrays keep the file mapped for as long as they are used.

    ``bases``, by id, are those that need not be read again.
    """
    view = mapped(file)
    maps: list[list[memoryview]] = []
    classes_of_resolvers: list[tuple[int, ...]] = []
    resolvers = Resolvers()
    services: list[ServiceImage] = []
    tables: list[list[tuple[int, ...]]] = []
    classes: dict[int, tuple[tuple[int, ...], ...]] = {}
    zones: dict[bytes, ZoneImage] = {}
    nodes: dict[bytes, Node] = {}
    dtype: Literal["B", "H", "I", "L", "Q"] = "B"
    base: dict[bytes, Node] | None = None
    for kind, payload in blocks(view):
        if kind == ARRAY:
            maps[-1].append(payload.cast(dtype))
        elif kind == ZONE:
            apex, negative_ttl, access, base_id = pickle.loads(payload)
            nodes, base = {}, None if base_id in bases else {}
            found: Mapping[bytes, Node] = nodes
            if base_id is not None:
                found = Layered(base_id, bases[base_id] if base is None else base, nodes)
            zones[apex] = ZoneImage(apex, found, negative_ttl, access)
        elif kind == NODES:
            nodes.update(pickle.loads(payload))
        elif kind == BASE and base is not None:
            for piece in StoredNodes(payload).in_pieces():
                base.update(piece)
        if kind != PIECE:
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


def bases_of(image: Image) -> dict[bytes, Mapping[bytes, Any]]:
    """By id, what the large zones of an image have in common with other versions of themselves."""
    layers = (zone.nodes for zone in image.zones.values() if isinstance(zone.nodes, Layered))
    return {each.id: each.base for each in layers}
