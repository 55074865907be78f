"""A TCP connection as both ends see it: bytes in order, never lost, late, in lumps, or suddenly no more.

A `Wire` is one connection: two directions with delay, jitter, bandwidth and clogs, and the ways in which it ends.
`ServerSocket` is the server's end, with what `LeanConnection` uses of a socket; what it has sent and the client has
not read counts against the kernel's send buffer. The client's end are the methods of `Wire`: `send`, `receive`.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from .clockwork import Clockwork

Action = Callable[[], Any]


@attrs.define
class Line:
    """What one client's line is like; faults change it while it is used."""

    delay_s: float = 0.02
    jitter_s: float = 0.0
    #: bytes a second, each way; 0: no bound
    rate_up: float = 0.0
    rate_down: float = 0.0
    #: nothing arrives before this true time
    clogged_up_until: float = 0.0
    clogged_down_until: float = 0.0


class Direction:
    """Bytes under way one way: pieces with the time at which each arrives."""

    def __init__(self) -> None:
        self.pieces: deque[tuple[float, bytes]] = deque()
        self.newest_arrival = 0.0
        self.ends_at: float | None = None
        self.unread_bytes = 0

    def put(self, data: bytes, arrival: float) -> float:
        """Send a piece; it arrives no sooner than the one before. Return when."""
        arrival = self.newest_arrival = max(arrival, self.newest_arrival)
        self.pieces.append((arrival, data))
        self.unread_bytes += len(data)
        return arrival

    def take(self, now: float, most: int, clogged_until: float) -> bytes:
        """Return what has arrived, at most so many bytes."""
        pieces = self.pieces
        if not pieces or pieces[0][0] > now or now < clogged_until:
            return b""
        arrival, data = pieces.popleft()
        if len(data) < most and pieces and pieces[0][0] <= now:
            lump, size = [data], len(data)
            while pieces and pieces[0][0] <= now and size < most:
                arrival, data = pieces.popleft()
                lump.append(data)
                size += len(data)
            data = b"".join(lump)
        if len(data) > most:
            pieces.appendleft((arrival, data[most:]))
            data = data[:most]
        self.unread_bytes -= len(data)
        return data

    def next_arrival(self) -> float | None:
        return self.pieces[0][0] if self.pieces else None


class Wire:
    """One connection.

    Args:
        clockwork: true time.
        line: what it runs over.
        chance: for the jitter.
        buffer_bytes: of the server's kernel, for what the client has not read.
    """

    def __init__(self, clockwork: Clockwork, line: Line, chance: random.Random, buffer_bytes: int) -> None:
        self.clockwork, self.line, self.buffer_bytes = clockwork, line, buffer_bytes
        self._draw = chance.random
        self.up, self.down = Direction(), Direction()
        self.server = ServerSocket(self)
        #: which the server last gave it, for the checkers
        self.session: Any = None
        #: bytes vanish, and neither side is told
        self.is_dead = False
        #: the client's machine refuses whatever comes (a reset)
        self.is_reset = False

    def _arrival(self, direction: Direction, size: int, rate: float) -> float:
        line = self.line
        arrival = self.clockwork.now + line.delay_s + (line.jitter_s * self._draw() if line.jitter_s else 0.0)
        if rate:
            arrival = max(arrival, direction.newest_arrival) + size / rate
        return arrival

    # ---- the client's end --------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send to the server."""
        if self.is_dead or self.up.ends_at is not None:
            return
        arrival = self.up.put(data, self._arrival(self.up, len(data), self.line.rate_up))
        self.server.arriving(arrival)

    def receive(self) -> bytes:
        """Return what has arrived from the server."""
        if self.is_dead:
            return b""
        data = self.down.take(self.clockwork.now, 1 << 20, self.line.clogged_down_until)
        if data:
            self.server.freed()
        return data

    @property
    def has_ended(self) -> bool:
        """Whether the server's end of file has been read up to."""
        ends_at = self.down.ends_at
        now = self.clockwork.now
        is_over = ends_at is not None and ends_at <= now and now >= self.line.clogged_down_until
        return is_over and not self.down.pieces and not self.is_dead

    def finish(self) -> None:
        """Send nothing more: half a close."""
        if self.up.ends_at is None and not self.is_dead:
            self.up.ends_at = self._arrival(self.up, 0, 0.0)
            self.up.ends_at = max(self.up.ends_at, self.up.newest_arrival)
            self.server.arriving(self.up.ends_at)

    def reset(self) -> None:
        """The client's program is gone: the server hears so, after the delay."""
        self.finish()
        self.is_reset = True

    def die(self) -> None:
        """Nothing passes any more, and nobody is told."""
        self.is_dead = True


class ServerSocket:
    """The server's end of a wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._is_closed = False
        self._readable: Action | None = None
        self._writable: Action | None = None
        self._run: Callable[[Action], None]

    def recv(self, most: int) -> bytes:
        wire = self._wire
        now = wire.clockwork.now
        data = wire.up.take(now, most, wire.line.clogged_up_until)
        if data:
            return data
        ends_at = wire.up.ends_at
        if ends_at is None or ends_at > now or wire.up.pieces or now < wire.line.clogged_up_until:
            raise BlockingIOError
        if wire.is_reset:
            raise ConnectionResetError(104, "Connection reset by peer")
        return b""

    def send(self, data: bytes | memoryview) -> int:
        wire = self._wire
        ends_at = wire.up.ends_at
        if wire.is_reset and ends_at is not None and ends_at <= wire.clockwork.now:
            raise BrokenPipeError(32, "Broken pipe")
        free = wire.buffer_bytes - wire.down.unread_bytes
        if free <= 0:
            raise BlockingIOError
        taken = bytes(data[:free])
        wire.down.put(taken, wire._arrival(wire.down, len(taken), wire.line.rate_down))
        return len(taken)

    def sendmsg(self, buffers: Iterable[bytes | memoryview]) -> int:
        return self.send(b"".join(buffers))

    def shutdown(self, how: int) -> None:
        wire = self._wire
        if wire.down.ends_at is None:
            wire.down.ends_at = max(wire._arrival(wire.down, 0, 0.0), wire.down.newest_arrival)

    def close(self) -> None:
        self.shutdown(0)
        self._is_closed = True
        self._readable = self._writable = None

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    # ---- readiness ---------------------------------------------------------------------------------------------

    def watch_reading(self, callback: Action | None, run: Callable[[Action], None]) -> None:
        """Have `callback` run whenever there is something to read."""
        self._readable, self._run = callback, run
        if callback is not None:
            for when in (self._wire.up.next_arrival(), self._wire.up.ends_at):
                if when is not None:
                    self.arriving(when)

    def arriving(self, when: float) -> None:
        """Something will be there to read."""
        if self._readable is not None:
            self._wire.clockwork.at(max(when, self._wire.line.clogged_up_until), self._wake_reader)

    def _wake_reader(self) -> None:
        if self._readable is None:
            return
        wire, now = self._wire, self._wire.clockwork.now
        if now < wire.line.clogged_up_until:
            wire.clockwork.at(wire.line.clogged_up_until, self._wake_reader)
            return
        first, ends_at = wire.up.next_arrival(), wire.up.ends_at
        if (first is not None and first <= now) or (first is None and ends_at is not None and ends_at <= now):
            self._run(self._read)

    def _read(self) -> None:
        if self._readable is not None:
            self._readable()
            self._wire.clockwork.after(1e-4, self._wake_reader)  # for what was left, as a selector would

    def watch_writing(self, callback: Action | None, run: Callable[[Action], None]) -> None:
        """Have `callback` run while there is room for more."""
        self._writable, self._run = callback, run
        if callback is not None:
            self.freed()

    def freed(self) -> None:
        """The client has read."""
        if self._writable is not None:
            self._wire.clockwork.after(self._wire.line.delay_s, self._wake_writer)

    def _wake_writer(self) -> None:
        if self._writable is not None and self._wire.down.unread_bytes < self._wire.buffer_bytes:
            self._run(self._write)

    def _write(self) -> None:
        if self._writable is not None:
            self._writable()
            self._wire.clockwork.after(0.01, self._wake_writer)


def server_socket(wire: Wire) -> Any:
    """Return the server's end as what the server takes for a socket."""
    return wire.server
