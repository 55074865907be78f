"""Queues stay within their limits: inputs, answers, events, history, what a connection could not send yet.

At most one state message a seat waits to be sent, and no answer waits longer than until the end of its tick.
"""

from game_server.core.codec import Tag
from game_server.core.room import Room

from . import Check

STATE_TAGS = frozenset((Tag.DELTA, Tag.FULL, Tag.CHECKED_DELTA))
#: a second's answers, at the rate at which clients may ask, and a few full states
UNSENT_BYTES_MAX = 400_000
ACTS_MAX = 2000


class Queues(Check):
    """See above."""

    name = "queues"

    def after_tick(self, room: Room) -> None:
        limits, where = room.limits, f"{room.room_id} tick {room.tick}"
        if len(room._events._events) > limits.event_log_len_max:
            self.fail(f"{where}: the log holds {len(room._events._events)} events")
        history = room._outgoing._history
        if len(history) > max(1, int(limits.history_s * room.clock.tick_rate)):
            self.fail(f"{where}: {len(history)} diffs are kept")
        if len(room._acts) > ACTS_MAX or len(room.outside_calls) > limits.outside_calls_max:
            self.fail(f"{where}: {len(room._acts)} acts, {len(room.outside_calls)} outside calls wait")
        for session in room.sessions.values():
            seat = f"{where} seat {session.seat.number}"
            if len(session.queue) > limits.input_queue_len_max:
                self.fail(f"{seat}: {len(session.queue)} inputs wait")
            if session.outbox:
                self.fail(f"{seat}: {len(session.outbox)} answers were not sent with the tick")
            if session.link is not None:
                self._check_connection(session.link.connection, seat)

    def _check_connection(self, connection: object, seat: str) -> None:
        unsent = connection._unsent  # type: ignore[attr-defined]
        if not unsent:
            return
        if connection.unsent_bytes > UNSENT_BYTES_MAX:  # type: ignore[attr-defined]
            self.fail(f"{seat}: {connection.unsent_bytes} bytes are unsent")  # type: ignore[attr-defined]
        states = sum(is_state(piece) for piece in unsent)
        if states > 1:
            self.fail(f"{seat}: {states} states are unsent")


def is_state(piece: bytes | memoryview) -> bool:
    """Return whether this begins a frame with a state message. The rest of a frame that was begun is taken for none."""
    if len(piece) < 5 or piece[0] != 0x82:
        return False
    start = 2 if piece[1] < 126 else 4 if piece[1] == 126 else 10
    return len(piece) > start and piece[start] in STATE_TAGS
