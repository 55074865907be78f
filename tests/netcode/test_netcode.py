"""One run of `make netcode`: what the real SDK makes of a bad network, in a real room under a virtual clock."""

import shutil
from collections.abc import Callable
from itertools import pairwise

import pytest

from game_server.core.conditions import Conditions

from .run import Record, Run
from .table import ROWS, Row, size
from .truth import place_between

SECONDS, SEED, BOTS = 60.0, 1, 8
NETWORK = Conditions.parse("delay:100,jitter:30,stall:300/10000")

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not on the path")


@pytest.fixture(scope="module")
def record() -> Record:
    """What one run saw."""
    return Run(NETWORK, SECONDS, SEED, BOTS).play()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_each_figure_is_within_what_is_asked(record: Record, row: Callable[[Record], Row]) -> None:
    """At 100 ms each way with jitter and stalls, the arena plays as asked: the row says what its figure is."""
    measured = row(record)

    assert measured.count >= 20
    assert measured.holds, f"{measured.claim}: {measured.reached:.3f} {measured.unit}, asked is {measured.limit:g}"


def test_the_run_had_what_it_is_meant_to_survive(record: Record) -> None:
    """Stalls struck, inputs were missed in them, and corrections followed: the rows above could have failed."""
    stalled = [tick for tick in record.ticks if record.is_stalled(tick.at_ms)]

    assert 40 <= len(stalled) <= 65
    assert sum(tick.is_missing for tick in record.ticks) >= 10
    assert len(record.corrections) >= 10
    assert max(correction["size"] for correction in record.corrections) > 1


def test_a_run_is_the_same_each_time() -> None:
    """The same seed gives the same pictures, to the last bit."""
    first, second = (Run(NETWORK, 3.0, 7, 3).play() for _ in range(2))

    assert first.frames == second.frames
    assert first.ticks == second.ticks


def test_on_a_perfect_line_nothing_is_ever_corrected() -> None:
    """Without delay, every step has its input and every prediction is right."""
    record = Run(Conditions(), 10.0, 2, 3).play()

    assert [] == [each for each in record.corrections if each["tick"] > 60 and not each["missing"]]
    assert 0 == sum(tick.is_missing for tick in record.ticks[60:])


def test_the_sdk_is_small() -> None:
    """The SDK is within 12 KiB, minified and gzipped."""
    row = size()

    assert row.holds, f"{row.reached:.3f} KiB"


def test_the_truth_between_two_ticks_ends_at_both() -> None:
    """The finer steps of a ship lead from where it was to where it is."""
    ticks = Run(Conditions(), 3.0, 3, 3).play().ticks
    for before, after in pairwise(ticks):
        for ship_id in before.ships.keys() & after.ships.keys():
            was, is_ = before.ships[ship_id], after.ships[ship_id]
            assert (was.x, was.y) == pytest.approx(place_between(was, is_, 0.0))
            assert (is_.x, is_.y) == pytest.approx(place_between(was, is_, 1.0))


def test_a_cut_connection_is_resumed_and_plays_on() -> None:
    """Cut every few seconds, the client comes back to its ship each time, and room time and picture go on."""
    record = Run(Conditions.parse("delay:50,jitter:10,drop:700/6000"), 25.0, 4, 3).play()

    gaps = [after.number - before.number for before, after in pairwise(record.ticks)]
    assert 3 <= sum(gap > 15 for gap in gaps) <= 5
    last_cut_ms = max(after.at_ms for before, after in pairwise(record.ticks) if after.number - before.number > 15)
    assert any(frame.shown["own"] for frame in record.frames if frame.at_ms > last_cut_ms), "it has its ship again"
    assert abs(record.frames[-1].shown["roomMs"] - record.frames[-1].room_ms) < 15


@pytest.mark.parametrize("network", ["delay:100,jitter:30,stall:300/10000", "delay:50,jitter:10,drop:700/6000"])
def test_the_picture_never_goes_back(network: str) -> None:
    """Neither jitter nor a stall, a cut or a resumed connection turns the picture's time."""
    ticks = [frame.shown["tick"] for frame in Run(Conditions.parse(network), 20.0, 5, 3).play().frames]

    assert all(before <= after for before, after in pairwise(ticks))
    assert ticks[-1] > 550
