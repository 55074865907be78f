"""The lean connection over a real socket pair: reads, partial writes, the closing handshake, moving house."""

import asyncio
import fcntl
import os
import select
import socket
import sys
import termios
from collections.abc import Iterator

import attrs
import pytest

from game_server.core.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from game_server.errors import CloseCode
from game_server.web.connection import LeanConnection
from game_server.web.transport import ConnectionOptions, prepare_socket
from tests.client_frames import frame, xor
from tests.web.raw_client import RawClient, Recorder, descriptors, handlers, until

pytestmark = pytest.mark.gen_test

CLOSE_1000 = frame(CLOSE, (1000).to_bytes(2, "big"))


class Pair:
    """A connection, its receiver, and the client's end."""

    def __init__(self, **options: float) -> None:
        self.options = ConnectionOptions(**options)  # type: ignore[arg-type]
        with socket.create_server(("127.0.0.1", 0)) as listener:
            near = socket.create_connection(listener.getsockname())
            far, _ = listener.accept()
        self.client = RawClient(near)
        far.setblocking(False)
        prepare_socket(far, self.options)
        self.loop = asyncio.get_running_loop()
        self.receiver = Recorder()
        self.own(LeanConnection(far, self.loop, xor, self.options, remote_address="127.0.0.1", subprotocol="game"))

    def own(self, connection: LeanConnection) -> None:
        """Serve this one from here on."""
        self.connection = connection
        connection.receiver = self.receiver

    def arrived(self) -> None:
        """Wait until the kernel has something for the connection."""
        assert select.select([self.connection._socket], [], [], 10)[0]

    async def until_closed(self) -> None:
        """Let the client go, and wait until the server's socket is closed too."""
        self.client.close()
        self.connection.watch(True)
        await until(lambda: self.connection.is_closed)


@pytest.fixture(autouse=True)
def _nothing_leaks(io_loop) -> Iterator[None]:
    """After each test as many descriptors and handlers are there as before."""
    before = descriptors(), handlers(io_loop.asyncio_loop)
    yield
    assert before == (descriptors(), handlers(io_loop.asyncio_loop))


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


async def test_frozen_connection_goes_on():
    """A frozen connection goes on in another object: half-received and half-sent bytes, counters and all."""
    pair = Pair(message_bytes_max=100_000, read_bytes_max=65_536)
    sent = frame(TEXT, b"whole") + frame(BINARY, b"x" * 300, fin=False) + frame(CONTINUATION, b"y" * 300)
    await pair.client.send(sent[:100])
    pair.arrived()
    pair.connection.poll()
    messages = [bytes((i,)) * 50_000 for i in range(100)]
    for message in messages:
        pair.connection.send_binary(message)
    await pair.client.send(sent[100:400])
    pair.arrived()
    pair.connection.poll()
    frozen = pair.connection.freeze()
    assert pair.connection.is_closed
    assert -1 == pair.connection._socket.fileno()
    assert ("game", "127.0.0.1", 400, 100) == (
        frozen.subprotocol,
        frozen.remote_address,
        frozen.bytes_in,
        frozen.messages_out,
    )
    pair.own(LeanConnection.thaw(frozen, pair.loop, xor, pair.options))
    pair.connection.watch(True)
    await pair.client.send(sent[400:])
    assert ["whole", b"x" * 300 + b"y" * 300] == await pair.receiver.wait_for(2)
    assert messages == [(await pair.client.receive())[1] for _ in messages]
    assert [] == pair.receiver.closes
    assert (len(sent), 2) == (pair.connection.bytes_in, pair.connection.messages_in)
    await pair.until_closed()


async def test_frozen_connection_goes_on_with_another_descriptor():
    """The descriptor can go through a Unix socket, as to another process; closing the old copy ends nothing."""
    pair = Pair()
    frozen = pair.connection.freeze()
    here, there = socket.socketpair()
    socket.send_fds(here, [b"x"], [frozen.descriptor])
    os.close(frozen.descriptor)
    _, (descriptor,), _, _ = socket.recv_fds(there, 1, 1)
    here.close()
    there.close()
    pair.own(LeanConnection.thaw(attrs.evolve(frozen, descriptor=descriptor), pair.loop, xor, pair.options))
    pair.connection.watch(True)
    pair.connection.send_text("still here")
    assert (TEXT, b"still here") == await pair.client.receive()
    await pair.client.send(frame(TEXT, b"so am I"))
    assert ["so am I"] == await pair.receiver.wait_for(1)
    await pair.until_closed()


@pytest.mark.parametrize("behind", [b"", frame(TEXT, b"2") + frame(PING, b"3") + frame(TEXT, b"4")[:5]])
async def test_freeze_within_a_message(behind):
    """The join may be what tells where to: what came behind it is handed on too."""
    pair = Pair()
    frozen = []

    class Mover(Recorder):
        def on_message(self, data: bytes | str) -> None:
            super().on_message(data)
            frozen.append(pair.connection.freeze())

    mover = pair.connection.receiver = Mover()
    await pair.client.send(frame(TEXT, b"1") + behind)
    pair.arrived()
    pair.connection.poll()
    assert (["1"], []) == (mover.messages, pair.receiver.messages)
    pair.own(LeanConnection.thaw(frozen[0], pair.loop, xor, pair.options))
    pair.connection.watch(True)
    await pair.client.send(frame(TEXT, b"4")[5:] if behind else frame(TEXT, b"2") + frame(TEXT, b"4"))
    assert ["2", "4"] == await pair.receiver.wait_for(2)
    if behind:
        assert (PONG, b"3") == await pair.client.receive()
    await pair.until_closed()


async def test_freeze_keeps_a_pong_that_waits():
    """What was owed to the client is owed by the next owner."""
    pair = Pair()
    while not pair.connection.unsent_bytes:
        pair.connection.send_binary(bytes(50_000))
    await pair.client.send(frame(PING, b"?"))
    pair.arrived()
    pair.connection.poll()
    pair.own(LeanConnection.thaw(pair.connection.freeze(), pair.loop, xor, pair.options))
    opcode, payload = await pair.client.receive()
    while opcode != PONG:
        opcode, payload = await pair.client.receive()
    assert b"?" == payload
    await pair.until_closed()


async def test_last_words_in_the_freezing_read():
    """A Close that came behind the message that froze is heard by the next owner."""
    pair = Pair()
    frozen = []

    class Mover(Recorder):
        def on_message(self, data: bytes | str) -> None:
            frozen.append(pair.connection.freeze())

    pair.connection.receiver = Mover()
    await pair.client.send(frame(TEXT, b"1"), frame(CLOSE, (1001).to_bytes(2, "big") + b"bye"))
    pair.arrived()
    pair.connection.poll()
    pair.own(LeanConnection.thaw(frozen[0], pair.loop, xor, pair.options))
    pair.connection.watch(True)
    assert (1001, "bye") == await pair.receiver.closed
    await pair.until_closed()
