"""When to look for garbage that counting references does not free.

Ticks, connections and handshakes make no cycles; rooms that are closed are cycles, and a game's own code may make some.
CPython looks for them whenever so many more containers were made than freed, and that is when many players come at
once: each pause then found nothing, took up to 25 ms, and came when there was most to do. So its own looking is put far
off, and housekeeping has the process look when some rooms were closed or many containers made, but hardly any since
housekeeping was here last; with nobody connected, sooner. What was there at start is never looked at again
(tests/bench/micro/garbage.py, docs/why.md).

Knows the collector of CPython; of rooms only how many were closed.
"""

import gc

#: containers made and not freed before a collection
CONTAINERS_MAX = 100_000
#: the same where nobody is connected
CONTAINERS_IDLE_MAX = 5_000
#: rooms closed before a collection: each holds some 60 KiB, and what its game has made
ROOMS_CLOSED_MAX = 50
#: more than so many between two looks, and it is put off: many are coming
CONTAINERS_CALM_MAX = 4_000
#: CPython's own thresholds: the first is for code that makes garbage faster than housekeeping comes
THRESHOLDS = (200_000, 5, 5)


class Collector:
    """Looks for garbage at quiet times; make one when everything has been loaded."""

    def __init__(self) -> None:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)
        self._made_before = 0
        self._rooms_closed = 0

    def note_room_closed(self) -> None:
        """Take note that a room has become garbage."""
        self._rooms_closed += 1

    def look(self, is_anybody_here: bool) -> bool:
        """Collect if it is time; return whether it was. Call it about twice a second."""
        made = gc.get_count()[0]
        is_calm = made - self._made_before <= CONTAINERS_CALM_MAX
        self._made_before = made
        is_worth_it = made > (CONTAINERS_MAX if is_anybody_here else CONTAINERS_IDLE_MAX)
        if not is_calm or not (is_worth_it or self._rooms_closed >= ROOMS_CLOSED_MAX):
            return False
        gc.collect()
        self._made_before = self._rooms_closed = 0
        return True
