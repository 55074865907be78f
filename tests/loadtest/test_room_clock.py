"""The room's time from pings."""

import random

from loadtest.room_clock import RoomClock


def ping(clock: RoomClock, sent_ms: float, up_ms: float, down_ms: float, offset_ms: float) -> None:
    answered_ms = sent_ms + up_ms
    clock.sample(sent_ms, answered_ms + offset_ms, answered_ms + down_ms)


def test_an_offset_is_found_although_pings_wait_for_the_tick() -> None:
    """A server that answers at its tick only, up to 50 ms later, skews single samples by 25 ms and the whole hardly."""
    clock, chance = RoomClock(), random.Random(1)
    for second in range(20):
        ping(clock, second * 1000.0, 10 + chance.uniform(0, 50), 10, offset_ms=-5000)

    assert abs(clock.offset_ms - -5000) < 3
    assert 0 == clock.slides


def test_a_slide_of_room_time_is_followed() -> None:
    """When the server drops ticks and its room time slides back, older samples are forgotten."""
    clock = RoomClock()
    for second in range(10):
        ping(clock, second * 1000.0, 2, 2, offset_ms=100)
    ping(clock, 10_000.0, 2, 2, offset_ms=-100)

    assert 1 == clock.slides
    assert abs(clock.offset_ms - -100) < 1e-6
