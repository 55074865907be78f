"""Take the socket from Tornado once its WebSocket handshake is done.

The only module that touches private names of Tornado; tests/web/test_takeover.py fails loudly where a new Tornado
has changed them. Knows nothing of messages.

How it works. `WebSocketProtocol13` answers the upgrade, calls the handler's `open` and then awaits
`_receive_frame_loop`. That one method is overridden: it takes the plain socket out of the stream, with the bytes
that came right behind the handshake and those not sent yet, hands a `LeanConnection` to the handler and returns,
upon which Tornado forgets request, handler and stream. TLS streams cannot be taken over: with them all stays
Tornado's own.
"""
# ruff: noqa: SLF001  # private names are this module's business

import asyncio
import socket
from typing import Any, cast

from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream
from tornado.util import _websocket_mask
from tornado.web import RequestHandler
from tornado.websocket import WebSocketHandler, WebSocketProtocol, WebSocketProtocol13

from ..core.frames import Unmask
from .connection import LeanConnection
from .transport import ConnectionOptions, prepare_socket

unmask = cast(Unmask, _websocket_mask)


class TakeoverHandler(WebSocketHandler):
    """A WebSocket route whose connections are lean.

    A subclass defines `connected`, and `open`, `on_message` and `on_close` only if it also serves TLS in this process;
    `takes_over`, asked before the upgrade, tells which of the two it is.
    """

    connection_options = ConnectionOptions()

    def connected(self, connection: LeanConnection) -> None:
        """Own the connection: set its receiver, and have it watched or polled."""
        raise NotImplementedError

    @property
    def takes_over(self) -> bool:
        """Whether this request came over a plain socket."""
        return can_take_over(self.request)

    def get_compression_options(self) -> dict[str, Any] | None:
        """Negotiate no extension."""
        return None

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        """Give the protocol that takes over, if that is possible."""
        protocol = super().get_websocket_protocol()
        if isinstance(protocol, WebSocketProtocol13) and self.takes_over:
            return _TakeoverProtocol(self, False, protocol.params)
        return protocol


class _TakeoverProtocol(WebSocketProtocol13):
    handler: TakeoverHandler

    def start_pinging(self) -> None:
        """Leave it to the session to find dead clients."""

    async def _receive_frame_loop(self) -> None:
        handler, stream = self.handler, self.stream
        # Cycles would keep all of the request until the next garbage collection.
        handler.ws_connection = None
        RequestHandler._break_cycles(handler)
        del self.handler, self.stream
        if stream.closed():
            return
        sock, unread, unsent = take_socket(stream)
        try:
            prepare_socket(sock, handler.connection_options)
        except OSError:
            # The client is gone already, which some systems say here.
            sock.close()
            return
        connection = LeanConnection(
            sock,
            asyncio.get_running_loop(),
            unmask,
            handler.connection_options,
            remote_address=handler.request.remote_ip or "",
            subprotocol=self.selected_subprotocol,
            unread=unread,
            unsent=unsent,
        )
        try:
            handler.connected(connection)
        except Exception:
            connection.abort()
            raise


def can_take_over(request: HTTPServerRequest) -> bool:
    """Tell whether the request's stream is a plain socket."""
    return type(getattr(request.connection, "stream", None)) is IOStream


def take_socket(stream: IOStream) -> tuple[socket.socket, bytes, bytes]:
    """Take the socket out of an open stream.

    Returns the socket, the bytes received and not read, and the bytes written and not sent. The stream counts as
    closed from here on, and no handler of it is left in the event loop.
    """
    assert not stream._user_read_buffer
    assert stream._read_future is None
    sock = stream.socket
    unread = bytes(stream._read_buffer)
    unsent = b""
    while len(stream._write_buffer):
        with stream._write_buffer.peek(len(stream._write_buffer)) as piece:
            unsent += piece
            size = len(piece)
        stream._write_buffer.advance(size)
    if stream._state is not None:
        stream.io_loop.remove_handler(sock)
        stream._state = None
    stream.set_close_callback(None)
    stream._write_futures.clear()
    stream._read_buffer = bytearray()
    stream._read_buffer_size = 0
    stream._closed = True
    stream.socket = None  # type: ignore[assignment]  # as IOStream.close_fd does
    return sock, unread, unsent
