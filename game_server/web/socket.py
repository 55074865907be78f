"""The WebSocket route `/ws`: who may connect, which codec, which transport.

Tornado does the HTTP upgrade. `GameSocket` checks the origin, picks the subprotocol and hands a connection to a
`Player`: a lean one that took the socket over (`takeover.py`), or, for TLS in this process and with `--transport
tornado`, a `TornadoConnection` over Tornado's own frame code, whose deviations from RFC 6455 docs/why.md lists.

Knows HTTP and Tornado; knows nothing of messages.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from tornado import web, websocket

from ..core.protocol import SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON
from ..errors import CloseCode
from ..settings import Settings
from .addresses import is_page_of
from .connection import LeanConnection
from .hub import Hub
from .logs import log, printable
from .player import Player
from .round_trip import MARK, RoundTrip
from .takeover import TakeoverHandler
from .transport import Connection, ConnectionOptions, FrozenConnection, Receiver

PONG_BYTES = 6


def is_origin_allowed(origin: str | None, host: str, allowed: list[str]) -> bool:
    """Return whether a page of this origin may connect: no origin (not a browser), the own host, or a listed one.

    Tornado calls `check_origin` only for requests that look cross-origin, so this is asked in `prepare` for every one.
    """
    if origin is None:
        return True
    return is_page_of(origin, host) or origin.rstrip("/") in allowed


def connection_options(settings: Settings, limited: Callable[[str], None]) -> ConnectionOptions:
    """Return the limits of game connections; `limited` is told the name of one that was reached."""
    return ConnectionOptions(
        message_bytes_max=settings.message_bytes_max,
        read_bytes_max=settings.read_bytes_max,
        close_timeout_s=settings.close_timeout_s,
        control_frames_per_s_max=settings.control_frames_per_s_max,
        send_buffer_bytes=settings.send_buffer_bytes,
        notsent_lowat_bytes=settings.notsent_lowat_bytes,
        limited=limited,
    )


class TornadoConnection:
    """A connection over Tornado's own WebSocket code, which delivers messages as they arrive."""

    def __init__(self, handler: websocket.WebSocketHandler) -> None:
        self._handler = handler
        self.receiver: Receiver
        self.unsent_bytes = 0
        self.bytes_in = self.bytes_out = self.messages_in = self.messages_out = 0
        self.remote_address: str = handler.request.remote_ip or "unknown"
        self.subprotocol = handler.selected_subprotocol
        self.round_trip = RoundTrip()

    def poll(self) -> None:
        pass

    def watch(self, on: bool) -> None:
        pass

    def send_binary(self, *parts: bytes) -> None:
        self._write(b"".join(parts), binary=True)

    def send_text(self, text: str | bytes) -> None:
        self._write(text.encode() if isinstance(text, str) else text, binary=False)

    def prepare(self, message: bytes | str) -> bytes | str:
        return message

    def send_prepared(self, prepared: bytes | str) -> None:
        if isinstance(prepared, str):
            self.send_text(prepared)
        else:
            self.send_binary(prepared)

    def _write(self, data: bytes, binary: bool) -> None:
        try:
            written = self._handler.write_message(data, binary)
        except websocket.WebSocketClosedError:
            return
        self.messages_out += 1
        self.unsent_bytes += len(data)

        def done(future: "asyncio.Future[None]") -> None:
            self.unsent_bytes -= len(data)
            self.bytes_out += len(data)
            future.exception()

        written.add_done_callback(done)

    def ping(self) -> None:
        self._ping(b"")

    def measure(self) -> None:
        if self.round_trip.begin(asyncio.get_running_loop().time()):
            self._ping(MARK)

    def _ping(self, payload: bytes) -> None:
        try:
            self._handler.ping(payload)
        except websocket.WebSocketClosedError:
            pass

    def close(self, code: int, reason: str, *, discard_unsent: bool = False) -> None:
        self._handler.close(code, reason)

    def abort(self) -> None:
        connection = self._handler.ws_connection
        if connection is not None:
            connection._abort()  # noqa: SLF001 - the handler offers no way to drop a connection at once

    def freeze(self) -> FrozenConnection:
        raise NotImplementedError("a connection on Tornado's own path stays in its process")

    @property
    def is_closed(self) -> bool:
        return self._handler.ws_connection is None

    def received(self, data: bytes | str) -> None:
        self.bytes_in += len(data)
        self.messages_in += 1
        self.receiver.on_message(data)


class GameSocket(TakeoverHandler):
    """One game connection's handshake, and its messages on Tornado's path."""

    def initialize(self, hub: Hub, settings: Settings, options: ConnectionOptions) -> None:
        self.hub, self.settings_, self.connection_options = hub, settings, options
        self.player: Player | None = None
        #: decided before the upgrade, after which the request has no stream to look at
        self.is_lean = self.takes_over

    @property
    def takes_over(self) -> bool:
        return self.settings_.transport == "lean" and super().takes_over

    def prepare(self) -> None:
        origin = self.request.headers.get("Origin")
        if not is_origin_allowed(origin, self.request.host, self.settings_.allowed_origins):
            self.hub.closes["origin_refused"] += 1
            self.hub.rate_limited.warning("origin_refused", origin=printable(str(origin)[:100]))
            raise web.HTTPError(403, reason="Origin not allowed")
        if not self.hub.admission.may_shake_hands(self.request.remote_ip or "", self.hub.now_s()):
            raise web.HTTPError(429, reason="Too many connections at once")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        if status_code == 429:
            self.set_header("Retry-After", "1")
        self.finish(self._reason)

    def check_origin(self, origin: str) -> bool:
        return True  # prepare() has decided

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        for known in (SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON):
            if known in subprotocols:
                return known
        return None

    def connected(self, connection: LeanConnection) -> None:
        self._admit(connection)
        connection.watch(True)

    def open(self, *args: str, **kwargs: str) -> None:
        if not self.is_lean:
            self.player = self._admit(TornadoConnection(self))

    def _admit(self, connection: Connection) -> Player:
        """Take the connection in, or close it with the code that says why not."""
        player = Player(self.hub, connection, is_json=connection.subprotocol != SUBPROTOCOL_BINARY)
        refusal = self.hub.add(player)
        if refusal is not None:
            player.close(CloseCode.SERVER_FULL, refusal)
        elif connection.subprotocol is None and self.request.headers.get("Sec-WebSocket-Protocol"):
            reason = f"offer {SUBPROTOCOL_BINARY} or {SUBPROTOCOL_JSON}"
            player.close(CloseCode.UNSUPPORTED_SUBPROTOCOL, reason)
        return player

    def on_message(self, message: bytes | str) -> None:
        assert self.player is not None
        connection: Any = self.player.connection
        connection.received(message)

    def on_pong(self, data: bytes) -> None:
        if self.player is not None:
            connection = self.player.connection
            connection.bytes_in += PONG_BYTES + len(data)
            connection.round_trip.end(data, asyncio.get_running_loop().time())

    def on_close(self) -> None:
        if self.player is not None:
            self.player.on_close(self.close_code or 1006, self.close_reason or "")

    def log_exception(self, *args: Any) -> None:
        if not isinstance(args[1], web.HTTPError):
            log.error("socket_failed", exc_info=args[1])
