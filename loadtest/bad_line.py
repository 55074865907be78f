"""A connection that is worse than the real one: what goes either way waits as the network conditions say.

Stands between a link and what carries its bytes, and is the one's transport and the other's receiver:

    Link  <->  BadLine (up and down lines of game_server.core.conditions, a timer each)  <->  asyncio's transport

A line of limited rate stops reading while much waits, so that the server finds its client slow, as it would be.
Knows the loop's clock; when things arrive is the model's affair.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from game_server.core.conditions import Line
from game_server.core.conditions import Link as Lines

from .link import Link, set_no_delay

#: a client's kernel holds about so much; more than this stays with the server
UNREAD_BYTES_MAX = 16_384

_buffer = bytearray(262_144)
_view = memoryview(_buffer)


class BadLine(asyncio.BufferedProtocol):
    """One connection of a link.

    Args:
        link: whose connection it is.
        lines: what the network does to this client, over all its connections.
    """

    def __init__(self, link: Link, lines: "Lines[bytes]") -> None:
        self._link, self._lines = link, lines
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._timers: dict[Line[bytes], asyncio.TimerHandle] = {}
        self._is_closing = self._is_paused = self._is_over = self._is_aborted = False
        self._lost: Exception | None = None

    # ---- towards the server ----------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        self._put(self._lines.up, data, self._send)

    def close(self) -> None:
        """Close once everything has been sent."""
        self._is_closing = True
        self._send_rest()

    def abort(self) -> None:
        """Lose what is under way, and the connection."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._is_aborted = True
        self._lines.up.clear()
        self._lines.down.clear()
        self._transport.abort()

    def _send(self, data: bytes) -> None:
        self._transport.write(data)
        self._send_rest()

    def _send_rest(self) -> None:
        if self._is_closing and not self._is_over and self._lines.up.next_ms == float("inf"):
            self._transport.close()

    # ---- from the server -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of no such class
        set_no_delay(transport)
        self._link.begin(self)

    def get_buffer(self, sizehint: int) -> bytearray:
        return _buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._put(self._lines.down, bytes(_view[:nbytes]), self._deliver)
        self._pace()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_aborted:  # the lines may be another connection's by now
            self._link.connection_lost(exc)
            return
        # Behind what is still under way. An empty read marks it.
        self._is_over, self._lost = True, exc
        self._put(self._lines.down, b"", self._deliver)

    def _deliver(self, data: bytes) -> None:
        if data:
            self._link.receive(data)
        elif self._is_over:
            self._link.connection_lost(self._lost)

    def _pace(self) -> None:
        """Read no more while much waits, and go on when less does."""
        if self._is_over or self._is_aborted:
            return
        waiting = self._lines.down.unsent_bytes(self._loop.time() * 1000)
        if waiting > UNREAD_BYTES_MAX:
            if not self._is_paused:
                self._is_paused = True
                self._transport.pause_reading()
            rest_s = (waiting - UNREAD_BYTES_MAX) / self._lines.down.way.bytes_per_s
            self._loop.call_later(max(rest_s, 0.001), self._pace)
        elif self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    # ---- what is under way -----------------------------------------------------------------------------------

    def _put(self, line: "Line[bytes]", data: bytes, arrive: Callable[[bytes], None]) -> None:
        line.put(self._loop.time() * 1000, data, len(data))
        if line not in self._timers:
            self._arm(line, arrive)

    def _arm(self, line: "Line[bytes]", arrive: Callable[[bytes], None]) -> None:
        self._timers[line] = self._loop.call_at(line.next_ms / 1000, self._take, line, arrive)

    def _take(self, line: "Line[bytes]", arrive: Callable[[bytes], None]) -> None:
        del self._timers[line]
        # Timers may be early by the clock's resolution.
        for data in line.take(max(self._loop.time() * 1000, line.next_ms)):
            arrive(data)
        if line.next_ms < float("inf") and line not in self._timers:
            self._arm(line, arrive)
