"""What a seated bot does: answers every step with its brain's input, and takes in and measures each state.

A bot that decodes holds a `Replica` of its room, at which its brain looks; one that does not reads heads only and sends
what a decoding roommate chose last. Acks are measured against the moments at which inputs were due, age against room
time.

If the server reports inputs waiting at every state for a second, as many steps are left out: otherwise one hiccup
would add to the latency for good. This is what the browser client's adaptive step does, in its simplest form.

Knows the messages of play; knows nothing of joining and leaving. The present is given, in seconds.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import attrs
import ujson

from game_server.core.codec import Pong, StateMessage, Tag, decode_binary
from game_server.core.inputs import InputType
from game_server.core.json_codec import decode_state
from game_server.core.replica import Replica
from game_server.core.schema import fields_of

from .heads import decode_head
from .inputs import InputFrames, serialise_ping
from .link import Link
from .meter import Meter
from .room_clock import RoomClock
from .stats import Ledger


@attrs.define(eq=False)
class Group:
    """Bots that share a room, or all that come by quick match. The first one in makes the room."""

    has_room: bool
    lock: asyncio.Lock = attrs.Factory(asyncio.Lock)
    room: str | None = None
    #: how many are in that room
    members: int = 0
    #: what a decoding bot chose last, for both codecs
    values: Mapping[str, Any] = attrs.Factory(dict)
    packed: bytes | None = None
    #: some member's, for its field tables
    replica: Replica | None = None
    schema_hash: str = ""


class Play:
    """One bot's play in a room, over all its connections.

    Args:
        group: who it plays with.
        ledger: where it counts.
        brain: with `think(view, own)`.
        is_decoding: whether it takes bodies apart and thinks.
        is_json: the codec.
    """

    def __init__(self, group: Group, ledger: Ledger, brain: Any, is_decoding: bool, is_json: bool) -> None:
        self._group, self._ledger, self._brain = group, ledger, brain
        self.is_decoding, self._is_json = is_decoding, is_json
        self.meter = Meter(ledger)
        self.clock = RoomClock()
        self.replica: Replica
        self._frames: InputFrames
        #: where inputs go; None: not connected or not seated
        self._link: Link | None = None
        self._states_per_s = 0.0
        #: numbers of the newest state applied, and of inputs acknowledged and sent
        self.tick: int | None = None
        self._ack = self._seq = 0
        #: states in a row that told of inputs waiting, and the fewest that they told of
        self._crowded = self._waiting_min = 0
        #: steps to leave out
        self._withhold = 0

    def begin(self, welcome: Mapping[str, Any], link: Link, now_s: float) -> None:
        """Play in the seat that a welcome gives, or gives again."""
        group = self._group
        if group.schema_hash != welcome["schema_hash"]:
            group.schema_hash, group.replica, group.packed = welcome["schema_hash"], None, None
        if not welcome["resumed"]:
            self.replica = group.replica = Replica(welcome["schema"], like=group.replica)
            described = welcome["schema"]["input"]
            self._frames = InputFrames(InputType(described["name"], fields_of(described), None))
            self.clock, self.meter.offset_s = RoomClock(), None
            self._seq = self._crowded = self._withhold = 0
        self.replica.welcome(welcome["tick"], welcome["ack"])
        self.tick, self._ack = welcome["tick"], welcome["ack"]
        self._seq = max(self._seq, self._ack)
        self._states_per_s = welcome["tick_rate"] / welcome["send_every"]
        self._link = link
        self.meter.seated(now_s, welcome["tick_rate"], self._states_per_s)

    def stop(self) -> None:
        """Play no more, perhaps until the next welcome."""
        self._link = None
        self.meter.stopped()

    # ---- sending ---------------------------------------------------------------------------------------------

    def step(self, due_s: float) -> None:
        """Send the input of the step that was due at `due_s`."""
        tick, link, group = self.tick, self._link, self._group
        if tick is None or link is None:
            return
        if self._withhold:
            self._withhold -= 1
            self._ledger.samples.inputs_withheld += 1
            return
        if self.is_decoding or group.packed is None:
            self._think()
        self._seq = seq = self._seq + 1
        self.meter.input_sent(due_s)
        if self._is_json:
            link.send_text(ujson.dumps({"type": "input", "seq": seq, "ack": tick, "lag": 0, **group.values}))
        else:
            link.send_frame(self._frames.serialise(seq, tick, group.packed or b""))

    def _think(self) -> None:
        group = self._group
        if self.is_decoding:
            try:
                group.values = self._brain.think(self.replica, self.replica.own)
            except Exception as error:  # noqa: BLE001 - a game's own code; the run goes on and reports it
                self._ledger.errors[f"brain: {type(error).__name__}: {error}"[:80]] += 1
        group.packed = self._frames.pack(group.values)

    def ping(self, now_s: float) -> None:
        """Ask for the room's time."""
        if self._link is None:
            return
        if self._is_json:
            self._link.send_text(ujson.dumps({"type": "ping", "client_ms": now_s * 1000}))
        else:
            self._link.send_binary(serialise_ping(now_s * 1000))

    def _ask_for_full(self, error: str) -> None:
        self._ledger.errors[error[:80]] += 1
        if self._link is None:
            return
        if self._is_json:
            self._link.send_text('{"type":"resync"}')
        else:
            self._link.send_binary(bytes((Tag.RESYNC,)))

    # ---- receiving -------------------------------------------------------------------------------------------

    def take_binary(self, data: bytes, now_s: float) -> None:
        """Take in a state or a pong."""
        try:
            if not self.is_decoding and data[0] == Tag.DELTA and data[1] < 128 and data[2] < 128:
                # What `decode_head` would find, without a message between: nearly all frames come this way.
                if self.tick is None:
                    raise ValueError("a delta before any full state")
                self._ack += data[2]
                self._note_state(now_s, len(data), self.tick + data[1], data[3] & 31, data[3] >> 5)
                return
            is_whole = self.is_decoding or data[0] == Tag.PONG
            self._take(decode_binary(self.replica.types, data) if is_whole else decode_head(data), now_s, len(data))
        except (ValueError, IndexError) as error:
            self._ask_for_full(f"bad state: {error}")

    def take_json(self, message: dict[str, Any], now_s: float, length_bytes: int) -> None:
        """Take in a state or a pong."""
        types = self.replica.types if self.is_decoding else self.replica.types[:1]
        if not self.is_decoding and message["type"] != "pong":
            message = {key: value for key, value in message.items() if key in _HEAD_KEYS}
        try:
            self._take(decode_state(types, message), now_s, length_bytes)
        except ValueError as error:
            self._ask_for_full(f"bad state: {error}")

    def _take(self, message: StateMessage | Pong, now_s: float, length_bytes: int) -> None:
        if isinstance(message, Pong):
            now_ms = now_s * 1000
            self.clock.sample(message.client_ms, message.room_ms, now_ms)
            if self.clock.is_set:
                self.meter.offset_s = self.clock.offset_ms / 1000
            self._ledger.samples.rtt.record((now_ms - message.client_ms) / 1000)
            return
        if self.is_decoding:
            self.replica.apply(message)
            tick, self._ack = self.replica.tick, self.replica.ack
        else:
            tick = message.tick if message.advance is None or self.tick is None else self.tick + message.advance
            self._ack = message.ack if message.ack is not None else self._ack + (message.ack_advance or 0)
        if tick is None:
            raise ValueError("a delta before any full state")
        self._note_state(now_s, length_bytes, tick, message.depth, message.missing)
        if message.checksum is not None and self.is_decoding and message.checksum != self.replica.checksum():
            self._ask_for_full("desync")

    def _note_state(self, now_s: float, length_bytes: int, tick: int, depth: int, missing: int) -> None:
        self.tick = tick
        if missing:
            self._ledger.samples.inputs_missing += missing
        if depth or self._crowded:
            self._note_waiting(depth)
        self.meter.state_arrived(now_s, length_bytes, tick, self._seq - self._ack)

    def _note_waiting(self, depth: int) -> None:
        if not depth:
            self._crowded = 0
            return
        self._waiting_min = min(self._waiting_min, depth) if self._crowded else depth
        self._crowded += 1
        if self._crowded >= self._states_per_s:
            self._crowded, self._withhold = 0, self._waiting_min


_HEAD_KEYS = frozenset(("type", "tick", "ack", "baseline", "depth", "missing"))
