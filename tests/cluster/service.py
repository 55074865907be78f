"""A service of several processes, and players who come and go."""

import asyncio
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.server_process import ServerProcess
from tests.web.game_site import SitePlayer
from tests.web.raw_client import RawClient

WAIT_S = 30.0


class Players:
    """Connections of one test; all are closed with it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._raws: list[RawClient] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        for raw in self._raws:
            raw.close()

    async def connect(self) -> SitePlayer:
        """Shake hands for the JSON codec."""
        self._raws.append(await RawClient.connect(self.port, "/ws", subprotocols=["game.v1.json"]))
        return SitePlayer(self._raws[-1])

    async def join(self, **wish: Any) -> SitePlayer:
        """Take a seat in swarm."""
        player = await self.connect()
        await player.send("join", version=1, **{"game": "swarm", **wish})
        player.welcome = await player.receive("welcome")
        return player

    async def resume(self, token: str) -> SitePlayer:
        """Take a seat again."""
        player = await self.connect()
        await player.send("resume", version=1, token=token)
        player.welcome = await player.receive("welcome")
        return player

    async def rooms_of_both(self, **wish: Any) -> tuple[SitePlayer, SitePlayer]:
        """Return players in rooms of their own in two different processes."""
        first = await self.join(create=True, **wish)
        while True:
            second = await self.join(create=True, **wish)
            if node_of(second) != node_of(first):
                return first, second
            await asyncio.sleep(0.05)  # the other is busy yet, by its last report


def node_of(player: SitePlayer) -> str:
    """Return the process that a player's room is in."""
    return str(player.welcome["room"]).partition("-")[0]


def text_of(server: ServerProcess, path: str) -> str | None:
    """Fetch a page, whatever its status; None where nobody answers in time."""
    try:
        with urllib.request.urlopen(server.url + path, timeout=3) as response:
            return str(response.read().decode())
    except urllib.error.HTTPError as error:
        return str(error.read().decode())
    except OSError:
        return None


def workers(server: ServerProcess) -> dict[str, Any]:
    """Return each worker's health by node; empty where nobody answers."""
    found: dict[str, Any] = json.loads(text_of(server, "/healthz") or '{"workers":{}}')["workers"]
    return found


def until(condition: Callable[[], Any]) -> Any:
    """Ask on and on until something is so; fail after a long time."""
    deadline_s = time.monotonic() + WAIT_S
    while not (result := condition()):
        assert time.monotonic() < deadline_s, "it never became so"
        time.sleep(0.05)
    return result


def play(story: Any) -> Any:
    """Run what players do."""
    return asyncio.run(asyncio.wait_for(story, 2 * WAIT_S))


def is_running(pid: int) -> bool:
    """Return whether a process is there, and not only its entry waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
