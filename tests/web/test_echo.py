"""The echo route over real sockets: a small conformance suite of the whole stack, handshake included."""

import asyncio

import pytest
from tornado.web import Application

from game_server.core.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Close, Ping, Pong
from game_server.errors import CloseCode
from game_server.web.echo import EchoHandler
from tests.client_frames import frame
from tests.core.test_frames import SHORT_CASES
from tests.web.raw_client import RawClient, descriptors, handlers, until

pytestmark = pytest.mark.gen_test

MIB = 1024 * 1024


@pytest.fixture
def app() -> Application:
    """Serve the echo route alone."""
    return Application([("/echo", EchoHandler)])


def answer(event) -> list[tuple[int, bytes]]:
    """Give the frame with which the route answers an event of the parser's tables."""
    match event:
        case str():
            return [(TEXT, event.encode())]
        case bytes():
            return [(BINARY, event)]
        case Ping(payload):
            return [(PONG, payload)]
        case Pong():
            return []
        case Close(code, _):
            return [(CLOSE, b"" if code == 1005 else code.to_bytes(2, "big"))]
        case CloseCode():
            return [(CLOSE, event.to_bytes(2, "big"))]
    raise AssertionError(event)


# The route's limits are larger than those of the parser's tests.
RULES = {name: case for name, case in SHORT_CASES.items() if not name.startswith("limit")}


@pytest.mark.parametrize(("data", "expected"), RULES.values(), ids=RULES.keys())
@pytest.mark.parametrize("piece_bytes", [1, 10_000])
async def test_rule(http_server, http_port, data, expected, piece_bytes):
    """Each rule of RFC 6455 that the parser's table names holds on the wire, in one piece and byte by byte."""
    client = await RawClient.connect(http_port, "/echo")
    for start in range(0, len(data), piece_bytes):
        try:
            await client.send(data[start : start + piece_bytes])
        except ConnectionError:
            break
        await asyncio.sleep(0)
    answers = [frame for event in expected for frame in answer(event)]
    ended = bool(answers) and answers[-1][0] == CLOSE
    received = []
    for _ in answers:
        opcode, payload = await client.receive()
        received.append((opcode, payload[:2] if opcode == CLOSE else payload))
    assert answers == received
    if not ended:
        await client.send(frame(CLOSE))
        assert (CLOSE, b"") == await client.receive()
    assert b"" == await client.rest()
    client.close()


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("fragment_bytes", [64 * 1024, 16 * MIB])
async def test_largest_message(http_server, http_port, opcode, fragment_bytes):
    """A message of 16 MiB comes back whole, from one frame or many, without blocking either side."""
    client = await RawClient.connect(http_port, "/echo")
    message = b"0123456789abcdef" * MIB
    frames = [
        frame(
            CONTINUATION if start else opcode,
            message[start : start + fragment_bytes],
            fin=start + fragment_bytes >= len(message),
        )
        for start in range(0, len(message), fragment_bytes)
    ]
    sending = asyncio.ensure_future(client.send(*frames))
    assert (opcode, message) == await client.receive()
    await sending
    client.close()


async def test_message_one_byte_larger(http_server, http_port):
    """One byte over 16 MiB is refused by its header."""
    client = await RawClient.connect(http_port, "/echo")
    await client.send(b"\x82\xff" + (16 * MIB + 1).to_bytes(8, "big") + bytes(4))
    opcode, payload = await client.receive()
    assert (CLOSE, 1009) == (opcode, int.from_bytes(payload[:2], "big"))
    assert b"" == await client.rest()
    client.close()


async def test_many_messages_at_once(http_server, http_port):
    """Thousands of messages in flight come back in order, pings among them."""
    client = await RawClient.connect(http_port, "/echo")
    messages = [str(i).encode() for i in range(5000)]
    sending = asyncio.ensure_future(client.send(*(frame(TEXT, message) for message in messages), frame(PING, b"end")))
    assert messages == [(await client.receive())[1] for _ in messages]
    assert (PONG, b"end") == await client.receive()
    await sending
    client.close()


async def test_client_that_never_reads(io_loop, http_server, http_port):
    """It is held up instead of filling our memory, and leaves nothing when it goes."""
    before = descriptors(), handlers(io_loop.asyncio_loop)
    client = await RawClient.connect(http_port, "/echo", receive_buffer_bytes=4096)
    sending = asyncio.ensure_future(client.send(*[frame(BINARY, bytes(MIB))] * 64))
    for _ in range(1000):
        await asyncio.sleep(0)
    assert not sending.done()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    client.reset()
    await until(lambda: before == (descriptors(), handlers(io_loop.asyncio_loop)))
