"""What this process tells of itself: its own figures, to its own pages and to other processes at which one is open.

    process   its figures, whole; rooms' rows, only changed ones unless `is_full`; rooms that are no more
    past      the last 15 minutes: columns, then the packed tick times of each second; once for each follower

The other end is admin_mirror. Knows the hub and the sampler; knows nothing of pages or lines.
"""

import base64
import os
import time
from collections.abc import Callable, Iterator

import attrs

from ..core.metrics import COUNT_NAMES
from .admin_figures import Sampler
from .admin_lookers import Screen, dump
from .admin_rooms import Row
from .admin_verdict import Signs, verdict_of
from .hub import Hub
from .logs import log_level

#: columns of history, and packed seconds, in one message
COLUMNS_A_MESSAGE = 4
PACKED_A_MESSAGE = 60


@attrs.define(eq=False)
class Follower:
    """Another process that is told of this one."""

    screen: Screen
    #: it missed something: what follows must be whole
    is_stale: bool = True
    has_past: bool = False


class Source:
    """The figures of one process.

    Args:
        hasten: has the next sample taken soon.
    """

    def __init__(self, hub: Hub, hasten: Callable[[], None]) -> None:
        self.hub, self._hasten = hub, hasten
        self.sampler = Sampler(hub, hub.now_s())
        self.followers: set[Follower] = set()

    def own(self) -> Row:
        """Return the figures of this process."""
        hub, sampler = self.hub, self.sampler
        process = {**sampler.process, "admin_cpu_ms": round(hub.upkeep.status_cpu_s * 1000, 2)}
        return {
            "node": hub.node,
            "pid": os.getpid(),
            "process": process,
            "second": sampler.second,
            "counters": dict(zip(COUNT_NAMES, sampler.counts.values(), strict=True)),
            "closes": dict(hub.closes),
            "connections_max": hub.settings.connections_max,
            "verdict": verdict_of(self._signs()) if sampler.process else None,
            "troubles": sampler.troubles,
            "crashes": sampler.crashes(),
            "facts": {"log_level": log_level(), "draining": hub.lobby.is_draining, "bans_max": hub.bans.len_max},
        }

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

    def follow(self, screen: Screen) -> Follower:
        """Tell another process of this one from now on."""
        follower = Follower(screen)
        self.followers.add(follower)
        self._hasten()
        return follower

    def unfollow(self, follower: Follower) -> None:
        """Tell it no more."""
        self.followers.discard(follower)

    def tell(self) -> Iterator[None]:
        if not self.followers or not self.sampler.packed_second:
            return
        sampler = self.sampler
        told = {
            "type": "process",
            **self.own(),
            "started_at_s": self.hub.started_at_s,
            "packed_now": base64.b64encode(sampler.packed_now).decode(),
            "packed_second": base64.b64encode(sampler.packed_second).decode(),
            "gone": sampler.gone,
        }
        news = dump({**told, "is_full": False, "rooms": sampler.changed})
        yield
        for follower in list(self.followers):
            text = dump({**told, "is_full": True, "rooms": sampler.rooms}) if follower.is_stale else news
            follower.is_stale = not follower.screen.show(text)
            yield
            if not follower.is_stale and not follower.has_past:
                yield from self._tell_past(follower)

    def _tell_past(self, follower: Follower) -> Iterator[None]:
        """Tell another process the last 15 minutes; no sample is added before this is done. What fails comes again."""
        history, packed = self.sampler.history, list(self.sampler.packed)
        names = history.names
        for start in range(0, len(names), COLUMNS_A_MESSAGE):
            columns = {name: history.column(name) for name in names[start : start + COLUMNS_A_MESSAGE]}
            if not follower.screen.show(dump({"type": "past", "columns": columns, "is_all": False})):
                return
            yield
        for start in range(0, len(packed), PACKED_A_MESSAGE):
            some = [base64.b64encode(each).decode() for each in packed[start : start + PACKED_A_MESSAGE]]
            is_all = start + PACKED_A_MESSAGE >= len(packed)
            if not follower.screen.show(dump({"type": "past", "packed": some, "is_all": is_all})):
                return
            yield
        follower.has_past = True
