"""The client's end of WebSocket frames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from game_server.core.frames import Close as ServersClose
from game_server.core.frames import FrameParser as ServersParser
from game_server.core.frames import serialise_close, serialise_header
from loadtest.frames import BINARY, CLOSE, CONTINUATION, PING, TEXT, Close, Event, Failure, FrameParser, Ping, serialise

MESSAGES = st.lists(
    st.one_of(st.binary(max_size=200), st.text(max_size=200), st.integers(126, 70_000).map(lambda size: b"x" * size)),
    max_size=6,
)


def served(message: bytes | str) -> bytes:
    payload = message.encode() if isinstance(message, str) else message
    return serialise_header(TEXT if isinstance(message, str) else BINARY, len(payload)) + payload


@given(MESSAGES, st.lists(st.integers(1, 5000), min_size=1, max_size=5))
def test_messages_come_out_whole_however_they_are_cut(messages: list[bytes | str], cuts: list[int]) -> None:
    """What the server's serialiser writes is what the parser gives, whatever pieces a read returns."""
    data = b"".join(map(served, messages))
    parser, received, position, turn = FrameParser(), [], 0, 0
    while position < len(data):
        size = cuts[turn % len(cuts)]
        received += parser.receive_data(data[position : position + size])
        position, turn = position + size, turn + 1

    assert messages == received


@given(st.binary(max_size=300))
def test_any_bytes_give_events_and_never_an_exception(data: bytes) -> None:
    """A server that talks nonsense ends at most its connection."""
    events: list[Event] = FrameParser().receive_data(data)

    assert all(not isinstance(event, Failure) for event in events[:-1])


def test_fragments_make_one_message_around_a_ping() -> None:
    """A message in fragments is given once, whole, and a control frame between them comes first."""
    fragments = bytes((TEXT, 2)) + b"he" + bytes((0x80 | PING, 1)) + b"!" + bytes((0x80 | CONTINUATION, 3)) + b"llo"

    assert [Ping(b"!"), "hello"] == FrameParser().receive_data(fragments)


def test_a_close_gives_code_and_reason() -> None:
    """Why the server closed is told."""
    assert [Close(4005, "room full")] == FrameParser().receive_data(serialise_close(4005, "room full"))
    assert [Close(1005, "")] == FrameParser().receive_data(bytes((0x80 | CLOSE, 0)))


@pytest.mark.parametrize("size", [0, 5, 125, 126, 70_000])
def test_the_server_understands_what_a_bot_sends(size: int) -> None:
    """Frames of every length form are taken by the server's own parser."""
    parser = ServersParser(lambda mask, data: data, message_bytes_max=100_000)

    assert [b"x" * size, ServersClose(1000, "")] == parser.receive_data(
        serialise(BINARY, b"x" * size) + serialise(CLOSE, (1000).to_bytes(2, "big"))
    )
