"""How many states may be on the way to a client whose line is slow or long: a window, as TCP has one for bytes.

A server that sends at its own rate into a narrow line fills buffers that it cannot see, and its states are seconds
old when they arrive. Acks tell how long a state took. Who takes states in time is not paced at all. Once a state is
overdue, the client gets a Pace: nothing until all that is on the way is acked, then one state, and with each ack that
comes in time one more at once; an ack that is late halves the window, and from then on it grows by one a round. In
time means within `late_ticks`, or twice the least that a state took, since distance is no slowness.

Knows ticks; knows nothing of what states are or of sockets.
"""

import math
from collections import deque


class Pace:
    """The states on the way to one client.

    Args:
        sent_tick: of the newest state on the way.
        late_ticks: a state that takes no longer is in time in any case.
        slow_ticks: a state that takes longer is late in any case.
    """

    __slots__ = ("_cut_tick", "_is_probing", "_late_ticks", "_least", "_sent", "_slow_ticks", "_window")

    def __init__(self, sent_tick: int, late_ticks: float, slow_ticks: float) -> None:
        self._late_ticks, self._slow_ticks = late_ticks, slow_ticks
        self._sent = deque((sent_tick,))
        self._window = 1.0
        self._least = math.inf
        #: states sent up to then say nothing about the window as it is now
        self._cut_tick = sent_tick
        self._is_probing = True

    @property
    def is_over(self) -> bool:
        """Whether states come so soon, and so many may be on the way, that nothing need be paced."""
        return self._window >= self._slow_ticks and self._least <= self._late_ticks / 2

    def may_send(self, tick: int, acked_tick: int) -> bool:
        """Take in what was acked by now; return whether a state may be sent, which then counts as on the way."""
        sent = self._sent
        acked = 0
        while sent and sent[0] <= acked_tick:
            sent.popleft()
            acked += 1
        if acked and acked_tick > self._cut_tick:
            self._judge(acked, tick - acked_tick, tick)
        if len(sent) >= int(self._window):
            return False
        sent.append(tick)
        return True

    def _judge(self, acked: int, took_ticks: int, tick: int) -> None:
        self._least = min(self._least, took_ticks)
        if took_ticks <= min(max(self._late_ticks, 2 * self._least), self._slow_ticks):
            most = 2 * self._slow_ticks
            self._window = min(self._window + (acked if self._is_probing else acked / self._window), most)
        else:
            self._is_probing = False
            self._window = max(1.0, self._window / 2)
            self._cut_tick = tick
