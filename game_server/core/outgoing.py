"""What a room sends: the history of diffs, and for each session the one state message of this tick.

Seats with the same baseline share one encoded body. Most seats also share their few own bytes (one tick on, one
input consumed, none waiting), so the whole frame is made once for them: the fast path of `frames` is a dict look-up.
A seat that skipped states gets the merge of the diffs since its baseline; one whose baseline is older than the
history gets a full state. Nothing is ever queued behind an unsent state.

Knows sessions and the codecs; knows nothing of seats' comings and goings, rules or sockets.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any

from . import codec, json_codec, snapshot
from .event_log import EventLog
from .limits import RoomLimits
from .metrics import Counts
from .schema import WireType
from .session import Session, State
from .world import World

Frame = tuple[Session, str | bytes]


class Outgoing:
    """A room's snapshots and diffs, and the frames made of them.

    Args:
        world: captured at each state.
        events: sent before the state of their tick.
        tick_rate: in Hz.
        limits: `history_s`, `checksum_s` and `slow_ack_ms` matter here.
        counts: the room's tally.
    """

    def __init__(self, world: World, events: EventLog, tick_rate: int, limits: RoomLimits, counts: Counts) -> None:
        self._world, self._events, self._counts = world, events, counts
        self._types = world.types
        self._tick_rate = tick_rate
        self._checksum_every_ticks = max(1, int(limits.checksum_s * tick_rate))
        self._slow_ticks = limits.slow_ack_ms * tick_rate / 1000
        self._history: deque[snapshot.Diff] = deque(maxlen=max(1, int(limits.history_s * tick_rate)))
        #: the tick that the oldest diff in history starts from
        self.history_base = 0
        self.snapshot = snapshot.capture(world, snapshot.empty_snapshot(self._types), 0).snapshot
        self._previous_tick = 0

    def capture(self, tick: int) -> None:
        """Quantise the world and keep what changed since the capture before."""
        taken = snapshot.capture(self._world, self.snapshot, tick)
        self._counts.values_clamped += taken.clamped
        if len(self._history) == self._history.maxlen:
            self.history_base = self._history[0].tick
        self._history.append(taken.diff)
        self._previous_tick, self.snapshot = self.snapshot.tick, taken.snapshot

    def frames(self, sessions: Iterable[Session]) -> list[Frame]:
        """Return what to send now: events not sent yet, then at most one state message for each seated session."""
        tick = self.snapshot.tick
        bodies = Bodies(self._types, self.snapshot, self._history)
        is_checked = tick % self._checksum_every_ticks == 0
        owned_changes = self._history[-1].owned
        shared: dict[int, bytes] = {}
        previous, newest_event = self._previous_tick, self._events.newest_number
        frames: list[Frame] = []
        for session in sessions:
            if session.state is not State.SEATED:
                continue
            if session.is_blocked or self._is_behind(session, tick):
                self._counts.states_skipped += 1
                session.skipped_total += 1
                continue
            if session.event_number != newest_event or session.partial:
                self._add_events(session, frames)
            ack_advance = session.consumed_seq - session.sent_ack
            if (
                session.sent_tick != previous
                or is_checked
                or session.is_json
                or ack_advance > 127
                or session.resync_wanted
                or session.seat.number in owned_changes
            ):
                frames.append((session, self._state_for(session, bodies, is_checked)))
            else:
                inputs = codec.pack_inputs(len(session.queue), session.missing)
                key = ack_advance << 8 | inputs
                frame = shared.get(key)
                if frame is None:
                    header = codec.delta_header(tick - previous, ack_advance, inputs)
                    frame = shared[key] = header + bodies.public(previous)
                frames.append((session, frame))
            session.sent_tick, session.sent_ack, session.missing = tick, session.consumed_seq, 0
        return frames

    def _is_behind(self, session: Session, tick: int) -> bool:
        """Return whether a client that acks is too far behind in applying; it then gets one state a second."""
        sent_tick = session.sent_tick
        if sent_tick is None or sent_tick - session.acked_tick <= self._slow_ticks or not session.acked_tick:
            return False
        return not session.resync_wanted and tick - sent_tick < self._tick_rate

    def _state_for(self, session: Session, bodies: "Bodies", is_checked: bool) -> str | bytes:
        """Return the state message of one session, whatever its baseline, codec and private part."""
        base = None if session.resync_wanted else session.sent_tick
        session.resync_wanted = False
        if base is None or base < self.history_base:
            base = None
            self._counts.states_full += 1
        number = session.seat.number
        owned = self._world.owned.get(number, {})
        changed = dict.fromkeys(owned, snapshot.SPAWNED) if base is None else bodies.diff(base).owned.get(number, {})
        checksum = None
        if is_checked:
            private = codec.private_checksum(self._types, self.snapshot.tables, owned)
            checksum = (bodies.checksum() + private) & 0xFFFFFFFF
        if session.is_json:
            state = bodies.public_json(base)
            if changed:
                state = json_codec.with_private(state, self._types, self.snapshot, changed, owned)
            return json_codec.dump({**self._json_head(session, base, checksum), **state})
        private_body = codec.encode_private(self._types, self.snapshot, changed, owned) if changed else b""
        return self._binary_head(session, base, checksum) + bodies.public(base) + private_body

    def _binary_head(self, session: Session, base: int | None, checksum: int | None) -> bytes:
        tick = self.snapshot.tick
        inputs = codec.pack_inputs(len(session.queue), session.missing)
        if base is None:
            return codec.full_header(tick, session.consumed_seq, inputs)
        ack_advance = session.consumed_seq - session.sent_ack
        if checksum is None:
            return codec.delta_header(tick - base, ack_advance, inputs)
        return codec.checked_delta_header(tick - base, ack_advance, inputs, tick, checksum)

    def _json_head(self, session: Session, base: int | None, checksum: int | None) -> dict[str, Any]:
        head: dict[str, Any] = {"type": "full" if base is None else "delta", "tick": self.snapshot.tick}
        if base is not None:
            head["baseline"] = base
        head["ack"] = session.consumed_seq
        head["depth"] = min(len(session.queue), codec.DEPTH_MAX)
        head["missing"] = min(session.missing, codec.MISSING_MAX)
        if checksum is not None:
            head["checksum"] = checksum
        return head

    def _add_events(self, session: Session, frames: list[Frame]) -> None:
        lost = self._events.lost_since(session.event_number)
        if lost:
            session.partial = True
            self._counts.events_lost += lost
        message = self._events.message_since(session.event_number, session.seat, session.partial)
        session.event_number, session.partial = self._events.newest_number, False
        if message is not None:
            frames.append((session, message))


class Bodies:
    """The bodies of one tick, each made once however many seats need it. A baseline None means a full state."""

    def __init__(self, types: tuple[WireType, ...], now: snapshot.Snapshot, history: deque[snapshot.Diff]) -> None:
        self._types, self._snapshot, self._history = types, now, history
        self._diffs: dict[int | None, snapshot.Diff] = {}
        self._public: dict[int | None, bytes] = {}
        self._public_json: dict[int | None, json_codec.State] = {}
        self._checksum: int | None = None

    def diff(self, base: int | None) -> snapshot.Diff:
        diff = self._diffs.get(base)
        if diff is None:
            diff = self._diffs[base] = self._make_diff(base)
        return diff

    def _make_diff(self, base: int | None) -> snapshot.Diff:
        if base is None:
            return snapshot.full_diff(self._snapshot, {})
        since: list[snapshot.Diff] = []
        for diff in reversed(self._history):
            if diff.tick <= base:
                break
            since.append(diff)
        return since[0] if len(since) == 1 else snapshot.merge(reversed(since))

    def public(self, base: int | None) -> bytes:
        body = self._public.get(base)
        if body is None:
            body = self._public[base] = codec.encode_public(self._types, self._snapshot, self.diff(base))
        return body

    def public_json(self, base: int | None) -> json_codec.State:
        state = self._public_json.get(base)
        if state is None:
            state = self._public_json[base] = json_codec.public_state(self._types, self._snapshot, self.diff(base))
        return state

    def checksum(self) -> int:
        if self._checksum is None:
            self._checksum = codec.public_checksum(self._types, self._snapshot.tables)
        return self._checksum
