"""Capture and diff, encode, decode, checksum: one tick's state, by what it is made of."""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from game_server.core import codec, snapshot
from game_server.core.replica import Replica

from .worlds import Movers

KINDS = pytest.mark.parametrize("columnar", [False, True], ids=["objects", "columns"])
SIZES = pytest.mark.parametrize("count", [10, 500, 5000])


@KINDS
@SIZES
def test_capture_all_changed(benchmark: BenchmarkFixture, count: int, columnar: bool) -> None:
    """Quantise and compare; every entity changed in three fields."""
    movers = Movers(count, columnar)
    benchmark.pedantic(movers.capture, setup=movers.move, rounds=100)
    assert count == len(movers.snapshot.tables[1])


@KINDS
def test_capture_nothing_changed(benchmark: BenchmarkFixture, columnar: bool) -> None:
    """Quantise and compare 5,000 that stand still."""
    movers = Movers(5000, columnar)
    assert benchmark(movers.capture).diff.types == {}


@KINDS
def test_capture_a_tenth_changed(benchmark: BenchmarkFixture, columnar: bool) -> None:
    """Quantise and compare 5,000 of which 500 moved."""
    movers = Movers(5000, columnar, changed=500)
    benchmark.pedantic(movers.capture, setup=movers.move, rounds=100)
    assert 500 == movers.changed


@KINDS
@SIZES
def test_encode_all_changed(benchmark: BenchmarkFixture, count: int, columnar: bool) -> None:
    """Diff to bytes."""
    movers = Movers(count, columnar)
    movers.move()
    diff = movers.capture().diff
    assert len(benchmark(codec.encode_public, movers.types, movers.snapshot, diff)) > 6 * count


@KINDS
@SIZES
def test_encode_full_state(benchmark: BenchmarkFixture, count: int, columnar: bool) -> None:
    """What a newcomer gets."""
    movers = Movers(count, columnar)
    diff = snapshot.full_diff(movers.snapshot, {})
    assert len(benchmark(codec.encode_public, movers.types, movers.snapshot, diff)) > 6 * count


@KINDS
def test_merge_ten_ticks(benchmark: BenchmarkFixture, columnar: bool) -> None:
    """For a seat that skipped ten ticks in which all of 500 moved."""
    movers, diffs = Movers(500, columnar), []
    for _ in range(10):
        movers.move()
        diffs.append(movers.capture().diff)
    assert [1] == list(benchmark(snapshot.merge, diffs).types)


@KINDS
def test_checksum(benchmark: BenchmarkFixture, columnar: bool) -> None:
    """Over 5,000 entities."""
    movers = Movers(5000, columnar)
    assert benchmark(codec.public_checksum, movers.types, movers.snapshot.tables)


@SIZES
def test_decode_in_python(benchmark: BenchmarkFixture, count: int) -> None:
    """Bytes to a replica: what a bot does with every delta."""
    movers, replica = Movers(count, columnar=True), Replica(Movers(count, columnar=True).schema())
    full = codec.full_header(0, 0, 0) + codec.encode_public(
        movers.types, movers.snapshot, snapshot.full_diff(movers.snapshot, {})
    )
    replica.apply(codec.decode_binary(replica.types, full))  # type: ignore[arg-type]
    delta = movers.delta()
    benchmark(lambda: replica.apply(codec.decode_binary(replica.types, delta)))  # type: ignore[arg-type]
    assert count == len(replica.ids())
