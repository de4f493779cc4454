"""A network of namespaces: the server's and one for each AZ, joined by a bridge in one of its own.

Nothing of it is in the network that the tests run in. Links are cut at the bridge, so that who is
behind one sees what a pulled cable shows: packets go nowhere, and nobody says so.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import pytest
from namespaces import needs_root
from programs import program

_CLONE_NEWNET = 0x40000000  # setns(2)
_HUB = "hub"


class Lab:
    """Namespaces by short names, each with one address; made on entering, removed on leaving.

    Skips the calling test where namespaces are not allowed.
    """

    def __init__(self, addresses: dict[str, str]) -> None:
        needs_root()
        self._ip_program = str(program("ip"))
        self.addresses = addresses
        self._stack = ExitStack()

    def namespace(self, name: str) -> str:
        """Its name for ip-netns(8)."""
        return f"geodns-{os.getpid()}-{name}"

    def within(self, name: str) -> tuple[str, ...]:
        """What to put before a command so that it runs there."""
        return (self._ip_program, "netns", "exec", self.namespace(name))

    def cut(self, *names: str) -> None:
        """Pull the cables of these, all at once."""
        self._set(names, "down")

    def join(self, *names: str) -> None:
        """Put them back."""
        self._set(names, "up")

    def listen(self, name: str, port: int) -> None:
        """Take TCP connections there; the kernel does it, nobody needs to accept them."""

        def make() -> socket.socket:
            return socket.create_server((self.addresses[name], port), backlog=4096)

        self._stack.enter_context(self.socket_in(name, make))

    def socket_in(self, name: str, make: Callable[[], socket.socket]) -> socket.socket:
        """A socket belongs to the namespace of the thread that made it, whoever uses it."""

        def enter_and_make() -> socket.socket:
            file = os.open(f"/run/netns/{self.namespace(name)}", os.O_RDONLY)
            try:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(file, _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"can't enter the namespace of {name}")
            finally:
                os.close(file)
            return make()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(enter_and_make).result()

    def __enter__(self) -> Lab:
        try:
            self._build()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _build(self) -> None:
        hub = self.namespace(_HUB)
        self._add(_HUB)
        self._make("-n", hub, "link", "add", "br0", "type", "bridge")
        self._make("-n", hub, "link", "set", "br0", "up")
        for name, address in self.addresses.items():
            self._add(name)
            there = self.namespace(name)
            pair = ("type", "veth", "peer", "name", "eth0", "netns", there)
            self._make("-n", hub, "link", "add", f"to-{name}", *pair)
            self._make("-n", hub, "link", "set", f"to-{name}", "master", "br0", "up")
            self._make("-n", there, "address", "add", f"{address}/24", "dev", "eth0")
            self._make("-n", there, "link", "set", "eth0", "up")
            self._make("-n", there, "link", "set", "lo", "up")

    def _add(self, name: str) -> None:
        self._make("netns", "add", self.namespace(name))
        self._stack.callback(self._ip, "netns", "delete", self.namespace(name))

    def _make(self, *arguments: str) -> None:
        made = self._ip(*arguments, check=False)
        if made.returncode:
            pytest.skip(f"networks of namespaces are not allowed here: {made.stderr.strip()}")

    def _set(self, names: Iterable[str], state: str) -> None:
        lines = "".join(f"link set to-{name} {state}\n" for name in names)
        self._ip("-n", self.namespace(_HUB), "-batch", "-", input=lines)

    def _ip(
        self, *arguments: str, check: bool = True, input: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._ip_program, *arguments],
            input=input,
            capture_output=True,
            text=True,
            check=check,
            timeout=60,
        )


def namespaces_left() -> list[str]:
    """Those of this process that were not removed."""
    folder = Path("/run/netns")
    return [each.name for each in folder.glob(f"geodns-{os.getpid()}-*")]
