"""A player of the JSON codec over a bare socket, which reads as slowly as it is told to.

The receive buffer is small, so that what is not read stays with the server. Every input acks the newest state that
was read, as the SDK's does. Knows the protocol; knows nothing of what is measured.
"""

import asyncio
import json
from typing import Any

from tests.client_frames import frame
from tests.web.game_site import CLOSE, PING, PONG, TEXT, close_of, message
from tests.web.raw_client import RawClient

RECEIVE_BUFFER_BYTES = 8192
READ_BYTES = 2048


class SlowPlayer:
    """One player.

    Args:
        port: of the server.
        bytes_per_s: what its line carries; 0: it reads nothing any more once it has a seat.
    """

    def __init__(self, port: int, bytes_per_s: float) -> None:
        self._port, self._bytes_per_s = port, bytes_per_s
        self._raw: RawClient
        self._unread = b""
        self.welcome: dict[str, Any] = {}
        self.tick = 0
        self.states = 0
        self.seq = 0
        #: code and reason, once it was closed
        self.closed: tuple[int, str] | None = None
        #: from sending an input to the state that answers it
        self.answers_ms: list[float] = []
        self._sent_at_s: dict[int, float] = {}

    async def join(self, **wish: Any) -> None:
        """Connect and take a seat."""
        await self._open({"type": "join", "version": 1, "game": "swarm", "name": "slow", **wish})

    async def resume(self) -> None:
        """Come back after a close."""
        token = self.welcome["token"]
        await self._open({"type": "resume", "version": 1, "token": token, "tick": self.tick or None, "event": 0})

    async def _open(self, first: dict[str, Any]) -> None:
        self._raw = await RawClient.connect(
            self._port, "/ws", subprotocols=["game.v1.json"], receive_buffer_bytes=RECEIVE_BUFFER_BYTES
        )
        self.closed = None
        await self._raw.send(message(first.pop("type"), **first))
        while True:
            opcode, payload = await self._raw.receive()
            if opcode == TEXT and (received := json.loads(payload))["type"] == "welcome":
                break
        self.welcome = received
        self.seq = received["ack"] + 8
        self._sent_at_s.clear()

    async def play(self, seconds: float) -> None:
        """Send an input a tick, and read what the line carries, until the time is over or the server closes."""
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + seconds
        reading = asyncio.create_task(self._read()) if self._bytes_per_s else None
        period_s = 1 / self.welcome["tick_rate"]
        try:
            while loop.time() < ends_s and self.closed is None:
                self.seq += 1
                self._sent_at_s[self.seq] = loop.time()
                await self._send(message("input", seq=self.seq, ack=self.tick, dx=1))
                await asyncio.sleep(period_s)
        finally:
            if reading is not None:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _send(self, data: bytes) -> None:
        try:
            await self._raw.send(data)
        except OSError:
            await self.read_rest()

    async def read_rest(self) -> None:
        """Read all that is left, at full speed, up to the server's Close."""
        try:
            while self.closed is None:
                self._take(await self._raw.receive())
        except (EOFError, OSError):
            self.closed = self.closed or (1006, "")

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        credit, at_s = 0.0, loop.time()
        while self.closed is None:
            await asyncio.sleep(0.02)
            now_s = loop.time()
            credit, at_s = min(credit + (now_s - at_s) * self._bytes_per_s, READ_BYTES), now_s
            if credit < 1:
                continue
            try:
                data = self._raw.socket.recv(int(credit))
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                self.closed = (1006, "")
                return
            credit -= len(data)
            self._raw.feed(data)
            while (received := self._raw.take()) is not None:
                self._take(received)

    def _take(self, received: tuple[int, bytes]) -> None:
        opcode, payload = received
        if opcode == CLOSE:
            self.closed = close_of(payload)
        elif opcode == PING:
            self._raw.socket.send(frame(PONG, payload))
        elif opcode == TEXT:
            state = json.loads(payload)
            if state["type"] in ("full", "delta"):
                self.tick = state["tick"]
                self.states += 1
                self._note_answer(state["ack"])

    def _note_answer(self, ack: int) -> None:
        sent_at_s = self._sent_at_s.get(ack)
        if sent_at_s is not None:
            self.answers_ms.append((asyncio.get_running_loop().time() - sent_at_s) * 1000)
        for seq in [seq for seq in self._sent_at_s if seq <= ack]:
            del self._sent_at_s[seq]

    def close(self) -> None:
        self._raw.close()
