"""A timer never waits for more than a few sockets, and no socket is passed over for others that are always ready."""

import asyncio
import selectors
import socket
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from game_server.web.event_loop import SOCKETS_A_TURN_MAX, FewAtATime, new_event_loop

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has epoll")

SOCKETS = 50


@pytest.fixture
def pairs() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Sockets, near and far ends."""
    made = [socket.socketpair() for _ in range(SOCKETS)]
    yield made
    for near, far in made:
        near.close()
        far.close()


def test_a_timer_waits_for_few_sockets(pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    """All sockets are ready when the timer is due: it comes after the first of them."""
    order: list[str] = []
    loop = new_event_loop()

    def read(near: socket.socket) -> None:
        near.recv(1)
        order.append("socket")
        if order.count("socket") == SOCKETS:
            loop.stop()

    for near, far in pairs:
        far.send(b"x")
        loop.add_reader(near, read, near)
    loop.call_later(0, order.append, "timer")
    loop.run_forever()
    loop.close()

    assert order.index("timer") <= SOCKETS_A_TURN_MAX
    assert SOCKETS == order.count("socket")


def test_nobody_is_passed_over(pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    """Sockets that are never emptied are ready in each turn, and still all come in turn."""
    with FewAtATime() as selector:
        for near, far in pairs:
            far.send(b"x")
            selector.register(near, selectors.EVENT_READ)
        seen = Counter(key.fd for _ in range(10 * SOCKETS) for key, _ in selector.select(0))

    assert {near.fileno() for near, _ in pairs} == set(seen)
    assert max(seen.values()) <= min(seen.values()) + 1


def test_reports_what_asyncio_s_own_selector_does(pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    """Readable, writable, both, neither, and an end that is gone."""
    reading, writing = selectors.EVENT_READ, selectors.EVENT_WRITE
    asked = [reading, writing, reading | writing, reading]
    pairs[0][1].send(b"x")
    pairs[2][1].send(b"x")
    pairs[3][1].close()
    ours, own = FewAtATime(), selectors.EpollSelector()
    for selector in (ours, own):
        for (near, _), events in zip(pairs, asked, strict=False):
            selector.register(near, events)

    assert {key.fd: events for key, events in own.select(0)} == {key.fd: events for key, events in ours.select(0)}

    pairs[0][0].recv(1)
    for selector in (ours, own):
        for near, _ in pairs[1:4]:
            selector.unregister(near)
    assert ours.select(0.001) == own.select(0.001) == []
    ours.close()
    own.close()


def test_child_processes_work() -> None:
    """What asyncio builds on its selector is there."""

    async def run() -> str:
        process = await asyncio.create_subprocess_exec("echo", "hello", stdout=asyncio.subprocess.PIPE)
        return (await process.communicate())[0].decode().strip()

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert runner.run(run()) == "hello"
