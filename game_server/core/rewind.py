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
from collections.abc import Collection, Mapping

from .inputs import Input
from .metrics import Counts
from .past import Past, past_class
from .session import Session
from .snapshot import Snapshot
from .world import World


class Watch:
    """What a seat's last input said of its picture, and when the inputs of one connection came, as far as they wait."""

    __slots__ = ("came", "head", "link", "newest", "sent", "session", "tick")

    def __init__(self, session: Session) -> None:
        self.session, self.link = session, session.link
        #: (tick, newest number accepted by then), oldest first
        self.came: deque[tuple[int, int]] = deque()
        self.newest = -1
        #: the last input that was taken, at which tick, and which state was the newest sent to the seat by then
        self.head: Input | None = None
        self.tick = self.sent = 0


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
        self._watches: dict[int, Watch] = {}

    def add(self, snapshot: Snapshot) -> None:
        """Keep a capture, and let go of those that no coming step may go back to."""
        kept = self._snapshots
        kept.append(snapshot)
        while len(kept) > 1 and kept[1].tick <= snapshot.tick + 1 - self.max_ticks:
            kept.popleft()

    def __len__(self) -> int:
        return len(self._snapshots)

    def note(self, sessions: Collection[Session]) -> None:
        """Remember what each seat saw; to be called in each tick before its input is taken."""
        watches, tick = self._watches, self._world.tick
        if len(watches) > len(sessions):  # somebody left
            watches = self._watches = {
                session.seat.number: watches[session.seat.number]
                for session in sessions
                if session.seat.number in watches
            }
        for session in sessions:
            number = session.seat.number
            watch = watches.get(number)
            if watch is None or watch.session is not session or watch.link is not session.link:
                # numbers may come again on a new connection, and another player on a seat
                watch = watches[number] = Watch(session)
            if watch.newest != session.accepted_seq:
                watch.newest = session.accepted_seq
                watch.came.append((tick, watch.newest))
            if session.queue:
                head = watch.head = session.queue[0]
                watch.tick = tick
                watch.sent = tick if session.sent_tick is None else session.sent_tick
                while watch.came[0][1] < head.seq:
                    watch.came.popleft()

    def input_seq(self, seat_number: int) -> int:
        """Return the number of the input that a seat's step runs on; 0 before its first."""
        watch = self._watches.get(seat_number)
        return 0 if watch is None or watch.head is None else watch.head.seq

    def input_tick(self, seat_number: int) -> int:
        """Return the tick before which a seat's input had arrived; a repeated one has come so much later."""
        watch = self._watches.get(seat_number)
        if watch is None or watch.head is None:
            return self._world.tick
        return watch.came[0][0] + self._world.tick - watch.tick

    def rewind(self, seat_number: int, max_ms: float | None) -> Past:
        """Return what a seat saw; see `Game.rewind`."""
        counts, tick = self._counts, self._world.tick
        counts.rewinds += 1
        watch = self._watches.get(seat_number)
        if watch is None or watch.head is None:
            return self.at(float(tick), seat_number)
        said = watch.head.ack - watch.head.lag
        picture = min(said, watch.sent) + tick - watch.tick
        if said > watch.sent or (max_ms is None and picture < tick - self.max_ticks):
            counts.rewinds_clamped += 1
        if max_ms is not None:
            picture = max(picture, self.input_tick(seat_number) - max_ms * self._tick_rate / 1000)
        return self.at(picture, seat_number)

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
