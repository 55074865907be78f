"""The README's first game: it fits on a page, runs on the real server, and is played here by hand, in JSON."""

import asyncio
import json
from pathlib import Path
from typing import Any

import attrs
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.conftest import StartServer
from tests.readme import first_game, save_first_game

LINES_MAX = 60
WAIT_S = 30
NEAR = 1.0


@attrs.define
class Player:
    """Reads deltas and writes inputs, knowing no more than docs/protocol.md says."""

    socket: WebSocketClientConnection
    entities: dict[str, dict[str, dict[str, Any]]] = attrs.field(factory=dict)
    room: dict[str, Any] = attrs.field(factory=dict)
    own: int = 0
    events: list[dict[str, Any]] = attrs.field(factory=list)
    seq: int = 0

    @classmethod
    async def join(cls, port: int) -> "Player":
        player = cls(await websocket_connect(f"ws://127.0.0.1:{port}/ws"))
        await player.send({"type": "join", "version": 1, "game": "first_game", "name": "Ann"})
        return player

    async def send(self, message: dict[str, Any]) -> None:
        await self.socket.write_message(json.dumps(message))

    async def steer(self, dx: int, dy: int) -> None:
        self.seq += 1
        await self.send({"type": "input", "seq": self.seq, "dx": dx, "dy": dy})

    async def read(self) -> None:
        """Take in messages up to the next state."""
        while True:
            text = await self.socket.read_message()
            assert text is not None, f"closed: {self.socket.close_code} {self.socket.close_reason}"
            message = json.loads(text)
            if message["type"] == "events":
                self.events += message["list"]
            elif message["type"] in ("full", "delta"):
                self._apply(message)
                return

    def _apply(self, message: dict[str, Any]) -> None:
        gone = {str(entity_id) for entity_id in message.get("despawn", [])}
        for entities in self.entities.values():
            for entity_id in gone & entities.keys():
                del entities[entity_id]
        for kind in ("spawn", "update"):
            for name, changed in message.get(kind, {}).items():
                for entity_id, values in changed.items():
                    self.entities.setdefault(name, {}).setdefault(entity_id, {}).update(values)
        self.room.update(message.get("room", {}))
        self.own = message.get("own", [self.own])[0]

    @property
    def me(self) -> dict[str, Any]:
        return self.entities["Player"][str(self.own)]


def towards(here: float, there: float) -> int:
    """Return the direction along one axis, 0 when near."""
    return 0 if abs(there - here) <= NEAR else 1 if there > here else -1


async def collect_a_coin(port: int) -> Player:
    """Walk until the player itself sees it, then to the nearest coin; return the player that has it.

    Nothing rests on where the coins lie: one may lie within reach of where a player begins, and a second one within
    reach of the first.
    """
    player = await Player.join(port)
    await player.read()
    start = player.me["x"]
    await player.steer(1, 1)
    while player.me["x"] <= start:
        await player.read()
    while not player.events:
        me = player.me
        coins = player.entities["Coin"].values()
        coin = min(coins, key=lambda coin: abs(coin["x"] - me["x"]) + abs(coin["y"] - me["y"]), default=me)
        await player.steer(towards(me["x"], coin["x"]), towards(me["y"], coin["y"]))
        await player.read()
    # Events of a tick come before its state, and it may have been a tick before a quarter of a second had passed.
    while player.me["coins"] != len(player.events) or player.room["time_left"] == 90:
        await player.read()
    player.socket.close()
    while await player.socket.read_message() is not None:
        pass
    return player


def test_fits_on_a_page() -> None:
    """The promise is a game in under 60 lines."""
    assert len(first_game().splitlines()) < LINES_MAX


def test_is_played_over_a_real_socket(start_server: StartServer, tmp_path: Path) -> None:
    """Whoever joins by hand sees itself move, gets a coin and is told of it, while the room's time runs."""
    save_first_game(tmp_path)
    server = start_server("--games", "first_game")

    player = asyncio.run(asyncio.wait_for(collect_a_coin(server.port), WAIT_S))

    assert ("coin", {"by": "Ann"}) == (player.events[0]["name"], player.events[0]["data"])
    assert player.me["coins"] >= 1
    assert 0 < player.room["time_left"] < 90
