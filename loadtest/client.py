"""One bot: joins, answers every step with its brain's input, and measures what it gets.

A bot holds a `Replica` of its room. At each step of the pacer its brain looks at the replica and its input goes out;
each state that arrives is measured (acks against the moments at which inputs were due, age against room time), then
taken in. A bot that does not decode reads heads only and sends what a decoding roommate chose last.

If the server reports inputs waiting at every state for a second, as many steps are left out: otherwise one hiccup
would add to the latency for good. This is what the browser client's adaptive step does, in its simplest form.

Knows the protocol; knows nothing of how many bots there are or when they come.
"""

import asyncio
import random
import struct
from collections import deque
from collections.abc import Mapping
from typing import Any

import attrs
import ujson

from game_server.core.codec import Pong, StateMessage, Tag, decode_binary
from game_server.core.inputs import InputType
from game_server.core.json_codec import decode_state
from game_server.core.protocol import VERSION
from game_server.core.replica import Replica
from game_server.core.schema import fields_of
from game_server.errors import CloseCode

from .heads import decode_head
from .link import ABNORMAL, HandshakeError, Link, connect
from .options import SUBPROTOCOLS, Options
from .room_clock import RoomClock
from .stats import Stats

JOIN_TIMEOUT_S = 10.0
PING_EVERY_S = 1.0
#: pings of a bot whose clock is not set yet
FIRST_PINGS_EVERY_S = 0.1
UNANSWERED_S = 1.0

_PING = struct.Struct("<Bd")
_RESYNC = bytes((Tag.RESYNC,))


@attrs.define(eq=False)
class Group:
    """Bots that share a room, or all that come by quick match. The first one in makes the room."""

    has_room: bool
    lock: asyncio.Lock = attrs.Factory(asyncio.Lock)
    room: str | None = None
    #: what a decoding bot chose last
    values: dict[str, Any] = attrs.Factory(dict)
    #: some member's, for its field tables
    replica: Replica | None = None
    schema_hash: str = ""


class Bot:
    """A client.

    Args:
        number: unique among all bots of the run; seeds its brain.
        options: of the run.
        group: who it plays with.
        stats: where it counts.
        is_decoding: whether it takes bodies apart and thinks.
    """

    def __init__(self, number: int, options: Options, group: Group, stats: Stats, is_decoding: bool) -> None:
        assert options.game.brain is not None
        self.number, self._options, self._group, self._stats = number, options, group, stats
        self.is_decoding = is_decoding
        self._random = random.Random(f"{options.seed}/{number}")
        self._brain = options.game.brain(self._random)
        self._is_json = options.codec == "json"
        self._loop = asyncio.get_running_loop()
        self._link: Link | None = None
        self._welcome: asyncio.Future[Mapping[str, Any]] = self._loop.create_future()
        self._ping_timer: asyncio.TimerHandle | None = None
        self._clock = RoomClock()
        self._replica: Replica
        self._input_type: InputType
        self._tick_ms = 0.0
        self.tick_rate = 0
        self.is_seated = False
        self.is_leaving = False
        self.frames = 0
        self._seq = 0
        self._pending: deque[tuple[int, float]] = deque()
        self._state_at_s: float | None = None
        self._states_a_second = 1
        #: states in a row that told of inputs waiting, and the fewest that they told of
        self._crowded = 0
        self._waiting_min = 0
        #: steps to leave out
        self._withhold = 0
        self.closed: asyncio.Future[None] = self._loop.create_future()

    # ---- coming and going ------------------------------------------------------------------------------------

    async def join(self) -> None:
        """Connect and take a seat; what fails is counted. `is_seated` tells how it went."""
        try:
            self._link = await connect(
                self._options.url, SUBPROTOCOLS[self._options.codec], self, timeout_s=JOIN_TIMEOUT_S
            )
            if self._group.has_room:
                async with (
                    self._group.lock
                ):  # one makes the room, the others wait for it; if that fails, the next tries
                    if self._group.room is None:
                        await self._take_seat()
                        return
            await self._take_seat()
        except HandshakeError as error:
            self._stats.errors[str(error)] += 1
        except TimeoutError:
            self._stats.errors["join: timeout"] += 1
            self.abort()

    async def _take_seat(self) -> None:
        message: dict[str, Any] = {"type": "join", "version": VERSION, "game": self._options.name}
        message["name"] = f"load-{self.number}"
        if self._group.has_room and self._group.room is not None:
            message["room"] = self._group.room
        else:
            message["options"] = self._options.room_options
            message["create"] = self._group.has_room
        self._send_text(message)
        async with asyncio.timeout(JOIN_TIMEOUT_S):
            await asyncio.wait((self._welcome, self.closed), return_when=asyncio.FIRST_COMPLETED)
        if not self._welcome.done():
            self._stats.errors["join: closed"] += 1
            return
        self._begin(self._welcome.result())

    def _begin(self, welcome: Mapping[str, Any]) -> None:
        self._group.room = welcome["room"]
        self._stats.rooms.add(welcome["room"])
        self.tick_rate = welcome["tick_rate"]
        self._tick_ms = 1000 / self.tick_rate
        self._states_a_second = max(self.tick_rate // welcome["send_every"], 1)
        self._plan_ping()

    def leave(self) -> None:
        """Give the seat up; `closed` follows."""
        self.is_leaving = True
        self._stop()
        if self._link is not None and self._link.is_open:
            self._send_text({"type": "leave"})

    def abort(self) -> None:
        """Drop the connection at once."""
        self._stop()
        if self._link is not None:
            self._link.abort()

    def _stop(self) -> None:
        self.is_seated = False
        if self._ping_timer is not None:
            self._ping_timer.cancel()

    @property
    def wire_bytes(self) -> tuple[int, int]:
        """Bytes received and sent so far, frame headers included."""
        return (self._link.bytes_in, self._link.bytes_out) if self._link is not None else (0, 0)

    def on_close(self, code: int, reason: str) -> None:
        self._stop()
        if not self.is_leaving:
            self._stats.closes[close_name(code)] += 1
        if not self.closed.done():
            self.closed.set_result(None)

    # ---- sending ---------------------------------------------------------------------------------------------

    def step(self, due_s: float) -> None:
        """Send the input of the step that was due at `due_s`."""
        replica, link = self._replica, self._link
        if not self.is_seated or replica.tick is None or link is None:
            return
        samples = self._stats.samples
        if self._withhold:
            self._withhold -= 1
            samples.inputs_withheld += 1
            return
        values = self._group.values
        if self.is_decoding:
            try:
                values = self._group.values = self._brain.think(replica, replica.own)
            except Exception as error:  # noqa: BLE001 - a game's own code; the run goes on and reports it
                self._stats.errors[f"brain: {type(error).__name__}: {error}"[:80]] += 1
        self._seq += 1
        self._pending.append((self._seq, due_s))
        samples.inputs += 1
        if self._is_json:
            self._send_text({"type": "input", "seq": self._seq, "ack": replica.tick, "lag": 0, **values})
        else:
            link.send_binary(self._input_type.encode_binary(self._seq, replica.tick, 0.0, values))

    def _plan_ping(self) -> None:
        every_s = PING_EVERY_S if self._clock.is_set else FIRST_PINGS_EVERY_S
        self._ping_timer = self._loop.call_later(every_s * self._random.uniform(0.5, 1.5), self._ping)

    def _ping(self) -> None:
        if self._link is None or not self._link.is_open:
            return
        client_ms = self._loop.time() * 1000
        if self._is_json:
            self._send_text({"type": "ping", "client_ms": client_ms})
        else:
            self._link.send_binary(_PING.pack(Tag.PING, client_ms))
        self._plan_ping()

    def _send_text(self, message: Mapping[str, Any]) -> None:
        if self._link is not None:
            self._link.send_text(ujson.dumps(message))

    def _ask_for_full(self, error: str) -> None:
        self._stats.errors[error] += 1
        if self._is_json:
            self._send_text({"type": "resync"})
        elif self._link is not None:
            self._link.send_binary(_RESYNC)

    # ---- receiving -------------------------------------------------------------------------------------------

    def on_binary(self, data: bytes) -> None:
        now_s = self._loop.time()
        try:
            if self.is_decoding or data[0] == Tag.PONG:
                message = decode_binary(self._replica.types, data)
            else:
                message = decode_head(data)
            self._take(message, now_s, len(data))
        except ValueError as error:
            self._ask_for_full(f"bad state: {error}"[:80])

    def on_text(self, text: str) -> None:
        now_s = self._loop.time()
        message = ujson.loads(text)
        kind = message["type"]
        if kind == "events":
            self._stats.samples.events += len(message["list"])
        elif kind == "error":
            self._stats.errors[f"error: {message['code']}"] += 1
        elif kind == "welcome":
            self._seat(message)
        else:
            try:
                types = self._replica.types if self.is_decoding else self._replica.types[:1]
                if not self.is_decoding and kind != "pong":
                    message = {key: value for key, value in message.items() if key in _HEAD_KEYS}
                self._take(decode_state(types, message), now_s, len(text))
            except ValueError as error:
                self._ask_for_full(f"bad state: {error}"[:80])

    def _seat(self, welcome: Mapping[str, Any]) -> None:
        # At once, not when `join` wakes up: a state may follow in the same read.
        group = self._group
        if group.schema_hash != welcome["schema_hash"]:
            group.schema_hash, group.replica = welcome["schema_hash"], None
        self._replica = group.replica = Replica(welcome["schema"], like=group.replica)
        self._replica.welcome(welcome["tick"], welcome["ack"])
        described = welcome["schema"]["input"]
        self._input_type = InputType(described["name"], fields_of(described), None)
        self.is_seated = True
        self._welcome.set_result(welcome)

    def _take(self, message: StateMessage | Pong, now_s: float, length_bytes: int) -> None:
        samples = self._stats.samples
        if isinstance(message, Pong):
            now_ms = now_s * 1000
            self._clock.sample(message.client_ms, message.room_ms, now_ms)
            samples.rtt.record(int((now_ms - message.client_ms) * 1000))
            return
        replica = self._replica
        replica.apply(message)
        self.frames += 1
        samples.frames += 1
        samples.frame_bytes += length_bytes
        samples.inputs_missing += message.missing
        self._note_waiting(message.depth)
        pending = self._pending
        while pending and pending[0][0] <= replica.ack:
            samples.ack.record(int((now_s - pending.popleft()[1]) * 1e6))
        if self._state_at_s is not None:
            samples.gap.record(int((now_s - self._state_at_s) * 1e6))
        self._state_at_s = now_s
        if self._clock.is_set and replica.tick is not None:
            room_ms = now_s * 1000 + self._clock.offset_ms
            samples.age.record(int((room_ms - replica.tick * self._tick_ms) * 1000))
        if message.checksum is not None and self.is_decoding and message.checksum != replica.checksum():
            self._ask_for_full("desync")

    def _note_waiting(self, depth: int) -> None:
        if not depth:
            self._crowded = 0
            return
        self._waiting_min = min(self._waiting_min, depth) if self._crowded else depth
        self._crowded += 1
        if self._crowded >= self._states_a_second:
            self._crowded, self._withhold = 0, self._waiting_min

    def count_unanswered(self, now_s: float) -> None:
        """Count inputs that have waited too long for their ack, with their age: a lower bound of their latency."""
        for _, due_s in self._pending:
            if now_s - due_s > UNANSWERED_S:
                self._stats.samples.inputs_unanswered += 1
                self._stats.samples.ack.record(int((now_s - due_s) * 1e6))


_HEAD_KEYS = frozenset(("type", "tick", "ack", "baseline", "depth", "missing"))


def close_name(code: int) -> str:
    """Return what a close code is called."""
    if code == ABNORMAL:
        return "1006 abnormal"
    try:
        return f"{code} {CloseCode(code).name.lower()}"
    except ValueError:
        return f"{code} unknown"
