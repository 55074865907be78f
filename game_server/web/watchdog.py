"""Interrupts a game's code that does not end, so that only its room is lost; and tells where the process is stuck.

    with watchdog.game(): room.step()          # raises StepTimeout in the game's own frame after step_timeout_s

A thread looks several times in `timeout_s` whether the event loop's thread is still in the same call of a game. If so
it sends that thread a signal: Python then runs the handler between two instructions of the game, and a blocking system
call ends for it. The handler looks again, in the game's own thread, so that a call that has just ended is never hit,
and raises StepTimeout, which is no Exception: a game's `except Exception` lets it pass. A game that catches even that
is interrupted again at the thread's next look. Looks are counted rather than seconds, so that a process that was
stopped or whose machine slept blames nobody.

Code that is stuck in native code cannot be interrupted. Then the event loop turns no more: /healthz does not answer,
and after STUCK_FACTOR times `timeout_s` the stacks of all threads are written to standard error, by a C thread that
needs no interpreter lock.

Knows threads and signals; knows nothing of rooms.
"""

import faulthandler
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

LOOKS_A_TIMEOUT = 10
STUCK_FACTOR = 2
SIGNAL = signal.SIGALRM
STANDARD_ERROR = 2


class StepTimeout(BaseException):
    """A game's code did not end within `step_timeout_s`."""


class Watchdog:
    """Watches the thread that starts it, which must be the main one.

    timeout_s: how long a game's code may take at once.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        #: which call of a game it is, and whether it goes on; plain stores, since every tick makes two of them
        self._call = 0
        self._is_in_game = False
        self._overdue_call = 0
        self._watched_thread = 0
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._handler_before: object = None

    # ---- in the event loop's thread ----------------------------------------------------------------------------

    def enter(self) -> None:
        """A game's code begins."""
        self._call += 1
        self._is_in_game = True

    def leave(self) -> None:
        """It has ended."""
        self._is_in_game = False

    @contextmanager
    def game(self) -> Iterator[None]:
        """Watch a block that runs a game's code."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def start(self) -> None:
        """Begin to watch the calling thread."""
        self._watched_thread = threading.get_ident()
        self._handler_before = signal.signal(SIGNAL, self._interrupt)
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()
        self.tell_alive()

    def tell_alive(self) -> None:
        """The event loop turns: nothing to write for the next while. To be called once a second or so."""
        if self._thread is not None:
            faulthandler.dump_traceback_later(STUCK_FACTOR * self._timeout_s + 1, repeat=True, file=STANDARD_ERROR)

    def stop(self) -> None:
        """Watch no more."""
        if self._thread is not None:
            self._stopped.set()
            self._thread.join()
            self._thread = None
            faulthandler.cancel_dump_traceback_later()
            signal.signal(SIGNAL, self._handler_before)  # type: ignore[arg-type]

    def __enter__(self) -> "Watchdog":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """Runs in the watched thread, between two instructions of whatever it is at."""
        if self._is_in_game and self._call == self._overdue_call:
            raise StepTimeout(f"the game's code did not end within {self._timeout_s:g} s")

    # ---- in the thread of its own ------------------------------------------------------------------------------

    def _watch(self) -> None:
        seen, looks = 0, 0
        while not self._stopped.wait(self._timeout_s / LOOKS_A_TIMEOUT):
            call = self._call if self._is_in_game else 0
            looks = looks + 1 if call and call == seen else 0
            seen = call
            if looks >= LOOKS_A_TIMEOUT:
                self._overdue_call = call
                signal.pthread_kill(self._watched_thread, SIGNAL)
