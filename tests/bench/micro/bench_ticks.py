"""One whole tick of a room, without sockets: inputs in, rules, capture, frames out."""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from .worlds import make_room


@pytest.mark.parametrize("players", [0, 1, 10, 50, 500])
def test_tick(benchmark: BenchmarkFixture, players: int) -> None:
    """Of swarm, everybody moving."""
    room, tick = make_room(players)
    for _ in range(20):
        tick()
    sent = benchmark(tick)
    assert room.tick > 20
    assert players * 5 <= sent
