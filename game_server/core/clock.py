"""When ticks are due: pure arithmetic on a `now` in seconds that the caller supplies.

Due times come from the origin, not from the last tick, so a loop that is woken late does not drift. A loop that owes
more than `catch_up_ticks_max` ticks drops the surplus: the origin slides, tick numbers never jump, and the room's
time (in which tick T is due at T * period) slides with it. Knows nothing of what a tick does.
"""

import math


class TickClock:
    """The schedule of one room.

    Args:
        tick_rate: ticks a second.
        origin_s: when tick 0 is due, on the caller's monotonic clock.
        catch_up_ticks_max: how many owed ticks may run at once.
    """

    def __init__(self, tick_rate: float, origin_s: float, catch_up_ticks_max: int) -> None:
        self.tick_rate = tick_rate
        self.origin_s = origin_s
        self.catch_up_ticks_max = catch_up_ticks_max
        #: how late the newest tick began
        self.late_s = 0.0

    def due_s(self, tick: int) -> float:
        """Return when a tick is due."""
        return self.origin_s + tick / self.tick_rate

    def owed(self, next_tick: int, now_s: float) -> tuple[int, int]:
        """Return (ticks to run now, ticks dropped) and slide the origin for the dropped ones.

        Args:
            next_tick: number of the first tick not yet run.
            now_s: the present.
        """
        late_s = now_s - self.due_s(next_tick)
        if late_s < 0:
            return 0, 0
        self.late_s = late_s
        owed = int(late_s * self.tick_rate) + 1
        dropped = max(owed - self.catch_up_ticks_max, 0)
        self.origin_s += dropped / self.tick_rate
        return owed - dropped, dropped

    def restart(self, next_tick: int, now_s: float) -> None:
        """Make `next_tick` due within a period from now: the room was asleep and its time stood still.

        The phase stays: rooms are spread over the period once, when they are made.
        """
        periods = math.ceil((now_s - self.origin_s) * self.tick_rate)
        self.origin_s += (periods - next_tick) / self.tick_rate

    def room_ms(self, now_s: float) -> float:
        """Return the room's time: ms since it began, less the time it slept or dropped."""
        return (now_s - self.origin_s) * 1000.0
