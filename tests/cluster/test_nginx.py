"""Two machines behind a real nginx, with the file of docs/deploy: players are brought where they belong through it."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.nginx_server import SKIPPED, NginxServer, find_nginx
from tests.cluster.redis_server import RedisServer
from tests.cluster.service import Players, free_ports, node_of, play, workers
from tests.conftest import StartServer
from tests.server_process import ServerProcess
from tests.system_packages import in_ci
from tests.web.game_site import SitePlayer
from tests.web.raw_client import RawClient

pytestmark = pytest.mark.skipif(find_nginx() is None and not in_ci(), reason=SKIPPED)
DRAINING, MOVED = 4016, 4022


@pytest.fixture
def site(redis_server: RedisServer, start_server: StartServer, tmp_path: Path) -> Iterator["Site"]:
    """Two machines and the proxy before them, as docs/deploy/compose-machines.yml puts them together."""
    proxy_port, *ports = free_ports(3)
    machines = [
        start_server(
            *("--workers", "1", "--games", "swarm", "--port", str(port), "--run-dir", str(tmp_path / str(port))),
            *("--data-dir", str(tmp_path / f"data-{port}"), "--drain-s", "2", "--trusted-proxies", "127.0.0.1"),
            *("--redis", redis_server.url, "--announce-url", f"ws://127.0.0.1:{proxy_port}/n{number}/ws"),
        )
        for number, port in enumerate(ports, 1)
    ]
    nginx = NginxServer(tmp_path / "nginx", proxy_port, {"node1": ports[0], "node2": ports[1]})
    yield Site(nginx, machines)
    nginx.stop()


class Site:
    """What stands behind one address."""

    def __init__(self, nginx: NginxServer, machines: list[ServerProcess]) -> None:
        self.nginx, self.machines = nginx, machines
        self.nodes = [set(workers(machine)) for machine in machines]

    def number_of(self, player: SitePlayer) -> int:
        """Return which machine has a player's room: 1 or 2."""
        return 1 + next(index for index, nodes in enumerate(self.nodes) if node_of(player) in nodes)

    def status(self, path: str) -> int:
        """Return the status of a page."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.nginx.port}{path}", timeout=10) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code


class Visitors(Players):
    """Players who come through the proxy and go where they are sent."""

    async def at(self, path: str) -> SitePlayer:
        """Shake hands at a path."""
        self._raws.append(await RawClient.connect(self.port, path, subprotocols=["game.v1.json"]))
        return SitePlayer(self._raws[-1])

    async def seated(self, path: str, kind: str, **wish: Any) -> tuple[SitePlayer, list[str]]:
        """Take a seat; return the player and the paths it was sent to."""
        sent: list[str] = []
        while len(sent) < 4:
            player = await self.at(path)
            await player.send(kind, version=1, **wish)
            answer = await player.receive("welcome", "moved")
            if answer["type"] == "welcome":
                player.welcome = answer
                return player, sent
            assert (MOVED, f"go to {answer['url']}") == await player.closed()
            path = answer["url"].removeprefix(f"ws://127.0.0.1:{self.port}")
            sent.append(path)
            wish |= {"placement": answer["placement"]} if answer["placement"] else {}
        raise AssertionError(f"sent in a circle: {sent}")


def test_players_are_brought_through_the_proxy(site: Site) -> None:
    """By the common address or a machine's own path: a room, a seat and a quick match are found, and states flow."""

    async def story() -> None:
        async with Visitors(site.nginx.port) as visitors:
            host, _ = await visitors.seated("/ws", "join", game="swarm", create=True)
            home, away = site.number_of(host), 3 - site.number_of(host)
            room = host.welcome["room"]
            guest, sent = await visitors.seated(f"/n{away}/ws", "join", game="swarm", room=room)
            assert [f"/n{home}/ws"] == sent
            assert room == guest.welcome["room"]
            tick = (await guest.receive("full"))["tick"]
            assert [tick + 1, tick + 2] == [(await guest.receive("delta"))["tick"] for _ in range(2)]
            _, sent = await visitors.seated(f"/n{home}/ws", "join", game="swarm", room=room)
            assert [] == sent
            for path in ("/ws", f"/n{away}/ws", f"/n{home}/ws"):
                guest, _ = await visitors.seated(path, "resume", token=guest.welcome["token"])
                assert (room, True) == (guest.welcome["room"], guest.welcome["resumed"])
            matched = [(await visitors.seated("/ws", "join", game="swarm"))[0] for _ in range(4)]
            assert {room} == {player.welcome["room"] for player in matched}

    play(story())
    assert [200, 200, 200, 404, 404, 404] == [
        site.status(path) for path in ("/", "/n1/healthz", "/n2/livez", "/metrics", "/n1/metrics", "/n2/metrics")
    ]


def test_a_machine_is_drained_behind_the_proxy(site: Site) -> None:
    """Its players hear 4016 and find the other machine at the common address; whoever comes is served all the while."""

    async def story() -> None:
        async with Visitors(site.nginx.port) as visitors:
            host, _ = await visitors.seated("/ws", "join", game="swarm", create=True)
            going = site.machines[site.number_of(host) - 1]
            staying = 3 - site.number_of(host)
            ending = asyncio.create_task(asyncio.to_thread(going.stop))
            assert DRAINING == (await host.closed())[0]
            # As the SDK does: to the address that it began with, again while the machine that goes answers for it.
            again = None
            while again is None:
                try:
                    again, _ = await visitors.seated("/ws", "join", game="swarm")
                except AssertionError as error:
                    if f"({DRAINING}" not in str(error):
                        raise
            assert staying == site.number_of(again)
            assert 0 == await ending
            for _ in range(4):
                guest, _ = await visitors.seated("/ws", "join", game="swarm")
                assert staying == site.number_of(guest)
            with pytest.raises(ConnectionError, match="502"):
                await visitors.at(f"/n{3 - staying}/ws")

    play(story())
    assert 200 == site.status("/healthz")
