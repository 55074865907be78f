"""An event loop that serves a few sockets at a time, so that it gets round to its timers.

asyncio serves every socket that is ready before it looks at the clock again. When a thousand players come back at once,
hundreds are ready together, a handshake takes half a millisecond, and a tick that is due waits for all of them: 110 ms
were measured (`python -m tests.soak crowd`). The kernel gives the sockets out in turn, so none is passed over.

Knows epoll; knows nothing of rooms. Where there is no epoll the loop is asyncio's own.
"""

import asyncio
import math
import os
import select
import selectors
import sys

#: sockets served before the loop looks at its timers; 4 ms of handshakes
SOCKETS_A_TURN_MAX = 8

if sys.platform == "linux":

    class FewAtATime(selectors.EpollSelector):
        """Reports SOCKETS_A_TURN_MAX ready files at most; the others are reported next (epoll_wait(2))."""

        def __init__(self) -> None:
            super().__init__()
            self._epoll = select.epoll.fromfd(os.dup(self.fileno()))
            self._keys = self.get_map()

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """Wait until a file is ready, `timeout` s at most; rounded up, as epoll counts milliseconds."""
            timeout_s = -1 if timeout is None else max(math.ceil(timeout * 1000) / 1000, 0)
            ready = []
            for descriptor, flags in self._epoll.poll(timeout_s, SOCKETS_A_TURN_MAX):
                reads = selectors.EVENT_READ if flags & ~select.EPOLLOUT else 0
                writes = selectors.EVENT_WRITE if flags & ~select.EPOLLIN else 0
                key = self._keys.get(descriptor)
                if key:  # it may have been closed, and still be open in another process
                    ready.append((key, (reads | writes) & key.events))
            return ready

        def close(self) -> None:
            self._epoll.close()
            super().close()


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a loop for a server's process."""
    return asyncio.SelectorEventLoop(FewAtATime()) if sys.platform == "linux" else asyncio.new_event_loop()
