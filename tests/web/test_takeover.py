"""Taking the socket from Tornado: nothing is lost, nothing is left behind, and a changed Tornado is noticed."""

import asyncio
import gc
import pathlib
import socket
import ssl
import weakref
from typing import Any

import pytest
import tornado
import tornado.test
from tornado.httpclient import HTTPRequest
from tornado.iostream import IOStream
from tornado.web import Application
from tornado.websocket import WebSocketHandler, WebSocketProtocol13, websocket_connect

from game_server.core.frames import BINARY, CLOSE, TEXT
from game_server.web import takeover
from game_server.web.connection import LeanConnection
from game_server.web.takeover import TakeoverHandler, take_socket
from game_server.web.transport import ConnectionOptions
from tests.client_frames import frame
from tests.web.raw_client import RawClient, Recorder, descriptors, handlers, until


class Route(TakeoverHandler):
    """Notes what becomes of each request; its query picks a misfortune."""

    connection_options = ConnectionOptions(notsent_lowat_bytes=4096, send_buffer_bytes=70_000)

    def initialize(self, log: list[Any]) -> None:
        self.log = log

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return subprotocols[-1] if subprotocols else None

    def open(self) -> None:
        self.log.append(weakref.ref(self))
        if self.get_argument("gone", ""):
            assert self.ws_connection is not None
            assert self.ws_connection.stream is not None
            self.ws_connection.stream.close()

    def on_message(self, message: str | bytes) -> None:
        self.log.append(message)

    def connected(self, connection: LeanConnection) -> None:
        if self.get_argument("faulty", ""):
            raise LookupError("ours")
        connection.receiver = Recorder()
        self.log.append(connection)


@pytest.fixture
def log() -> list[Any]:
    """What `Route` noted: a weak reference to its handler, then the connection."""
    return []


@pytest.fixture
def app(log) -> Application:
    """Serve `Route` alone."""
    return Application([("/", Route, {"log": log})])


@pytest.fixture
def ssl_options() -> ssl.SSLContext:
    """Use the certificate of Tornado's own tests."""
    folder = pathlib.Path(tornado.test.__file__).parent
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "test.crt", folder / "test.key")
    return context


def test_tornado_still_has_what_takeover_builds_on(io_loop):
    """A Tornado whose internals changed fails here first: read its changes, then takeover.py."""
    known = f"game_server/web/takeover.py was written for Tornado 6.6; this is {tornado.version}"
    left, right = socket.socketpair()
    stream = IOStream(left)
    for name, expected in {
        "_read_buffer": bytearray,
        "_read_buffer_size": int,
        "_user_read_buffer": bool,
        "_read_future": type(None),
        "_write_futures": object,
        "_state": type(None),
        "_closed": bool,
        "socket": socket.socket,
    }.items():
        assert isinstance(getattr(stream, name, known), expected), known
    for name in ("__len__", "peek", "advance"):
        assert hasattr(stream._write_buffer, name), known
    assert asyncio.iscoroutinefunction(getattr(WebSocketProtocol13, "_receive_frame_loop", None)), known
    assert hasattr(WebSocketProtocol13, "start_pinging"), known
    assert b"\1" == takeover.unmask(b"\1\0\0\0", b"\0"), known
    stream.close()
    right.close()


@pytest.mark.gen_test
async def test_connection_takes_over(io_loop, http_server, http_port, log):
    """After the handshake the socket is ours: subprotocol, address, options; messages go both ways."""
    client = await RawClient.connect(http_port, "/", subprotocols=["one", "two"])
    await until(lambda: len(log) == 2)
    connection = log[1]
    assert ("two", "127.0.0.1") == (connection.subprotocol, connection.remote_address)
    option = connection._socket.getsockopt
    assert 0 != option(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert 4096 == option(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
    assert 70_000 <= option(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 140_000
    connection.watch(True)
    await client.send(frame(TEXT, b"up"))
    assert ["up"] == await connection.receiver.wait_for(1)
    connection.send_binary(b"down")
    assert (BINARY, b"down") == await client.receive()
    client.close()
    await until(lambda: connection.is_closed)


@pytest.mark.gen_test
@pytest.mark.parametrize("watched", [True, False])
async def test_bytes_behind_the_handshake_are_not_lost(http_server, http_port, log, watched):
    """What came in the same read as the handshake is delivered, by watching and by polling, in order."""
    client = await RawClient.connect(http_port, "/", behind=frame(TEXT, b"join") + frame(TEXT, b"cut")[:7])
    await until(lambda: len(log) == 2)
    connection = log[1]
    recorder = connection.receiver
    if watched:
        connection.watch(True)
        assert [] == recorder.messages
        await recorder.wait_for(1)
    else:
        connection.poll()
    assert ["join"] == recorder.messages
    await client.send(frame(TEXT, b"cut")[7:])
    connection.watch(True)
    assert ["join", "cut"] == await recorder.wait_for(2)
    client.close()
    await until(lambda: connection.is_closed)


@pytest.mark.gen_test
async def test_tornado_keeps_nothing(io_loop, http_server, http_port, log):
    """Request, handler and stream are gone without a garbage collection, and no handler is in the loop."""
    loop = io_loop.asyncio_loop
    gc.collect()
    gc.disable()
    try:
        before = descriptors(), handlers(loop)
        client = await RawClient.connect(http_port, "/")
        await until(lambda: len(log) == 2)
        await until(lambda: log[0]() is None)
        assert (before[0] + 2, before[1]) == (descriptors(), handlers(loop))
        assert not http_server._connections
    finally:
        gc.enable()
    log[1].abort()
    client.close()
    assert before == (descriptors(), handlers(loop))


@pytest.mark.gen_test
async def test_client_that_is_gone_before_the_takeover(io_loop, http_server, http_port, log):
    """A stream that closed meanwhile gives no connection and leaves nothing."""
    before = descriptors(), handlers(io_loop.asyncio_loop)
    client = await RawClient.connect(http_port, "/?gone=1")
    assert b"" == await client.rest()
    client.close()
    assert 1 == len(log)
    assert before == (descriptors(), handlers(io_loop.asyncio_loop))


@pytest.mark.gen_test
async def test_route_that_raises(io_loop, http_server, http_port, log, caplog):
    """A fault in `connected` is logged and closes the socket."""
    before = descriptors(), handlers(io_loop.asyncio_loop)
    client = await RawClient.connect(http_port, "/?faulty=1")
    assert b"" == await client.rest()
    client.close()
    await until(lambda: bool(caplog.records))
    assert "LookupError: ours" in caplog.text
    assert before == (descriptors(), handlers(io_loop.asyncio_loop))


@pytest.mark.gen_test
async def test_tls_stays_with_tornado(https_server, https_port, log):
    """A TLS stream is not taken over: Tornado's own path serves it."""
    request = HTTPRequest(f"wss://127.0.0.1:{https_port}/", validate_cert=False)
    client = await websocket_connect(request)
    await client.write_message("plain Tornado")
    await until(lambda: len(log) == 2)
    assert isinstance(log[0](), WebSocketHandler)
    assert not log[0]().takes_over
    assert "plain Tornado" == log[1]
    client.close()
    assert await client.read_message() is None


@pytest.mark.gen_test
async def test_unsent_bytes_of_the_stream_are_kept(io_loop):
    """What Tornado had not sent yet is sent by the lean connection, in order."""
    left, right = socket.socketpair()
    stream = IOStream(left)
    written = b""
    while not len(stream._write_buffer):
        for piece in (b"small", bytes(range(256)) * 300):
            stream.write(piece)
            written += piece
    stream.write(b"end")
    before = handlers(io_loop.asyncio_loop)
    sock, unread, unsent = take_socket(stream)
    assert stream.closed()
    assert (sock, b"") == (left, unread)
    assert before - 1 == handlers(io_loop.asyncio_loop)
    connection = LeanConnection(
        sock, io_loop.asyncio_loop, takeover.unmask, ConnectionOptions(), remote_address="", unsent=unsent
    )
    connection.receiver = Recorder()
    connection.close(1000, "")
    client = RawClient(right)
    received = b""
    while not received.endswith(b"\x88\x02\x03\xe8"):
        received += await io_loop.asyncio_loop.sock_recv(right, 65536)
    assert written + b"end" == received[:-4]
    await client.send(frame(CLOSE))
    client.close()
    await until(lambda: connection.is_closed)
