"""The live feed of the status page: samples once a second while somebody watches, and does what an operator asks.

    hello     role, server, history, all rooms         on opening, and after a watcher was too slow for an update
    update    process, verdict, counters, changed rooms, removed rooms; crashes and acts when there are new ones
    sessions  all rows of the one room that this watcher has open
    done      the answer to an act

Each update is encoded once for all watchers. A sample is worked out in slices of SLICE_S between which ticks run.
Nothing runs while nobody watches. Knows the hub and watchers; knows nothing of HTTP, cookies or frames.
"""

import asyncio
import os
import platform
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import attrs
import ujson

from ..core.limits import TokenBucket
from ..core.metrics import COUNT_NAMES
from ..core.room import Room
from .admin_auth import Admin, Role
from .admin_figures import SESSIONS_SHOWN_MAX, Row, Sampler
from .admin_verdict import Signs, verdict_of
from .hub import Hub
from .logs import log

UPDATE_S = 1.0
FIRST_UPDATE_S = 0.3
HEARTBEAT_S = 0.05
#: longest run of admin work between two looks at the loop
SLICE_S = 0.0005
WATCHERS_MAX = 16
ACTS_SHOWN_MAX = 20
ACTS_PER_S = 5.0
ACTS_BURST = 20
REASON_LEN_MAX = 60


class Screen(Protocol):
    """Where a watcher's messages go."""

    def show(self, text: str) -> bool:
        """Send a message; return False, having sent nothing, when an earlier one is still on its way."""

    def end(self) -> None:
        """Close: the admin's session is over."""


@attrs.define(eq=False)
class Watcher:
    """One open status page.

    Args:
        is_admitted: whether the admin's session still holds.
    """

    admin: Admin
    screen: Screen
    is_admitted: Callable[[], bool]
    room_id: str | None = None
    #: it missed an update: what follows must be whole
    is_stale: bool = True
    acts: TokenBucket = attrs.field(factory=lambda: TokenBucket(ACTS_PER_S, ACTS_BURST))


class BadAct(ValueError):
    """An act that cannot be done; the text says why."""


class Feed:
    """All watchers of one hub, and the sampling for them."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.watchers: set[Watcher] = set()
        self.sampler: Sampler | None = None
        self.acts: deque[Row] = deque(maxlen=ACTS_SHOWN_MAX)
        #: thread CPU time that watching has cost so far
        self.spent_s = 0.0
        self._acts_number = self._told_acts = self._told_crashes = 0
        self._task: asyncio.Task[None] | None = None

    # ---- watching ----------------------------------------------------------------------------------------------

    def open(self, watcher: Watcher) -> bool:
        """Begin to show; return False when there are too many watchers."""
        if len(self.watchers) >= WATCHERS_MAX:
            return False
        self.watchers.add(watcher)
        if self._task is None:
            self.sampler = Sampler(self.hub, self.hub.now_s())
            self._task = asyncio.create_task(self._run())
        self._hello(watcher)
        return True

    def close(self, watcher: Watcher) -> None:
        """Forget a watcher; with the last one the work ends."""
        self.watchers.discard(watcher)
        if not self.watchers and self._task is not None:
            self._task.cancel()
            self._task = self.sampler = None

    def end_session(self, admin: Admin) -> None:
        """Close all pages of an admin who has logged out."""
        self.note(admin, "Logged out")
        for watcher in [watcher for watcher in self.watchers if watcher.admin is admin]:
            watcher.screen.end()

    def _hello(self, watcher: Watcher) -> None:
        sampler = self.sampler
        assert sampler is not None
        hello = {
            "type": "hello",
            "role": watcher.admin.role.value,
            "server": {
                "pid": os.getpid(),
                "python": platform.python_version(),
                "games": list(self.hub.games),
                "connections_max": self.hub.settings.connections_max,
                "sessions_shown_max": SESSIONS_SHOWN_MAX,
            },
            "history": sampler.history_columns(),
            "rooms": sampler.rooms,
            "crashes": sampler.crashes(),
            "acts": list(self.acts),
        }
        watcher.is_stale = not watcher.screen.show(_dump(hello))

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + FIRST_UPDATE_S
        while True:
            await self._wait_until(due_s)
            try:
                await self._update()
            except Exception:  # noqa: BLE001 - one sample that failed is logged; the next may do
                log.exception("admin_update_failed")
            due_s = max(due_s + UPDATE_S, loop.time())

    async def _wait_until(self, due_s: float) -> None:
        """Wait, and measure how late the loop wakes this task."""
        loop = asyncio.get_running_loop()
        while (left_s := due_s - loop.time()) > 0:
            wake_s = loop.time() + min(left_s, HEARTBEAT_S)
            await asyncio.sleep(wake_s - loop.time())
            if self.sampler is not None:
                self.sampler.lag_max_s = max(self.sampler.lag_max_s, loop.time() - wake_s)

    async def _update(self) -> None:
        sampler = self.sampler
        assert sampler is not None
        parts: list[str] = []
        slice_began = time.thread_time()
        for _ in self._steps(sampler, parts):
            if time.thread_time() - slice_began > SLICE_S:
                self.spent_s += time.thread_time() - slice_began
                await asyncio.sleep(0)
                slice_began = time.thread_time()
        # No await from here on: whoever opens the page now gets the rooms as they are after this update.
        text = f'{_dump(self._summary(sampler))[:-1]},"rooms":{{{",".join(parts)}}}}}'
        for watcher in list(self.watchers):
            self._show(watcher, text)
        self.spent_s += time.thread_time() - slice_began

    def _steps(self, sampler: Sampler, parts: list[str]) -> Iterator[None]:
        """Sample, then encode the rooms that changed into `parts`; stop often."""
        yield from sampler.run(self.hub.now_s())
        for room_id, row in sampler.changed.items():
            parts.append(f"{_dump(room_id)}:{_dump(row)}")
            yield

    def _show(self, watcher: Watcher, text: str) -> None:
        if not watcher.is_admitted():
            watcher.screen.end()
            return
        if watcher.is_stale:
            self._hello(watcher)
        if not watcher.is_stale:
            watcher.is_stale = not watcher.screen.show(text)
        if not watcher.is_stale:
            self._show_sessions(watcher)

    def _summary(self, sampler: Sampler) -> Row:
        hub = self.hub
        crash = hub.crashes[-1] if hub.crashes else None
        signs = Signs(
            process=sampler.process,
            rooms=sampler.rooms,
            connections_max=hub.settings.connections_max,
            is_late=hub.ticker.latest_s(hub.now_s()) * 1000 > hub.settings.healthy_lateness_ms,
            is_draining=hub.lobby.is_draining,
            ticks_dropped=sampler.recent_count("ticks_dropped"),
            crash_game=crash.game if crash else None,
            crash_ago_s=time.time() - crash.at_unix_s if crash else 0.0,
        )
        summary: Row = {
            "type": "update",
            "verdict": verdict_of(signs),
            "process": {**sampler.process, "admin_cpu_ms": round(self.spent_s * 1000, 2)},
            "phases": sampler.phases,
            "counters": {name: getattr(sampler.counts, name) for name in COUNT_NAMES},
            "closes": dict(hub.closes),
            "gone": sampler.gone,
        }
        if self._told_crashes != hub.crash_count:
            self._told_crashes = hub.crash_count
            summary["crashes"] = sampler.crashes()
        if self._told_acts != self._acts_number:
            self._told_acts = self._acts_number
            summary["acts"] = list(self.acts)
        return summary

    def _show_sessions(self, watcher: Watcher) -> None:
        if watcher.room_id is None or self.sampler is None:
            return
        room = self.hub.lobby.rooms.get(watcher.room_id)
        rows = self.sampler.sessions_of(room) if room is not None else []
        omitted = len(room.sessions) - len(rows) if room is not None else 0
        message = {"type": "sessions", "room": watcher.room_id, "rows": rows, "omitted": omitted}
        # One that does not fit now comes with the next second.
        watcher.screen.show(_dump(message))

    # ---- acts --------------------------------------------------------------------------------------------------

    def receive(self, watcher: Watcher, text: str | bytes) -> None:
        """Take one message of a page: `watch` opens a room, anything else is an act to be answered and logged."""
        if not watcher.is_admitted():
            watcher.screen.end()
            return
        try:
            message = ujson.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            return
        if message.get("act") == "watch":
            room_id = message.get("room")
            watcher.room_id = room_id if isinstance(room_id, str) else None
            self._show_sessions(watcher)
            return
        self._act(watcher, message)

    def note(self, admin: Admin, text: str, ok: bool = True) -> None:
        """Put something that an admin did into the list that the page shows."""
        self._acts_number += 1
        self.acts.appendleft({"at_unix_s": round(time.time()), "by": admin.name, "text": text, "ok": ok})

    def _act(self, watcher: Watcher, message: Row) -> None:
        admin = watcher.admin
        asked = {key: _short(message.get(key)) for key in ("act", "room", "seat", "name", "reason") if key in message}
        try:
            if not watcher.acts.spend(self.hub.now_s()):
                raise BadAct("Too many acts at once; wait a moment")
            if admin.role is not Role.OPERATOR:
                raise BadAct("This log-in may look but not act")
            text, ok = self._perform(message), True
        except BadAct as refusal:
            text, ok = str(refusal), False
        log.info("admin_act", **asked, ok=ok, result=text, by=admin.name, role=admin.role.value, address=admin.address)
        self.note(admin, text, ok)
        number = message.get("id")
        answer = {"type": "done", "id": number if type(number) is int else None, "ok": ok, "text": text}
        watcher.screen.show(_dump(answer))

    def _perform(self, message: Row) -> str:
        perform = {"close": self._close_room, "kick": self._kick}.get(str(message.get("act")))
        if perform is None:
            raise BadAct("No such act")
        room = self.hub.lobby.rooms.get(str(message.get("room")))
        if room is None:
            raise BadAct("This room is no more")
        return perform(room, message)

    def _close_room(self, room: Room, message: Row) -> str:
        number = len(room.sessions)
        room.close(_reason(message, "closed by an admin"))
        self.hub.end_room(room)
        return f"Closed {room.definition.name} room {room.room_id} with {number} player{'' if number == 1 else 's'}"

    def _kick(self, room: Room, message: Row) -> str:
        seat = message.get("seat")
        session = room.sessions.get(seat) if type(seat) is int else None
        if session is None:
            raise BadAct("Nobody holds this seat any more")
        name = session.seat.name
        if message.get("name") != name:
            raise BadAct(f"Seat {seat} is now held by {name}")
        self.hub.kick(session, _reason(message, "removed by an admin"))
        return f"Removed {name} from {room.definition.name} room {room.room_id}"


def _reason(message: Row, default: str) -> str:
    """Return what players are told: printable, and short enough for a close frame (123 bytes)."""
    given = message.get("reason")
    if not isinstance(given, str):
        return default
    text = "".join(char for char in given if char.isprintable()).strip()[:REASON_LEN_MAX]
    return text.encode("utf-8", "ignore")[:120].decode("utf-8", "ignore") or default


def _short(value: Any) -> Any:
    return value if isinstance(value, int | None) else str(value)[:80]


def _dump(value: Any) -> str:
    return ujson.dumps(value, ensure_ascii=False, escape_forward_slashes=False, allow_nan=False)
