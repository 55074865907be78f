"""A client that keeps to nothing: broken frames, mutated messages, floods, lies about tokens, ticks and events.

It is judged by what the server does to others and to itself: whatever comes, only this connection may end.
"""

import random
from collections.abc import Callable
from typing import Any

import ujson

from game_server.core.codec import Tag
from game_server.core.conditions import Conditions, Way
from tests.client_frames import frame

from .clockwork import Clockwork
from .network import Network, Wire

WORDS = ("join", "resume", "input", "ack", "ping", "resync", "chat", "command", "leave", "", None, 7)
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 2**31, 2**53, 10**30, 1.5),
    *("", "x" * 300, "\u202e\x00", "yard", [], [[]], {}, {"a": {}}),
)
KEYS = ("type", "version", "game", "name", "room", "code", "create", "private", "options", "token", "tick", "event",
        "seq", "ack", "lag", "dx", "dy", "serial", "text", "data", "client_ms", "schema_hash")  # fmt: skip


class Hostile:
    """One attacker; its connections follow one another."""

    #: no checker knows what it sends
    sent = None

    def __init__(
        self, number: int, clockwork: Clockwork, connect: Callable[[Any], Wire], chance: random.Random, game: str
    ) -> None:
        self.number, self.clockwork, self.chance, self.game = number, clockwork, chance, game
        self._connect = connect
        way = Way(delay_ms=chance.uniform(0, 100), jitter_ms=chance.uniform(0, 100))
        self.network = Network(clockwork, Conditions(way, way, seed=number))
        self.wire: Wire | None = None
        self.is_over = False
        self.is_json = chance.random() < 0.5
        self._tokens: list[str] = []
        self._seq = 0

    def start(self, when: float) -> None:
        """Come at a time."""
        self.clockwork.at(when, self._live)

    def opened(self) -> None:
        """The wire is open: most often, begin as an honest client would."""
        self._seq = 0
        draw = self.chance.random()
        if draw < 0.8:
            self._text({"type": "join", "version": 1, "game": self.game, "name": "\u202eevil\x00" * 9})
        elif draw < 0.9 and self._tokens:
            token = self.chance.choice(self._tokens)
            lie = self.chance.choice((0, -1, 10**9, 2**31))
            self._text({"type": "resume", "version": 1, "token": token, "tick": abs(lie), "event": lie})

    def _live(self) -> None:
        if self.is_over:
            if self.wire is not None:
                self.wire.reset()
            return
        wire = self.wire
        if wire is None or wire.has_ended or self.chance.random() < 0.01:
            if wire is not None:
                wire.reset()
            self.wire = self._connect(self)
        else:
            if self.chance.random() < 0.7:  # at times it does not read
                data = wire.receive()
                start = data.find(b'"token":"')
                if start >= 0:
                    self._tokens.append(data[start + 9 : start + 41].decode("ascii", "replace"))
            for _ in range(self.chance.choice((1, 1, 1, 3, 40, 400))):
                self._misbehave()
        self.clockwork.after(self.chance.uniform(0.02, 0.4), self._live)

    def _text(self, message: Any) -> None:
        if self.wire is not None:
            self.wire.send(frame(1, ujson.dumps(message).encode()))

    def _misbehave(self) -> None:
        chance, wire = self.chance, self.wire
        assert wire is not None
        act = chance.randrange(11)
        if act == 0:
            wire.send(chance.randbytes(chance.randrange(1, 40)))
        elif act == 1:
            wire.send(frame(chance.randrange(16), chance.randbytes(chance.randrange(130)), fin=chance.random() < 0.5))
        elif act <= 5:
            self._seq += chance.choice((1, 1, 1, 0, -5, 1000))
            head = bytes((Tag.INPUT,)) + max(self._seq, 0).to_bytes(4, "little") + chance.randbytes(6)
            wire.send(frame(2, head + chance.randbytes(3) if chance.random() < 0.3 else head + bytes((1, 255, 7))))
        elif act == 6:
            wire.send(frame(2, bytes((chance.choice((2, 3, 4, 9)),)) + chance.randbytes(chance.choice((0, 4, 8, 8)))))
        elif act == 7:
            wire.send(frame(9, b"?" * chance.randrange(126)))
        elif act == 8:
            message = {chance.choice(KEYS): chance.choice(VALUES) for _ in range(chance.randrange(5))}
            self._text({**message, "type": chance.choice(WORDS)})
        elif act == 9:
            self._text({"type": "chat", "text": "spam " * chance.randrange(60)})
        else:
            self._text({"type": "command", "name": "burst", "data": chance.choice((1, 3, -1))})
