"""Network conditions: core/conditions.py. That JavaScript does the same, tests/js/conditions.test.js proves."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from game_server.core.conditions import Conditions, Link
from tests.condition_vectors import FILE, REFUSED, vectors

TIMES = st.lists(st.floats(0, 400), min_size=1, max_size=60)


def arrivals(conditions: str, gaps: list[float], seed: int = 0, size_bytes: int = 100) -> list[tuple[float, float]]:
    """Return when each of some messages was sent and came."""
    link: Link[int] = Link(Conditions.parse(conditions), 0.0, seed)
    now_ms, trips = 0.0, []
    for gap in gaps:
        now_ms += gap
        trips.append((now_ms, link.up.put(now_ms, 0, size_bytes)))
    return trips


def test_the_vectors_are_what_this_code_does() -> None:
    """tests/vectors/conditions.json, to which the browser is held, is up to date."""
    assert json.loads(FILE.read_text()) == json.loads(json.dumps(vectors()))


@pytest.mark.parametrize("text", REFUSED)
def test_what_makes_no_sense_is_refused_by_name(text: str) -> None:
    """The error quotes the part that is wrong."""
    part = text.split(",")[-1].strip()

    with pytest.raises(ValueError, match=r"needs a|is no network condition|lasts as long") as caught:
        Conditions.parse(text)

    assert repr(part) in str(caught.value)


@given(gaps=TIMES, seed=st.integers(0, 2**32 - 1))
def test_delay_and_jitter_bound_every_trip_and_keep_the_order(gaps: list[float], seed: int) -> None:
    """A message takes from `delay` to `delay + jitter`, or waits for the one before it."""
    trips = arrivals("delay:100,jitter:30", gaps, seed)
    came = [came_ms for _, came_ms in trips]

    assert sorted(came) == came
    assert all(100 <= came_ms - sent_ms <= 130 for sent_ms, came_ms in trips)


@pytest.mark.parametrize("seed", range(5))
def test_nothing_arrives_within_a_stall(seed: int) -> None:
    """Of a message each ms, all that would come within a stall come at its end, both ways, once every `every` ms."""
    link: Link[int] = Link(Conditions.parse("delay:20,stall:300/1000"), 0.0, seed)
    up = [link.up.put(float(now_ms), 0, 1) for now_ms in range(4000)]
    down = [link.down.put(float(now_ms), 0, 1) for now_ms in range(4000)]

    ends = {came_ms for sent_ms, came_ms in enumerate(up) if came_ms > sent_ms + 20}
    gaps = [after - before for before, after in pairwise(up) if after - before > 1]

    assert up == down
    assert 1 == len({end % 1000 for end in ends})
    assert 3 <= len(gaps) <= len(ends) <= 4
    assert all(300 <= gap <= 301 for gap in gaps[1:])


def test_a_limited_rate_spreads_a_burst() -> None:
    """A thousand bytes a second carry ten messages of a hundred bytes in a second."""
    trips = arrivals("rate:1000", [0.0] * 10)

    assert [100.0 * (index + 1) for index in range(10)] == [came_ms for _, came_ms in trips]


def test_a_cut_loses_what_is_under_way_and_is_over_after_a_while() -> None:
    """Cuts come at a steady pace; `drop` ms after one, connecting works again."""
    link: Link[str] = Link(Conditions.parse("delay:50,drop:800/2500"), 0.0, 5)
    cut_ms = link.next_cut_ms(0.0)
    link.up.put(cut_ms - 10, "lost", 1)

    link.up.clear()

    assert [] == link.up.take(cut_ms + 1000)
    assert 2500.0 == link.next_cut_ms(cut_ms) - cut_ms
    outs = [link.is_out(cut_ms + after_ms) for after_ms in (-1, 0, 799, 801, 2499, 2500)]
    assert [False, True, True, False, False, True] == outs


def test_the_same_seed_gives_the_same_line_and_another_another() -> None:
    """A run can be repeated, and clients of one run differ."""
    gaps = [10.0] * 20

    assert arrivals("jitter:30", gaps, 1) == arrivals("jitter:30", gaps, 1)
    assert arrivals("jitter:30", gaps, 1) != arrivals("jitter:30", gaps, 2)
    assert arrivals("jitter:30,seed:1", gaps, 1) != arrivals("jitter:30,seed:2", gaps, 1)
