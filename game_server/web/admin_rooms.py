"""A room's row on the status page, the worst of its players, and a row for each of its seats.

A `RoomMeter` is asked now and then what its room did since; a seat that is worse off than it should be is noted with
the reason, so that the page can name the players in trouble over all rooms. Knows rooms, sessions and their links;
knows nothing of the feed.
"""

from typing import Any

import attrs

from ..core.room import Room
from ..core.session import Session, State
from .admin_recent import Recent
from .player import Player
from .timings import PHASES, RoomTimings

#: seconds that "now" means in tick times and verdict
RECENT_S = 5
#: a seat is in trouble when its score reaches this; 1 is a seat that plays nothing
TROUBLE_SCORE = 0.25
#: what a client confirms is as old as its round trip; a second is no ordinary one
BEHIND_TROUBLE_MS = 1000

Row = dict[str, Any]


@attrs.frozen
class Trouble:
    """A seat that is badly off, how badly, and why."""

    score: float
    room: str
    game: str
    seat: int
    name: str
    why: str


#: of one seat so far: bytes in and out, inputs missing, states skipped
SeatFigures = tuple[int, int, int, int]
NOTHING_GROWN = (0, 0)


class RoomMeter:
    """What one room did between two looks at it.

    Args:
        room: the room, which is looked at when it is its turn.
        now_s: since when it is measured.
    """

    def __init__(self, room: Room, now_s: float) -> None:
        self.row: Row = {}
        self.trouble: Trouble | None = None
        self._at_s = self._times_at_s = now_s
        self._seats = {session: _figures_of(session) for session in room.sessions.values()}
        self._connected = 0
        self._counts = room.counts.inputs_missing, room.counts.states_skipped
        self._over_budget = 0
        self._duration, self._lateness = Recent(1), Recent(1)
        self._times: Row = {"tick_ms_p50": None, "tick_ms_p99": None, "tick_ms_max": None, "late_ms_p99": None}
        self._budget: Row = {"budget_ms": None, "over": 0, "over_phase": ""}

    def look(self, room: Room, timings: RoomTimings | None, now_s: float, started_at_s: float) -> Row:
        """Bring the row up to date; return what changed in it. Rates are missing at the first look."""
        before, seconds, self._at_s = self.row, now_s - self._at_s, now_s
        if timings is not None and (self._times["tick_ms_p50"] is None or now_s - self._times_at_s > RECENT_S - 0.5):
            self._look_at_times(timings, now_s)
        bytes_in, bytes_out = self._look_at_seats(room, max(seconds, 1e-3))
        (missing, skipped), counts = self._counts, room.counts
        self._counts = counts.inputs_missing, counts.states_skipped
        row = {
            "game": room.definition.name,
            "code": room.code,
            "locked": room.is_locked,
            "taken": len(room.sessions),
            "connected": self._connected,
            "seats": room.seats_max,
            "tick_rate": room.definition.cls.tick_rate,
            "began_s": round(room.clock.origin_s - started_at_s, 1),
            "bytes_in_s": rounded(bytes_in / seconds) if before else None,
            "bytes_out_s": rounded(bytes_out / seconds) if before else None,
            "missing_s": rounded((self._counts[0] - missing) / seconds) if before else None,
            "skipped_s": rounded((self._counts[1] - skipped) / seconds) if before else None,
            **self._times,
            **self._budget,
        }
        self.row = row
        return changed(before, row)

    def _look_at_seats(self, room: Room, seconds: float) -> tuple[int, int]:
        """Return bytes in and out since the look before, and note who is worst off. Runs for every player."""
        known, seats, bytes_in, bytes_out = self._seats, dict[Session, SeatFigures](), 0, 0
        worst, worst_score, worst_grown = None, TROUBLE_SCORE, (0, 0)
        tick, behind_ticks = room.tick, BEHIND_TROUBLE_MS * room.definition.cls.tick_rate / 1000
        connected = 0
        for session in room.sessions.values():
            now = seats[session] = _figures_of(session)
            then = known.get(session)
            if then is None or now[0] < then[0]:  # new, or resumed with a connection that counts anew
                then = (0, 0, now[2], now[3])
            bytes_in += now[0] - then[0]
            bytes_out += now[1] - then[1]
            grown = now[2] - then[2], now[3] - then[3]
            is_seated = session.state is State.SEATED
            connected += is_seated
            if is_seated and grown == NOTHING_GROWN and not 0 < session.acked_tick < tick - behind_ticks:
                continue
            score = max(_scores(room, session, grown, seconds))
            if score >= worst_score:
                worst, worst_score, worst_grown = session, score, grown
        self._seats, self._connected, self.trouble = seats, connected, None
        if worst is not None:
            seat, why = worst.seat, _why(room, worst, worst_grown, seconds)
            self.trouble = Trouble(
                round(worst_score, 2), room.room_id, room.definition.name, seat.number, seat.name, why
            )
        return bytes_in, bytes_out

    def _look_at_times(self, timings: RoomTimings, now_s: float) -> None:
        recent, late = self._duration.roll(timings.duration), self._lateness.roll(timings.lateness)
        over, self._over_budget = timings.over_budget - self._over_budget, timings.over_budget
        self._times_at_s = now_s
        self._budget = {
            "budget_ms": in_ms(timings.budget_us),
            "over": over,
            "over_phase": timings.over_phase if over else "",
        }
        if recent.count:
            self._times = {
                "tick_ms_p50": in_ms(recent.percentile(50)),
                "tick_ms_p99": in_ms(recent.percentile(99)),
                "tick_ms_max": in_ms(recent.max),
                "late_ms_p99": in_ms(late.percentile(99)),
            }


def _figures_of(session: Session) -> SeatFigures:
    link: Player | None = session.link
    if link is None:
        return 0, 0, session.missing_total, session.skipped_total
    connection = link.connection
    return connection.bytes_in, connection.bytes_out, session.missing_total, session.skipped_total


def _scores(room: Room, session: Session, grown: tuple[int, int], seconds: float) -> tuple[float, float, float, float]:
    """Return how badly off a seat is, 1 being one that plays nothing: lost, skips, inputs missing, behind."""
    if session.state is not State.SEATED:
        return 0.5, 0.0, 0.0, 0.0
    missing, skipped = grown
    ticks = seconds * room.definition.cls.tick_rate
    behind_ms = behind_ms_of(room, session) or 0
    return 0.0, 1.5 * skipped / ticks, missing / ticks, behind_ms / BEHIND_TROUBLE_MS * TROUBLE_SCORE


def _why(room: Room, session: Session, grown: tuple[int, int], seconds: float) -> str:
    """Return the reason that weighs most, in words."""
    missing, skipped = grown
    scores = _scores(room, session, grown, seconds)
    return (
        "connection lost; the seat is held",
        f"{skipped / seconds:.0f} states a second skipped: takes its data too slowly",
        f"{missing / seconds:.0f} inputs a second missing: they come late or not at all",
        f"{behind_ms_of(room, session)} ms behind what it was sent",
    )[scores.index(max(scores))]


def behind_ms_of(room: Room, session: Session) -> int | None:
    """Return the age of the newest state that a client has confirmed, in ms; None when it confirms none."""
    if not session.acked_tick or session.state is not State.SEATED:
        return None
    return round(max(room.tick - session.acked_tick, 0) * 1000 / room.definition.cls.tick_rate)


def seat_row(room: Room, session: Session) -> Row:
    """Return what the page shows of one seat."""
    link: Player | None = session.link
    row: Row = {
        "seat": session.seat.number,
        "name": session.seat.name,
        "user": session.seat.user_id,
        "state": session.state.value,
        "codec": "json" if session.is_json else "binary",
        "behind_ms": behind_ms_of(room, session),
        "queue": len(session.queue),
        "inputs": session.accepted_seq,
        "missing": session.missing_total,
        "discarded": session.discarded_total,
        "skipped": session.skipped_total,
        "drops": session.drops_total,
    }
    if link is not None:
        connection = link.connection
        trip = connection.round_trip
        row |= {
            "address": connection.remote_address,
            "rtt_ms": None if trip.rtt_ms is None else round(trip.rtt_ms, 1),
            "jitter_ms": None if trip.jitter_ms is None else round(trip.jitter_ms, 1),
            "bytes_in": connection.bytes_in,
            "bytes_out": connection.bytes_out,
            "unsent_bytes": connection.unsent_bytes,
        }
    return row


def phase_means(timings: RoomTimings, before: tuple[int, list[int]]) -> tuple[Row, tuple[int, list[int]]]:
    """Return the mean time of each phase in ms since `before`, and what to give as `before` the next time."""
    ticks, totals = before
    count = timings.duration.count - ticks
    means = {
        phase: round((now - then) / count / 1000, 4) if count else None
        for phase, now, then in zip(PHASES, timings.phases_us, totals, strict=True)
    }
    return means, (timings.duration.count, timings.phases_us)


def changed(before: Row, now: Row) -> Row:
    """Return what is new or other in `now`; a key is never taken away."""
    if not before:
        return now
    return {key: value for key, value in now.items() if key not in before or before[key] != value}


def in_ms(microseconds: float) -> float:
    """Return milliseconds."""
    return round(microseconds / 1000, 2)


def rounded(number: float) -> int:
    """Return a rate to two digits, small ones whole: what only flickers is not worth sending."""
    if number < 1000:
        return round(number)
    return int(round(number, 2 - len(str(int(number)))))
