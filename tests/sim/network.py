"""A TCP connection as both ends see it: bytes in order, never lost, late, in lumps, or suddenly no more.

What a line does to what is sent (delay, jitter, stalls, rate, cuts) is game_server/core/conditions.py, as for bots and
in the browser. Here is what that model has not, because sockets and their programs do it:

- `Network`: what it does to one machine, over all its connections; faults change it while it is used;
- `Direction`: bytes that have arrived and wait to be read, in what lumps the reader likes, and their end: half a close;
- `Wire`: one connection, and the ways in which it ends. Its methods `send` and `receive` are the client's end;
- `ServerSocket`: the server's end, with what `LeanConnection` uses of a socket; what it has sent and the client has not
  read counts against the kernel's send buffer.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

from game_server.core.conditions import Conditions, Line, Link, Way

from .clockwork import SAME_MOMENT_S, Clockwork

Action = Callable[[], Any]
#: under way: bytes, or the end of what is sent
Piece = bytes | None

#: a good line
CALM = Conditions(up=Way(delay_ms=20.0), down=Way(delay_ms=20.0))


class Network:
    """What the network does to one machine.

    Args:
        clockwork: true time.
        conditions: at first.
    """

    def __init__(self, clockwork: Clockwork, conditions: Conditions = CALM) -> None:
        self.clockwork = clockwork
        self._wires: list[Wire] = []
        self.change(conditions)

    @property
    def now_ms(self) -> float:
        return self.clockwork.now * 1000

    def change(self, conditions: Conditions) -> None:
        """Let it do something else from now on; what is under way still arrives first."""
        self.conditions, self._since_ms = conditions, self.now_ms
        self._link = self.make_link()
        for wire in self._wires:
            wire.follow(self.make_link())
        self._plan_cut(self._link, self.now_ms)

    def make_link(self) -> Link[Piece]:
        """Return a connection's lines: all of one machine stall and are cut at the same moments."""
        return Link(self.conditions, self._since_ms)

    def connect(self, buffer_bytes: int) -> "Wire":
        """Return a new connection; it has ended already if none can be made."""
        self._wires = [wire for wire in self._wires if not wire.server.is_closed]
        wire = Wire(self, buffer_bytes)
        if self._link.is_out(self.now_ms):
            wire.cut()
        else:
            self._wires.append(wire)
        return wire

    def _plan_cut(self, link: Link[Piece], after_ms: float) -> None:
        cut_ms = link.next_cut_ms(after_ms)
        if cut_ms < math.inf:
            self.clockwork.at(cut_ms / 1000, self._cut, link, cut_ms)

    def _cut(self, link: Link[Piece], cut_ms: float) -> None:
        if link is not self._link:  # it has changed
            return
        for wire in self._wires:
            wire.cut()
        self._plan_cut(link, cut_ms + SAME_MOMENT_S * 1000)


class Direction:
    """One way: what is under way, then what has arrived and was not read.

    Args:
        line: of the model.
    """

    def __init__(self, line: Line[Piece]) -> None:
        self.line = line
        #: whether its end was sent, and whether that has arrived
        self.is_finished = self.has_ended = False
        self.is_cut = False
        self.unread_bytes = 0
        self._arrived = bytearray()

    def put(self, now_ms: float, data: bytes) -> None:
        """Send bytes; behind a cut they are never read."""
        self.unread_bytes += len(data)
        if not self.is_cut:
            self.line.put(now_ms, data, len(data))

    def finish(self, now_ms: float) -> None:
        """Send the end, behind what was sent."""
        if not self.is_finished:
            self.is_finished = True
            self.line.put(now_ms, None, 0)

    def follow(self, line: Line[Piece], now_ms: float) -> None:
        """Go on over another line."""
        self.arrive(now_ms)
        for piece in self.line.take(math.inf):
            line.put(now_ms, piece, 0)
        self.line = line

    def arrive(self, now_ms: float) -> None:
        """Let arrive what is due."""
        for piece in self.line.take(now_ms + SAME_MOMENT_S * 1000):
            if piece is None:
                self.has_ended = True
            else:
                self._arrived += piece

    def take(self, now_ms: float, most: int) -> bytes:
        """Read what has arrived, at most so many bytes."""
        self.arrive(now_ms)
        data = bytes(self._arrived[:most])
        del self._arrived[:most]
        self.unread_bytes -= len(data)
        return data

    @property
    def is_read(self) -> bool:
        """Whether all that has arrived was read."""
        return not self._arrived


class Wire:
    """One connection.

    Args:
        network: what it runs over.
        buffer_bytes: of the server's kernel, for what the client has not read.
    """

    def __init__(self, network: Network, buffer_bytes: int) -> None:
        self.clockwork, self.buffer_bytes = network.clockwork, buffer_bytes
        link = network.make_link()
        self.up, self.down = Direction(link.up), Direction(link.down)
        self.server = ServerSocket(self)
        #: which the server last gave it, for the checkers
        self.session: Any = None
        #: bytes vanish, and neither side is told
        self.is_dead = False
        #: the client's machine refuses whatever comes (a reset)
        self.is_reset = False

    @property
    def now_ms(self) -> float:
        return self.clockwork.now * 1000

    def reaches_server_s(self) -> float:
        """Return when something that is sent now will be there: the opening handshake."""
        return self.up.line.put(self.now_ms, b"", 0) / 1000

    def reaches_client_s(self) -> float:
        """Return when something that is sent back now will be there."""
        return self.down.line.put(self.now_ms, b"", 0) / 1000

    def follow(self, link: Link[Piece]) -> None:
        """Go on over other lines."""
        self.up.follow(link.up, self.now_ms)
        self.down.follow(link.down, self.now_ms)
        self.server.arriving()

    # ---- the client's end --------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send to the server."""
        if self.is_dead or self.up.is_finished:
            return
        self.up.put(self.now_ms, data)
        self.server.arriving()

    def receive(self) -> bytes:
        """Return what has arrived from the server."""
        if self.is_dead:
            return b""
        data = self.down.take(self.now_ms, 1 << 20)
        if data:
            self.server.freed()
        return data

    @property
    def has_ended(self) -> bool:
        """Whether the server's end of file has been read up to."""
        self.down.arrive(self.now_ms)
        return self.down.has_ended and self.down.is_read and not self.is_dead

    def finish(self) -> None:
        """Send nothing more: half a close."""
        if not self.is_dead:
            self.up.finish(self.now_ms)
            self.server.arriving()

    def reset(self) -> None:
        """The client's program is gone: the server hears so, after what is under way."""
        self.finish()
        self.is_reset = True

    def cut(self) -> None:
        """What is under way is lost, the client notices, and the server hears of it."""
        if not self.is_dead:
            self.up.line.clear()
            self.down.line.clear()
            self.down.is_cut = self.down.is_finished = self.down.has_ended = True
            self.up.is_finished = False  # its end may have been lost as well
            self.reset()

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
        #: when it is woken to read; in the past: it is about to read
        self._wakes_at = math.inf

    def fileno(self) -> int:
        """There is none: the compiled wires leave this socket to its connection."""
        return -1

    def recv(self, most: int) -> bytes:
        wire = self._wire
        data = wire.up.take(wire.now_ms, most)
        if data:
            return data
        if not wire.up.has_ended:
            raise BlockingIOError
        if wire.is_reset:
            raise ConnectionResetError(104, "Connection reset by peer")
        return b""

    def send(self, data: bytes | memoryview) -> int:
        wire = self._wire
        wire.up.arrive(wire.now_ms)
        if wire.is_reset and wire.up.has_ended:
            raise BrokenPipeError(32, "Broken pipe")
        free = wire.buffer_bytes - wire.down.unread_bytes
        if free <= 0:
            raise BlockingIOError
        taken = bytes(data[:free])
        wire.down.put(wire.now_ms, taken)
        return len(taken)

    def sendmsg(self, buffers: Iterable[bytes | memoryview]) -> int:
        return self.send(b"".join(buffers))

    def shutdown(self, how: int) -> None:
        self._wire.down.finish(self._wire.now_ms)

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
        self.arriving()

    def arriving(self) -> None:
        """Be woken when there is something to read."""
        if self._readable is None:
            return
        up, now = self._wire.up, self._wire.clockwork.now
        when = now if up.has_ended or not up.is_read else up.line.next_ms / 1000
        if when < self._wakes_at:
            self._wakes_at = when
            self._wire.clockwork.at(when, self._wake_reader, when)

    def _wake_reader(self, when: float) -> None:
        if when != self._wakes_at:  # since then it was to be sooner
            return
        up = self._wire.up
        up.arrive(self._wire.now_ms)
        if self._readable is not None and (up.has_ended or not up.is_read):
            self._wakes_at = -math.inf
            self._run(self._read)
        else:
            self._wakes_at = math.inf
            self.arriving()

    def _read(self) -> None:
        self._wakes_at = math.inf
        if self._readable is not None:
            self._readable()
            self._wire.clockwork.after(1e-4, self.arriving)  # for what was left, as a selector would

    def watch_writing(self, callback: Action | None, run: Callable[[Action], None]) -> None:
        """Have `callback` run while there is room for more."""
        self._writable, self._run = callback, run
        if callback is not None:
            self.freed()

    def freed(self) -> None:
        """The client has read, and its machine says so."""
        if self._writable is not None:
            wire = self._wire
            wire.clockwork.after(wire.up.line.way.delay_ms / 1000, self._wake_writer)

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
