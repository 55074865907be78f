"""A client that keeps to the protocol as the browser's does: back-off, resume, acks, resync, one input a step.

It lives in true time on a machine of its own, and reads and sends at its own steps; `stalled_until` stands for a
hidden tab, a slept laptop, or a reader that does not read. What it sees goes to `witness`, which the checkers are.
The twin in the browser is static/client: `client.js`, `connection.js`, `seat.js`, `outbound.js`.
"""

import random
import struct
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import attrs
import ujson

from game_server.core.codec import Pong, StateMessage, Tag, decode_binary
from game_server.core.inputs import InputType
from game_server.core.json_codec import decode_state
from game_server.core.replica import Replica
from game_server.core.schema import fields_of
from game_server.core.session import Session
from loadtest.frames import BINARY, CLOSE, PONG, TEXT, Close, Failure, FrameParser, Ping, serialise

from .clockwork import Clockwork
from .network import Network, Wire

RETRY_FIRST_S, RETRY_MAX_S = 0.25, 15.0
OPENING_MAX_S = 10.0
STEADY_S = 5.0
PING_EVERY_S = 1.0
RESYNC_EVERY_S = 2.0
BURST_STEPS_MAX = 4
IDLE_STEP_S = 0.1
ABNORMAL = 1006

#: what a close means for the client: static/client/protocol.js
REJOIN = frozenset((4015, 4016))
RESUME = frozenset((1001, 1005, 1006, 1011, 4003, 4008, 4014, 4017, 4018))

_PING = struct.Struct("<Bd")
_ACK = struct.Struct("<BI")


class Witness(Protocol):
    """Who is told what a client lives through."""

    def client_welcomed(self, client: "Client", welcome: Mapping[str, Any]) -> None: ...

    def client_applied(self, client: "Client", message: StateMessage) -> None: ...

    def client_heard(self, client: "Client", message: Mapping[str, Any]) -> None: ...

    def client_closed(self, client: "Client", code: int, reason: str) -> None: ...

    def client_failed(self, client: "Client", what: str) -> None: ...


@attrs.define
class Holding:
    """What a client keeps of its seat between connections, and a second tab starts from."""

    token: str | None = None
    event: int = 0
    place: dict[str, Any] = attrs.Factory(dict)


class Client:
    """One client.

    Args:
        number: unique in the run.
        clockwork: true time.
        game: what it plays.
        brain: makes its mind, of a random.
        connect: opens a wire; the server's end exists once the wire is open.
        chance: everything it draws.
        witness: see there.
        is_json: which codec.
        wish: keys of its join message.
    """

    def __init__(
        self,
        number: int,
        clockwork: Clockwork,
        game: str,
        brain: Callable[..., Any],
        connect: Callable[["Client"], Wire],
        chance: random.Random,
        witness: Witness,
        is_json: bool,
        wish: dict[str, Any],
    ) -> None:
        self.number, self.clockwork, self.game, self.is_json = number, clockwork, game, is_json
        self.chance, self.witness, self.wish = chance, witness, wish
        self.network = Network(clockwork)
        self.status = "waiting"
        self.close_code: int | None = None
        self.stalled_until = 0.0
        self.holding = Holding()
        self.replica: Replica | None = None
        self.is_sound = False
        self.welcome: Mapping[str, Any] = {}
        self.seq = 0
        #: numbers of the inputs sent since it took this seat
        self.sent: set[int] = set()
        #: the server's session, as its end of the wire had it last
        self.session: Session | None = None
        self.resyncs = 0
        self.skips_input_until = 0.0
        self.wire: Wire | None = None
        #: tabs that share this one's seat by its token
        self.has_twin = False
        self.is_quiet = False
        self._brain = brain(random.Random(chance.random()))
        self._connect = connect
        self._parser = FrameParser()
        self._input_type: InputType | None = None
        self._is_open = self._is_welcomed = False
        self._attempt = 0
        self._retry_at = 0.0
        self._heard_at = self._steady_at = self._ping_at = self._resync_at = self._stepped_at = 0.0
        self._silence_max_s = OPENING_MAX_S
        self._step_s = 0.05
        self._credit = 0.0

    @property
    def is_playing(self) -> bool:
        return self.status == "playing"

    @property
    def is_spectator(self) -> bool:
        """Whether it only watches, or has asked to: the welcome that it may still have may be one from before."""
        if self._is_welcomed:
            return self.welcome["seat"] is None
        held = self.holding
        return held.token is None and "spectate" in (held.place or self.wish)

    @property
    def now(self) -> float:
        return self.clockwork.now

    def start(self, when: float) -> None:
        """Come at a time."""
        self._retry_at = when
        self.status = "connecting"
        self.clockwork.at(when, self._live)

    def _live(self) -> None:
        """One step of this machine, and the next one planned."""
        if self.status == "stopped":
            return
        now = self.clockwork.now
        if now < self.stalled_until:
            self.clockwork.at(self.stalled_until, self._live)
            return
        if self.wire is None:
            if now >= self._retry_at:
                self._open()
        else:
            self._read()
            if self.wire is not None:
                self._mind(now)
        self.clockwork.after(self._step_s if self.is_playing else IDLE_STEP_S, self._live)

    # ---- the connection ----------------------------------------------------------------------------------------

    def _open(self) -> None:
        self.wire = self._connect(self)
        self._parser = FrameParser()
        self._is_open = self._is_welcomed = False
        self._heard_at, self._silence_max_s = self.now, OPENING_MAX_S
        self._steady_at = float("inf")

    def opened(self) -> None:
        """The wire is open: ask for the seat."""
        self._is_open = True
        held = self.holding
        if held.token is not None:
            tick = self.replica.tick if self.replica is not None and self.is_sound else None
            self.send_text({"type": "resume", "version": 1, "token": held.token, "tick": tick, "event": held.event})
        else:
            where = held.place or self.wish
            self.send_text({"type": "join", "version": 1, "game": self.game, "name": f"c{self.number}", **where})

    def _read(self) -> None:
        wire = self.wire
        assert wire is not None
        data = wire.receive()
        if data:
            self._heard_at = self.clockwork.now
            for event in self._parser.receive_data(data):
                self._take(event)
                if self.wire is not wire:
                    return
        if wire.has_ended:
            self._ended(ABNORMAL, "end of file")

    def _take(self, event: Any) -> None:
        if event.__class__ is bytes:
            self._take_binary(event)
        elif event.__class__ is str:
            self._take_text(ujson.loads(event))
        elif isinstance(event, Ping):
            self._send(PONG, event.payload)
        elif isinstance(event, Close):
            self._send(CLOSE, event.code.to_bytes(2, "big") if event.code != 1005 else b"")
            self._ended(event.code, event.reason)
        elif isinstance(event, Failure):
            self.witness.client_failed(self, f"frames: {event.reason}")

    def _mind(self, now: float) -> None:
        """Do what time asks for: inputs, pings, and noticing that nobody answers."""
        if now - self._heard_at > self._silence_max_s:
            self.lose("the server is silent")
            return
        if now >= self._steady_at:
            self._steady_at, self._attempt = float("inf"), 0
        if not self._is_welcomed:
            return
        if now >= self._ping_at:
            self._ping_at = now + PING_EVERY_S * (0.9 + self.chance.random() / 5)
            if self.is_json:
                self.send_text({"type": "ping", "client_ms": now * 1000})
            else:
                self._send(BINARY, _PING.pack(Tag.PING, now * 1000))
        self._step(now)

    def lose(self, reason: str) -> None:
        """Give the connection up without a word."""
        if self.wire is not None:
            self.wire.reset()
            self._ended(ABNORMAL, reason)

    def _ended(self, code: int, reason: str) -> None:
        if self.wire is not None:
            self.wire.finish()
        self.wire, self._is_welcomed = None, False
        self.witness.client_closed(self, code, reason)
        self.close_code = code
        if code in REJOIN:
            if self.holding.token is not None:
                self._attempt = 0  # the server is there, so there is nothing to wait for, once
            self.holding.token, self.is_sound = None, False
        elif code not in RESUME:
            self.stop()
            return
        self.status = "reconnecting"
        longest = min(RETRY_MAX_S, RETRY_FIRST_S * 2**self._attempt)
        self._attempt += 1
        self._retry_at = self.now + longest * (0.5 + self.chance.random() / 2)

    def stop(self) -> None:
        """Be gone for good."""
        self.status = "stopped"
        if self.wire is not None:
            self.wire.finish()
            self.wire = None

    def leave(self) -> None:
        """Give the seat up and be gone."""
        self.send_text({"type": "leave"})
        self.close_code = 1000
        self.stop()

    def reload(self) -> None:
        """Begin anew as a page that was loaded again does: only the token and the last event are left."""
        if self.wire is not None:
            self.wire.reset()
        self.wire, self._is_welcomed = None, False
        self.replica, self.is_sound, self.seq = None, False, 0
        self.status, self._attempt, self._retry_at = "connecting", 0, self.now + 0.05

    # ---- sending -----------------------------------------------------------------------------------------------

    def _send(self, opcode: int, payload: bytes) -> None:
        if self.wire is not None and self._is_open:
            self.wire.send(serialise(opcode, payload))

    def send_text(self, message: Mapping[str, Any]) -> None:
        """Send a message as JSON."""
        self._send(TEXT, ujson.dumps(message).encode())

    def _step(self, now: float) -> None:
        replica = self.replica
        if replica is None or replica.tick is None:
            return
        self._credit = min(self._credit + (now - self._stepped_at) / self._step_s, BURST_STEPS_MAX + 0.999)
        self._stepped_at = now
        steps = int(self._credit + 1e-6)
        self._credit -= steps
        if now < self.skips_input_until or self.is_quiet or self.is_spectator:
            return
        for _ in range(steps):
            self.send_input(self._brain.think(replica, replica.own))

    def send_input(self, values: Mapping[str, Any]) -> None:
        """Send the next input."""
        assert self.replica is not None
        assert self._input_type is not None
        self.seq += 1
        self.sent.add(self.seq)
        if "serial" in self._input_type._positions:
            values = {**values, "serial": self.seq & 0xFF}
        tick = self.replica.tick or 0
        if self.is_json:
            self.send_text({"type": "input", "seq": self.seq, "ack": tick, "lag": 0.5, **values})
        else:
            self._send(BINARY, self._input_type.encode_binary(self.seq, tick, 0.5, values))

    def _acknowledge(self, tick: int) -> None:
        if self.is_json:
            self.send_text({"type": "ack", "ack": tick})
        else:
            self._send(BINARY, _ACK.pack(Tag.ACK, tick))

    def _ask_for_full(self) -> None:
        if self.now < self._resync_at:
            return
        self._resync_at = self.now + RESYNC_EVERY_S
        self.resyncs += 1
        if self.is_json:
            self.send_text({"type": "resync"})
        else:
            self._send(BINARY, bytes((Tag.RESYNC,)))

    # ---- receiving ---------------------------------------------------------------------------------------------

    def _take_binary(self, data: bytes) -> None:
        replica = self.replica
        try:
            if replica is None or not self._is_welcomed:
                raise ValueError("a binary message before the welcome")
            message = decode_binary(replica.types, data)
            if isinstance(message, StateMessage):
                self._apply(replica, message)
        except ValueError as error:
            self.witness.client_failed(self, str(error))

    def _take_text(self, message: Mapping[str, Any]) -> None:
        kind = message["type"]
        if kind == "welcome":
            self._begin(message)
        elif kind == "events":
            self.witness.client_heard(self, message)
            for event in message["list"]:
                self.holding.event = max(self.holding.event, event["number"])
        elif kind == "error":
            self.witness.client_heard(self, message)
        else:
            replica = self.replica
            try:
                if replica is None or not self._is_welcomed:
                    raise ValueError("a state before the welcome")
                decoded = decode_state(replica.types, message)
                if not isinstance(decoded, Pong):
                    if decoded.advance is not None and message["baseline"] != replica.tick:
                        raise ValueError(f"a baseline of {message['baseline']}, but {replica.tick} is held")
                    self._apply(replica, decoded)
            except ValueError as error:
                self.witness.client_failed(self, str(error))

    def _begin(self, welcome: Mapping[str, Any]) -> None:
        if self._is_welcomed:
            self.witness.client_failed(self, "a second welcome")
        old = self.welcome
        goes_on = (
            welcome["resumed"] and self.is_sound and (old["room"], old["seat"]) == (welcome["room"], welcome["seat"])
        )
        if self.replica is None or not goes_on:
            like = self.replica if old and old["schema_hash"] == welcome["schema_hash"] else None
            self.replica = Replica(welcome["schema"], like=like)
        replica = self.replica
        if welcome["tick"] is not None and welcome["tick"] != replica.tick:
            self.witness.client_failed(self, f"a baseline of {welcome['tick']}, but {replica.tick} is held")
        assert self.wire is not None
        self.session = self.wire.session
        self.witness.client_welcomed(self, welcome)
        replica.welcome(welcome["tick"], welcome["ack"])
        described = welcome["schema"]["input"]
        if self._input_type is None or not old or old["schema_hash"] != welcome["schema_hash"]:
            self._input_type = InputType(described["name"], fields_of(described), None)
        if not goes_on and not welcome["resumed"]:
            self.seq = 0
            self.sent = set()
        under_way = welcome["limits"]["input_queue_len_max"] if welcome["resumed"] else 0
        self.seq = max(self.seq, welcome["ack"] + under_way)
        held = self.holding
        held.token = welcome["token"]
        held.event = max(held.event, welcome["event"]) if welcome["resumed"] else welcome["event"]
        if any(key in self.wish for key in ("room", "code", "create")):
            held.place = {"code": welcome["code"]} if welcome["code"] else {"room": welcome["room"]}
        if "spectate" in self.wish:
            held.place["spectate"] = True
        self.welcome, self._is_welcomed, self.is_sound = welcome, True, True
        self.status = "playing"
        self._step_s = 1 / welcome["tick_rate"]
        self._silence_max_s = welcome["limits"]["dead_after_s"]
        now = self.now
        self._steady_at, self._ping_at, self._stepped_at = now + STEADY_S, now, now

    def _apply(self, replica: Replica, message: StateMessage) -> None:
        replica.apply(message)
        self.witness.client_applied(self, message)
        if self.is_spectator:
            self._acknowledge(replica.tick or 0)
        if message.checksum is not None and message.checksum != replica.checksum():
            self._ask_for_full()
