"""Running out of file descriptors is answered, and over when some are free again."""

import asyncio
import os
import resource
import socket
from collections.abc import Iterator

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from game_server.web.descriptors import PatientListener, raise_descriptor_limit
from tests.web.raw_client import RawClient, descriptors


class Hello(RequestHandler):
    def get(self) -> None:
        self.finish("hello")


@pytest.fixture
def low_limit() -> Iterator[int]:
    """Allow few descriptors more than are open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = max(int(name) for name in os.listdir("/dev/fd")) + 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
    yield limit
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.gen_test
async def test_out_of_descriptors(io_loop, low_limit):
    """A client gets 503 instead of silence, the server goes on, and nothing leaks."""
    before = descriptors()
    (bound,) = bind_sockets(0, "127.0.0.1")
    listener = PatientListener(bound)
    server = HTTPServer(Application([("/", Hello)]))
    server.add_socket(listener)
    first, second = RawClient(socket.socket()), RawClient(socket.socket())
    taken = take_all_descriptors()
    assert b"503 Service Unavailable" in await ask(first, listener)
    assert 1 == listener.turned_away
    for descriptor in taken:
        os.close(descriptor)
    assert b"200 OK" in await ask(second, listener)
    assert 1 == listener.turned_away
    server.stop()
    await server.close_all_connections()
    listener.close()
    first.close()
    second.close()
    assert before == descriptors()


def test_the_reserve_may_be_taken_by_a_thread(low_limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread opens a file at the moment the reserve is given up: its file stays open, and the client waits."""
    (bound,) = bind_sockets(0, "127.0.0.1")
    close, opened = os.close, list[int]()

    def close_and_lose(descriptor: int) -> None:
        close(descriptor)
        opened.append(os.dup(0))

    with PatientListener(bound) as listener, socket.create_connection(listener.getsockname()):
        taken = take_all_descriptors()
        monkeypatch.setattr("os.close", close_and_lose)
        with pytest.raises(BlockingIOError):
            listener.accept()
        monkeypatch.undo()
        with pytest.raises(BlockingIOError):
            listener.accept()
        for descriptor in [*opened, *taken]:
            os.close(descriptor)
        listener.accept()[0].close()
        assert 0 == listener.turned_away


def take_all_descriptors() -> list[int]:
    """Leave none."""
    taken: list[int] = []
    try:
        while True:
            taken.append(os.dup(0))
    except OSError:
        return taken


async def ask(client: RawClient, listener: socket.socket) -> bytes:
    """Ask for the page and give all of the answer."""
    await asyncio.get_running_loop().sock_connect(client.socket, listener.getsockname())
    await client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return await client.rest()


def test_limit_is_raised_as_far_as_allowed(low_limit):
    """The limit goes to what is wanted or to the hard limit, whichever is less, and never down."""
    assert low_limit + 10 == raise_descriptor_limit(low_limit + 10)
    assert low_limit + 10 == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert low_limit + 10 == raise_descriptor_limit(5)


def test_accepting_with_nobody_there():
    """A listener that nobody wants says so as any non-blocking socket does."""
    (bound,) = bind_sockets(0, "127.0.0.1")
    with PatientListener(bound) as listener, pytest.raises(BlockingIOError):
        listener.accept()
