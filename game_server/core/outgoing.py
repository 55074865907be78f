"""What a room sends: the history of diffs, and for each session the one state message of this tick.

Seats with the same baseline share one encoded body. Most seats also share their few own bytes (one tick on, one
input consumed, none waiting), so the whole frame is made once for them: the fast path of `frames` is a dict look-up.
A seat that skipped states gets the merge of the diffs since its baseline; one whose baseline is older than the
history gets a full state. Nothing is ever queued behind an unsent state.

Where seats see different things, or have a budget of bytes, `views` gives each its own groups of those types, and the
shared bodies hold the others only.

Knows sessions and the codecs; knows nothing of seats' comings and goings, rules or sockets.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from . import codec, json_codec, snapshot
from .bodies import Bodies
from .broadcast import Broadcast, Record
from .event_log import EventLog
from .limits import RoomLimits
from .metrics import Counts
from .pace import Pace
from .session import Session
from .view_groups import Portion
from .views import Viewer, Views
from .world import World

Frame = tuple[Session, str | bytes]

#: bytes of a binary state before its body
HEAD_BYTES_MAX = 20


class Outgoing:
    """A room's snapshots and diffs, and the frames made of them.

    Args:
        world: captured at each state.
        events: sent before the state of their tick.
        tick_rate: in Hz.
        limits: `history_s`, `checksum_s`, `late_ack_ms` and `slow_ack_ms` matter here.
        counts: the room's tally.
        views: of the types that not everybody sees; None: everybody sees everything.
        broadcast: the public's stream; None: there is none.
    """

    def __init__(
        self,
        world: World,
        events: EventLog,
        tick_rate: int,
        limits: RoomLimits,
        counts: Counts,
        views: Views | None = None,
        broadcast: Broadcast | None = None,
    ) -> None:
        self._world, self._events, self._counts = world, events, counts
        self._types = world.types
        self._views, self._broadcast = views, broadcast
        self._public = None if views is None or broadcast is None else views.viewer(None)
        self._public_event_number = 0
        self._tick_rate = tick_rate
        self._checksum_every_ticks = max(1, int(limits.checksum_s * tick_rate))
        self._late_ticks = limits.late_ack_ms * tick_rate / 1000
        self._slow_ticks = limits.slow_ack_ms * tick_rate / 1000
        self._history: deque[snapshot.Diff] = deque(maxlen=max(1, int(limits.history_s * tick_rate)))
        #: the tick that the oldest diff in history starts from
        self.history_base = 0
        self.snapshot = snapshot.capture(world, snapshot.empty_snapshot(self._types), 0).snapshot
        self._previous_tick = 0
        if views is not None:
            views.advance(self.snapshot, snapshot.full_diff(self.snapshot, {}))

    def seat(self, session: Session) -> None:
        """Take note of a new player."""
        if self._views is not None:
            session.viewer = self._views.viewer(session.seat)

    def base_at(self, session: Session, tick: int | None) -> int | None:
        """Return the baseline of a session whose client last applied this tick: the tick, or None for a full state."""
        if tick is None or not self.history_base <= tick <= self.snapshot.tick:
            return None
        if session.viewer is not None and not session.viewer.rewind(tick):
            return None
        return tick

    def capture(self, tick: int) -> None:
        """Quantise the world and keep what changed since the capture before."""
        taken = snapshot.capture(self._world, self.snapshot, tick)
        self._counts.values_clamped += taken.clamped
        if len(self._history) == self._history.maxlen:
            self.history_base = self._history[0].tick
        self._history.append(taken.diff.sharing(self._history[-1]) if self._history else taken.diff)
        self._previous_tick, self.snapshot = self.snapshot.tick, taken.snapshot
        if self._views is not None:
            self._views.advance(taken.snapshot, taken.diff)

    def frames(self, sessions: Iterable[Session], unseen: Sequence[Session] = ()) -> list[Frame]:
        """Return what to send now: events not sent yet, then at most one state message for each session.

        Args:
            sessions: the players with a connection.
            unseen: admins, who get everything that is public.
        """
        bodies = Bodies(self._types, self.snapshot, self._history)
        every = self._checksum_every_ticks
        is_checked = self.snapshot.tick // every != self._previous_tick // every
        if self._views is not None:
            frames = self._frames_by_view(self._views, sessions, is_checked)
            return frames + self._frames_alike(unseen, bodies, is_checked) if unseen else frames
        if self._broadcast is not None:
            self._record(self._broadcast, bodies, is_checked)
        return self._frames_alike([*sessions, *unseen] if unseen else sessions, bodies, is_checked)

    def full(self, session: Session) -> str | bytes:
        """Return a full state of the newest capture, for somebody who comes between two states."""
        session.resync_wanted = True
        state = self._state_for(session, Bodies(self._types, self.snapshot, self._history), False)
        session.sent_tick, session.sent_ack = self.snapshot.tick, session.consumed_seq
        return state

    def _frames_alike(self, sessions: Iterable[Session], bodies: Bodies, is_checked: bool) -> list[Frame]:
        """Return the frames of sessions that all see everything."""
        tick = self.snapshot.tick
        owned_changes = self._history[-1].owned
        # By all that the own part in front is made of: ack advance, queue length, missing inputs.
        shared: dict[int, bytes] = {}
        previous, newest_event = self._previous_tick, self._events.newest_number
        suspect_tick = tick - self._late_ticks
        frames: list[Frame] = []
        for session in sessions:
            if (session.is_blocked or session.acked_tick < suspect_tick or session.pace is not None) and self._skips(
                session, tick
            ):
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
                or (owned_changes and session.seat.number in owned_changes)
            ):
                frames.append((session, self._state_for(session, bodies, is_checked)))
            else:
                key = ack_advance | session.missing << 32
                if session.queue:
                    key |= len(session.queue) << 7
                frame = shared.get(key)
                if frame is None:
                    inputs = codec.pack_inputs(len(session.queue), session.missing)
                    header = codec.delta_header(tick - previous, ack_advance, inputs)
                    frame = shared[key] = header + bodies.public(previous)
                frames.append((session, frame))
            session.sent_tick = tick
            session.sent_ack = session.consumed_seq
            session.missing = 0
        return frames

    def _skips(self, session: Session, tick: int) -> bool:
        if not session.is_blocked and not self._is_behind(session, tick):
            return False
        self._counts.states_skipped += 1
        session.skipped_total += 1
        return True

    def _is_behind(self, session: Session, tick: int) -> bool:
        """Return whether a client that acks has so much on its way that another state would be old when it arrives."""
        acked_tick, sent_tick, pace = session.acked_tick, session.sent_tick, session.pace
        if pace is None:
            if not acked_tick or sent_tick is None or sent_tick <= acked_tick or tick - acked_tick <= self._late_ticks:
                return False
            session.pace = Pace(sent_tick, self._late_ticks, self._slow_ticks)
            return not session.resync_wanted
        may_send = pace.may_send(tick, acked_tick)
        if pace.is_over:
            session.pace = None
        return not may_send and not session.resync_wanted

    def _state_for(self, session: Session, bodies: Bodies, is_checked: bool) -> str | bytes:
        """Return the state message of one session, whatever its baseline, codec and private part."""
        base = self._base_of(session)
        changed, owned = self._own_changes(session, base, bodies)
        checksum = bodies.checksum() + self._private_checksum(owned) & 0xFFFFFFFF if is_checked else None
        if session.is_json:
            state = bodies.public_json(base)
            if changed:
                state = json_codec.with_private(state, self._types, self.snapshot, changed, owned)
            return json_codec.dump({**self._json_head(session, base, checksum), **state})
        private_body = codec.encode_private(self._types, self.snapshot, changed, owned) if changed else b""
        return self._binary_head(session, base, checksum) + bodies.public(base) + private_body

    def _base_of(self, session: Session) -> int | None:
        """Return the tick that the session's next state starts from; None: nothing, it is a full state."""
        base = None if session.resync_wanted else session.sent_tick
        session.resync_wanted = False
        if base is None or base < self.history_base:
            self._counts.states_full += 1
            return None
        return base

    def _own_changes(
        self, session: Session, base: int | None, bodies: Bodies
    ) -> tuple[Mapping[int, int], Mapping[int, int]]:
        """Return what is new of a seat's own entities (as `Diff.owned`), and all of them with their type index."""
        number = session.seat.number
        owned = self._world.owned.get(number, {})
        if base is None:
            return dict.fromkeys(owned, snapshot.SPAWNED), owned
        return bodies.diff(base).owned.get(number, {}), owned

    def _private_checksum(self, owned: Mapping[int, int]) -> int:
        return codec.private_checksum(self._types, self.snapshot.tables, owned)

    # ---- views -------------------------------------------------------------------------------------------------

    def _frames_by_view(self, views: Views, sessions: Iterable[Session], is_checked: bool) -> list[Frame]:
        """Return the frames of sessions that see different things."""
        tick, frames = self.snapshot.tick, list[Frame]()
        bodies = Bodies(self._types, self.snapshot, self._history, views.indices)
        turns = []
        for session in sessions:
            if not self._skips(session, tick):
                if session.event_number != self._events.newest_number or session.partial:
                    self._add_events(session, frames)
                turns.append(self._begin(session, bodies))
        public = self._public_portions()
        views.serve([*(turn.portion for turn in turns), *public], is_checked)
        if self._broadcast is not None:
            self._record(self._broadcast, bodies, is_checked, public)
        for turn in turns:
            session = turn.session
            frame = self._state_by_view(turn, bodies, is_checked)
            turn.portion.viewer.spend(len(frame))
            frames.append((session, frame))
            session.sent_tick, session.sent_ack, session.missing = tick, session.consumed_seq, 0
        self._counts.entities_deferred += views.take_deferred()
        return frames

    def _begin(self, session: Session, bodies: Bodies) -> "_Turn":
        base = self._base_of(session)
        changed, owned = self._own_changes(session, base, bodies)
        private_body = codec.encode_private(self._types, self.snapshot, changed, owned) if changed else b""
        shared_parts, shared_bytes = bodies.parts(base)
        assert session.viewer is not None
        session.viewer.acknowledge(session.acked_tick)
        portion = Portion(
            session.viewer, base is None, session.is_json, HEAD_BYTES_MAX + shared_bytes + len(private_body)
        )
        return _Turn(session, base, changed, owned, shared_parts, private_body, portion)

    def _state_by_view(self, turn: "_Turn", bodies: Bodies, is_checked: bool) -> str | bytes:
        session, portion = turn.session, turn.portion
        checksum = None
        if is_checked:
            checksum = bodies.checksum() + portion.checksum + self._private_checksum(turn.owned) & 0xFFFFFFFF
        if session.is_json:
            types = {**bodies.diff(turn.base).types, **portion.types}
            diff = snapshot.Diff(self.snapshot.tick, dict(sorted(types.items())), {})
            state = json_codec.public_state(self._types, self.snapshot, diff)
            if turn.changed:
                state = json_codec.with_private(state, self._types, self.snapshot, turn.changed, turn.owned)
            return json_codec.dump({**self._json_head(session, turn.base, checksum), **state})
        head = self._binary_head(session, turn.base, checksum)
        return b"".join((head, *_interleaved(turn.shared_parts, portion), turn.private_body))

    # ---- the public --------------------------------------------------------------------------------------------

    def _public_portions(self) -> list[Portion]:
        """Return the public's share where there are views: the delta of its stream, and a full state if one is due."""
        broadcast, viewer = self._broadcast, self._public
        if broadcast is None or viewer is None:
            return []
        delta = Portion(viewer, is_full=viewer.tick is None)
        return [delta, Portion(Viewer(None), is_full=True)] if broadcast.is_full_due(self.snapshot.tick) else [delta]

    def _record(self, broadcast: Broadcast, bodies: Bodies, is_checked: bool, portions: Sequence[Portion] = ()) -> None:
        """Record this tick's state for the public; `portions` are the delta's and, if it is due, the full state's."""
        tick, base = self.snapshot.tick, broadcast.newest_tick
        header = codec.delta_header(tick - (base or 0), 0, 0)
        if is_checked:
            checksum = bodies.checksum() + sum(portion.checksum for portion in portions[:1]) & 0xFFFFFFFF
            header = codec.checked_delta_header(tick - (base or 0), 0, 0, tick, checksum)
        delta = b"" if base is None else header + self._public_body(bodies, base, portions[:1])
        full = None
        if broadcast.is_full_due(tick):
            full = codec.full_header(tick, 0, 0) + self._public_body(bodies, None, portions[1:])
        is_partial = self._events.lost_since(self._public_event_number) > 0
        events = self._events.message_since(self._public_event_number, None, is_partial)
        self._public_event_number = self._events.newest_number
        broadcast.record(Record(tick, delta, full, events, self._public_event_number))

    def _public_body(self, bodies: Bodies, base: int | None, portions: Sequence[Portion]) -> bytes:
        if not portions:
            return bodies.public(base)
        return b"".join(_interleaved(bodies.parts(base)[0], portions[0]))

    # ---- heads, events -----------------------------------------------------------------------------------------

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
            if session.viewer is not None:
                session.viewer.spend(len(message))


def _interleaved(shared_parts: tuple[bytes, bytes, bytes], portion: Portion) -> Iterator[bytes]:
    """Yield a body in order: despawns, spawns, updates, of each first what is shared."""
    for part, groups in zip(shared_parts, portion.groups.values(), strict=True):
        yield part
        yield from groups


@attrs.frozen(eq=False)
class _Turn:
    """One session's state message in the making."""

    session: Session
    base: int | None
    changed: Mapping[int, int]
    owned: Mapping[int, int]
    shared_parts: tuple[bytes, bytes, bytes]
    private_body: bytes
    portion: Portion
