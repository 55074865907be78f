"""When ticks are due: no drift, bounded catching up, tick numbers that never jump."""

from hypothesis import given
from hypothesis import strategies as st

from game_server.core.clock import TickClock

rates = st.sampled_from([1, 10, 20, 30, 60, 128])


@given(rates, st.lists(st.floats(0, 0.4), min_size=1, max_size=80), st.integers(1, 6))
def test_no_tick_is_lost_but_the_dropped(rate: int, naps: list[float], most: int) -> None:
    """However late it is woken: ticks run and dropped are those that time owed, and no more run than may at once."""
    clock = TickClock(rate, 0.0, most)
    now_s, next_tick, dropped_all = 0.0, 1, 0
    for nap in naps:
        now_s += nap
        ticks, dropped = clock.owed(next_tick, now_s)
        next_tick += ticks
        dropped_all += dropped

        assert ticks <= most
        assert 0 == dropped or ticks == most
        assert abs((next_tick - 1 + dropped_all) - int(now_s * rate + 1e-6)) <= 1
        assert now_s < clock.due_s(next_tick) + 1e-9


@given(rates, st.integers(1, 10_000))
def test_due_times_come_from_the_start(rate: int, tick: int) -> None:
    """A loop that is always late by the same bit stays late by that bit: lateness does not add up."""
    clock = TickClock(rate, 5.0, 4)
    for number in range(max(1, tick - 3), tick + 1):
        late_s = 0.3 / rate

        assert (1, 0) == clock.owed(number, clock.due_s(number) + late_s)
    assert 5.0 + tick / rate == clock.due_s(tick)


@given(rates, st.floats(0, 1000), st.integers(1, 1000))
def test_a_room_that_wakes_owes_nothing(rate: int, slept_s: float, next_tick: int) -> None:
    """After a sleep the next tick is due within a period, at the room's old place in it."""
    clock = TickClock(rate, 3.0, 4)
    now_s = clock.due_s(next_tick) + slept_s
    place = clock.due_s(next_tick) * rate % 1

    clock.restart(next_tick, now_s)

    assert -1e-6 <= clock.due_s(next_tick) - now_s <= 1 / rate + 1e-6
    moved = abs(clock.due_s(next_tick) * rate % 1 - place)
    assert min(moved, 1 - moved) < 1e-3


def test_room_time_slides_with_dropped_ticks() -> None:
    """Tick T is due at T periods of room time, also after ticks were dropped."""
    clock = TickClock(20, 0.0, 2)

    assert (2, 18) == clock.owed(1, 1.0)
    assert 2 * 50 == round(clock.room_ms(1.0), 6)
    assert (0, 0) == clock.owed(3, 1.0)


def test_the_lateness_of_the_newest_tick_is_kept() -> None:
    """A client is told how late the tick began that answered it; one that is not due yet changes nothing."""
    clock = TickClock(10, 5.0, 4)

    clock.owed(1, 5.125)
    clock.owed(2, 5.15)

    assert 25 == round(clock.late_s * 1000, 6)
