"""A worker that has taken a new image lets go of the former one: it may be a very large file."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from building import image, query
from mutations import packets
from workers import PATIENCE, RunningWorker, until

from geodns.socket_address import SocketAddress

_SWAPS = 12
_QUERIES = [
    query("www.example.test"),
    query("www.example.test", subnet="30.0.0.0/24"),
    query("alias.example.test", "HTTPS"),
    query("nothing.example.test"),
    query("many.example.test", "TXT"),
    query("version.bind", "TXT"),
]


def images_of(worker: RunningWorker) -> set[str]:
    """The images that the process has open, or mapped."""
    process = Path(f"/proc/{worker.handle.pid}")
    names = [str(each.readlink()) for each in (process / "fd").iterdir() if each.exists()]
    names += [line.split()[-1] for line in (process / "maps").read_text().splitlines()]
    return {Path(name).name for name in names if Path(name).name.startswith("image-")}


def ask_nothing(_address: SocketAddress) -> None:
    """Nobody needs this worker."""


def ask_everything(address: SocketAddress) -> None:
    """Good queries and hostile ones, over UDP and TCP."""
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect(address)
        for packet in packets(1, 300):
            client.send(packet)
        for packet in _QUERIES:
            client.send(packet)
            while packet[12:24] not in client.recv(4096):
                pass  # a reply to what was hostile
    with socket.create_connection(address, PATIENCE) as client:
        for packet in _QUERIES:
            client.sendall(len(packet).to_bytes(2, "big") + packet)
            assert client.recv(2)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("ask", [ask_nothing, ask_everything])
def test_after_many_reloads_only_the_last_image_is_open(
    tmp_path: Path, host: str, ask: Callable[[SocketAddress], None]
) -> None:
    made = image(tmp_path)
    with RunningWorker(tmp_path, made, host=host) as worker:
        address = SocketAddress("127.0.0.1", worker.address.port)
        with socket.create_connection(address, PATIENCE):  # it stays, with nothing to say
            for _ in range(_SWAPS):
                ask(address)
                worker.send_image(made)
        last = {f"image-{_SWAPS + 1}"}
        until(lambda: images_of(worker) == last)
