"""MMDB files for tests: any record size, aliases of the IPv4 tree, and files that are damaged."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from mmdb_writer import Encoder, MMDBWriter, SearchTreeNode
from netaddr import IPSet  # type: ignore[import-untyped] # it ships no types

Network = IPv4Network | IPv6Network
Record = Any  # whatever a database can hold
Node = tuple[int, int]

MARKER = b"\xab\xcd\xefMaxMind.com"
SEPARATOR = bytes(16)
ALIASES = ("::ffff:0:0/96", "2002::/16", "2001::/32", "64:ff9b::/96")


def assemble(
    nodes: Sequence[Node],
    data: bytes,
    record_size: int = 24,
    metadata: Mapping[str, object] | None = None,
) -> bytes:
    """A file of these nodes and this data section.

    ``metadata`` replaces what the file should say of itself; None leaves a key out.
    """
    written = {
        "node_count": len(nodes),
        "record_size": record_size,
        "ip_version": 4,
        "database_type": "Test",
        "languages": ["en"],
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_780_000_000,
        "description": {"en": "a test"},
        **(metadata or {}),
    }
    present = {key: value for key, value in written.items() if value is not None}
    tree = b"".join(pack(node, record_size) for node in nodes)
    head: bytes = tree + SEPARATOR + data + MARKER
    return head + bytes(Encoder(cache=False).encode_meta(present))


def pack(node: Node, record_size: int) -> bytes:
    """A node as "Node Layout" in the specification has it."""
    left, right = node
    if record_size == 28:
        middle = (left >> 24) << 4 | right >> 24
        low = 0xFFFFFF
        return b"".join(
            [(left & low).to_bytes(3, "big"), bytes([middle]), (right & low).to_bytes(3, "big")]
        )
    size = record_size // 8
    return left.to_bytes(size, "big") + right.to_bytes(size, "big")


def encode(*records: Record) -> tuple[bytes, list[int]]:
    """A data section of these records, and the offset of each."""
    encoder = Encoder(cache=True)
    offsets = [encoder.encode(record, return_offset=True) for record in records]
    return b"".join(encoder.data_list), offsets


def write_database(
    file: Path,
    networks: Mapping[str, Record] | Sequence[tuple[Network, Record]],
    *,
    ip_version: int = 6,
    record_size: int = 24,
    database_type: str = "Test",
    aliases: Sequence[str] = (),
    build_epoch: int = 1_780_000_000,
) -> Path:
    """A database of these networks, of which a later one is laid over those before it.

    ``aliases`` are networks that show the IPv4 tree once more, as MaxMind's files have them.
    """
    both = ip_version == 6
    writer = MMDBWriter(ip_version, database_type, ipv4_compatible=both)
    rows = networks.items() if isinstance(networks, Mapping) else networks
    for network, record in rows:
        writer.insert_network(IPSet([str(network)]), record)
    for name in aliases:
        _alias(writer.tree, IPv6Network(name))
    nodes, records = _number(writer.tree)
    data, offsets = encode(*records)
    at = [offset + len(SEPARATOR) + len(nodes) for offset in offsets]

    def link(child: object) -> int:
        if child is None:
            return len(nodes)
        return nodes[child] if isinstance(child, SearchTreeNode) else at[index[id(child)]]

    index = {id(leaf): number for number, leaf in enumerate(_leaves(nodes))}
    links = [(link(node.left), link(node.right)) for node in nodes]
    metadata = {
        "ip_version": ip_version,
        "database_type": database_type,
        "build_epoch": build_epoch,
    }
    file.write_bytes(assemble(links, data, record_size, metadata))
    return file


def _number(root: Any) -> tuple[dict[Any, int], list[Record]]:
    """Nodes in the order in which they are met, and the records of the leaves."""
    nodes: dict[Any, int] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, SearchTreeNode) and node not in nodes:
            nodes[node] = len(nodes)
            waiting += [node.right, node.left]
    return nodes, [leaf.value for leaf in _leaves(nodes)]


def _leaves(nodes: Mapping[Any, int]) -> list[Any]:
    leaves = {}
    for node in nodes:
        for child in (node.left, node.right):
            if child is not None and not isinstance(child, SearchTreeNode):
                leaves[id(child)] = child
    return list(leaves.values())


def _alias(root: Any, network: IPv6Network) -> None:
    ipv4 = _descend(root, "0" * 96)
    path = f"{int(network.network_address):0128b}"[: network.prefixlen]
    _descend(root, path[:-1])[int(path[-1])] = ipv4


def _descend(node: Any, path: str) -> Any:
    for bit in path:
        node = node.get_or_create(int(bit))
    return node


def random_networks(
    chance: random.Random, count: int, version: int, records: Sequence[Record]
) -> list[tuple[Network, Record]]:
    """Networks that lie in each other, side by side, and apart; the shortest ones come first."""
    networks = [_random_network(chance, version) for _ in range(count)]
    networks.sort(key=lambda network: network.prefixlen)
    return [(network, chance.choice(records)) for network in networks]


def _random_network(chance: random.Random, version: int) -> Network:
    if version == 4:
        length = chance.choice([*range(4, 33), *range(16, 25)])
        # Few first octets, so that networks meet.
        start = chance.choice([10, 10, 11, 192, 255, 0]) << 24 | chance.getrandbits(24)
        return ip_network((start, length), strict=False)
    # From 24 bits on, so that none holds the aliases of the IPv4 tree.
    length = chance.choice([*range(24, 129), *range(28, 65), 64, 65, 127, 128])
    high = chance.choice([0x20010DB8, 0x20010DB9, 0x2A000000, 0xFFFFFFFF]) << 96
    middle = chance.choice([0, chance.getrandbits(32)]) << 64
    return ip_network((high | middle | chance.getrandbits(64), length), strict=False)
