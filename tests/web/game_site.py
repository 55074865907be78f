"""The real server in this process, and players that are plain sockets: for tests of what a user of a network meets.

    async def test_something(new_site):
        site = await new_site(seat_hold_s=5)
        ann = await site.join("Ann")
        await ann.receive("full")
        assert (4008, ...) == await ann.closed()

A player speaks the JSON codec, may send anything, and reads only when it is told to.
"""

import asyncio
import json
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.netutil import bind_sockets

from game_server.core.definition import GameDefinition
from game_server.core.game import Game
from game_server.settings import Settings
from game_server.web.app import make_app
from game_server.web.descriptors import PatientListener
from game_server.web.front import Front
from game_server.web.games import LoadedGame, load_games
from game_server.web.hub import Hub
from game_server.web.player import Player
from game_server.web.transport import Connection
from tests.client_frames import frame
from tests.web.raw_client import RawClient

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
NewSite = Callable[..., Awaitable["GameSite"]]


class SitePlayer:
    """One game connection of a test."""

    def __init__(self, raw: RawClient) -> None:
        self.raw = raw
        self.welcome: dict[str, Any] = {}
        self._events: deque[dict[str, Any]] = deque()
        #: number of the newest event that was looked at
        self.last_event = 0

    async def send(self, kind: str, **values: Any) -> None:
        """Send one message."""
        await self.raw.send(message(kind, **values))

    async def receive(self, *kinds: str) -> dict[str, Any]:
        """Return the next message of one of these types; others are passed over, pings are answered."""
        while True:
            opcode, payload = await self.raw.receive()
            if opcode == CLOSE:
                raise AssertionError(f"closed with {close_of(payload)}")
            if opcode == PING:
                await self.raw.send(frame(PONG, payload))
            elif opcode == TEXT and (received := json.loads(payload))["type"] in kinds:
                return dict(received)

    async def event(self, name: str) -> Any:
        """Return the data of the next event of this name; others are passed over."""
        while True:
            while self._events:
                event = self._events.popleft()
                self.last_event = event["number"]
                if event["name"] == name:
                    return event["data"]
            self._events.extend((await self.receive("events"))["list"])

    async def closed(self) -> tuple[int, str]:
        """Return code and reason of the close, once it has come; what comes before it is passed over."""
        while True:
            try:
                opcode, payload = await self.raw.receive()
            except (EOFError, ConnectionResetError):
                return 1006, ""
            if opcode == CLOSE:
                return close_of(payload)


class NotedHub(Hub):
    """A hub that notes all connections, so that those which are closing yet can be ended with the test."""

    def __init__(self, settings: Settings, games: dict[str, LoadedGame]) -> None:
        super().__init__(settings, games)
        self.noted: list[Connection] = []

    def add(self, player: Player) -> str | None:
        self.noted.append(player.connection)
        return super().add(player)


class GameSite:
    """A running server; `hub` is open to be looked into."""

    def __init__(self, hub: NotedHub, front: Front, listener: PatientListener) -> None:
        self.hub, self.front, self.listener = hub, front, listener
        self.port: int = listener.getsockname()[1]
        self._raws: list[RawClient] = []

    @classmethod
    async def start(cls, data_dir: Path, games: Mapping[str, type[Game]], **settings: Any) -> "GameSite":
        values = {"data_dir": data_dir, "games": ["swarm"], **settings}
        made = Settings(**values)
        loaded = load_games(made.games)
        for name, game in games.items():
            loaded[name] = LoadedGame(GameDefinition.of(name, game), None, None)
        hub = NotedHub(made, loaded)
        front = Front(make_app(hub, made, "hush"), made, hub.addresses, hub.note_limit)
        (sock,) = bind_sockets(0, "127.0.0.1", backlog=1024)
        listener = PatientListener(sock)
        front.add_sockets([listener])
        hub.listeners = [listener]
        hub.start()
        return cls(hub, front, listener)

    async def open(self) -> RawClient:
        """Connect, and say nothing."""
        self._raws.append(await RawClient.open(self.port))
        return self._raws[-1]

    def crowd(self, size: int) -> None:
        """Let so many connections wait to be accepted: the event loop does not turn meanwhile."""
        for _ in range(size):
            self._raws.append(RawClient(socket.create_connection(("127.0.0.1", self.port))))

    async def connect(self, headers: Mapping[str, str] | None = None, **options: Any) -> SitePlayer:
        """Shake hands for the JSON codec and say nothing."""
        raw = await RawClient.connect(
            self.port, "/ws", subprotocols=options.pop("subprotocols", ["game.v1.json"]), headers=headers, **options
        )
        self._raws.append(raw)
        return SitePlayer(raw)

    async def join(
        self, name: str = "Ann", game: str = "swarm", headers: Mapping[str, str] | None = None, **wish: Any
    ) -> SitePlayer:
        """Take a seat and return its player, welcomed."""
        player = await self.connect(headers)
        await player.send("join", version=1, game=game, name=name, **wish)
        player.welcome = await player.receive("welcome")
        return player

    async def resume(self, token: str, **values: Any) -> SitePlayer:
        """Take a seat again."""
        player = await self.connect()
        await player.send("resume", version=1, token=token, **values)
        player.welcome = await player.receive("welcome")
        return player

    async def fetch(self, path: str, **headers: str) -> HTTPResponse:
        """Ask for a page; header names are given with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = HTTPRequest(f"http://127.0.0.1:{self.port}{path}", headers=named, follow_redirects=False)
        return await AsyncHTTPClient(force_instance=True).fetch(request, raise_error=False)

    async def end(self) -> None:
        for raw in self._raws:
            raw.close()
        self.hub.stop()
        for connection in self.hub.noted:
            connection.abort()
        self.front.stop()
        await self.front.close_all_connections()
        self.listener.close()
        await asyncio.sleep(0)


def message(kind: str, **values: Any) -> bytes:
    """Return the frame of a client's message."""
    return frame(TEXT, json.dumps({"type": kind, **values}).encode())


def close_of(payload: bytes) -> tuple[int, str]:
    """Return code and reason of a Close frame's payload."""
    return (int.from_bytes(payload[:2], "big") if payload else 1005), payload[2:].decode()


async def soon(condition: Callable[[], Any]) -> None:
    """Wait until something that other tasks bring about is so; the test's own time limit ends a wait in vain."""
    while not condition():  # noqa: ASYNC110  # nobody signals it
        await asyncio.sleep(0.005)
