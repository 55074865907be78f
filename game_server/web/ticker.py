"""Drives all rooms' clocks on the event loop.

One timer waits for the room that is due first; each room that is due runs its tick, phase by phase, and each phase
is timed. Rooms nobody is connected to are not in the schedule and cost nothing. A room whose game raises is reported
and never ticked again; the others go on. Sockets that are read by their room's tick are polled right before its
inputs are taken.

Knows the event loop and the rooms; knows nothing of HTTP or message formats.
"""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from time import perf_counter
from typing import Any

from ..core.metrics import Histogram
from ..core.room import OutsideCall, Room
from ..core.session import Session, State
from .connection import Connection

PHASES = ("inputs", "step", "snapshot", "encode", "send")

#: rooms run in one go before the loop may look at its sockets, in s
SLICE_S = 0.02


class RoomTimings:
    """One room's histograms in us: how late ticks began and how long they took."""

    def __init__(self) -> None:
        self.lateness = Histogram()
        self.duration = Histogram()


class Timings(RoomTimings):
    """One game's histograms in us, of all its rooms so far, with each phase."""

    def __init__(self) -> None:
        super().__init__()
        self.phases = {phase: Histogram() for phase in PHASES}


class Ticker:
    """Runs rooms when they are due.

    Args:
        crashed: told of a room whose game raised, with the exception.
        closed: told of a room that asked to be closed.
        outside: starts the work that a room asked for.
    """

    def __init__(
        self,
        crashed: Callable[[Room, Exception], None],
        closed: Callable[[Room], None],
        outside: Callable[[Room, OutsideCall], None],
    ) -> None:
        self._crashed, self._closed, self._outside = crashed, closed, outside
        #: by game name
        self.timings: dict[str, Timings] = {}
        #: by room id, only rooms that have ticked
        self.room_timings: dict[str, RoomTimings] = {}
        self._due: list[tuple[float, int, Room]] = []
        self._scheduled: set[str] = set()
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None

    def wake(self, room: Room) -> None:
        """Schedule a room that somebody is connected to, unless it is scheduled already."""
        if room.room_id not in self._scheduled:
            self._scheduled.add(room.room_id)
            self._push(room)
            self._arm()

    def forget(self, room: Room) -> None:
        """Drop a room from the schedule and its timings from memory."""
        self._scheduled.discard(room.room_id)
        self.room_timings.pop(room.room_id, None)

    def latest_s(self, now_s: float) -> float:
        """Return how late the most overdue tick is, in s; 0 when none is due."""
        return max((now_s - due for due, _, room in self._due if room.room_id in self._scheduled), default=0.0)

    def stop(self) -> None:
        """Run no more ticks."""
        if self._timer:
            self._timer.cancel()
        self._due.clear()
        self._scheduled.clear()

    def _push(self, room: Room) -> None:
        heapq.heappush(self._due, (room.clock.due_s(room.tick + 1), next(self._order), room))

    def _arm(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._due:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(self._due[0][0], self._run_due)

    def _run_due(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        started_s = now_s = loop.time()
        while self._due and self._due[0][0] <= now_s and now_s - started_s < SLICE_S:
            room = heapq.heappop(self._due)[2]
            if room.room_id not in self._scheduled:
                continue
            try:
                self._run(room, now_s)
            except Exception as error:  # noqa: BLE001 - a game's own code; only its room ends
                self._crashed(room, error)
                self.forget(room)
            else:
                self._after(room)
            now_s = loop.time()
        self._arm()

    def _after(self, room: Room) -> None:
        if room.closing is not None:
            self.forget(room)
            self._closed(room)
        elif room.is_awake:
            self._push(room)
        else:
            self._scheduled.discard(room.room_id)

    def _run(self, room: Room, now_s: float) -> None:
        name = room.definition.name
        by_game = self.timings.get(name) or self.timings.setdefault(name, Timings())
        by_room = self.room_timings.get(room.room_id) or self.room_timings.setdefault(room.room_id, RoomTimings())
        due_s = room.clock.due_s(room.tick + 1)
        ticks, dropped = room.clock.owed(room.tick + 1, now_s)
        room.counts.ticks_dropped += dropped
        late_us = int((now_s - due_s) * 1e6)
        by_game.lateness.record(late_us)
        by_room.lateness.record(late_us)
        for _ in range(ticks):
            self._tick(room, now_s, by_game, by_room)
            for call in room.outside_calls:
                self._outside(room, call)
            room.outside_calls.clear()
            if room.closing is not None:
                break

    def _tick(self, room: Room, now_s: float, by_game: Timings, by_room: RoomTimings) -> None:
        start = perf_counter()
        sessions = room.connected()
        for session in sessions:
            session.link.poll()
        room.take_inputs()
        taken = perf_counter()
        room.step()
        stepped = perf_counter()
        room.capture()
        captured = perf_counter()
        for session in sessions:
            if session.state is State.SEATED:
                session.is_blocked = session.link.connection.unsent_bytes > 0
        frames = room.outgoing()
        encoded = perf_counter()
        _send_all(frames)
        sent = perf_counter()
        duration_us = int((sent - start) * 1e6)
        by_room.duration.record(duration_us)
        by_game.duration.record(duration_us)
        phases = by_game.phases
        phases["inputs"].record(int((taken - start) * 1e6))
        phases["step"].record(int((stepped - taken) * 1e6))
        phases["snapshot"].record(int((captured - stepped) * 1e6))
        phases["encode"].record(int((encoded - captured) * 1e6))
        phases["send"].record(int((sent - encoded) * 1e6))


def _send_all(frames: list[tuple[Session, str | bytes]]) -> None:
    """Send the frames of a tick; one that many seats share is prepared once."""
    message: str | bytes | None = None
    prepared: str | bytes = b""
    kind: type | None = None
    for session, frame in frames:
        if session.link is None:
            continue
        connection: Connection = session.link.connection
        if frame is not message or connection.__class__ is not kind:
            message, kind = frame, connection.__class__
            prepared = connection.prepare(frame)
        connection.send_prepared(prepared)


def summary(timings: RoomTimings | None) -> dict[str, Any]:
    """Return tick time and lateness in ms, as the status page shows them."""
    if timings is None:
        return {"tick_ms_p50": 0.0, "tick_ms_p99": 0.0, "tick_ms_max": 0.0, "lateness_ms_p99": 0.0}
    return {
        "tick_ms_p50": timings.duration.percentile(50) / 1000,
        "tick_ms_p99": timings.duration.percentile(99) / 1000,
        "tick_ms_max": timings.duration.max / 1000,
        "lateness_ms_p99": timings.lateness.percentile(99) / 1000,
    }
