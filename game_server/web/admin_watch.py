"""One room that somebody looks into: its seats, its tick times since, its events and, when asked for, its state.

    seats   by number: a row, of which only what changed is told; and the numbers that are free now
    ticks   a second: mean of each phase, and p50, p99 and max of the whole tick
    events  those since the last look, whoever they were for
    state   see admin_state

Shared by all who look into the same room; who comes later is told the whole. Knows a room and its timings; knows
nothing of the feed.
"""

from collections import deque
from typing import Any

import ujson

from ..core.room import Room
from .admin_recent import Recent
from .admin_rooms import Row, changed, in_ms, phase_means, seat_row
from .admin_state import StateView
from .player import Player
from .timings import RoomTimings

SEATS_SHOWN_MAX = 1000
TICKS_LEN_MAX = 300
EVENTS_SHOWN_MAX = 100
EVENT_TEXT_LEN_MAX = 2000


class RoomWatch:
    """What is known of one room by those who look into it."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.seats: dict[str, Row] = {}
        self.state: StateView | None = None
        #: uptime at the newest look: what a page makes rates with
        self.at_s = 0.0
        self._ticks: deque[Row] = deque(maxlen=TICKS_LEN_MAX)
        self._events: deque[Row] = deque(maxlen=EVENTS_SHOWN_MAX)
        self._event_number = 0
        self._phases: tuple[int, list[int]] | None = None
        self._duration = Recent(1)

    def look(self, timings: RoomTimings | None, at_s: float, with_state: bool) -> Row:
        """Look again and return what is new since; begins to measure the round trip of each seat."""
        for session in self.room.sessions.values():
            link: Player | None = session.link
            if link is not None:
                link.connection.measure()
        self.at_s = at_s
        message = {**self._head(), **self._look_at_seats(), "events": self._look_at_events()}
        tick = self._look_at_ticks(timings, at_s)
        message["ticks"] = [] if tick is None else [tick]
        if not with_state:
            self.state = None
        else:
            self.state = self.state or StateView(self.room.world)
            message["state"] = self.state.look()
        return message

    def whole(self) -> Row:
        """Return all that was told so far, for who has just come; the state's fields too, when it is shown."""
        message = {
            **self._head(),
            "full": True,
            "set": self.seats,
            "gone": [],
            "events": list(self._events),
            "ticks": list(self._ticks),
        }
        if self.state is not None:
            message["state"] = {"fields": self.state.fields(), **self.state.whole()}
        return message

    def _head(self) -> Row:
        known = {"room": self.room.room_id, "tick": self.room.tick, "at_s": self.at_s, "omitted": self._omitted}
        return {"type": "room", **known}

    @property
    def _omitted(self) -> int:
        return max(len(self.room.sessions) - SEATS_SHOWN_MAX, 0)

    def _look_at_seats(self) -> Row:
        before, sessions = self.seats, list(self.room.sessions.values())[:SEATS_SHOWN_MAX]
        self.seats = {str(session.seat.number): seat_row(self.room, session) for session in sessions}
        news = {number: changed(before.get(number, {}), row) for number, row in self.seats.items()}
        for number, row in self.seats.items():
            # Another player, or one who came back without a connection: what is not said must not stay.
            known = before.get(number)
            if known is not None and (known["name"] != row["name"] or known.keys() - row.keys()):
                news[number] = {**dict.fromkeys(known), **row}
        return {
            "set": {number: row for number, row in news.items() if row},
            "gone": [number for number in before if number not in self.seats],
        }

    def _look_at_events(self) -> list[Row]:
        fresh: list[Row] = []
        for event in self.room.events_since(self._event_number)[-EVENTS_SHOWN_MAX:]:
            self._event_number = event.number
            fresh.append({"to": None if event.to is None else event.to.number, **_shown_event(event.text)})
        self._events.extend(fresh)
        return fresh

    def _look_at_ticks(self, timings: RoomTimings | None, at_s: float) -> Row | None:
        if timings is None:
            return None
        recent = self._duration.roll(timings.duration)
        before = self._phases or (timings.duration.count, timings.phases_us)
        is_first = self._phases is None
        means, self._phases = phase_means(timings, before)
        if is_first:
            return None
        empty = not recent.count
        sample = {
            "at_s": at_s,
            **means,
            "p50": None if empty else in_ms(recent.percentile(50)),
            "p99": None if empty else in_ms(recent.percentile(99)),
            "max": None if empty else in_ms(recent.max),
            "budget_ms": in_ms(timings.budget_us),
        }
        self._ticks.append(sample)
        return sample


def _shown_event(text: str) -> Row:
    """Return an event's number, tick, name and its data as text: a game's data may be large."""
    event: dict[str, Any] = ujson.loads(text)
    data = ujson.dumps(event["data"], ensure_ascii=False, escape_forward_slashes=False)
    short = data if len(data) <= EVENT_TEXT_LEN_MAX else data[:EVENT_TEXT_LEN_MAX] + "…"
    return {"number": event["number"], "tick": event["tick"], "name": event["name"], "data": short}
