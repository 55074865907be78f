"""A player for runs with faults: a real WebSocket that goes where it is sent, and says what became of it.

Knows the protocol's conversation; judges nothing.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import attrs

from tests.client_frames import frame
from tests.web.game_site import CLOSE, PING, PONG, TEXT, close_of, message
from tests.web.raw_client import RawClient

MOVES_MAX = 6
#: longer than the longest fault lasts
ANSWER_S = 12.0
LOST = 1006


@attrs.frozen
class Outcome:
    """What became of a join or resume. `code` is None for a seat, 0 for no answer in time."""

    code: int | None
    reason: str = ""

    @property
    def is_seated(self) -> bool:
        return self.code is None


@attrs.define(eq=False)
class FaultPlayer:
    """One player, over all its connections.

    Args:
        number: of all players of the run.
        on_closed: told when the server ends a connection that had the seat.
    """

    number: int
    on_closed: "Callable[[FaultPlayer], None]"
    port: int = 0
    room: str = ""
    seat: int = -1
    token: str = ""
    code: str | None = None
    #: whether it has been told that it has a seat, and nothing since
    is_seated: bool = False
    #: between two connections, by its own wish
    is_away: bool = False
    closed: Outcome | None = None
    states: int = 0
    _raw: RawClient | None = None
    _reading: "asyncio.Task[None] | None" = None

    async def ask(self, port: int, kind: str, **wish: Any) -> Outcome:
        """Join or resume at a machine and go on to where it sends one."""
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._ask(port, {"type": kind, "version": 1, **wish})
        except TimeoutError:
            self.hang_up()
            return Outcome(0, "no answer")
        except (OSError, EOFError) as error:
            self.hang_up()
            return Outcome(LOST, repr(error))

    async def _ask(self, port: int, wish: dict[str, Any]) -> Outcome:
        for _ in range(MOVES_MAX):
            self.hang_up()
            self._raw = raw = await RawClient.connect(port, "/ws", subprotocols=["game.v1.json"])
            await raw.send(message(kind=wish["type"], **{k: v for k, v in wish.items() if k != "type"}))
            answer = await self._first(raw)
            if isinstance(answer, Outcome):
                self.hang_up()
                return answer
            if answer["type"] == "welcome":
                self._welcomed(port, answer)
                return Outcome(None)
            port = int(answer["url"].removeprefix("ws://127.0.0.1:").removesuffix("/ws"))
            if answer["placement"]:
                wish["placement"] = answer["placement"]
        self.hang_up()
        return Outcome(LOST, "sent in a circle")

    async def _first(self, raw: RawClient) -> dict[str, Any] | Outcome:
        while True:
            opcode, payload = await raw.receive()
            if opcode == CLOSE:
                return Outcome(*close_of(payload))
            if opcode == PING:
                await raw.send(frame(PONG, payload))
            elif opcode == TEXT:
                return dict(json.loads(payload))

    def _welcomed(self, port: int, welcome: dict[str, Any]) -> None:
        assert self._raw is not None
        self.port, self.room, self.seat = port, welcome["room"], welcome["seat"]
        self.token, self.code = welcome["token"], welcome.get("code")
        self.is_seated, self.is_away, self.closed, self.states = True, False, None, 0
        self._reading = asyncio.create_task(self._read(self._raw))

    async def _read(self, raw: RawClient) -> None:
        outcome: Outcome | None = None
        try:
            while outcome is None:
                opcode, payload = await raw.receive()
                if opcode == CLOSE:
                    outcome = Outcome(*close_of(payload))
                elif opcode == PING:
                    await raw.send(frame(PONG, payload))
                else:
                    self.states += 1
        except (OSError, EOFError) as error:
            outcome = Outcome(LOST, repr(error))
        if raw is self._raw and self.is_seated:
            self.closed, self.is_seated = outcome, False
            self.on_closed(self)

    async def say(self, kind: str, **values: Any) -> None:
        """Send something, if there is anybody to send it to."""
        try:
            if self._raw is not None:
                await self._raw.send(message(kind, **values))
        except OSError:
            pass

    def hang_up(self) -> None:
        """Lose the connection without a word."""
        raw, reading = self._raw, self._reading
        self._raw = self._reading = None
        if raw is not None and reading is not None and not reading.done():
            # Whoever waits for a socket has to let go of it before it is closed.
            reading.add_done_callback(lambda _: raw.close())
            reading.cancel()
        elif raw is not None:
            raw.close()
