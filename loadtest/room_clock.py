"""The room's time as a bot knows it, from pings.

Each answered ping says that the offset (room time less our time) lies in an interval: the answer was written after the
ping was sent and before it came back. The intersection of recent intervals holds the truth, and its middle is right
where the fastest trip up took as long as the fastest trip down. Pings are sent at random moments: a server that reads
its sockets at its tick keeps a ping waiting, and only now and then one arrives just before.

When the server drops owed ticks, its room time slides back and the intervals no longer meet: older ones are forgotten.
Knows no socket and reads no clock.
"""

from collections import deque

SAMPLES_MAX = 24
SAMPLES_MIN = 4
#: two clocks of ordinary drift stay within this over the samples kept
DRIFT_MS = 1.0


class RoomClock:
    """The offset to the room's time."""

    def __init__(self) -> None:
        self._intervals: deque[tuple[float, float]] = deque(maxlen=SAMPLES_MAX)
        #: room time less our time, in ms
        self.offset_ms = 0.0
        #: how often room time was found to have slid
        self.slides = 0

    @property
    def is_set(self) -> bool:
        """Whether there are enough samples to go by."""
        return len(self._intervals) >= SAMPLES_MIN

    def sample(self, sent_ms: float, room_ms: float, received_ms: float) -> None:
        """Take in an answered ping; all in ms, the first and the last on our clock."""
        self._intervals.append((room_ms - received_ms, room_ms - sent_ms))
        low, high = self._intersection()
        if low > high + DRIFT_MS:
            self.slides += 1
            while low > high + DRIFT_MS and len(self._intervals) > 1:
                self._intervals.popleft()
                low, high = self._intersection()
        self.offset_ms = (low + high) / 2

    def _intersection(self) -> tuple[float, float]:
        return max(low for low, _ in self._intervals), min(high for _, high in self._intervals)
