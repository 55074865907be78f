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
from time import perf_counter_ns

from ..core.room import OutsideCall, Room
from .logs import log
from .timings import PHASES, US_MAX, RoomTimings, Timings
from .watchdog import StepTimeout, Watchdog
from .wire import RoomWires, write_wires

#: of a room's period that a tick may take where no budget is set
BUDGET_SHARE = 0.5

#: rooms run in one go before the loop may look at its sockets, in s
SLICE_S = 0.02


#: a room that takes over its budget again and again is told of once in so long
BUDGET_TOLD_S = 10.0


class Ticker:
    """Runs rooms when they are due.

    Args:
        crashed: told of a room whose game raised, with the exception.
        closed: told of a room that asked to be closed.
        outside: starts the work that a room asked for.
        over_budget: told, now and then, of a room whose ticks take longer than they may.
        budget_ms: what a tick may take; 0: half of the room's period.
        watchdog: told when a game's code begins and ends.
        read_bytes_max: of one connection at a tick.
    """

    def __init__(
        self,
        crashed: Callable[[Room, BaseException], None],
        closed: Callable[[Room], None],
        outside: Callable[[Room, OutsideCall], None],
        over_budget: Callable[[Room, RoomTimings], None],
        budget_ms: float,
        watchdog: Watchdog,
        read_bytes_max: int,
    ) -> None:
        self._crashed, self._closed, self._outside = crashed, closed, outside
        self._over_budget, self._budget_ms = over_budget, budget_ms
        self._watchdog, self._read_bytes_max = watchdog, read_bytes_max
        #: by game name
        self.timings: dict[str, Timings] = {}
        #: by room id, only rooms that have ticked
        self.room_timings: dict[str, RoomTimings] = {}
        self._wires: dict[str, RoomWires] = {}
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
        self._wires.pop(room.room_id, None)

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
        if not self._due:
            return
        due_s = self._due[0][0]
        loop = asyncio.get_running_loop()
        if self._timer:
            # A timer whose time has come waits in this turn of the loop behind the sockets. To cancel it would put it
            # off to the next turn, and again in that one, for as long as each wakes a room (docs/why.md: crowds).
            if self._timer.when() <= max(due_s, loop.time()):
                return
            self._timer.cancel()
        self._timer = loop.call_at(due_s, self._run_due)

    def _run_due(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        started_s = now_s = loop.time()
        while self._due and self._due[0][0] <= now_s and now_s - started_s < SLICE_S:
            room = heapq.heappop(self._due)[2]
            if room.room_id not in self._scheduled:
                continue
            self.run_one(room, now_s)
            now_s = loop.time()
        self._arm()

    def run_one(self, room: Room, now_s: float) -> None:
        """Run the ticks of a room that are due now, and schedule the next."""
        try:
            self._run(room, now_s)
            self._after(room)
        except (Exception, StepTimeout) as error:  # noqa: BLE001 - a game's own code; only its room ends
            self._watchdog.leave()
            self.forget(room)
            try:
                self._crashed(room, error)
            except Exception:  # noqa: BLE001 - else no room would tick any more
                log.exception("crash_failed", room=room.room_id)

    def _after(self, room: Room) -> None:
        if room.closing is not None:
            self.forget(room)
            self._closed(room)
        elif room.is_awake:
            self._push(room)
        else:
            self._scheduled.discard(room.room_id)

    def _begin(self, room: Room) -> RoomTimings:
        budget_ms = self._budget_ms or BUDGET_SHARE * 1000 / room.definition.cls.tick_rate
        timings = self.room_timings[room.room_id] = RoomTimings(budget_ms * 1000)
        self._wires[room.room_id] = RoomWires(self._read_bytes_max)
        return timings

    def _run(self, room: Room, now_s: float) -> None:
        name = room.definition.name
        by_game = self.timings.get(name) or self.timings.setdefault(name, Timings())
        by_room = self.room_timings.get(room.room_id) or self._begin(room)
        wires = self._wires[room.room_id]
        clock = room.clock
        ticks, dropped = clock.owed(room.tick + 1, now_s)
        room.counts.ticks_dropped += dropped
        for _ in range(ticks):
            late_us = min(max(int((now_s - clock.due_s(room.tick + 1)) * 1e6), 0), US_MAX)
            self._tick(room, wires, late_us, by_game, by_room)
            if room.outside_calls:
                self._begin_outside(room)
            if room.closing is not None:
                break

    def _begin_outside(self, room: Room) -> None:
        for call in room.outside_calls:
            self._outside(room, call)
        room.outside_calls.clear()

    def _tick(self, room: Room, wires: RoomWires, late_us: int, by_game: Timings, by_room: RoomTimings) -> None:
        start = perf_counter_ns()
        wires.read(room.connected())
        self._watchdog.enter()
        room.take_inputs()
        taken = perf_counter_ns()
        room.step()
        self._watchdog.leave()
        stepped = perf_counter_ns()
        room.capture()
        captured = perf_counter_ns()
        wires.note_blocked()
        for session in room.spectators:
            session.is_blocked = session.link.connection.unsent_bytes > 0
        self._watchdog.enter()  # what a seat sees may be the game's to decide
        frames = room.outgoing()
        self._watchdog.leave()
        encoded = perf_counter_ns()
        write_wires(frames)
        sent = perf_counter_ns()
        duration_us = (sent - start) // 1000
        row = (
            late_us,
            duration_us,
            (taken - start) // 1000,
            (stepped - taken) // 1000,
            (captured - stepped) // 1000,
            (encoded - captured) // 1000,
            (sent - encoded) // 1000,
        )
        by_room.note(row)
        by_game.note(row)
        if duration_us > by_room.budget_us:
            self._note_over_budget(room, by_game, by_room, duration_us, row[2:])

    def _note_over_budget(
        self, room: Room, by_game: Timings, by_room: RoomTimings, duration_us: int, spent_us: tuple[int, ...]
    ) -> None:
        phase = PHASES[spent_us.index(max(spent_us))]
        by_game.over_budget[phase] += 1
        by_room.over_budget += 1
        by_room.over_us, by_room.over_phase = duration_us, phase
        now_s = asyncio.get_running_loop().time()
        if now_s - by_room.told_at_s >= BUDGET_TOLD_S:
            by_room.told_at_s = now_s
            self._over_budget(room, by_room)
