"""What carries a bot's bytes: plain connections, and lines that are worse than the real one."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from game_server.core.conditions import Conditions
from game_server.core.conditions import Link as Lines
from loadtest.link import HandshakeError, Link
from loadtest.network import Network

TIMEOUT_S = 20


class Echo(WebSocketHandler):
    """Sends back what comes; closes with 4005 at the word."""

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return subprotocols[0] if subprotocols else None

    def on_message(self, message: str | bytes) -> None:
        if message == "close":
            self.close(4005, "room full")
        else:
            self.write_message(message, binary=isinstance(message, bytes))


class Listener:
    """Keeps what arrives, and when."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.received: list[bytes | str] = []
        self.times_s: list[float] = []
        self.closed: asyncio.Future[tuple[int, str]] = self.loop.create_future()
        self._changed = asyncio.Event()

    def on_binary(self, data: bytes) -> None:
        self._note(data)

    def on_text(self, text: str) -> None:
        self._note(text)

    def on_close(self, code: int, reason: str) -> None:
        self.closed.set_result((code, reason))

    def _note(self, message: bytes | str) -> None:
        self.received.append(message)
        self.times_s.append(self.loop.time())
        self._changed.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while len(self.received) < count:
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def connected(conditions: str = "") -> AsyncIterator[tuple[Link, Listener]]:
    """Connect a link to an echo server, over a line with these conditions."""
    (listening,) = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(Application([(r"/", Echo)]))
    server.add_socket(listening)
    network = Network(f"ws://127.0.0.1:{listening.getsockname()[1]}/", "any")
    listener = Listener()
    now_ms = listener.loop.time() * 1000
    lines: Lines[bytes] | None = Lines(Conditions.parse(conditions), now_ms, seed=1) if conditions else None
    try:
        link = await network.connect(listener, TIMEOUT_S, lines)
        yield link, listener
        link.abort()
        await asyncio.wait_for(listener.closed, TIMEOUT_S)
    finally:
        server.stop()
        await server.close_all_connections()


@pytest.mark.parametrize("conditions", ["", "delay:1,jitter:5"])
def test_everything_arrives_in_order_whatever_carries_it(conditions: str) -> None:
    """Small and large, text and binary, more than the kernel takes at once: all comes back whole and in order."""
    chance = random.Random(1)
    sizes = [chance.choice((0, 1, 100, 125, 126, 70_000, 400_000)) for _ in range(60)]
    messages = [bytes([size % 251]) * size if size % 2 == 0 else "x" * size for size in sizes]

    async def exchange() -> list[bytes | str]:
        async with connected(conditions) as (link, listener):
            for message in messages:
                if isinstance(message, bytes):
                    link.send_binary(message)
                else:
                    link.send_text(message)
            await listener.until(len(messages))
            return listener.received

    assert messages == asyncio.run(exchange())


@pytest.mark.parametrize("conditions", ["", "delay:1,jitter:5"])
def test_a_close_is_told_after_what_came_before_it(conditions: str) -> None:
    """The code and reason of the server's close arrive behind the messages that it sent."""

    async def exchange() -> tuple[list[bytes | str], tuple[int, str]]:
        async with connected(conditions) as (link, listener):
            link.send_text("first")
            link.send_text("close")
            code = await asyncio.wait_for(asyncio.shield(listener.closed), TIMEOUT_S)
            return listener.received, code

    assert (["first"], (4005, "room full")) == asyncio.run(exchange())


def test_a_bad_line_delays_both_ways() -> None:
    """100 ms each way keep an echo waiting 200 ms at least."""

    async def exchange() -> float:
        async with connected("delay:100") as (link, listener):
            sent_s = listener.loop.time()
            link.send_text("hello")
            await listener.until(1)
            return listener.times_s[0] - sent_s

    assert asyncio.run(exchange()) >= 0.2


def test_a_line_of_limited_rate_takes_its_time() -> None:
    """100,000 bytes over a line of 200,000 bytes a second take half a second at least, and arrive whole."""

    async def exchange() -> tuple[float, list[bytes | str]]:
        async with connected("down.rate:200000") as (link, listener):
            sent_s = listener.loop.time()
            link.send_binary(b"x" * 100_000)
            await listener.until(1)
            return listener.times_s[0] - sent_s, listener.received

    seconds, received = asyncio.run(exchange())

    assert seconds >= 0.5
    assert [b"x" * 100_000] == received


def test_an_abandoned_link_tells_nothing_more() -> None:
    """After a drop nothing of the old connection reaches the listener, neither data nor its end."""

    async def exchange() -> Listener:
        async with connected("delay:10") as (link, listener):
            link.send_text("hello")
            link.abandon()
            await asyncio.sleep(0.1)
            assert not listener.closed.done()
            listener.closed.set_result((0, ""))  # for `connected`, which waits for it
            return listener

    assert [] == asyncio.run(exchange()).received


def test_nobody_there_is_told_by_the_systems_words(free_port: int) -> None:
    """Where nothing listens, the error is a kind that can be counted: no address, no number."""

    async def connect() -> None:
        await Network(f"ws://127.0.0.1:{free_port}/", "any").connect(Listener(), TIMEOUT_S)

    with pytest.raises(HandshakeError, match=r"^connect: Connection refused$"):
        asyncio.run(connect())
