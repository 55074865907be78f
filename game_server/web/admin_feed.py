"""The live feed of the status page: samples once a second, tells the pages what changed, and takes what they ask.

    hello     role, server, all figures, all rooms     on opening, and after a watcher was too slow for an update
    history   some columns of the last 15 minutes      on opening, a few messages
    update    the newest second; of the rest what changed; rooms that are no more
    room      what changed in the one room that this watcher looks into (admin_watch)
    done      the answer to an act

Of several workers each samples itself, and tells those at which a page is open (`follow`); there all are put together
(admin_together). All sample right after a full second of the machine's clock, so that their seconds are the same ones;
a page is told once the others have spoken, or TELL_WITHIN_S later with what there is.

Each message is encoded once for all watchers. The work is done in slices of SLICE_S between which ticks run. The
process is sampled even while nobody watches; rooms, players and everything else only for those who do. Knows the hub
and watchers; knows nothing of HTTP, cookies or frames.
"""

import asyncio
import base64
import math
import os
import platform
import time
from collections.abc import Callable, Iterator

import attrs
import ujson

from ..core.limits import TokenBucket
from .admin_audit import Audit
from .admin_auth import Admin
from .admin_desk import Desk
from .admin_figures import ROOMS_A_STEP
from .admin_fleet import Fleet
from .admin_lines import Lines
from .admin_lookers import Looker, Lookers, dump
from .admin_mirror import Past
from .admin_recent import History
from .admin_rooms import Row, changed
from .admin_seconds import TIMES
from .admin_source import Source
from .admin_together import PastTogether, together
from .admin_watch import SEATS_SHOWN_MAX
from .hub import Hub
from .logs import log

HEARTBEAT_S = 0.05
#: longest run of admin work between two looks at the loop
SLICE_S = 0.0005
WATCHERS_MAX = 16
ACTS_PER_S = 5.0
ACTS_BURST = 20
#: columns of history in one message
COLUMNS_A_MESSAGE = 4
#: longest that pages wait for what other workers say of a second
TELL_WITHIN_S = 0.4
#: longest that a new page's last 15 minutes wait for those of other workers
PAST_WITHIN_S = 3.0
#: parts of an update that are told only when they are other than before
PARTS = "verdict troubles crashes bans facts machines workers".split()
#: of what a process tells others each second, that which a page is shown of each
WORKER_FIGURES = "players rooms connections cpu_percent memory_bytes loop_lag_ms late_ms_p99 up_s".split()


@attrs.define(eq=False, kw_only=True)
class Watcher(Looker):
    """One open status page.

    Args:
        is_admitted: whether the admin's session still holds.
    """

    admin: Admin
    is_admitted: Callable[[], bool]
    #: it missed an update: what follows must be whole
    is_stale: bool = True
    #: whether it has yet to be told the last 15 minutes
    wants_past: bool = False
    acts: TokenBucket = attrs.field(factory=lambda: TokenBucket(ACTS_PER_S, ACTS_BURST))

    @property
    def is_waiting(self) -> bool:
        return self.is_stale


class Feed:
    """All watchers of one hub, and the sampling for them and for the history."""

    def __init__(self, hub: Hub, audit: Audit, desk: Desk) -> None:
        self.hub, self.audit, self.desk = hub, audit, desk
        self._performing: set[asyncio.Task[None]] = set()
        #: between two samples, and until the first one that a new page gets
        self.update_s = 1.0
        self.first_update_s = 0.3
        self.watchers: set[Watcher] = set()
        self.source = Source(hub, self._hasten)
        self.sampler = self.source.sampler
        self.lookers = Lookers(hub)
        self.fleet = Fleet(hub.started_at_s)
        self._lines = Lines(hub, self.fleet, self.lookers, self.source)
        self._told_acts = audit.count
        self._told: Row = {}
        self._steps: Iterator[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._due_s = self._loop.time() + self.first_update_s
        #: when the newest sample was begun that pages have not been told of
        self._untold_s: float | None = None
        self._opened_at_s = 0.0
        #: asks for rooms of other machines
        self._asking: asyncio.Task[None] | None = None
        self._beat_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._next_beat()

    # ---- the clock ---------------------------------------------------------------------------------------------

    def _next_beat(self) -> None:
        """Come again soon while somebody is here whom a late timer harms, else when the next sample is due."""
        self._beat_s = self._loop.time() + HEARTBEAT_S
        if not self.hub.players and not self.watchers and not self.source.followers:
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
        if self._steps is None and self._untold_s is not None and self._may_tell(now_s):
            self._untold_s = None
            self._begin(self._tell_pages())
        if self._steps is None and self._untold_s is None and now_s >= self._due_s:
            self._due_s = (math.floor(now_s / self.update_s) + 1) * self.update_s
            self._begin(self._update(now_s))
        self._next_beat()

    def _may_tell(self, now_s: float) -> bool:
        """Return whether pages may be told of the newest sample: all others have spoken, or that takes too long."""
        assert self._untold_s is not None
        is_late = now_s - self._untold_s > TELL_WITHIN_S or now_s >= self._due_s
        return is_late or self.fleet.have_told(self._untold_s, self.hub.others.siblings())

    def _begin(self, steps: Iterator[None]) -> None:
        self._steps = steps
        self._work()

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

    def _update(self, now_s: float) -> Iterator[None]:
        """Sample, and tell other processes and pages; stops often."""
        is_watched = bool(self.watchers or self.source.followers)
        yield from self.sampler.run(self.hub.now_s(), with_rooms=is_watched)
        yield from self.source.tell()
        yield from self.lookers.show()
        if self.hub.is_worker:
            self._untold_s = now_s
        else:
            yield from self._tell_pages()

    def _tell_pages(self) -> Iterator[None]:
        """Tell all watchers of the newest second; stops often."""
        if not self.watchers:
            return
        self._lines.keep()
        if self.hub.others.machines is not None and (self._asking is None or self._asking.done()):
            self._asking = self._loop.create_task(self._ask_elsewhere())
        changes, gone = self.fleet.look(self.hub.others.siblings(), self.hub.now_s())
        rooms: list[str] = []
        rows = [*self.sampler.changed.items(), *changes.items()]
        for start in range(0, len(rows), ROOMS_A_STEP):
            rooms.append(dump(dict(rows[start : start + ROOMS_A_STEP]))[1:-1])
            yield
        text = f'{dump(self._summary(gone))[:-1]},"rooms":{{{",".join(rooms)}}}}}'
        # No stop from the summary on: whoever opens the page now gets everything as it is after this update.
        for watcher in list(self.watchers):
            self._show(watcher, text)
        yield
        yield from self._show_histories()

    async def _ask_elsewhere(self) -> None:
        rooms = await self.hub.others.rooms_elsewhere()
        if self.watchers:
            self.fleet.note_far(rooms, self.hub.now_s() - self.hub.started_at_s)

    # ---- watching ----------------------------------------------------------------------------------------------

    def open(self, watcher: Watcher) -> bool:
        """Begin to show; return False when there are too many watchers."""
        if len(self.watchers) >= WATCHERS_MAX:
            return False
        self.watchers.add(watcher)
        self._opened_at_s = self.hub.now_s()
        self._lines.keep()
        self._hasten()
        self._hello(watcher)
        return True

    def _hasten(self) -> None:
        """Whoever has just come need not wait for the second to end."""
        if self._steps is None:
            self._due_s = min(self._due_s, self._loop.time() + self.first_update_s)
            if self._timer is not None:
                self._timer.cancel()
            self._next_beat()

    def close(self, watcher: Watcher) -> None:
        """Forget a watcher."""
        self.watchers.discard(watcher)
        self._lines.look_into(watcher, None, False)
        if not self.watchers:
            self._lines.drop()
            self._told = {}

    def end_session(self, admin: Admin) -> None:
        """Close all pages of an admin who has logged out."""
        for watcher in [watcher for watcher in self.watchers if watcher.admin is admin]:
            watcher.screen.end()

    def _hello(self, watcher: Watcher) -> None:
        whole = self._whole()
        hello = {
            "type": "hello",
            "role": watcher.admin.role.value,
            "server": {
                "node": self.hub.node,
                "pid": os.getpid(),
                "python": platform.python_version(),
                "games": list(self.hub.games),
                "connections_max": whole["connections_max"],
                "seats_shown_max": SEATS_SHOWN_MAX,
            },
            **{name: whole[name] for name in ("process", "counters", "closes")},
            "rooms": self.sampler.rooms | self.fleet.rooms,
            "acts": list(self.audit.shown),
            **{name: whole[name] for name in PARTS},
        }
        watcher.is_stale = not watcher.screen.show(dump(hello))
        watcher.is_room_stale = True
        watcher.wants_past = not watcher.is_stale

    def _show(self, watcher: Watcher, text: str) -> None:
        if not watcher.is_admitted():
            watcher.screen.end()
        elif watcher.is_stale:
            self._hello(watcher)
        else:
            watcher.is_stale = not watcher.screen.show(text)

    def _show_histories(self) -> Iterator[None]:
        """Tell those who have just come the last 15 minutes; no sample is added before this update is done."""
        waiting = [watcher for watcher in self.watchers if watcher.wants_past]
        is_late = self.hub.now_s() - self._opened_at_s > PAST_WITHIN_S
        if not waiting or not (is_late or self.fleet.have_past(self.hub.others.siblings())):
            return
        history: History | PastTogether = self.sampler.history
        times: dict[str, list[float | None]] = {}
        if others := self.fleet.present:
            history = self._past_together([each.past for each in others if each.has_past])
            for found in history.times():
                times = found or times
                yield
        names = [name for name in history.names if name not in times] + list(times)
        for start in range(0, len(names), COLUMNS_A_MESSAGE):
            some = names[start : start + COLUMNS_A_MESSAGE]
            columns = {name: times[name] if name in times else history.column(name) for name in some}
            text = dump({"type": "history", "count": self.sampler.history.count, "columns": columns})
            for watcher in waiting:
                if not watcher.is_stale and not watcher.screen.show(text):
                    watcher.is_stale = True
            yield
        for watcher in waiting:
            watcher.wants_past = False

    def _past_together(self, pasts: list[Past]) -> PastTogether:
        history = self.sampler.history
        columns = {name: history.column(name) for name in history.names if name not in TIMES}
        mine = Past(0.0, columns, list(self.sampler.packed))
        return PastTogether([mine, *pasts], float(self.sampler.second["at_s"]))

    def _summary(self, gone: list[str]) -> Row:
        """Return an update: the newest second, and of all else what is other than what was told before."""
        told, now = self._told, self._whole()
        self._told = now
        summary: Row = {"type": "update", "count": self.sampler.history.count, "second": now["second"]}
        for name in ("process", "counters", "closes"):
            summary[name] = changed(told.get(name, {}), now[name])
        summary |= {name: now[name] for name in PARTS if told.get(name) != now[name]}
        self.audit.refresh()
        if self._told_acts != self.audit.count:
            self._told_acts = self.audit.count
            summary["acts"] = list(self.audit.shown)
        summary["gone"] = self.sampler.gone + gone
        return summary

    # ---- figures -----------------------------------------------------------------------------------------------

    def _whole(self) -> Row:
        """Return the figures of all processes of this machine, and what all of them know."""
        own, fleet, sampler = self.source.own(), self.fleet, self.sampler
        others = [mirror.newest for mirror in fleet.present]
        whole, workers = own, None
        if self.hub.is_worker:
            workers = [self._worker(row) for row in (own, *others)]
            workers += [{"node": node, "state": "silent"} for node in fleet.silent]
            workers += [{"node": node, "state": "gone"} for node in fleet.gone]
            if sampler.packed_second:
                packed = {"packed_now": sampler.packed_now, "packed_second": sampler.packed_second}
                mine = own | {name: base64.b64encode(value).decode() for name, value in packed.items()}
                whole = together([mine, *others], fleet.silent, fleet.gone)
        # Other processes are known only after the first messages, so this is told again when it changes.
        whole["facts"] = {**whole["facts"], "connections_max": whole["connections_max"]}
        shared = {"bans": self.hub.bans.rows(time.time()), "machines": self._machines(), "workers": workers}
        return {**whole, **shared}

    def _worker(self, row: Row) -> Row:
        """Return what a page is shown of one process."""
        state = "draining" if row["facts"]["draining"] else "up"
        known = {"node": row["node"], "pid": row["pid"], "state": state, "is_here": row["node"] == self.hub.node}
        return known | {name: row["process"].get(name) for name in WORKER_FIGURES}

    def _machines(self) -> Row | None:
        """Return the processes of all machines that share a directory; None where there can be no others."""
        machines = self.hub.others.machines
        if machines is None:
            return None
        nodes = [{**attrs.asdict(node), "is_here": node.node == self.hub.node} for node in machines.nodes]
        return {"is_up": machines.is_up, "nodes": nodes}

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
            room = message.get("room")
            self._lines.look_into(watcher, room if isinstance(room, str) else None, message.get("state") is True)
        else:
            self._act(watcher, message)

    def _act(self, watcher: Watcher, message: Row) -> None:
        number = message.get("id")
        answer: Row = {"type": "done", "id": number if type(number) is int else None}
        if not watcher.acts.spend(self.hub.now_s()):
            # Not recorded: a page gone mad must not fill the disk.
            admin = watcher.admin
            self.hub.rate_limited.warning("admin_acts_limited", by=admin.name, address=admin.address)
            watcher.screen.show(dump({**answer, "ok": False, "text": "Too many acts at once; wait a moment"}))
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
        watcher.screen.show(dump(answer))
