"""The lean connection over a real socket pair: reads, partial writes, control frames."""

import asyncio
import fcntl
import socket
import sys
import termios

import pytest

from game_server.core.frames import BINARY, CLOSE, PING, PONG, TEXT
from game_server.errors import CloseCode
from tests.client_frames import frame
from tests.web.connection_pair import Pair
from tests.web.raw_client import Recorder, handlers, until

pytestmark = [pytest.mark.gen_test, pytest.mark.usefixtures("nothing_leaks")]


async def test_poll_reads_what_has_arrived():
    """Polling delivers all that one read gave, synchronously."""
    pair = Pair()
    await pair.client.send(frame(BINARY, b"one"), frame(TEXT, b"two"))
    pair.arrived()
    pair.connection.poll()
    assert [b"one", "two"] == pair.receiver.messages
    assert 2 == pair.connection.messages_in
    assert 2 * (2 + 4 + 3) == pair.connection.bytes_in
    await pair.until_closed()


async def test_poll_without_anything_to_read():
    """Polling a silent client delivers nothing and blocks nobody."""
    pair = Pair()
    pair.connection.poll()
    assert [] == pair.receiver.messages
    await pair.until_closed()


async def test_poll_is_bounded():
    """One call takes no more bytes than `read_bytes_max`; the next goes on."""
    pair = Pair(read_bytes_max=20)
    await pair.client.send(frame(BINARY, b"abcd") * 4)
    pair.arrived()
    pair.connection.poll()
    assert [b"abcd"] * 2 == pair.receiver.messages
    pair.connection.poll()
    assert [b"abcd"] * 4 == pair.receiver.messages
    await pair.until_closed()


async def test_watch_reads_by_itself():
    """A watched connection needs no polling; an unwatched one has no handler in the loop."""
    pair = Pair()
    before = handlers(pair.loop)
    pair.connection.watch(True)
    assert before + 1 == handlers(pair.loop)
    await pair.client.send(frame(TEXT, b"hi"))
    assert ["hi"] == await pair.receiver.wait_for(1)
    pair.connection.watch(False)
    assert before == handlers(pair.loop)
    await pair.until_closed()


async def test_receiver_may_be_replaced_within_a_message():
    """The message behind a join already goes to whom the join named."""
    pair = Pair()
    second = Recorder()

    class First(Recorder):
        def on_message(self, data: bytes | str) -> None:
            super().on_message(data)
            pair.connection.receiver = second

    first = pair.connection.receiver = First()
    await pair.client.send(frame(TEXT, b"join"), frame(TEXT, b"input"))
    pair.arrived()
    pair.connection.poll()
    assert (["join"], ["input"]) == (first.messages, second.messages)
    await pair.until_closed()


async def test_receiver_that_raises_closes_its_own_connection(caplog):
    """A fault of ours ends this connection with 1011, not the room that polls."""
    pair = Pair()

    class Faulty(Recorder):
        def on_message(self, data: bytes | str) -> None:
            raise LookupError("ours")

    faulty = pair.connection.receiver = Faulty()
    await pair.client.send(frame(TEXT, b"a") * 2)
    pair.arrived()
    pair.connection.poll()
    assert (CLOSE, (1011).to_bytes(2, "big") + b"internal error") == await pair.client.receive()
    assert (1011, "internal error") == await faulty.closed
    assert ["receiver failed"] == [record.message for record in caplog.records]
    await pair.until_closed()


async def test_send_binary_joins_its_parts():
    """Header and parts make one frame, whatever its length."""
    pair = Pair()
    for parts in ([b""], [b"head", b"body"], [bytes(100), bytes(25)], [bytes(100), bytes(26)], [bytes(65_536)]):
        pair.connection.send_binary(*parts)
        assert (BINARY, b"".join(parts)) == await pair.client.receive()
    pair.connection.send_text("é")
    pair.connection.send_text(b"{}")
    assert (TEXT, "é".encode()) == await pair.client.receive()
    assert (TEXT, b"{}") == await pair.client.receive()
    assert 7 == pair.connection.messages_out
    await pair.until_closed()


async def test_slow_reader_gets_everything_and_blocks_nobody():
    """What the kernel does not take is kept, sent in order as it drains, and leaves no writer behind."""
    pair = Pair()
    before = handlers(pair.loop)
    messages = [bytes((i,)) * 50_000 for i in range(100)]
    for message in messages:
        pair.connection.send_binary(message)
    assert pair.connection.unsent_bytes > 0
    assert before + 1 == handlers(pair.loop)
    assert 100 * 50_004 == pair.connection.bytes_out + pair.connection.unsent_bytes
    assert messages == [(await pair.client.receive())[1] for _ in messages]
    assert 0 == pair.connection.unsent_bytes
    assert before == handlers(pair.loop)
    await pair.until_closed()


async def test_kernel_share_is_small():
    """Little is hidden in the kernel, so `unsent_bytes` tells how far a client is behind."""
    pair = Pair()
    before = pair.connection.bytes_out
    while not pair.connection.unsent_bytes:
        pair.connection.send_binary(bytes(1000))
    # What the client's kernel has taken is not on our side any more.
    assert unacknowledged_bytes(pair.connection._socket) <= 2 * pair.options.send_buffer_bytes
    assert pair.connection.bytes_out > before
    await pair.until_closed()


def unacknowledged_bytes(sock: socket.socket) -> int:
    """Ask the kernel how much it keeps for the client's end."""
    return int.from_bytes(fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


async def test_watched_connection_is_not_read_while_too_much_is_unsent():
    """A client that sends and never reads is held up instead of filling memory; then it goes on."""
    pair = Pair(pause_unsent_bytes=100_000, read_bytes_max=65_536, message_bytes_max=65_536)

    class Echo(Recorder):
        def on_message(self, data: bytes | str) -> None:
            super().on_message(data)
            assert isinstance(data, bytes)
            pair.connection.send_binary(data)

    pair.connection.receiver = Echo()
    pair.connection.watch(True)
    message = bytes(30_000)
    sending = asyncio.ensure_future(pair.client.send(frame(BINARY, message) * 400))
    await until(lambda: not pair.connection._reading)
    assert 100_000 < pair.connection.unsent_bytes < 100_000 + 3 * 65_536
    assert not sending.done()
    assert [message] * 400 == [(await pair.client.receive())[1] for _ in range(400)]
    await sending
    await pair.until_closed()


async def test_ping_is_answered():
    """Each ping gets its pong, by polling as well."""
    pair = Pair()
    await pair.client.send(frame(PING, b"1"), frame(PING), frame(PONG, b"unasked"))
    pair.arrived()
    pair.connection.poll()
    assert (PONG, b"1") == await pair.client.receive()
    assert (PONG, b"") == await pair.client.receive()
    assert 0 == pair.connection.messages_in
    await pair.until_closed()


async def test_ping_of_ours():
    """We can ask for a sign of life; not while something is unsent, whose acknowledgement says as much."""
    pair = Pair()
    pair.connection.ping()
    assert (PING, b"") == await pair.client.receive()
    while not pair.connection.unsent_bytes:
        pair.connection.send_binary(bytes(50_000))
    unsent_bytes = pair.connection.unsent_bytes
    pair.connection.ping()
    assert unsent_bytes == pair.connection.unsent_bytes
    await pair.until_closed()
    pair.connection.ping()


async def test_pongs_do_not_queue_up():
    """Section 5.5.3: to a client that does not read, only the newest ping is answered."""
    pair = Pair()
    while not pair.connection.unsent_bytes:
        pair.connection.send_binary(bytes(50_000))
    unsent_bytes = pair.connection.unsent_bytes
    await pair.client.send(*(frame(PING, bytes((i,))) for i in range(20)))
    pair.arrived()
    pair.connection.poll()
    assert unsent_bytes == pair.connection.unsent_bytes
    answers: list[bytes] = []
    while not answers:
        opcode, payload = await pair.client.receive()
        answers += [payload] if opcode == PONG else []
    assert [b"\x13"] == answers
    await pair.until_closed()


async def test_ping_flood_is_closed():
    """More control frames a second than allowed end the connection, with a code that says so."""
    pair = Pair(control_frames_per_s_max=10)
    await pair.client.send(frame(PING) * 11)
    pair.arrived()
    pair.connection.poll()
    assert [PONG] * 10 == [(await pair.client.receive())[0] for _ in range(10)]
    opcode, payload = await pair.client.receive()
    assert (CLOSE, 4008) == (opcode, int.from_bytes(payload[:2], "big"))
    assert CloseCode.RATE_LIMITED == (await pair.receiver.closed)[0]
    await pair.until_closed()
