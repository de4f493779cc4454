"""Starts a program as systemd's socket activation does: with sockets that are bound already.

``python passing.py udp:127.0.0.1:5300 tcp:[::]:5300 … -- COMMAND``; ``both:`` is for an IPv6 socket
that takes IPv4, too, and ``file:`` passes what is no socket at all.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
from pathlib import Path

_FIRST = 3
_ABOVE = 100


def passing(*sockets: str) -> tuple[str, ...]:
    """What to put before a command so that it is passed these sockets."""
    return (sys.executable, str(Path(__file__).resolve()), *sockets, "--")


def _open(text: str) -> int:
    kind, _, where = text.partition(":")
    host, _, port = where.rpartition(":")
    if kind == "file":
        return os.open(where, os.O_RDONLY)
    type = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    made = socket.socket(family, type)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(kind != "both"))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((host.strip("[]"), int(port)))
    if kind in {"tcp", "both"}:
        made.listen()
    return made.detach()


def main(arguments: list[str]) -> None:
    """Open the sockets, then become the command."""
    end = arguments.index("--")
    opened = [fcntl.fcntl(_open(text), fcntl.F_DUPFD, _ABOVE) for text in arguments[:end]]
    for number, fd in enumerate(opened, _FIRST):
        os.dup2(fd, number)
        os.close(fd)
    os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(opened))}
    command = arguments[end + 1 :]
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
