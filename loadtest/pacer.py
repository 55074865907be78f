"""When bots step: each at the room's tick rate, at a phase of its own, without drift.

The tick period is cut into slots; a bot belongs to one, and one timer serves all. Slot n is due n / SLOTS periods after
the origin, however late the ones before were, and a step is told when it was due: latencies count from there, so that
a generator or server that stalls does not hide its own delay (coordinated omission). Phases follow the golden ratio:
any number of consecutive bots are spread evenly over the period.

Knows the event loop; knows nothing of what a step does.
"""

import asyncio
from collections.abc import Callable

SLOTS = 16
GOLDEN = 0.618033988749895
#: a generator that is this far behind skips steps and counts them
BEHIND_MAX_S = 1.0

Step = Callable[[float], None]


class Pacer:
    """Calls steps at one rate.

    Args:
        rate: steps a second of each bot.
        record_lag: gets how late each slot ran, in seconds: the lag of the event loop.
    """

    def __init__(self, rate: float, record_lag: Callable[[float], None]) -> None:
        self._slot_s = 1 / rate / SLOTS
        self._record_lag = record_lag
        self._loop = asyncio.get_running_loop()
        self._slots: list[dict[Step, None]] = [{} for _ in range(SLOTS)]
        self._origin_s = self._loop.time()
        self._next = 0
        self._timer: asyncio.TimerHandle | None = None
        self.steps_skipped = 0
        self._arm()

    def add(self, number: int, step: Step) -> None:
        """Call `step(due_s)` once a period from now on; the bot's number gives its phase."""
        self._slots[slot_of(number)][step] = None

    def remove(self, number: int, step: Step) -> None:
        """Call this step no more."""
        self._slots[slot_of(number)].pop(step, None)

    def stop(self) -> None:
        """Call no steps any more."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer = self._loop.call_at(self._origin_s + self._next * self._slot_s, self._run)

    def _run(self) -> None:
        # All that are due go before the sockets are looked at again: one a turn would starve behind a busy read side.
        now_s = self._loop.time()
        due_s = self._origin_s + self._next * self._slot_s
        if now_s - due_s > BEHIND_MAX_S:
            self._record_lag(now_s - due_s)
            skipped = int((now_s - due_s) / self._slot_s)
            self.steps_skipped += sum(len(self._slots[(self._next + slot) % SLOTS]) for slot in range(skipped))
            self._next += skipped
            due_s = self._origin_s + self._next * self._slot_s
        while due_s <= now_s:
            self._record_lag(self._loop.time() - due_s)
            for step in list(self._slots[self._next % SLOTS]):
                step(due_s)
            self._next += 1
            due_s = self._origin_s + self._next * self._slot_s
        self._arm()


def slot_of(number: int) -> int:
    """Return the slot of a bot."""
    return int(number * GOLDEN % 1.0 * SLOTS)
