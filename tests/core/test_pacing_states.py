"""Which states a client gets that applies them late: as many as its line carries, and fresh ones. In virtual time."""

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from .match import Match

SECONDS = 45
LAST_S = 15


class Line:
    """A line that carries so many states a second, one after the other, with a delay besides."""

    def __init__(self, states_per_s: float, delay_s: float, tick_rate: int) -> None:
        self._gap_ticks, self._delay_ticks = tick_rate / states_per_s, delay_s * tick_rate
        self._arriving: deque[tuple[float, int]] = deque()
        self._free_at = 0.0

    def put(self, now: int, tick: int) -> None:
        self._free_at = max(self._free_at, float(now)) + self._gap_ticks
        self._arriving.append((self._free_at + self._delay_ticks, tick))

    def take(self, now: int) -> list[int]:
        """Return the ticks of the states that have arrived."""
        taken = []
        while self._arriving and self._arriving[0][0] <= now:
            taken.append(self._arriving.popleft()[1])
        return taken


def play(states_per_s: float, delay_s: float) -> tuple[list[int], list[int], int]:
    """Play over such a line; return the ticks that arrived at last, how old they were then, and the tick rate."""
    match = Match()
    session = match.join()
    rate = match.room.definition.cls.tick_rate
    line = Line(states_per_s, delay_s, rate)
    ticks, ages = [], []
    for now in range(1, SECONDS * rate):
        sent_before = session.sent_tick
        match.tick()
        if session.sent_tick is not None and session.sent_tick != sent_before:
            line.put(now, session.sent_tick)
        for tick in line.take(now):
            session.acked_tick = tick
            if now > (SECONDS - LAST_S) * rate:
                ticks.append(tick)
                ages.append(match.room.tick - tick)
    return ticks, ages, rate


@settings(max_examples=12)
@given(st.floats(2, 15), st.floats(0, 0.2))
def test_a_narrow_line_carries_as_much_as_it_can_of_what_is_fresh(states_per_s: float, delay_s: float) -> None:
    """States come about as fast as the line carries them, and none is much over a second old when it does."""
    ticks, ages, rate = play(states_per_s, delay_s)
    assert len(ticks) >= 0.7 * states_per_s * LAST_S - 2
    assert max(ages) <= (1 + 2 * delay_s) * rate + 2 * rate / states_per_s


@settings(max_examples=8)
@given(st.floats(0, 0.9))
def test_a_distant_client_gets_every_state(delay_s: float) -> None:
    """Distance is no slowness: who is behind by the time that light and routers take misses nothing."""
    ticks, _, rate = play(10_000, delay_s)
    assert list(range(ticks[0], ticks[0] + len(ticks))) == ticks
    assert len(ticks) >= LAST_S * rate - 2
