"""Asks a running server's admin API, from a command: the Unix socket first, then HTTP.

What changes something goes over the Unix socket alone.
"""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from geodns.config.settings import Admin
from geodns.errors import GeodnsError
from geodns.socket_address import SocketAddress

_TIMEOUT = 10.0  # seconds; the answer takes at most one, where a worker is stuck


class NoServerError(GeodnsError):
    """No server answers on the admin API."""


class RefusedByServerError(GeodnsError):
    """The server doesn't do what it was told; the message is its own."""


class SilentServerError(NoServerError):
    """Something is at the admin socket, but it is not for us, or does not answer in time."""


def tell(
    admin: Admin, path: str, body: dict[str, Any], timeout: float = _TIMEOUT
) -> dict[str, Any]:
    """Post JSON to a path over the admin socket: its answer. ``timeout`` is in seconds.

    Raises RefusedByServerError, or NoServerError where there is none.
    """
    status, answer = _post(admin, path, body, timeout)
    if status != http.client.OK:
        raise RefusedByServerError(str(answer.get("error", http.client.responses.get(status))))
    return answer


def reload(admin: Admin, timeout: float) -> dict[str, Any]:
    """Have the server read its configuration anew: what became of it, as ``view.reload`` says.

    It comes when every worker has the new content, or the server has refused it. ``timeout`` is in
    seconds. Raises SilentServerError, or NoServerError where there is none.
    """
    return _post(admin, "/v1/reload", {}, timeout)[1]


def _post(
    admin: Admin, path: str, body: dict[str, Any], timeout: float
) -> tuple[int, dict[str, Any]]:
    if admin.socket is None:
        raise NoServerError("the configuration has no admin.socket, which changes go over")
    connection = _UnixConnection(admin.socket, timeout)
    headers = {"Host": "localhost", "Content-Type": "application/json"}
    try:
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as error:
        reason = f"{admin.socket}: {error.strerror}"
        raise NoServerError(f"no server is running here ({reason})") from error
    except OSError as error:
        reason = f"{admin.socket}: {error.strerror or error}"
        raise SilentServerError(f"the server can't be asked ({reason})") from error
    except (http.client.HTTPException, ValueError) as error:
        raise NoServerError(f"{admin.socket}: what answers there is not geodns") from error
    finally:
        connection.close()
    return response.status, answer


def ask(admin: Admin, path: str) -> dict[str, Any]:
    """The JSON at a path of the admin API. Raises NoServerError."""
    failures = []
    for connection, where in _ways(admin):
        try:
            connection.request("GET", path, headers={"Host": "localhost"})
            response = connection.getresponse()
            body = response.read()
            if response.status == http.client.OK:
                answer: dict[str, Any] = json.loads(body)
                return answer
            failures.append(f"{where}: it answers {response.status} {response.reason}")
        except OSError as error:
            failures.append(f"{where}: {error.strerror or error}")
        except (http.client.HTTPException, ValueError):
            failures.append(f"{where}: what answers there is not geodns")
        finally:
            connection.close()
    if not failures:
        raise NoServerError(
            "the configuration has no admin socket or address to ask; set admin.socket"
        )
    raise NoServerError(f"no server is running here ({'; '.join(failures)})")


def _ways(admin: Admin) -> list[tuple[http.client.HTTPConnection, str]]:
    ways: list[tuple[http.client.HTTPConnection, str]] = []
    if admin.socket is not None:
        ways.append((_UnixConnection(admin.socket), str(admin.socket)))
    if admin.http is not None and admin.http.port:  # a port 0 is known to the server alone
        ways.append((_http(admin.http), f"http://{admin.http}"))
    return ways


def _http(address: SocketAddress) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(address.host, address.port, timeout=_TIMEOUT)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, file: Path, timeout: float = _TIMEOUT) -> None:
        super().__init__("localhost", timeout=timeout)
        self._file = file
        self._timeout = timeout

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._timeout)
        self.sock.connect(str(self._file))
