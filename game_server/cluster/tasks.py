"""Tasks that somebody begins and does not wait for: held on to, told of where they fail, and ended with their owner."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from ..web.logs import log


class Tasks:
    """The tasks of one owner.

    Args:
        failure: what the log calls one that raised.
    """

    def __init__(self, failure: str) -> None:
        self._failure = failure
        # The event loop itself holds tasks by weak references only.
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin one."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def cancel(self) -> None:
        """End all that are under way."""
        for task in self._tasks:
            task.cancel()

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error(self._failure, exc_info=task.exception())
