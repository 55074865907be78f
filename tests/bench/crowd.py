"""Many plain players of swarm from one process, cheap enough not to be what is measured.

Joins are made one by one and in order, so that what the server counts can be told of each; play is an epoll set that
reads and drops, and one send a client every 50 ms. Knows the binary codec's first bytes, no more.
"""

import json
import selectors
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

from game_server.core.inputs import InputType
from game_server.games.swarm import Push
from tests.client_frames import frame

TEXT, BINARY = 1, 2
PERIOD_S = 0.05
#: a gap is over two periods when a state, and the next, did not come when due; the rest is for clocks and kernels
GAP_S = 2 * PERIOD_S
_INPUT = InputType.of(Push)
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: game.v1.binary\r\n\r\n"
)


class Refused(Exception):
    """The server closed instead of seating; `code` says why."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class Client:
    """One player."""

    def __init__(self, port: int, **message: Any) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.seq = 0
        self.last_s = 0.0
        self.gap_max_s = 0.0
        self.bytes = 0
        self.socket.sendall(HANDSHAKE + frame(TEXT, json.dumps({"version": 1, **message}).encode()))
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive()
        if b" 101 " not in data[:20]:
            raise Refused(int(data[9:12]))
        data = data.split(b"\r\n\r\n", 1)[1]
        self.welcome: dict[str, Any] = json.loads(self._first(data))
        self.joined_s = time.perf_counter()
        self.socket.setblocking(False)

    def _receive(self) -> bytes:
        data = self.socket.recv(65_536)
        if not data:
            raise Refused(1006)
        return data

    def _first(self, data: bytes) -> bytes:
        """Return the payload of the first frame; what comes behind it is dropped."""
        while len(data) < 4:
            data += self._receive()
        length, start = data[1] & 0x7F, 2
        if length == 126:
            length, start = int.from_bytes(data[2:4], "big"), 4
        while len(data) < start + length:
            data += self._receive()
        if data[0] & 0x0F == 8:
            raise Refused(int.from_bytes(data[start : start + 2], "big"))
        return data[start : start + length]

    @property
    def node(self) -> str:
        """The process its room is in."""
        return str(self.welcome["room"]).partition("-")[0]

    def send_input(self) -> None:
        """Send the next input."""
        self.seq += 1
        try:
            self.socket.send(frame(BINARY, _INPUT.encode_binary(self.seq, 0, 0.0, {"dx": self.seq // 40 % 3 - 1})))
        except OSError:
            pass  # the end is seen by reading

    def leave(self) -> None:
        """Give the seat up and go."""
        self.socket.setblocking(True)
        self.socket.sendall(frame(TEXT, b'{"type":"leave"}'))
        self.socket.close()

    def close(self) -> None:
        """Go without a word."""
        self.socket.close()


def play(
    clients: Iterable[Client], seconds: float, lost: Callable[[Client], None], meanwhile: Callable[[], bool]
) -> int:
    """Let clients play; return how many reads brought something.

    Args:
        clients: all of them; their gaps are counted anew.
        seconds: how long.
        lost: told of a client whose connection has ended.
        meanwhile: called once a period; False ends the play.
    """
    selector = selectors.EpollSelector()
    playing = set(clients)
    now_s = time.perf_counter()
    for client in playing:
        client.last_s, client.gap_max_s = now_s, 0.0
        selector.register(client.socket, selectors.EVENT_READ, client)
    reads, end_s, step_s = 0, now_s + seconds, now_s
    while now_s < end_s:
        for key, _ in selector.select(max(0.0, step_s - now_s)):
            client = key.data
            try:
                data = client.socket.recv(65_536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                selector.unregister(client.socket)
                playing.discard(client)
                lost(client)
                continue
            arrived_s = time.perf_counter()
            client.gap_max_s = max(client.gap_max_s, arrived_s - client.last_s)
            client.last_s = arrived_s
            client.bytes += len(data)
            reads += 1
        now_s = time.perf_counter()
        if now_s >= step_s:
            step_s += PERIOD_S
            for client in playing:
                client.send_input()
            if not meanwhile():
                break
    selector.close()
    return reads
