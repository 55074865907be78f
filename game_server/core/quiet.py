"""Rooms that are looked at, and rooms that are put aside because nothing can happen in them before a known time.

A room that nobody is connected to, and whose seats are held, changes only when somebody comes back, when an operator
acts, or when the first hold is over (`Room.quiet_until_s`). Such rooms are put aside together with what they have
counted; of those figures only the sums are kept at hand. So whoever keeps house or counts pays nothing for a thousand
of them. Whoever does something to a room that is put aside says so (`disturb`).

Knows the figures of rooms; knows nothing of seats and tokens, nor why a room is quiet.
"""

import heapq
from collections.abc import Callable
from operator import add, sub

import attrs

from .metrics import COUNT_NAMES, Counts, total
from .room import Room


@attrs.frozen(eq=False)
class _Aside:
    """A room that is put aside, and its figures, which stay as they are meanwhile."""

    room: Room
    counts: tuple[int, ...]
    seats_taken: int


class QuietRooms:
    """The rooms of a lobby, parted into those that are looked at and those that are put aside."""

    def __init__(self) -> None:
        #: those that are looked at, by id
        self.watched: dict[str, Room] = {}
        self._aside: dict[str, _Aside] = {}
        #: when to look again, and at which room; rooms that were disturbed meanwhile are passed over
        self._due: list[tuple[float, str]] = []
        self._counts: tuple[int, ...] = (0,) * len(COUNT_NAMES)
        self._seats_taken = 0

    def disturb(self, room: Room) -> None:
        """Look at a room from now on: it is new, or something has been done to it."""
        aside = self._aside.pop(room.room_id, None)
        if aside is not None:
            self._count(aside, sub)
        self.watched[room.room_id] = room

    def put_aside(self, room: Room) -> None:
        """Look at a room no more before its `quiet_until_s`."""
        del self.watched[room.room_id]
        aside = self._aside[room.room_id] = _Aside(room, room.counts.values(), len(room.sessions))
        self._count(aside, add)
        heapq.heappush(self._due, (room.quiet_until_s, room.room_id))

    def forget(self, room: Room) -> None:
        """Let a room go."""
        self.disturb(room)
        del self.watched[room.room_id]

    def look(self, now_s: float) -> list[Room]:
        """Return the rooms that are looked at, with those that had been put aside until now."""
        while self._due and self._due[0][0] <= now_s:
            aside = self._aside.get(heapq.heappop(self._due)[1])
            if aside is not None and aside.room.quiet_until_s <= now_s:
                self.disturb(aside.room)
        return list(self.watched.values())

    def counts(self) -> Counts:
        """Return what all rooms together have counted."""
        return total((Counts(*self._counts), *(room.counts for room in self.watched.values())))

    @property
    def seats_taken(self) -> int:
        """How many seats are taken in all rooms together."""
        return self._seats_taken + sum(len(room.sessions) for room in self.watched.values())

    def _count(self, aside: _Aside, operation: Callable[[int, int], int]) -> None:
        self._counts = tuple(map(operation, self._counts, aside.counts))
        self._seats_taken = operation(self._seats_taken, aside.seats_taken)
