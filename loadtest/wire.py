"""Sockets read and written without a transport between: what lets one core play 2,000 clients.

asyncio wakes a handle for each readable socket, and its transports buffer. Here all sockets of a process hang on one
edge-triggered epoll set, which asyncio watches as a single file; once it is readable, every socket with data is read
in one loop, and a write is a `send`. Where the system has no epoll, `Link` stays on asyncio's transports, as it does
for TLS. A received and a sent frame cost 12 us of CPU this way, and 17 with transports (docs/why.md).

Knows sockets and the loop; knows nothing of WebSockets.
"""

import asyncio
import select
import socket
from typing import Protocol

READ_BYTES = 65_536
EVENTS_MAX = 1024


class Receiver(Protocol):
    """Who takes bytes."""

    def receive(self, data: bytes) -> None: ...

    def connection_lost(self, exc: Exception | None) -> None: ...


class Wire:
    """One socket; has the methods of an asyncio transport that a `Link` uses."""

    __slots__ = ("_connection", "_is_paused", "_receiver", "_wires", "number", "read", "send", "unsent")

    def __init__(self, wires: "Wires", connection: socket.socket, receiver: Receiver) -> None:
        self._wires, self._connection, self._receiver = wires, connection, receiver
        self.number = connection.fileno()
        self.read, self.send = connection.recv, connection.send
        self.unsent = b""
        self._is_paused = False

    def write(self, data: bytes) -> None:
        """Send, or keep what the kernel does not take until it does."""
        if self.unsent:
            self.unsent += data
            return
        try:
            sent = self.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._wires.drop(self, error)
            return
        if sent < len(data):
            self.unsent = data[sent:]

    def flush(self) -> None:
        """Send what was left over: the kernel takes data again."""
        data, self.unsent = self.unsent, b""
        self.write(data)

    def pull(self) -> None:
        """Read all there is."""
        while not self._is_paused:
            try:
                data = self.read(READ_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                self._wires.drop(self, error)
                return
            if not data:
                self._wires.drop(self, None)
                return
            self._receiver.receive(data)
            if len(data) < READ_BYTES:  # the edge has been seen: nothing is left behind it
                return

    def pause_reading(self) -> None:
        """Leave what comes to the kernel."""
        self._is_paused = True

    def resume_reading(self) -> None:
        """Read again, at once what has come meanwhile: its edge is over."""
        self._is_paused = False
        self._wires.pull_soon(self)

    def close(self) -> None:
        """Close, once; what the kernel has taken still goes out."""
        self._wires.drop(self, None)

    abort = close

    def end(self, error: Exception | None) -> None:
        """Tell the receiver that it is over."""
        self._connection.close()
        self._receiver.connection_lost(error)


class Wires:
    """All such sockets of one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._wires: dict[int, Wire] = {}
        self._loop.add_reader(self._epoll.fileno(), self._poll)

    def add(self, connection: socket.socket, receiver: Receiver) -> Wire:
        """Take a connected, non-blocking socket over; the receiver gets its bytes from the next turn of the loop on."""
        wire = Wire(self, connection, receiver)
        self._wires[wire.number] = wire
        self._epoll.register(wire.number, select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET)
        return wire

    def drop(self, wire: Wire, error: Exception | None) -> None:
        """Forget a socket and close it."""
        if self._wires.get(wire.number) is not wire:
            return
        del self._wires[wire.number]
        self._epoll.unregister(wire.number)
        # Not from within a send: whoever is sending is not to find itself closed half-way.
        self._loop.call_soon(wire.end, error)

    def pull_soon(self, wire: Wire) -> None:
        """Read a socket in the loop's next turn, if it is still ours."""
        self._loop.call_soon(lambda: wire.pull() if self._wires.get(wire.number) is wire else None)

    def close(self) -> None:
        """Watch nothing any more."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _poll(self) -> None:
        wires = self._wires
        for number, mask in self._epoll.poll(0, EVENTS_MAX):
            wire = wires.get(number)
            if wire is None:  # dropped by one before it
                continue
            if wire.unsent and mask & select.EPOLLOUT:
                wire.flush()
            if mask & ~select.EPOLLOUT:
                wire.pull()
