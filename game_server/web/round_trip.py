"""The round trip to one client, measured by the server: pings that carry a mark, and when their answers are read.

A room reads its sockets at its tick, so an answer may lie there for a whole period; whoever measures has the event
loop read the socket from `begin` until `end`, and no waiting is in the figure. Smoothed as in RFC 6298, with a larger
gain because there is one sample a second and a person looks on. Knows nothing of sockets; `now_s` is given.
"""

#: what the pings carry, so that no other answer is taken for theirs
MARK = b"round trip"
#: a ping unanswered for so long is given up
GIVE_UP_S = 5.0
GAIN = 0.25


class RoundTrip:
    """Smoothed round trip and jitter in ms; None until measured."""

    __slots__ = ("_sent_s", "jitter_ms", "rtt_ms")

    def __init__(self) -> None:
        self.rtt_ms: float | None = None
        self.jitter_ms: float | None = None
        self._sent_s: float | None = None

    def begin(self, now_s: float) -> bool:
        """Note that a ping goes out now; return False, and send none, while one is under way."""
        if self._sent_s is not None and now_s - self._sent_s < GIVE_UP_S:
            return False
        self._sent_s = now_s
        return True

    def end(self, payload: bytes, now_s: float) -> bool:
        """Take an answer; return whether it was the awaited one."""
        if payload != MARK or self._sent_s is None:
            return False
        taken_ms, self._sent_s = (now_s - self._sent_s) * 1000, None
        if self.rtt_ms is None or self.jitter_ms is None:
            self.rtt_ms, self.jitter_ms = taken_ms, 0.0
        else:
            self.jitter_ms += (abs(taken_ms - self.rtt_ms) - self.jitter_ms) * GAIN
            self.rtt_ms += (taken_ms - self.rtt_ms) * GAIN
        return True
