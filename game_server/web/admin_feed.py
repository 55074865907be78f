"""The live feed of the status page: samples once a second, tells the pages what changed, and takes what they ask.

    hello     role, server, all figures, all rooms     on opening, and after a watcher was too slow for an update
    history   some columns of the last 15 minutes      on opening, a few messages
    update    the newest second; of the rest what changed; rooms that are no more
    room      what changed in the one room that this watcher looks into (admin_watch)
    done      the answer to an act

Each message is encoded once for all watchers. The work is done in slices of SLICE_S between which ticks run. The
process is sampled even while nobody watches; rooms, players and everything else only for those who do. Knows the hub
and watchers; knows nothing of HTTP, cookies or frames.
"""

import asyncio
import os
import platform
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import attrs
import ujson

from ..core.limits import TokenBucket
from ..core.metrics import COUNT_NAMES
from .admin_audit import Audit
from .admin_auth import Admin
from .admin_desk import Desk
from .admin_figures import ROOMS_A_STEP, Sampler
from .admin_rooms import Row, changed
from .admin_verdict import Signs, verdict_of
from .admin_watch import SEATS_SHOWN_MAX, RoomWatch
from .hub import Hub
from .logs import log, log_level

HEARTBEAT_S = 0.05
#: longest run of admin work between two looks at the loop
SLICE_S = 0.0005
WATCHERS_MAX = 16
ACTS_PER_S = 5.0
ACTS_BURST = 20
#: columns of history in one message
COLUMNS_A_MESSAGE = 4
#: parts of an update that are told only when they are other than before
PARTS = "verdict troubles crashes bans facts machines".split()


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
    wants_state: bool = False
    #: it missed an update: what follows must be whole
    is_stale: bool = True
    #: the same for the room that it looks into
    is_room_stale: bool = True
    #: columns of history that it has not been told yet
    columns: list[str] = attrs.field(factory=list)
    acts: TokenBucket = attrs.field(factory=lambda: TokenBucket(ACTS_PER_S, ACTS_BURST))


class Feed:
    """All watchers of one hub, and the sampling for them and for the history."""

    def __init__(self, hub: Hub, audit: Audit, desk: Desk) -> None:
        self.hub, self.audit, self.desk = hub, audit, desk
        self._performing: set[asyncio.Task[None]] = set()
        #: between two samples, and until the first one that a new page gets
        self.update_s = 1.0
        self.first_update_s = 0.3
        self.watchers: set[Watcher] = set()
        self.sampler = Sampler(hub, hub.now_s())
        self.rooms: dict[str, RoomWatch] = {}
        self._told_acts = audit.count
        self._told: Row = {}
        self._steps: Iterator[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._due_s = self._loop.time() + self.first_update_s
        self._beat_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._next_beat()

    # ---- the clock ---------------------------------------------------------------------------------------------

    def _next_beat(self) -> None:
        """Come again soon while somebody is here whom a late timer harms, else when the next sample is due."""
        self._beat_s = self._loop.time() + HEARTBEAT_S
        if not self.hub.players and not self.watchers:
            self._beat_s = max(self._beat_s, self._due_s)
        self._timer = self._loop.call_at(self._beat_s, self._beat)

    def _beat(self) -> None:
        """Measure how late the loop comes here, and begin an update when it is due."""
        if self.hub.is_stopped:
            return
        now_s = self._loop.time()
        lag_s = now_s - self._beat_s
        self.hub.upkeep.loop_lag.record(int(lag_s * 1e6))
        self.sampler.lag_max_s = max(self.sampler.lag_max_s, lag_s)
        if now_s >= self._due_s and self._steps is None:
            self._due_s = max(self._due_s + self.update_s, now_s)
            self._steps = self._update()
            self._work()
        self._next_beat()

    def _work(self) -> None:
        """Go on with the update for one slice."""
        began_s = time.thread_time()
        assert self._steps is not None
        try:
            for _ in self._steps:
                if time.thread_time() - began_s > SLICE_S:
                    self._loop.call_soon(self._work)
                    return
        except Exception:  # noqa: BLE001 - one sample that failed is logged; the next may do
            log.exception("admin_update_failed")
        finally:
            self.hub.upkeep.status_cpu_s += time.thread_time() - began_s
        self._steps = None

    def _update(self) -> Iterator[None]:
        """Sample and tell all watchers; stops often."""
        sampler = self.sampler
        yield from sampler.run(self.hub.now_s(), with_rooms=bool(self.watchers))
        if not self.watchers:
            return
        rooms: list[str] = []
        changes = list(sampler.changed.items())
        for start in range(0, len(changes), ROOMS_A_STEP):
            rooms.append(_dump(dict(changes[start : start + ROOMS_A_STEP]))[1:-1])
            yield
        text = f'{_dump(self._summary())[:-1]},"rooms":{{{",".join(rooms)}}}}}'
        # No stop from the summary on: whoever opens the page now gets everything as it is after this update.
        for watcher in list(self.watchers):
            self._show(watcher, text)
        yield
        yield from self._show_rooms()
        yield from self._show_histories()

    # ---- watching ----------------------------------------------------------------------------------------------

    def open(self, watcher: Watcher) -> bool:
        """Begin to show; return False when there are too many watchers."""
        if len(self.watchers) >= WATCHERS_MAX:
            return False
        self.watchers.add(watcher)
        if self._steps is None:  # whoever opens the page need not wait for the second to end
            self._due_s = min(self._due_s, self._loop.time() + self.first_update_s)
            if self._timer is not None:
                self._timer.cancel()
            self._next_beat()
        self._hello(watcher)
        return True

    def close(self, watcher: Watcher) -> None:
        """Forget a watcher."""
        self.watchers.discard(watcher)
        if not self.watchers:
            self.rooms.clear()
            self._told = {}

    def end_session(self, admin: Admin) -> None:
        """Close all pages of an admin who has logged out."""
        for watcher in [watcher for watcher in self.watchers if watcher.admin is admin]:
            watcher.screen.end()

    def _hello(self, watcher: Watcher) -> None:
        sampler = self.sampler
        hello = {
            "type": "hello",
            "role": watcher.admin.role.value,
            "server": {
                "node": self.hub.node,
                "pid": os.getpid(),
                "python": platform.python_version(),
                "games": list(self.hub.games),
                "connections_max": self.hub.settings.connections_max,
                "seats_shown_max": SEATS_SHOWN_MAX,
            },
            "process": sampler.process,
            "counters": dict(zip(COUNT_NAMES, sampler.counts.values(), strict=True)),
            "closes": dict(self.hub.closes),
            "rooms": sampler.rooms,
            "acts": list(self.audit.shown),
            **self._parts(),
        }
        watcher.is_stale = not watcher.screen.show(_dump(hello))
        watcher.is_room_stale = True
        watcher.columns = [] if watcher.is_stale else list(sampler.history.names)

    def _show(self, watcher: Watcher, text: str) -> None:
        if not watcher.is_admitted():
            watcher.screen.end()
        elif watcher.is_stale:
            self._hello(watcher)
        else:
            watcher.is_stale = not watcher.screen.show(text)

    def _show_rooms(self) -> Iterator[None]:
        """Look into the rooms that somebody looks into, each once, and tell those who do."""
        watched: dict[str, list[Watcher]] = {}
        for watcher in self.watchers:
            if watcher.room_id is not None and not watcher.is_stale:
                watched.setdefault(watcher.room_id, []).append(watcher)
        self.rooms = {room_id: watch for room_id, watch in self.rooms.items() if room_id in watched}
        for room_id, watchers in watched.items():
            watch = self._watch(room_id)
            if watch is None:
                continue
            timings = self.hub.ticker.room_timings.get(room_id)
            text = _dump(watch.look(timings, self._uptime_s(), any(watcher.wants_state for watcher in watchers)))
            for watcher in watchers:
                if watcher.is_room_stale:
                    self._show_whole(watcher, watch)
                else:
                    watcher.is_room_stale = not watcher.screen.show(text)
            yield

    def _uptime_s(self) -> float:
        return round(self.hub.now_s() - self.hub.started_at_s, 2)

    def _watch(self, room_id: str) -> RoomWatch | None:
        watch, room = self.rooms.get(room_id), self.hub.lobby.rooms.get(room_id)
        if room is None:
            self.rooms.pop(room_id, None)
            return None
        if watch is None:
            watch = self.rooms[room_id] = RoomWatch(room)
        return watch

    def _show_whole(self, watcher: Watcher, watch: RoomWatch) -> None:
        watcher.is_room_stale = not watcher.screen.show(_dump(watch.whole()))

    def _show_histories(self) -> Iterator[None]:
        """Tell those who have just come the last 15 minutes; no sample is added before this update is done."""
        history = self.sampler.history
        for watcher in [watcher for watcher in self.watchers if watcher.columns]:
            while watcher.columns:
                names = watcher.columns[:COLUMNS_A_MESSAGE]
                columns = {name: history.column(name) for name in names}
                if not watcher.screen.show(_dump({"type": "history", "count": history.count, "columns": columns})):
                    watcher.is_stale = True
                    break
                del watcher.columns[:COLUMNS_A_MESSAGE]
                yield

    def _summary(self) -> Row:
        """Return an update: the newest second, and of all else what is other than what was told before."""
        sampler, told = self.sampler, self._told
        now: Row = {
            "process": {**sampler.process, "admin_cpu_ms": round(self.hub.upkeep.status_cpu_s * 1000, 2)},
            "counters": dict(zip(COUNT_NAMES, sampler.counts.values(), strict=True)),
            "closes": dict(self.hub.closes),
            **self._parts(),
        }
        self._told = now
        summary: Row = {"type": "update", "count": sampler.history.count, "second": sampler.second}
        for name in ("process", "counters", "closes"):
            summary[name] = changed(told.get(name, {}), now[name])
        summary |= {name: now[name] for name in PARTS if told.get(name) != now[name]}
        self.audit.refresh()
        if self._told_acts != self.audit.count:
            self._told_acts = self.audit.count
            summary["acts"] = list(self.audit.shown)
        summary["gone"] = sampler.gone
        return summary

    def _parts(self) -> Row:
        """Return what is told as a whole when anything of it changes."""
        hub, sampler = self.hub, self.sampler
        return {
            "verdict": verdict_of(self._signs()) if sampler.process else None,
            "troubles": sampler.troubles,
            "crashes": sampler.crashes(),
            "bans": hub.bans.rows(time.time()),
            "machines": self._machines(),
            "facts": {"log_level": log_level(), "draining": hub.lobby.is_draining, "bans_max": hub.bans.len_max},
        }

    def _machines(self) -> Row | None:
        """Return the processes of all machines that share a directory; None where there can be no others."""
        machines = self.hub.others.machines
        if machines is None:
            return None
        nodes = [{**attrs.asdict(node), "is_here": node.node == self.hub.node} for node in machines.nodes]
        return {"is_up": machines.is_up, "nodes": nodes}

    def _signs(self) -> Signs:
        hub, sampler = self.hub, self.sampler
        crash = hub.crashes.kept[-1] if hub.crashes.kept else None
        return Signs(
            process=sampler.process,
            rooms=sampler.rooms,
            connections_max=hub.settings.connections_max,
            is_late=hub.ticker.latest_s(hub.now_s()) * 1000 > hub.settings.healthy_lateness_ms,
            is_draining=hub.lobby.is_draining,
            is_alone=hub.others.machines is not None and not hub.others.machines.is_up,
            ticks_dropped=sampler.recent_count("ticks_dropped"),
            resyncs=sampler.recent_count("resyncs"),
            crash_game=crash.game if crash else None,
            crash_ago_s=time.time() - crash.at_unix_s if crash else 0.0,
        )

    # ---- what a page asks --------------------------------------------------------------------------------------

    def receive(self, watcher: Watcher, text: str | bytes) -> None:
        """Take one message of a page: `watch` opens a room, anything else is an act to be answered and recorded."""
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
            self._look_into(watcher, message)
        else:
            self._act(watcher, message)

    def _look_into(self, watcher: Watcher, message: Row) -> None:
        room_id = message.get("room")
        watcher.room_id = room_id if isinstance(room_id, str) else None
        watcher.wants_state = message.get("state") is True
        watcher.is_room_stale = True
        watch = self._watch(watcher.room_id) if watcher.room_id is not None else None
        if watch is not None and not watcher.is_stale:
            is_new = not watch.seats
            wants_state = watcher.wants_state and watch.state is None
            if is_new or wants_state:
                timings = self.hub.ticker.room_timings.get(watch.room.room_id)
                watch.look(timings, self._uptime_s(), watcher.wants_state)
            self._show_whole(watcher, watch)

    def _act(self, watcher: Watcher, message: Row) -> None:
        number = message.get("id")
        answer: Row = {"type": "done", "id": number if type(number) is int else None}
        if not watcher.acts.spend(self.hub.now_s()):
            # Not recorded: a page gone mad must not fill the disk.
            admin = watcher.admin
            self.hub.rate_limited.warning("admin_acts_limited", by=admin.name, address=admin.address)
            watcher.screen.show(_dump({**answer, "ok": False, "text": "Too many acts at once; wait a moment"}))
            return
        task = self._loop.create_task(self._perform(watcher, message, answer))
        self._performing.add(task)
        task.add_done_callback(self._performing.discard)

    async def _perform(self, watcher: Watcher, message: Row, answer: Row) -> None:
        try:
            answer |= await self.desk.perform(watcher.admin, message)
        except Exception:  # noqa: BLE001 - whatever it was, the page must not wait for ever
            log.exception("admin_act_failed", act=message.get("act"))
            answer |= {"ok": False, "text": "The server failed; its log says why"}
        watcher.screen.show(_dump(answer))


def _dump(value: Any) -> str:
    return ujson.dumps(value, ensure_ascii=False, escape_forward_slashes=False, allow_nan=False)
