"""Which places are open when, and whose they are."""

import math

from hypothesis import given
from hypothesis import strategies as st

from loadtest.population import Arrivals, Constant, Place, Share
from loadtest.stages import Stages


@given(st.integers(1, 60), st.integers(1, 4), st.integers(1, 12), st.floats(0, 10))
def test_processes_share_the_places_without_gap_or_overlap(
    clients: int, processes: int, rooms: int, seconds: float
) -> None:
    """Together all processes open exactly as many places as the stages want, and a room's are all in one process."""
    stages = Stages.parse(f"0:0,10:{clients}")
    rooms = min(rooms, clients)
    shares = [Constant(stages, rooms, 1.0, Share(index, processes)) for index in range(processes)]

    opened = [share.places[: share.open_at(seconds)] for share in shares]
    numbers = sorted(place.number for places in opened for place in places)
    assert list(range(math.ceil(stages.at(seconds) - 1e-9))) == numbers
    rooms_of = [{place.room for place in share.places} for share in shares]
    assert rooms == sum(map(len, rooms_of)) == len(set().union(*rooms_of))


@given(st.integers(1, 60), st.integers(1, 4), st.sampled_from([None, 1, 3]), st.floats(0.01, 1))
def test_the_first_of_each_room_decodes(clients: int, processes: int, rooms: int | None, share: float) -> None:
    """Somebody whose choices the others copy is in every room, and of a room's clients the asked share decodes."""
    if rooms is not None:
        rooms = min(rooms, clients)
    by_room: dict[tuple[int, int], list[Place]] = {}
    for index in range(processes):
        for place in Constant(Stages.parse(f"0:{clients},1:{clients}"), rooms, share, Share(index, processes)).places:
            by_room.setdefault((index, place.room), []).append(place)

    for places in by_room.values():
        assert places[0].is_decoding
        assert math.ceil(len(places) * share - 1e-9) == sum(place.is_decoding for place in places)


@given(st.integers(0, 1000), st.integers(1, 3))
def test_arrivals_come_at_the_rate_of_the_stages(seed: int, processes: int) -> None:
    """A rate that rises to 100 a second brings 500 in 10 s, give or take chance, most of them late; none afterwards."""
    stages = Stages.parse("0:0,10:100")
    shares = [Arrivals(stages, 1.0, Share(index, processes), seed) for index in range(processes)]

    early = [place for share in shares for place in share.until(5)]
    late = [place for share in shares for place in share.until(100)]

    assert 125 - 6 * 12 < len(early) < 125 + 6 * 12  # six standard deviations
    assert 375 - 6 * 20 < len(late) < 375 + 6 * 20
    numbers = [place.number for place in (*early, *late)]
    assert len(numbers) == len(set(numbers))
    assert [] == [place for share in shares for place in share.until(1000)]


def test_arrivals_are_the_same_from_the_same_seed() -> None:
    """A run can be repeated."""
    stages = Stages.parse("0:20,5:20")

    one, other = (Arrivals(stages, 1.0, Share(), seed=7) for _ in range(2))

    assert [len(one.until(x)) for x in range(6)] == [len(other.until(x)) for x in range(6)]
