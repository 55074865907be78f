"""The WebSocket route `/ws`: who may connect, which codec, and Tornado's own transport.

Tornado does the HTTP upgrade. `GameSocket` checks the origin, picks the subprotocol, and hands a connection to a
`Player`. `TornadoConnection` is the plain path over Tornado's own frame code; the lean one is in `takeover.py`.

Knows HTTP and Tornado; knows nothing of messages.
"""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from tornado import web, websocket

from ..core.protocol import SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON
from ..errors import CloseCode
from ..settings import Settings
from .hub import Hub
from .logs import log
from .player import Player, Receiver


def is_origin_allowed(origin: str | None, host: str, allowed: list[str]) -> bool:
    """Return whether a page of this origin may connect: no origin (not a browser), the own host, or a listed one.

    Tornado calls `check_origin` only for requests that look cross-origin, so this is asked in `prepare` for every one.
    """
    if origin is None:
        return True
    return urlsplit(origin).netloc.lower() == host.lower() or origin.rstrip("/") in allowed


class TornadoConnection:
    """A connection over Tornado's own WebSocket code:

    every message is delivered as it arrives, `poll` has nothing to do.
    """

    def __init__(self, handler: websocket.WebSocketHandler) -> None:
        self._handler = handler
        self._loop = asyncio.get_running_loop()
        self._unsent_bytes = 0
        self.receiver: Receiver
        self.bytes_in = self.bytes_out = self.messages_in = self.messages_out = 0
        self.heard_at_s = self._loop.time()
        self.address: str = handler.request.remote_ip or "unknown"

    @property
    def unsent_bytes(self) -> int:
        return self._unsent_bytes

    def poll(self) -> None:
        pass

    def watch(self, on: bool) -> None:
        pass

    def send_binary(self, data: bytes) -> None:
        self._write(data, len(data), binary=True)

    def send_text(self, text: str) -> None:
        self._write(text, len(text), binary=False)

    def _write(self, data: bytes | str, length_bytes: int, binary: bool) -> None:
        try:
            written = self._handler.write_message(data, binary)
        except websocket.WebSocketClosedError:
            return
        self.bytes_out += length_bytes
        self.messages_out += 1
        self._unsent_bytes += length_bytes

        def done(future: "asyncio.Future[None]") -> None:
            self._unsent_bytes -= length_bytes
            future.exception()

        written.add_done_callback(done)

    def ping(self) -> None:
        try:
            self._handler.ping(b"")
        except websocket.WebSocketClosedError:
            pass

    def close(self, code: int, reason: str) -> None:
        self._handler.close(code, reason)

    def abort(self) -> None:
        connection = self._handler.ws_connection
        if connection is not None:
            connection._abort()  # noqa: SLF001 - the handler offers no way to drop a connection at once

    def received(self, data: bytes | str) -> None:
        self.heard_at_s = self._loop.time()
        self.bytes_in += len(data)
        self.messages_in += 1
        self.receiver.on_message(data)


class GameSocket(websocket.WebSocketHandler):
    """One game connection's handshake, and its messages on the plain path."""

    def initialize(self, hub: Hub, settings: Settings) -> None:
        self.hub, self.limits = hub, settings
        self.player: Player | None = None

    def prepare(self) -> None:
        origin = self.request.headers.get("Origin")
        if not is_origin_allowed(origin, self.request.host, self.limits.allowed_origins):
            self.hub.closes["origin_refused"] += 1
            self.hub.rate_limited.warning("origin_refused", origin=str(origin)[:100])
            raise web.HTTPError(403, reason="Origin not allowed")

    def check_origin(self, origin: str) -> bool:
        return True  # prepare() has decided

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        for known in (SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON):
            if known in subprotocols:
                return known
        return None

    def open(self, *args: str, **kwargs: str) -> None:
        connection = TornadoConnection(self)
        offered = self.request.headers.get("Sec-WebSocket-Protocol")
        self.player = Player(self.hub, connection, is_json=self.selected_subprotocol != SUBPROTOCOL_BINARY)
        self.hub.add(self.player)
        refusal = self.hub.may_connect(connection.address)
        if refusal is not None:
            self.player.close(CloseCode.SERVER_FULL, refusal)
        elif offered and self.selected_subprotocol is None:
            names = f"{SUBPROTOCOL_BINARY} or {SUBPROTOCOL_JSON}"
            self.player.close(CloseCode.UNSUPPORTED_SUBPROTOCOL, f"offer {names}")

    def on_message(self, message: bytes | str) -> None:
        assert self.player is not None
        connection: Any = self.player.connection
        connection.received(message)

    def on_pong(self, data: bytes) -> None:
        if self.player is not None:
            self.player.connection.heard_at_s = asyncio.get_running_loop().time()  # type: ignore[misc]

    def on_close(self) -> None:
        if self.player is not None:
            self.player.on_close(self.close_code or 1006, self.close_reason or "")

    def log_exception(self, *args: Any) -> None:
        if not isinstance(args[1], web.HTTPError):
            log.error("socket_failed", exc_info=args[1])
