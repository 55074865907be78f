"""A WebSocket client made of a plain socket, which may say anything and notices everything."""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping, Sequence

_HANDSHAKE = """\
GET {path} HTTP/1.1\r
Host: localhost\r
Upgrade: websocket\r
Connection: Upgrade\r
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
Sec-WebSocket-Version: 13\r
{more}\r
"""


class RawClient:
    """One connected socket. Every wait is bounded by the test's own time limit."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self._unread = b""

    @classmethod
    async def connect(
        cls,
        port: int,
        path: str,
        *,
        subprotocols: Sequence[str] = (),
        behind: bytes = b"",
        receive_buffer_bytes: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> "RawClient":
        """Shake hands; `behind` goes into the same write as the handshake."""
        sock = socket.socket()
        if receive_buffer_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        client = cls(sock)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, ("127.0.0.1", port))
        more = f"Sec-WebSocket-Protocol: {', '.join(subprotocols)}\r\n" if subprotocols else ""
        more += "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        await client.send(_HANDSHAKE.format(path=path, more=more).encode() + behind)
        while b"\r\n\r\n" not in client._unread:
            client._unread += await client._receive_some()
        head, client._unread = client._unread.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 101 "):
            client.close()
            raise ConnectionError(head.split(b"\r\n")[0].decode())
        return client

    @classmethod
    async def open(cls, port: int) -> "RawClient":
        """Connect, and say nothing."""
        client = cls(socket.socket())
        await asyncio.get_running_loop().sock_connect(client.socket, ("127.0.0.1", port))
        return client

    async def send(self, *frames: bytes) -> None:
        """Send bytes as they are."""
        await asyncio.get_running_loop().sock_sendall(self.socket, b"".join(frames))

    async def receive(self) -> tuple[int, bytes]:
        """Give the opcode and payload of the next frame; it must be final and unmasked."""
        head, length = await self._receive_exactly(2)
        assert head & 0xF0 == 0x80
        if length >= 126:
            length = int.from_bytes(await self._receive_exactly(2 if length == 126 else 8), "big")
        return head & 0x0F, await self._receive_exactly(length)

    def feed(self, data: bytes) -> None:
        """Take bytes that somebody else has read from the socket."""
        self._unread += data

    def take(self) -> tuple[int, bytes] | None:
        """Give the next frame if all of it has been read, as `receive` does."""
        data = self._unread
        if len(data) < 2:
            return None
        start, length = 2, data[1]
        if length >= 126:
            start = 4 if length == 126 else 10
            length = int.from_bytes(data[2:start], "big")
        if len(data) < start + length:
            return None
        self._unread = data[start + length :]
        return data[0] & 0x0F, data[start : start + length]

    async def rest(self) -> bytes:
        """Give all until the server's end of file; raises ConnectionResetError if it ends otherwise."""
        rest, self._unread = self._unread, b""
        while some := await asyncio.get_running_loop().sock_recv(self.socket, 65536):
            rest += some
        return rest

    def reset(self) -> None:
        """Go without a word: the server sees a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()

    def close(self) -> None:
        """Close the socket, without a WebSocket's Close."""
        self.socket.close()

    async def _receive_exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._unread += await self._receive_some()
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    async def _receive_some(self) -> bytes:
        some = await asyncio.get_running_loop().sock_recv(self.socket, 65536)
        if not some:
            raise EOFError
        return some


class Recorder:
    """A receiver that notes what it is told."""

    def __init__(self) -> None:
        self.messages: list[bytes | str] = []
        self.closes: list[tuple[int, str]] = []
        self.closed: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self._arrival = asyncio.Event()

    def on_message(self, data: bytes | str) -> None:
        self.messages.append(data)
        self._arrival.set()

    def on_close(self, code: int, reason: str) -> None:
        self.closes.append((code, reason))
        if not self.closed.done():
            self.closed.set_result((code, reason))

    async def wait_for(self, count: int) -> list[bytes | str]:
        """Wait until that many messages came, and give them."""
        while len(self.messages) < count:
            self._arrival.clear()
            await self._arrival.wait()
        return self.messages


def descriptors() -> int:
    """Count this process' open file descriptors."""
    return len(os.listdir("/dev/fd"))


def handlers(loop: asyncio.AbstractEventLoop) -> int:
    """Count what the event loop waits for."""
    return len(loop._selector.get_map())  # type: ignore[attr-defined]


async def until(condition: Callable[[], bool]) -> None:
    """Turn the event loop until this holds."""
    while not condition():  # noqa: ASYNC110  # nobody signals it, and no time need pass
        await asyncio.sleep(0)
