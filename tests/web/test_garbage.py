"""Garbage is looked for when little is going on, and what many players leave behind does not stay."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from game_server.web.garbage import (
    CONTAINERS_CALM_MAX,
    CONTAINERS_IDLE_MAX,
    CONTAINERS_MAX,
    ROOMS_CLOSED_MAX,
    Collector,
)


class Ring:
    """A cycle, which counting references does not free."""

    def __init__(self) -> None:
        self.ring = self


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector in charge of this process, which has its own again afterwards."""
    thresholds = gc.get_threshold()
    yield Collector()
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def ring() -> "weakref.ref[Ring]":
    """Make garbage; return what tells whether it is still there."""
    return weakref.ref(Ring())


def test_garbage_goes_once_the_crowd_has_come(collector: Collector) -> None:
    """While containers are made by the thousand nothing is looked for; as soon as that is over, it is."""
    garbage = ring()
    crowd: list[list[int]] = []
    while len(crowd) <= CONTAINERS_MAX:
        crowd += [[] for _ in range(2 * CONTAINERS_CALM_MAX)]
        assert not collector.look(True)
    assert garbage() is not None

    assert collector.look(True)

    assert garbage() is None


def test_a_little_garbage_waits_while_somebody_plays(collector: Collector) -> None:
    """With nobody there a look costs nobody anything, so it comes sooner."""
    garbage = ring()
    kept: list[list[int]] = []
    while len(kept) <= CONTAINERS_IDLE_MAX:
        kept += [[] for _ in range(CONTAINERS_CALM_MAX // 2)]
        assert not collector.look(True)
    assert garbage() is not None

    assert collector.look(False)

    assert garbage() is None


def test_closed_rooms_do_not_pile_up(collector: Collector) -> None:
    """Few containers were made, but rooms are large."""
    garbage = ring()
    for _ in range(ROOMS_CLOSED_MAX):
        assert not collector.look(True)
        collector.note_room_closed()

    assert collector.look(True)

    assert garbage() is None
    assert not collector.look(True)


def test_nothing_is_looked_for_where_nothing_was_made(collector: Collector) -> None:
    """An idle server does not go through its memory twice a second."""
    assert not any(collector.look(is_anybody_here) for is_anybody_here in (True, False) * 10)
