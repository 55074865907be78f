"""Bugs to put in, each of which the simulator must find: proof that every check can fail.

Some are faults that it did find when they were there; the others are such as are easily made. Each names the check
that must speak up first.
"""

from collections import deque
from collections.abc import Callable
from operator import add
from typing import Any

import attrs
import pytest

from game_server.core import bodies, codec, interest, snapshot
from game_server.core.clock import TickClock
from game_server.core.event_log import EventLog
from game_server.core.matchmaking import Lobby
from game_server.core.outgoing import Outgoing
from game_server.core.quiet import QuietRooms
from game_server.core.room import Room
from game_server.core.session import Session
from game_server.core.snapshot import Diff
from game_server.web.hub import Hub

Patch = Callable[[pytest.MonkeyPatch], None]


@attrs.frozen
class Mutant:
    """A bug: what it is, which check finds it, and how it is put in."""

    name: str
    check: str
    put_in: Patch

    def __str__(self) -> str:
        return self.name


def _around(owner: Any, name: str, make: Callable[[Any], Any]) -> Patch:
    """Replace a function by what `make` makes of it."""

    def put_in(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(owner, name, make(getattr(owner, name)))

    return put_in


def _instead(owner: Any, name: str, replacement: Any) -> Patch:
    return _around(owner, name, lambda _: replacement)


# ---- sessions and seats ----------------------------------------------------------------------------------------


def _newest_first(take_inputs: Any) -> Any:
    def broken(self: Room) -> None:
        for session in self.sessions.values():
            session.queue.reverse()
        take_inputs(self)

    return broken


def _only_adds(count: Any) -> Any:
    return lambda self, aside, operation: count(self, aside, add)


def _twice(take_inputs: Any) -> Any:
    def broken(self: Room) -> None:
        before = {session: list(session.queue)[:1] for session in self.sessions.values()}
        take_inputs(self)
        for session, first in before.items():
            if first and self.tick % 16 == 0 and len(session.queue) < session.queue_len_max:
                session.queue.insert(0, first[0])

    return broken


def _no_bound(take_plain_input: Any) -> Any:
    def broken(self: Session, data: bytes) -> bool:
        most, self.queue_len_max = self.queue_len_max, 10**6
        taken = take_plain_input(self, data)
        self.queue_len_max = most
        return bool(taken)

    return broken


def _dear(self: Session, seconds: float) -> None:
    self.message_budget -= self.limits.messages_per_s * seconds


def _still_connected(drop: Any) -> Any:
    def broken(self: Room, session: Session, now_s: float) -> None:
        drop(self, session, now_s)
        session.seat.connected = True

    return broken


def _one_more(patch: pytest.MonkeyPatch) -> None:
    join = Room.join

    def broken(self: Room, *arguments: Any) -> Any:
        self.seats_max += 1
        try:
            return join(self, *arguments)
        finally:
            self.seats_max -= 1

    patch.setattr(Room, "join", broken)
    patch.setattr(Room, "has_free_seat", property(lambda self: len(self.sessions) <= self.seats_max))


# ---- events ----------------------------------------------------------------------------------------------------


def _to_everybody(message_since: Any) -> Any:
    def broken(self: EventLog, number: int, seat: Any, is_partial: bool) -> Any:
        self._events = deque((attrs.evolve(event, to=None) for event in self._events), self._events.maxlen)
        return message_since(self, number, seat, is_partial)

    return broken


def _once_more(message_since: Any) -> Any:
    return lambda self, number, seat, is_partial: message_since(self, number - 1, seat, is_partial)


def _events_lost_at_resume(resume: Any) -> Any:
    def broken(self: Room, session: Session, *rest: Any) -> None:
        resume(self, session, *rest)
        session.event_number = self._events.newest_number

    return broken


# ---- states ----------------------------------------------------------------------------------------------------


def _never_blocked(frames: Any) -> Any:
    def broken(self: Outgoing, sessions: Any, *rest: Any) -> Any:
        sessions = list(sessions)
        for session in sessions:
            session.is_blocked = False
        return frames(self, sessions, *rest)

    return broken


def _last_diff_only(make_diff: Any) -> Any:
    return lambda self, base: self._history[-1] if base is not None else make_diff(self, base)


def _anybody_owns(encode_private: Any) -> Any:
    def broken(types: Any, now: Any, changed: Any, owned: Any) -> Any:
        everything = {entity_id: index for index, rows in enumerate(now.tables) if index for entity_id in rows}
        return encode_private(types, now, {**dict.fromkeys(everything, 1), **changed}, everything)

    return broken


def _moved_eyes(in_cells: Any) -> Any:
    return lambda eyes, *rest: in_cells(eyes + 40.0, *rest)


def _no_despawns(merge: Any) -> Any:
    def broken(diffs: Any) -> Diff:
        merged: Diff = merge(diffs)
        for type_diff in merged.types.values():
            type_diff.despawned = type_diff.despawned[:0]
        return merged

    return broken


def _skips_a_tick(owed: Any) -> Any:
    def broken(self: TickClock, next_tick: int, now_s: float) -> Any:
        ticks, dropped = owed(self, next_tick, now_s)
        return ticks + (next_tick % 50 == 0), dropped

    return broken


def _jumping_ticks(take_inputs: Any) -> Any:
    def broken(self: Room) -> None:
        self.tick += self.tick % 64 == 63
        take_inputs(self)

    return broken


MUTANTS: tuple[Mutant, ...] = (
    # Found by the simulator when they were there.
    Mutant("a message voids the old token", "closes", _instead(Session, "good_tokens", property(lambda s: (s.token,)))),
    Mutant("old tokens stay in the table", "seats", _instead(Lobby, "_forget_tokens", lambda self, *a, **k: None)),
    Mutant("refusals wait for the next message", "queues", _instead(Room, "_take_answers", lambda self: [])),
    # Others.
    Mutant("newest input first", "inputs", _around(Room, "take_inputs", _newest_first)),
    Mutant("an input is taken twice", "inputs", _around(Room, "take_inputs", _twice)),
    Mutant("the input queue has no bound", "queues", _around(Session, "take_plain_input", _no_bound)),
    Mutant("messages are paid twice", "closes", _instead(Session, "refill", _dear)),
    Mutant("a dropped seat counts as connected", "seats", _around(Room, "drop", _still_connected)),
    Mutant("one seat too many", "seats", _one_more),
    Mutant("held seats never expire", "seats", _instead(Room, "expire", lambda self, now_s: [])),
    Mutant("dead connections are kept", "seats", _instead(Hub, "_look_at", lambda self, players: None)),
    Mutant("events for one go to all", "events", _around(EventLog, "message_since", _to_everybody)),
    Mutant("the newest event is sent again", "events", _around(EventLog, "message_since", _once_more)),
    Mutant("lost events are not told of", "events", _instead(EventLog, "lost_since", lambda self, number: 0)),
    Mutant("missed events are not sent at a resume", "events", _around(Room, "resume", _events_lost_at_resume)),
    Mutant("states go out behind unsent ones", "queues", _around(Outgoing, "frames", _never_blocked)),
    Mutant("skipped states are lost", "worlds", _around(bodies.Bodies, "_make_diff", _last_diff_only)),
    Mutant("owner-only values go to all", "worlds", _around(codec, "encode_private", _anybody_owns)),
    Mutant("merged deltas forget who is gone", "worlds", _around(snapshot, "merge", _no_despawns)),
    Mutant("seats look from elsewhere", "worlds", _around(interest, "in_cells", _moved_eyes)),
    Mutant("a tick too early", "ticks", _around(TickClock, "owed", _skips_a_tick)),
    Mutant("tick numbers jump", "ticks", _around(Room, "take_inputs", _jumping_ticks)),
    Mutant("rooms that wake up are counted twice", "seats", _around(QuietRooms, "_count", _only_adds)),
    Mutant("a wrong checksum", "worlds", _around(codec, "private_checksum", lambda real: lambda *a: real(*a) ^ 1)),
)
