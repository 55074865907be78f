"""WebSocket frames: parsing what clients send, preparing what they get."""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from game_server.core.frames import BINARY, TEXT, FrameParser, serialise_header
from game_server.web.takeover import unmask
from tests.client_frames import frame

INPUT = bytes(range(13))  # a binary input: type, seq, ack, lag, two fields


def make_parser() -> FrameParser:
    """Return a parser as a game socket has it."""
    return FrameParser(unmask, 1 << 20)


def test_parse_one_input(benchmark: BenchmarkFixture) -> None:
    """The message that arrives at nearly every tick, by the short way."""
    parser, data = make_parser(), frame(BINARY, INPUT)
    assert INPUT == benchmark(parser.single_binary, data)


@pytest.mark.parametrize("count", [1, 2, 8])
def test_parse_inputs(benchmark: BenchmarkFixture, count: int) -> None:
    """Several that came at once."""
    parser, data = make_parser(), frame(BINARY, INPUT) * count
    assert [INPUT] * count == list(benchmark(lambda: list(parser.receive_data(data))))


def test_parse_text(benchmark: BenchmarkFixture) -> None:
    """An input as JSON."""
    parser, data = make_parser(), frame(TEXT, b'{"type":"input","seq":7,"dx":1,"dy":0}')
    assert 1 == len(benchmark(lambda: list(parser.receive_data(data))))


def test_parse_cut_in_two(benchmark: BenchmarkFixture) -> None:
    """A frame of which the rest comes later."""
    parser, data = make_parser(), frame(BINARY, INPUT)
    halves = data[:9], data[9:]
    assert [0, 1] == benchmark(lambda: [len(list(parser.receive_data(half))) for half in halves])


@pytest.mark.parametrize("size", [48, 2009, 70_000])
def test_header(benchmark: BenchmarkFixture, size: int) -> None:
    """Of a frame that the server sends."""
    assert 2 <= len(benchmark(serialise_header, BINARY, size)) <= 10
