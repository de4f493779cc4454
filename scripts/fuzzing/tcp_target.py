"""TCP under fuzzing: pieces of streams, slow readers, ends and resets, judged by a plain model."""

from __future__ import annotations

from dataclasses import dataclass, field

from fuzzing.choices import Choices
from fuzzing.messages import build
from fuzzing.wires import Listener, Switch, Wire
from fuzzing.world import HOSTS, engine, options, world
from geodns.server.connections import ConnectionLimits
from geodns.server.face import Face
from geodns.server.tcp import TcpServer

_MOST, _IDLE = 3, 10.0
# All clients may be one and the same: the limit per client has tests of its own.
_LIMITS = ConnectionLimits(_MOST, 1000, _IDLE, _IDLE, _IDLE)
_MOST_STEPS = 60
_MOST_TURNS = 10_000


@dataclass(eq=False)
class Client:
    """A connection's other side; ``whole`` while nothing has happened that may cut it."""

    wire: Wire
    host: str
    said: bytearray = field(default_factory=bytearray)
    whole: bool = True


class Play:
    """A server and its clients, moved by choices."""

    def __init__(self, choices: Choices) -> None:
        self.now = 1000.0
        self.choices = choices
        self.switch = Switch()
        self.face = Face(world(), options(stream=True))
        self.server = TcpServer(self.switch, lambda: self.now, _LIMITS)
        self.listener = Listener()
        self.switch.plug(self.listener)
        self.server.listen(self.listener, self.face)
        self.clients: list[Client] = []
        self.stopped = False

    def run(self) -> None:
        """All steps, then every client reads to the end, and is judged."""
        self._connect()
        for _ in range(_MOST_STEPS):
            if not self.choices:
                break
            self._step()
            if self.choices.chance(2):
                self._turn()
        for client in self.clients:
            client.wire.room = 1 << 30
        self._turn()
        for client in self.clients:
            judge(client)
        assert self.face.counts().dropped["fault"] == 0, "the engine raised"
        self.server.close()
        for client in self.clients:
            assert client.wire.closed or not client.whole or self.stopped, "left open"

    def _turn(self) -> None:
        for _ in range(_MOST_TURNS):
            if not self.switch.turn():
                break
        else:
            raise AssertionError("the server is busy for ever with nothing")
        assert len(self.server) <= _MOST, "more connections than allowed"
        self.server.close_idle()

    def _connect(self) -> None:
        client = Client(Wire(), self.choices.pick(HOSTS))
        for other in self.clients:
            # At the limit, the one idle for longest is closed.
            other.whole = other.whole and len(self.clients) < _MOST
        self.switch.plug(client.wire)
        self.clients.append(client)
        client.whole = not self.stopped
        self.listener.waiting.append((client.wire, client.host))

    def _step(self) -> None:
        choices = self.choices
        client = choices.pick(self.clients)
        match choices.number(15):
            case 10:
                client.wire.room = choices.pick((0, 1, 2, 100, 1 << 16, 1 << 30))
            case 11:
                client.wire.ended = True
            case 12:
                self._pass_time(choices.pick((0.0, 9.0, 11.0)))
            case 13:
                self._connect()
            case 14:
                client.wire.broken, client.whole = True, False
            case 15:
                if not self.stopped:
                    self.stopped = True
                    self.server.stop_listening()
                    for each in self.clients:
                        each.whole = False
            case _:
                self._say(client)

    def _say(self, client: Client) -> None:
        if client.wire.ended:
            return
        choices = self.choices
        message = build(choices) if choices.number(3) else choices.raw(choices.number(40))
        length = len(message) if not choices.chance(16) else choices.number(65535)
        data = length.to_bytes(2, "big") + message
        if choices.chance(16):
            data *= choices.number(600)
        if choices.chance(4):
            # It comes in two segments.
            cut = choices.number(min(len(data), 65535))
            self._arrive(client, data[:cut])
            self._turn()
            data = data[cut:]
        self._arrive(client, data)

    def _arrive(self, client: Client, data: bytes) -> None:
        client.said += data
        client.wire.arriving += data

    def _pass_time(self, seconds: float) -> None:
        self._turn()
        self.now += seconds
        for client in self.clients:
            # Silent for long enough, any of them may be closed.
            client.whole = client.whole and self.now < 1000.0 + _IDLE
        self.server.close_idle()


def judge(client: Client) -> None:
    """What was sent is what a server without bounds sends, or begins like it."""
    wanted = bytearray()
    reference = engine(stream=True)
    position = 0
    while position + 2 <= len(client.said):
        end = position + 2 + int.from_bytes(client.said[position : position + 2], "big")
        if end > len(client.said):
            break
        reply = reference.respond(bytes(client.said[position + 2 : end]), client.host)
        if reply is None:
            break
        wanted += len(reply).to_bytes(2, "big") + reply
        position = end
    sent = bytes(client.wire.sent)
    assert wanted.startswith(sent), "other replies than the engine's, or in another order"
    assert not client.whole or len(sent) == len(wanted), "a query is left without its reply"


def run(data: bytes) -> None:
    """Plays an input. Raises what the server raises, or AssertionError."""
    Play(Choices(data)).run()
