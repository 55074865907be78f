"""One bot: joins, answers every step with its brain's input, and measures what it gets.

At each step of the pacer its input goes out; each state that arrives is measured (acks against the moments at which
inputs were due, age against room time), then taken in. A bot that decodes holds a `Replica` of its room, at which its
brain looks; one that does not reads heads only and sends what a decoding roommate chose last.

If the server reports inputs waiting at every state for a second, as many steps are left out: otherwise one hiccup
would add to the latency for good. This is what the browser client's adaptive step does, in its simplest form.

Knows the protocol; knows nothing of how many bots there are, when they come or what they do beside playing.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Set
from typing import Any

import attrs
import ujson

from game_server.core.codec import Pong, StateMessage, Tag, decode_binary
from game_server.core.conditions import Conditions
from game_server.core.conditions import Link as Lines
from game_server.core.inputs import InputType
from game_server.core.json_codec import decode_state
from game_server.core.protocol import VERSION
from game_server.core.replica import Replica
from game_server.core.schema import fields_of
from game_server.errors import CloseCode

from .heads import decode_head
from .inputs import InputFrames, serialise_ping
from .link import ABNORMAL, HandshakeError, Link
from .meter import Meter
from .network import Network
from .room_clock import RoomClock
from .stats import Ledger

JOIN_TIMEOUT_S = 10.0
PING_EVERY_S = 1.0
#: pings of a bot whose clock is not set yet
FIRST_PINGS_EVERY_S = 0.1


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


@attrs.frozen(eq=False)
class Setting:
    """What all bots of a process share.

    Args:
        game: by its name.
        room_options: what rooms are made with.
        is_json: the codec.
        network: makes connections.
        ledger: where they count.
        on_seated, on_gone: told when a bot begins and ends to be stepped.
    """

    game: str
    room_options: Mapping[str, Any]
    is_json: bool
    network: Network
    ledger: Ledger
    on_seated: "Callable[[Bot], None]"
    on_gone: "Callable[[Bot], None]"


class Bot:
    """A client. A scenario's script may use what has no underscore.

    Args:
        number: of its place in the population.
        setting: what it shares with all others.
        group: who it plays with.
        chance: of its choices.
        brain: with `think(view, own)`.
        is_decoding: whether it takes bodies apart and thinks.
        conditions: of its network.
    """

    def __init__(
        self,
        number: int,
        setting: Setting,
        group: Group,
        chance: random.Random,
        brain: Any,
        is_decoding: bool,
        conditions: Conditions | None = None,
    ) -> None:
        self.number, self.random, self.is_decoding = number, chance, is_decoding
        #: what the network does to it, over all its connections; None: nothing
        self.lines: Lines[bytes] | None = None
        if conditions is not None:
            self.lines = Lines(conditions, time.monotonic() * 1000, seed=chance.getrandbits(32))
        self._setting, self._group, self._ledger, self._brain = setting, group, setting.ledger, brain
        self._is_json = setting.is_json
        self._loop = asyncio.get_running_loop()
        self._link: Link | None = None
        self._welcome: asyncio.Future[Mapping[str, Any]] = self._loop.create_future()
        self._ping_timer: asyncio.TimerHandle | None = None
        self._clock = RoomClock()
        self._replica: Replica
        self._frames: InputFrames
        self._token, self._event, self._is_member = "", 0, False
        self.seat = -1
        self.tick_rate, self._states_per_s = 0, 0.0
        self.is_seated = self.is_leaving = False
        #: numbers of the newest state applied, and of inputs acknowledged and sent
        self._tick: int | None = None
        self._ack = self._seq = 0
        #: states in a row that told of inputs waiting, and the fewest that they told of
        self._crowded = self._waiting_min = 0
        #: steps to leave out
        self._withhold = 0
        self.meter = Meter(setting.ledger)
        #: it has left, or was closed and did not resume
        self.closed: asyncio.Future[None] = self._loop.create_future()

    # ---- for scripts -----------------------------------------------------------------------------------------

    @property
    def view(self) -> Replica:
        """The world as it sees it; empty in a bot that does not decode."""
        return self._replica

    @property
    def own(self) -> Set[int]:
        """Ids of the entities that belong to it."""
        return self._replica.own

    def chat(self, text: str) -> None:
        """Say something; how long it takes to come back is measured."""
        self.meter.said[text] = time.monotonic()
        self._send({"type": "chat", "text": text})

    def command(self, name: str, data: Any = None) -> None:
        """Send a one-off act that the game defines."""
        self._send({"type": "command", "name": name, "data": data})

    def drop(self) -> None:
        """Lose the connection without a word; `resume` takes the seat again."""
        if self._link is None or not self.is_seated:
            return
        self._ledger.samples.drops += 1
        self._stop()
        link, self._link = self._link, None
        link.abandon()

    async def resume(self) -> None:
        """Come back after a drop; what fails is counted and ends the bot."""
        if self._link is not None or self.is_leaving:
            return
        message = {"type": "resume", "version": VERSION, "token": self._token, "tick": self._tick, "event": self._event}
        if await self._enter("resume", message):
            self._ledger.samples.resumes += 1

    def leave(self) -> None:
        """Give the seat up; `closed` follows."""
        if self.is_seated:
            self._ledger.samples.leaves += 1
        self.is_leaving = True
        self._send({"type": "leave"})
        self._stop()
        if self._link is None:
            self._end()

    def count_error(self, error: str) -> None:
        """Count an error of this kind."""
        self._ledger.errors[error[:80]] += 1

    # ---- coming and going ------------------------------------------------------------------------------------

    async def join(self) -> None:
        """Connect and take a seat; what fails is counted. `is_seated` tells how it went."""
        group = self._group
        if not group.has_room:
            await self._join()
            return
        async with group.lock:  # one makes the room, the others wait for it; if that fails, the next tries
            if not group.members:
                group.room = None
                await self._join()
                return
        await self._join()

    async def _join(self) -> None:
        group = self._group
        message: dict[str, Any] = {"type": "join", "version": VERSION, "game": self._setting.game}
        message["name"] = f"load-{self.number}"
        if group.has_room and group.room is not None:
            message["room"] = group.room
        else:
            message.update(options=self._setting.room_options, create=group.has_room)
        if await self._enter("join", message):
            self._ledger.samples.joins += 1

    async def _enter(self, what: str, message: dict[str, Any]) -> bool:
        """Connect, send the first message and wait for its answer; return whether there is a seat."""
        self._welcome = self._loop.create_future()
        self.meter.connecting(time.monotonic(), is_resuming=what == "resume")
        try:
            self._link = await self._setting.network.connect(self, JOIN_TIMEOUT_S, self.lines)
            self._send(message)
            async with asyncio.timeout(JOIN_TIMEOUT_S):
                await asyncio.wait((self._welcome, self.closed), return_when=asyncio.FIRST_COMPLETED)
        except HandshakeError as error:
            self._ledger.errors[str(error)] += 1
        except TimeoutError:
            self._ledger.errors[f"{what}: timeout"] += 1
        if self._welcome.done():
            return True
        if self._link is not None and self.closed.done():
            self._ledger.errors[f"{what}: closed"] += 1
        self.abort()
        return False

    def _seat(self, welcome: Mapping[str, Any]) -> None:
        # At once, not when `_enter` wakes up: a state may follow in the same read.
        group = self._group
        if group.schema_hash != welcome["schema_hash"]:
            group.schema_hash, group.replica, group.packed = welcome["schema_hash"], None, None
        if not welcome["resumed"]:
            self._replica = group.replica = Replica(welcome["schema"], like=group.replica)
            described = welcome["schema"]["input"]
            self._frames = InputFrames(InputType(described["name"], fields_of(described), None))
            group.room, self._is_member = welcome["room"], True
            group.members += 1
            self._ledger.rooms.add(welcome["room"])
        self._replica.welcome(welcome["tick"], welcome["ack"])
        self._tick, self._ack = welcome["tick"], welcome["ack"]
        self._seq = max(self._seq, self._ack)
        self._event = max(self._event, welcome["event"])
        self.seat, self._token = welcome["seat"], welcome["token"]
        self.tick_rate = welcome["tick_rate"]
        self._states_per_s = self.tick_rate / welcome["send_every"]
        self.meter.seated(time.monotonic(), self.tick_rate, self._states_per_s)
        self.is_seated = True
        self._plan_ping()
        self._setting.on_seated(self)
        self._welcome.set_result(welcome)

    def abort(self) -> None:
        """Drop the connection for good, at once."""
        self._stop()
        if self._link is not None:
            self._link.abandon()
        self._end()

    def on_close(self, code: int, reason: str) -> None:
        self._stop()
        if not self.is_leaving:
            self._ledger.closes[close_name(code)] += 1
        self._end()

    def _stop(self) -> None:
        """Stop playing; a drop may be followed by a resume."""
        if self._ping_timer is not None:
            self._ping_timer.cancel()
        if self.is_seated:
            now_s = time.monotonic()
            self.settle(now_s)
            if not self.is_leaving:
                self.meter.count_unanswered(now_s)
            self.meter.stopped()
            self.is_seated = False
            self._setting.on_gone(self)

    def settle(self, now_s: float, is_measured: bool = False) -> None:
        """Add to the ledger what was counted since the last time."""
        if self._link is not None:
            self.meter.settle(now_s, (self._link.bytes_in, self._link.bytes_out), is_measured)

    def _end(self) -> None:
        if self._is_member:
            self._is_member = False
            self._group.members -= 1
        if not self.closed.done():
            self.closed.set_result(None)

    # ---- sending ---------------------------------------------------------------------------------------------

    def step(self, due_s: float) -> None:
        """Send the input of the step that was due at `due_s`."""
        tick, link, group = self._tick, self._link, self._group
        if tick is None or link is None or not self.is_seated:
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
            self._send({"type": "input", "seq": seq, "ack": tick, "lag": 0, **group.values})
        else:
            link.send_frame(self._frames.serialise(seq, tick, group.packed or b""))

    def _think(self) -> None:
        group = self._group
        if self.is_decoding:
            try:
                group.values = self._brain.think(self._replica, self._replica.own)
            except Exception as error:  # noqa: BLE001 - a game's own code; the run goes on and reports it
                self._ledger.errors[f"brain: {type(error).__name__}: {error}"[:80]] += 1
        group.packed = self._frames.pack(group.values)

    def _plan_ping(self) -> None:
        every_s = PING_EVERY_S if self._clock.is_set else FIRST_PINGS_EVERY_S
        self._ping_timer = self._loop.call_later(every_s * self.random.uniform(0.5, 1.5), self._ping)

    def _ping(self) -> None:
        if self._link is None or not self._link.is_open:
            return
        client_ms = time.monotonic() * 1000
        if self._is_json:
            self._send({"type": "ping", "client_ms": client_ms})
        else:
            self._link.send_binary(serialise_ping(client_ms))
        self._plan_ping()

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._link is not None and self._link.is_open:
            self._link.send_text(ujson.dumps(message))

    def _ask_for_full(self, error: str) -> None:
        self._ledger.errors[error[:80]] += 1
        if self._is_json:
            self._send({"type": "resync"})
        elif self._link is not None:
            self._link.send_binary(bytes((Tag.RESYNC,)))

    # ---- receiving -------------------------------------------------------------------------------------------

    def on_binary(self, data: bytes) -> None:
        now_s = time.monotonic()
        try:
            if not self.is_decoding and data[0] == Tag.DELTA and data[1] < 128 and data[2] < 128:
                # What `decode_head` would find, without a message between: nearly all frames come this way.
                if self._tick is None:
                    raise ValueError("a delta before any full state")
                self._ack += data[2]
                self._note_state(now_s, len(data), self._tick + data[1], data[3] & 31, data[3] >> 5)
                return
            is_whole = self.is_decoding or data[0] == Tag.PONG
            self._take(decode_binary(self._replica.types, data) if is_whole else decode_head(data), now_s, len(data))
        except (ValueError, IndexError) as error:
            self._ask_for_full(f"bad state: {error}")

    def on_text(self, text: str) -> None:
        now_s = time.monotonic()
        message = ujson.loads(text)
        kind = message["type"]
        if kind == "events":
            self._take_events(message["list"], now_s)
        elif kind == "error":
            self._ledger.errors[f"error: {message['code']}"] += 1
        elif kind == "welcome":
            self._seat(message)
        else:
            try:
                types = self._replica.types if self.is_decoding else self._replica.types[:1]
                if not self.is_decoding and kind != "pong":
                    message = {key: value for key, value in message.items() if key in _HEAD_KEYS}
                self._take(decode_state(types, message), now_s, len(text))
            except ValueError as error:
                self._ask_for_full(f"bad state: {error}")

    def _take_events(self, events: list[Mapping[str, Any]], now_s: float) -> None:
        self._ledger.samples.events += len(events)
        self._event = events[-1]["number"]
        for event in events if self.meter.said else ():
            if event["name"] == "chat" and event["data"]["seat"] == self.seat:
                self.meter.heard(event["data"]["text"], now_s)

    def _take(self, message: StateMessage | Pong, now_s: float, length_bytes: int) -> None:
        if isinstance(message, Pong):
            now_ms = now_s * 1000
            self._clock.sample(message.client_ms, message.room_ms, now_ms)
            if self._clock.is_set:
                self.meter.offset_s = self._clock.offset_ms / 1000
            self._ledger.samples.rtt.record((now_ms - message.client_ms) / 1000)
            return
        if self.is_decoding:
            self._replica.apply(message)
            tick, self._ack = self._replica.tick, self._replica.ack
        else:
            tick = message.tick if message.advance is None or self._tick is None else self._tick + message.advance
            self._ack = message.ack if message.ack is not None else self._ack + (message.ack_advance or 0)
        if tick is None:
            raise ValueError("a delta before any full state")
        self._note_state(now_s, length_bytes, tick, message.depth, message.missing)
        if message.checksum is not None and self.is_decoding and message.checksum != self._replica.checksum():
            self._ask_for_full("desync")

    def _note_state(self, now_s: float, length_bytes: int, tick: int, depth: int, missing: int) -> None:
        self._tick = tick
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


def close_name(code: int) -> str:
    """Return what a close code is called."""
    if code == ABNORMAL:
        return "1006 abnormal"
    try:
        return f"{code} {CloseCode(code).name.lower()}"
    except ValueError:
        return f"{code} unknown"
