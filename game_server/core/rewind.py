"""Rewind: the world as a player saw it when it gave its input, to judge its shot by.

Each input says which picture its player saw: the newest tick applied and how far behind it the picture was
(`Input.ack`, `Input.lag`). The last captures of the world are kept, as quantised as they were sent, and a `Past`
between two of them shows the numbers that the browser showed: so a hit on the screen is a hit here.

Bounds. No picture is older than `rewind_max_ms` before the step, and none is newer than what the seat was sent; what
lies beyond is brought to the bound and counted (`rewinds_clamped`). A game may ask for a picture no older than so many
ms before the input's *arrival*, about which nobody can lie. Of an input that was repeated for want of a new one, the
picture is as far behind as that of the last. Seats that gave no input yet see the newest state.

A room whose game declares no `rewind_max_ms` has no `History`. Knows captures and sessions; knows nothing of shots.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from .metrics import Counts
from .past import Past, past_class
from .session import Session
from .snapshot import Snapshot
from .world import World


@attrs.frozen
class Seen:
    """What a seat's input of this step said of its picture, and when it came; in ticks before the step."""

    behind: float
    arrived: int
    seq: int


class Arrivals:
    """When the inputs of one connection came, as far as they still wait."""

    def __init__(self, link: Any) -> None:
        self.link = link
        #: (tick, newest number accepted by then), oldest first
        self._newest: deque[tuple[int, int]] = deque()

    def note(self, tick: int, accepted_seq: int) -> None:
        if not self._newest or self._newest[-1][1] != accepted_seq:
            self._newest.append((tick, accepted_seq))

    def tick_of(self, seq: int) -> int:
        """Return the tick by which an input had arrived, and forget those before it."""
        while len(self._newest) > 1 and self._newest[0][1] < seq:
            self._newest.popleft()
        return self._newest[0][0]


class History:
    """A room's captures of the last `rewind_max_ms`, and what each seat saw.

    Args:
        world: the live one.
        tick_rate: in Hz.
        rewind_max_ms: how far back, from the step.
        counts: the room's tally.
    """

    def __init__(self, world: World, tick_rate: int, rewind_max_ms: float, counts: Counts) -> None:
        self._world, self._counts, self._tick_rate = world, counts, tick_rate
        self.max_ticks = rewind_max_ms * tick_rate / 1000
        self._classes = tuple(past_class(type_) for type_ in world.types)
        self._snapshots: deque[Snapshot] = deque()
        #: by seat number
        self._seen: dict[int, Seen] = {}
        self._arrivals: dict[int, Arrivals] = {}

    def add(self, snapshot: Snapshot) -> None:
        """Keep a capture, and let go of those that no coming step may go back to."""
        kept = self._snapshots
        kept.append(snapshot)
        while len(kept) > 1 and kept[1].tick <= snapshot.tick + 1 - self.max_ticks:
            kept.popleft()

    def __len__(self) -> int:
        return len(self._snapshots)

    def note(self, sessions: Iterable[Session]) -> None:
        """Remember what each seat saw; to be called in each tick before its input is taken."""
        seen: dict[int, Seen] = {}
        arrivals: dict[int, Arrivals] = {}
        tick = self._world.tick
        for session in sessions:
            number = session.seat.number
            before = self._seen.get(number)
            mine = self._arrivals.get(number)
            if mine is None or mine.link is not session.link:
                mine = Arrivals(session.link)  # numbers may begin again on a new connection
            arrivals[number] = mine
            mine.note(tick, session.accepted_seq)
            if session.queue:
                head = session.queue[0]
                newest = tick if session.sent_tick is None else session.sent_tick
                picture = head.ack - head.lag
                if picture > newest:
                    picture = newest
                    self._counts.rewinds_clamped += 1
                seen[number] = Seen(tick - picture, tick - mine.tick_of(head.seq), head.seq)
            elif before is not None:
                seen[number] = before
        self._seen, self._arrivals = seen, arrivals

    def input_seq(self, seat_number: int) -> int:
        """Return the number of the input that a seat's step runs on; 0 before its first."""
        seen = self._seen.get(seat_number)
        return 0 if seen is None else seen.seq

    def input_tick(self, seat_number: int) -> int:
        """Return the tick before which a seat's input had arrived."""
        seen = self._seen.get(seat_number)
        return self._world.tick - (0 if seen is None else seen.arrived)

    def rewind(self, seat_number: int, max_ms: float | None) -> Past:
        """Return what a seat saw; see `Game.rewind`."""
        self._counts.rewinds += 1
        tick = float(self._world.tick)
        seen = self._seen.get(seat_number)
        if seen is None:
            return self.at(tick, seat_number)
        picture = oldest = tick - seen.behind
        if max_ms is not None:
            oldest = max(oldest, tick - seen.arrived - max_ms * self._tick_rate / 1000)
        elif seen.behind > self.max_ticks:
            self._counts.rewinds_clamped += 1
        return self.at(max(picture, oldest), seat_number)

    def at(self, tick: float, seat_number: int | None = None) -> Past:
        """Return the world at a moment, brought into what is kept; with a seat's own entities as they are now."""
        kept = self._snapshots
        tick = max(tick, self._world.tick - self.max_ticks, float(kept[0].tick))
        own: Mapping[int, int] = {} if seat_number is None else self._world.owned.get(seat_number, {})
        older = newer = kept[-1]
        for snapshot in reversed(kept):
            older = snapshot
            if snapshot.tick <= tick:
                break
            newer = snapshot
        return Past(self._world, self._classes, min(tick, float(kept[-1].tick)), older, newer, own)
