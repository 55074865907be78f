"""The HTTP server in front of everything: whose connection it is, how many there may be, how long they may take.

A connection is here from its first byte until its socket is taken over for a game, or it is closed. Those that send a
header or body byte by byte are cut off after `header_timeout_s` and `body_timeout_s`; when `http_connections_max` are
open, the oldest gives way to the newest, so that a visitor gets through in any case: whoever is served is gone soon.

Knows Tornado's HTTP server; knows nothing of games.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, cast

from tornado import httputil, web
from tornado.http1connection import HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

from ..settings import Settings
from .addresses import Addresses, group_of

_ANSWER = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Front(HTTPServer):
    """An HTTP server with limits.

    Args:
        app: what serves the requests.
        settings: the limits.
        addresses: who is behind a proxy, and who is exempt.
        limited: told the name of a limit that was reached.
    """

    def initialize(  # type: ignore[override]
        self, app: web.Application, settings: Settings, addresses: Addresses, limited: Callable[[str], None]
    ) -> None:
        super().initialize(
            app,
            idle_connection_timeout=settings.header_timeout_s,
            body_timeout=settings.body_timeout_s,
            max_header_size=settings.header_bytes_max,
            max_body_size=settings.body_bytes_max,
        )
        self._settings, self._addresses, self._limited = settings, addresses, limited
        #: streams of HTTP connections, oldest first, and whose they are; None: nobody's who is limited
        self._streams: dict[IOStream, str | None] = {}
        self._by_group: Counter[str] = Counter()

    @property
    def http_connections(self) -> int:
        return len(self._streams)

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        peer = str(address[0]) if address else ""
        # Behind a proxy all come from one address, which says nothing.
        is_limited = not self._addresses.is_exempt(peer) and not self._addresses.is_proxy(peer)
        group = group_of(peer) if is_limited else None
        if group is not None and self._by_group[group] >= self._settings.http_connections_address_max:
            self._limited("http_connections_address_max")
            _turn_away(stream)
            return
        if len(self._streams) >= self._settings.http_connections_max:
            self._limited("http_connections_max")
            oldest = next(iter(self._streams))
            self._forget(oldest)
            oldest.close()
        self._streams[stream] = group
        if group is not None:
            self._by_group[group] += 1
        super().handle_stream(stream, address)

    def on_close(self, server_conn: object) -> None:
        super().on_close(server_conn)
        self._forget(cast(HTTP1ServerConnection, server_conn).stream)

    def _forget(self, stream: IOStream) -> None:
        group = self._streams.pop(stream, None)
        if group is not None:
            self._by_group[group] -= 1
            if not self._by_group[group]:
                del self._by_group[group]

    def start_request(self, server_conn: object, request_conn: httputil.HTTPConnection) -> httputil.HTTPMessageDelegate:
        delegate = super().start_request(server_conn, request_conn)
        return _Forwarded(delegate, request_conn, self._addresses) if self._addresses.has_proxies else delegate


class _Forwarded(httputil.HTTPMessageDelegate):
    """Gives a request the address of the client that a trusted proxy names, before anybody looks at it."""

    def __init__(
        self, delegate: httputil.HTTPMessageDelegate, connection: httputil.HTTPConnection, addresses: Addresses
    ) -> None:
        self._delegate, self._addresses = delegate, addresses
        self._context: Any = connection.context  # type: ignore[attr-defined]  # as Tornado's own adapter does

    def headers_received(
        self, start_line: httputil.RequestStartLine | httputil.ResponseStartLine, headers: httputil.HTTPHeaders
    ) -> Awaitable[None] | None:
        address = self._context.address
        if address:
            self._context.remote_ip = self._addresses.client_of(str(address[0]), headers)
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._delegate.data_received(chunk)

    def finish(self) -> None:
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()


def _turn_away(stream: IOStream) -> None:
    """Say 429 and close; what the client sent already is read, or closing would reset and the answer be lost."""
    with contextlib.suppress(OSError):  # it may be gone already
        stream.socket.send(_ANSWER)
        stream.socket.recv(65_536)
    asyncio.get_running_loop().call_soon(stream.close)
