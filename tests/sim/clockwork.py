"""Virtual time: one queue of what happens when, and an event loop for the server that lives in it.

`Clockwork` is the universe: its `now` is true time, in which clients and wires live. `ServerLoop` is what asyncio
needs of an event loop, with the server's own clock: it may stand still with the process (`stall`), go on while the
process stands (the same, `clock_runs`), or jump ahead (`jump`). Same calls, same order, always: ties are settled by
the order of asking.
"""

import asyncio
import contextvars
import heapq
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

Action = Callable[..., Any]

#: timers this close together are one moment: sums of floats miss each other by less
SAME_MOMENT_S = 1e-9


class Clockwork:
    """What happens when."""

    def __init__(self) -> None:
        self.now = 0.0
        #: nothing more is to happen
        self.is_stopped = False
        self._queue: list[tuple[float, int, Action, tuple[Any, ...]]] = []
        self._order = count()

    def at(self, when: float, action: Action, *arguments: Any) -> None:
        """Have something done at a time; one that is past means now."""
        heapq.heappush(self._queue, (when, next(self._order), action, arguments))

    def after(self, seconds: float, action: Action, *arguments: Any) -> None:
        """Have something done in a while."""
        heapq.heappush(self._queue, (self.now + seconds, next(self._order), action, arguments))

    def run_until(self, end: float) -> None:
        """Let time pass."""
        queue, pop = self._queue, heapq.heappop
        while queue and queue[0][0] <= end and not self.is_stopped:
            when, _, action, arguments = pop(queue)
            if when > self.now:
                self.now = when
            action(*arguments)
        self.now = max(self.now, end)


class ServerLoop:
    """The event loop of the server's process: timers, tasks, readers and writers of simulated sockets."""

    def __init__(self, clockwork: Clockwork, failed: Callable[[dict[str, Any]], None]) -> None:
        self._clockwork, self._failed = clockwork, failed
        #: the server's clock less true time
        self.skew_s = 0.0
        self.stalled_until = 0.0
        self._floor_s = 0.0
        self._timers: list[tuple[float, int, asyncio.Handle]] = []
        self._order = count()
        self._armed_for = float("inf")
        #: this, as what asyncio takes for a whole event loop: the server asks no more of it than stands below
        self.as_loop: Any = self

    # ---- time --------------------------------------------------------------------------------------------------

    def time(self) -> float:
        return max(self._clockwork.now + self.skew_s, self._floor_s)

    def stall(self, seconds: float, *, clock_runs: bool) -> None:
        """Run nothing for a while, as a process that was stopped; its clock may have stopped as well.

        One that is stopped already stays so for as long as was said.
        """
        if self.is_stalled:
            return
        self.stalled_until = self._clockwork.now + seconds
        if not clock_runs:
            self._floor_s = self.time()
            self.skew_s -= seconds
        self._armed_for = self.stalled_until
        self._clockwork.at(self.stalled_until, self._wake, self.stalled_until)

    def jump(self, seconds: float) -> None:
        """Move the clock ahead, as that of a machine that slept."""
        self.skew_s += seconds
        self._arm()

    @property
    def is_stalled(self) -> bool:
        return self._clockwork.now < self.stalled_until

    def soon(self, action: Action, *arguments: Any) -> None:
        """Run something in this process as soon as it runs at all: how the kernel wakes it."""
        if self.is_stalled:
            self._clockwork.at(self.stalled_until, self.soon, action, *arguments)
        else:
            asyncio.Handle(action, arguments, self.as_loop)._run()

    def _arm(self) -> None:
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        if timers:
            when = max(timers[0][0] - self.skew_s, self._clockwork.now, self.stalled_until)
            if when < self._armed_for:
                self._armed_for = when
                self._clockwork.at(when, self._wake, when)

    def _wake(self, when: float) -> None:
        if when == self._armed_for and not self.is_stalled:  # else it was for a timer that is gone
            self._run_due()

    def _run_due(self) -> None:
        self._armed_for = float("inf")
        timers = self._timers
        while timers and timers[0][0] <= self.time() + SAME_MOMENT_S:
            when, _, handle = heapq.heappop(timers)
            self._floor_s = max(self._floor_s, when)
            if not handle.cancelled():
                handle._run()
                if self.is_stalled:
                    break
        self._arm()

    # ---- what asyncio asks of a loop ---------------------------------------------------------------------------

    def call_at(self, when: float, callback: Any, *args: Any, context: contextvars.Context | None = None) -> Any:
        handle = asyncio.TimerHandle(when, callback, args, self.as_loop, context)
        heapq.heappush(self._timers, (when, next(self._order), handle))
        self._arm()
        return handle

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.call_at(self.time(), callback, *args, context=context)

    def create_task(self, coro: Coroutine[Any, Any, Any], **keywords: Any) -> Any:
        return asyncio.Task(coro, loop=self.as_loop, **keywords)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self.as_loop)

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
        fd.watch_reading(lambda: callback(*args), self.soon)

    def remove_reader(self, fd: Any) -> Any:
        fd.watch_reading(None, self.soon)

    def add_writer(self, fd: Any, callback: Any, *args: Any) -> None:
        fd.watch_writing(lambda: callback(*args), self.soon)

    def remove_writer(self, fd: Any) -> Any:
        fd.watch_writing(None, self.soon)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self._failed(context)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass

    @property
    def waiting(self) -> int:
        """How many timers that were not cancelled are set."""
        return sum(not handle.cancelled() for _, _, handle in self._timers)
