"""Who looks into which room of this process: each room is looked at once, however many look, and told to all of them.

A looker is a page that is open here, or one at another process whose line has been brought here; from other machines
one asks. Knows the hub and
rooms; knows nothing of the rest of the page.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import attrs
import ujson

from .admin_watch import RoomWatch
from .hub import Hub
from .others import Letter

#: how long a room is remembered at which another machine looked, and the most tick samples that it is told
GLANCE_S = 5.0
TICKS_GLANCED_MAX = 60


class Screen(Protocol):
    """Where messages go."""

    def show(self, text: str) -> bool:
        """Send a message; return False, having sent nothing, when an earlier one is still on its way."""

    def end(self) -> None:
        """Close: the admin's session is over."""


@attrs.define(eq=False, kw_only=True)
class Looker:
    """Whoever may look into a room."""

    screen: Screen
    room_id: str | None = None
    wants_state: bool = False
    #: it missed what was told of its room: what follows must be whole
    is_room_stale: bool = True

    @property
    def is_waiting(self) -> bool:
        """Whether it must be told something else first."""
        return False


class Lookers:
    """All who look into rooms of one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._all: set[Looker] = set()
        self.rooms: dict[str, RoomWatch] = {}
        #: rooms that are looked at from other machines now and then, and until when they are remembered
        self._glanced: dict[str, tuple[RoomWatch, float]] = {}
        hub.others.answerers["look"] = self._answer

    def look_into(self, looker: Looker, room_id: str | None, wants_state: bool) -> None:
        """Show a room from now on, at once what is known already; None shows no room any more."""
        looker.room_id, looker.wants_state, looker.is_room_stale = room_id, wants_state, True
        if room_id is None:
            self.leave(looker)
            return
        self._all.add(looker)
        watch = self._watch(room_id)
        if watch is None or looker.is_waiting:
            return
        if not watch.seats or (wants_state and watch.state is None):
            watch.look(self._hub.ticker.room_timings.get(room_id), self._uptime_s(), wants_state)
        self._show_whole(looker, watch)

    def leave(self, looker: Looker) -> None:
        """Forget one who looks no more."""
        self._all.discard(looker)
        if not self._all:
            self.rooms.clear()

    def show(self) -> Iterator[None]:
        """Look again and tell all; stops often."""
        watched: dict[str, list[Looker]] = {}
        for looker in self._all:
            if looker.room_id is not None and not looker.is_waiting:
                watched.setdefault(looker.room_id, []).append(looker)
        self.rooms = {room_id: watch for room_id, watch in self.rooms.items() if room_id in watched}
        for room_id, lookers in watched.items():
            watch = self._watch(room_id)
            if watch is None:
                continue
            timings = self._hub.ticker.room_timings.get(room_id)
            text = dump(watch.look(timings, self._uptime_s(), any(looker.wants_state for looker in lookers)))
            for looker in lookers:
                if looker.is_room_stale:
                    self._show_whole(looker, watch)
                else:
                    looker.is_room_stale = not looker.screen.show(text)
            yield

    async def _answer(self, letter: Letter, descriptors: Sequence[int]) -> Letter:
        """Return what is known of a room, whole, for a page at another machine, which asks again and again."""
        for descriptor in descriptors:
            os.close(descriptor)
        room_id, now_s = str(letter["look"]), self._hub.now_s()
        self._glanced = {name: held for name, held in self._glanced.items() if held[1] > now_s}
        room = self._hub.lobby.rooms.get(room_id)
        if room is None:
            return {"told": None}
        watch = self._glanced[room_id][0] if room_id in self._glanced else RoomWatch(room)
        self._glanced[room_id] = (watch, now_s + GLANCE_S)
        watch.look(self._hub.ticker.room_timings.get(room_id), self._uptime_s(), letter.get("state") is True)
        whole = watch.whole()
        return {"told": {**whole, "ticks": whole["ticks"][-TICKS_GLANCED_MAX:]}}

    def _uptime_s(self) -> float:
        return round(self._hub.now_s() - self._hub.started_at_s, 2)

    def _watch(self, room_id: str) -> RoomWatch | None:
        watch, room = self.rooms.get(room_id), self._hub.lobby.rooms.get(room_id)
        if room is None:
            self.rooms.pop(room_id, None)
            return None
        if watch is None:
            watch = self.rooms[room_id] = RoomWatch(room)
        return watch

    def _show_whole(self, looker: Looker, watch: RoomWatch) -> None:
        looker.is_room_stale = not looker.screen.show(dump(watch.whole()))


def dump(value: Any) -> str:
    """Return a message as text."""
    return ujson.dumps(value, ensure_ascii=False, escape_forward_slashes=False, allow_nan=False)
