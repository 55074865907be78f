"""How the lean connection ends: the closing handshake, faults of the client, resets, over a real socket pair."""

import socket

import pytest

from game_server.core.frames import BINARY, CLOSE, PING, TEXT
from tests.client_frames import frame
from tests.web.connection_pair import CLOSE_1000, Pair
from tests.web.raw_client import until

pytestmark = [pytest.mark.gen_test, pytest.mark.usefixtures("nothing_leaks")]


async def test_client_closes():
    """Section 5.5.1: the client's Close is answered with its code, then the server ends the stream."""
    pair = Pair()
    await pair.client.send(frame(TEXT, b"bye"), frame(CLOSE, (4321).to_bytes(2, "big") + b"done"), frame(TEXT, b"late"))
    pair.arrived()
    pair.connection.poll()
    assert ["bye"] == pair.receiver.messages
    assert [(4321, "done")] == pair.receiver.closes
    assert (CLOSE, (4321).to_bytes(2, "big")) == await pair.client.receive()
    assert b"" == await pair.client.rest()
    await pair.until_closed()
    assert [(4321, "done")] == pair.receiver.closes


async def test_server_closes():
    """Our Close goes out behind what was sent; the client's answer ends the stream; the owner hears of it once."""
    pair = Pair()
    pair.connection.send_text("last")
    pair.connection.close(4011, "kicked")
    pair.connection.close(4012, "again")
    pair.connection.send_text("never")
    assert [] == pair.receiver.closes
    assert (TEXT, b"last") == await pair.client.receive()
    assert (CLOSE, (4011).to_bytes(2, "big") + b"kicked") == await pair.client.receive()
    assert (4011, "kicked") == await pair.receiver.closed
    assert not pair.connection.is_closed
    await pair.client.send(frame(TEXT, b"ignored"), frame(PING), frame(CLOSE, (4011).to_bytes(2, "big")))
    assert b"" == await pair.client.rest()
    await pair.until_closed()
    assert ([], [(4011, "kicked")]) == (pair.receiver.messages, pair.receiver.closes)


async def test_client_that_never_answers_our_close():
    """The closing handshake is bounded in time."""
    pair = Pair(close_timeout_s=0.01)
    pair.connection.close(1001, "")
    assert (CLOSE, (1001).to_bytes(2, "big")) == await pair.client.receive()
    assert b"" == await pair.client.rest()
    assert pair.connection.is_closed
    pair.client.close()


async def test_client_that_never_goes_after_closing():
    """A client that keeps its socket after the handshake does not keep ours."""
    pair = Pair(close_timeout_s=0.01)
    pair.connection.watch(True)
    await pair.client.send(CLOSE_1000)
    assert (CLOSE, (1000).to_bytes(2, "big")) == await pair.client.receive()
    await until(lambda: pair.connection.is_closed)
    pair.client.close()
    assert [(1000, "")] == pair.receiver.closes


async def test_close_overtakes_what_was_not_begun():
    """With `discard_unsent` a slow client hears why at once, at a frame boundary."""
    pair = Pair()
    for _ in range(200):
        pair.connection.send_binary(bytes(50_000))
    pair.connection.close(4014, "too slow", discard_unsent=True)
    assert pair.connection.unsent_bytes < 50_100
    opcode, payload, count = BINARY, b"", 0
    while opcode != CLOSE:
        opcode, payload = await pair.client.receive()
        count += 1
    assert count < 200
    assert (4014).to_bytes(2, "big") + b"too slow" == payload
    await pair.client.send(CLOSE_1000)
    assert b"" == await pair.client.rest()
    await pair.until_closed()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\xff", 1002),
        (frame(TEXT, b"\xff"), 1007),
        (frame(BINARY, bytes(101)), 1009),
        (frame(CLOSE, b"\0"), 1002),
    ],
)
async def test_client_that_breaks_the_rules(data, code):
    """Section 7.1.7: it gets a Close with the right code and then the end, without a reset, whatever it still sends."""
    pair = Pair(message_bytes_max=100)
    await pair.client.send(frame(TEXT, b"good"), data, bytes(3000))
    pair.arrived()
    pair.connection.poll()
    assert ["good"] == pair.receiver.messages
    assert [code] == [close[0] for close in pair.receiver.closes]
    opcode, payload = await pair.client.receive()
    assert (CLOSE, code) == (opcode, int.from_bytes(payload[:2], "big"))
    assert b"" == await pair.client.rest()
    await pair.until_closed()
    assert 1 == len(pair.receiver.closes)


async def test_end_of_file_without_a_close():
    """Section 7.1.5: a client that goes without a Close is reported as 1006, at the next poll."""
    pair = Pair()
    pair.client.close()
    pair.arrived()
    pair.connection.poll()
    assert [(1006, "end of file")] == pair.receiver.closes
    assert pair.connection.is_closed
    pair.connection.poll()
    assert 1 == len(pair.receiver.closes)


async def test_reset_seen_by_reading():
    """A reset is reported as 1006, once."""
    pair = Pair()
    pair.client.reset()
    pair.arrived()
    pair.connection.poll()
    assert [1006] == [code for code, _ in pair.receiver.closes]
    assert pair.connection.is_closed


async def test_reset_seen_by_writing():
    """A failed write is reported as 1006, once, and never from within the send."""
    pair = Pair()
    pair.client.reset()
    pair.arrived()
    for _ in range(3):
        pair.connection.send_binary(b"state")
    assert [] == pair.receiver.closes
    assert 1006 == (await pair.receiver.closed)[0]
    pair.connection.send_binary(b"state")
    assert 1 == len(pair.receiver.closes)
    assert pair.connection.is_closed


async def test_reset_while_something_is_unsent():
    """The writer in the loop finds out by itself, and leaves."""
    pair = Pair()
    while not pair.connection.unsent_bytes:
        pair.connection.send_binary(bytes(50_000))
    pair.client.reset()
    assert 1006 == (await pair.receiver.closed)[0]
    assert (0, True) == (pair.connection.unsent_bytes, pair.connection.is_closed)


async def test_last_words_are_read_after_a_failed_write():
    """A client that said why it goes is believed, even if a send fails before that was read."""
    pair = Pair()
    await pair.client.send(frame(CLOSE, (1001).to_bytes(2, "big")))
    pair.arrived()
    pair.connection._socket.shutdown(socket.SHUT_WR)
    pair.connection.send_binary(b"state")
    assert (1001, "") == await pair.receiver.closed
    await pair.until_closed()


async def test_abort():
    """Aborting closes the socket at once; the owner hears of it once, later."""
    pair = Pair()
    pair.connection.watch(True)
    pair.connection.abort()
    pair.connection.abort()
    assert pair.connection.is_closed
    assert [] == pair.receiver.closes
    assert (1006, "aborted") == await pair.receiver.closed
    assert b"" == await pair.client.rest()
    pair.client.close()
    for call in (pair.connection.poll, lambda: pair.connection.watch(True), lambda: pair.connection.close(1000, "")):
        call()
    assert 1 == len(pair.receiver.closes)
