"""What one bot measures: when inputs were due and acknowledged, how old and how far apart states are, what it counts.

Counts are kept here and added to the ledger once a second (`settle`), times go there at once. Latencies count from when
an input was due, not from when it was sent, and what is never answered counts with its age: a generator or server that
stalls does not hide its own delay (coordinated omission). Reads no clock.
"""

from collections import deque

from .stats import Ledger

UNANSWERED_S = 1.0


class Meter:
    """One bot's measurements; counts into `ledger`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        #: room time less our time, once it is known
        self.offset_s: float | None = None
        #: when the inputs were due that are not acknowledged yet
        self._pending: deque[float] = deque()
        self._state_at_s: float | None = None
        self._connecting_at_s = 0.0
        self._is_resuming = False
        #: texts said and not heard yet, and when they were said
        self.said: dict[str, float] = {}
        self._frames = self._frame_bytes = self._inputs = 0
        self._tick_s = self._states_per_s = 0.0
        self._settled_at_s: float | None = None
        self._settled_bytes = (0, 0)
        #: while it was measured: seconds of play, and states
        self.measured_s, self.measured_frames = 0.0, 0

    def connecting(self, now_s: float, is_resuming: bool) -> None:
        """A connection is about to be made."""
        self._connecting_at_s, self._is_resuming, self._state_at_s = now_s, is_resuming, None
        self._settled_bytes = (0, 0)

    def seated(self, now_s: float, tick_rate: float, states_per_s: float) -> None:
        """Play begins."""
        self._settled_at_s, self._tick_s, self._states_per_s = now_s, 1 / tick_rate, states_per_s

    def input_sent(self, due_s: float) -> None:
        self._pending.append(due_s)
        self._inputs += 1

    def state_arrived(self, now_s: float, length_bytes: int, tick: int, unanswered: int) -> None:
        """Measure a state.

        Args:
            now_s: when it arrived.
            length_bytes: of its payload.
            tick: its tick.
            unanswered: how many of the newest inputs it does not acknowledge.
        """
        samples = self._ledger.samples
        self._frames += 1
        self._frame_bytes += length_bytes
        pending = self._pending
        while len(pending) > unanswered:
            samples.ack.record(now_s - pending.popleft())
        if self._state_at_s is None:
            (samples.resume if self._is_resuming else samples.join).record(now_s - self._connecting_at_s)
        else:
            samples.gap.record(now_s - self._state_at_s)
        self._state_at_s = now_s
        if self.offset_s is not None:
            samples.age.record(now_s + self.offset_s - tick * self._tick_s)

    def heard(self, text: str, now_s: float) -> None:
        """A text that this bot said has come back."""
        if text in self.said:
            self._ledger.samples.chat.record(now_s - self.said.pop(text))

    def settle(self, now_s: float, wire_bytes: tuple[int, int], is_measured: bool = False) -> None:
        """Add to the ledger what was counted since the last time; `wire_bytes` are in and out of this connection."""
        samples = self._ledger.samples
        samples.wire_bytes_in += wire_bytes[0] - self._settled_bytes[0]
        samples.wire_bytes_out += wire_bytes[1] - self._settled_bytes[1]
        self._settled_bytes = wire_bytes
        samples.frames += self._frames
        samples.frame_bytes += self._frame_bytes
        samples.inputs += self._inputs
        if self._settled_at_s is not None:
            seconds, self._settled_at_s = now_s - self._settled_at_s, now_s
            samples.client_s += seconds
            samples.frames_due += seconds * self._states_per_s
            if is_measured:
                self.measured_s += seconds
                self.measured_frames += self._frames
        self._frames = self._frame_bytes = self._inputs = 0

    def stopped(self) -> None:
        """Play has ended, perhaps for a while; what is unanswered stays so."""
        self._settled_at_s = None
        self._pending.clear()

    def count_unanswered(self, now_s: float) -> None:
        """Count inputs that have waited too long for their ack, with their age: a lower bound of their latency."""
        for due_s in self._pending:
            if now_s - due_s > UNANSWERED_S:
                self._ledger.samples.inputs_unanswered += 1
                self._ledger.samples.ack.record(now_s - due_s)
