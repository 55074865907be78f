"""Several machines that share a Redis, as services on two ports: clients are told where to go; Redis may go away."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from game_server.errors import CloseCode
from tests.cluster.redis_server import SKIPPED, RedisServer, find_redis
from tests.cluster.service import Players, play, workers
from tests.server_process import ServerProcess
from tests.system_packages import in_ci
from tests.web.game_site import SitePlayer

pytestmark = pytest.mark.skipif(find_redis() is None and not in_ci(), reason=SKIPPED)

MOVED, GOING_AWAY, SEAT_GONE = 4022, 1001, 4015


def port_of(url: str) -> int:
    """Return the port of a URL that was announced."""
    return int(url.removeprefix("ws://127.0.0.1:").removesuffix("/ws"))


async def ask(players: Players, port: int, kind: str, **wish: Any) -> tuple[SitePlayer, dict[str, Any]]:
    """Send a first message to a machine and return its first answer."""
    players.port = port
    player = await players.connect()
    await player.send(kind, version=1, **wish)
    return player, await player.receive("welcome", "moved")


async def ask_again(players: Players, port: int, kind: str, **wish: Any) -> tuple[SitePlayer, dict[str, Any]]:
    """Ask, and again while one is told to: Redis may take longer to answer than a server waits."""
    while True:
        try:
            return await ask(players, port, kind, **wish)
        except AssertionError as error:
            if "try again" not in str(error):
                raise
            await asyncio.sleep(0.1)


async def seated(players: Players, port: int, kind: str, **wish: Any) -> tuple[SitePlayer, int]:
    """Take a seat wherever one is sent, again when told to try again; return the player and the port it ended up at."""
    for _ in range(4):
        player, answer = await ask_again(players, port, kind, **wish)
        if answer["type"] == "welcome":
            player.welcome = answer
            return player, port
        assert MOVED == (await player.closed())[0]
        port = port_of(answer["url"])
        if answer["placement"] is not None:
            wish["placement"] = answer["placement"]
    raise AssertionError("sent in a circle")


def test_whatever_one_asks_for_is_found_on_the_other_machine(machines: Callable[..., list[ServerProcess]]) -> None:
    """A room by its id and by its code, and a seat by its token: the wrong machine names the right one."""
    here, there = machines()

    async def story() -> None:
        async with Players(there.port) as players:
            _, port = await seated(players, there.port, "join", game="swarm", create=True, options={"seats": 2})
            host, _ = await seated(players, port, "join", game="swarm", create=True)
            other = here.port if port == there.port else there.port
            room = host.welcome["room"]
            home = port_of((await moved_or(players, other, port, room))["url"])
            wrong = here.port if home == there.port else there.port
            guest, answer = await ask(players, wrong, "join", game="swarm", room=room)
            assert ("moved", home) == (answer["type"], port_of(answer["url"]))
            assert (MOVED, f"go to ws://127.0.0.1:{home}/ws") == await guest.closed()
            guest, _ = await seated(players, wrong, "join", game="swarm", room=room)
            assert room == guest.welcome["room"]
            token = guest.welcome["token"]
            back, at = await seated(players, wrong, "resume", token=token)
            assert (True, home) == (back.welcome["resumed"], at)
            private, at = await seated(players, here.port, "join", game="swarm", create=True, private=True)
            far = here.port if at == there.port else there.port
            friend, _ = await until_found(players, far, private.welcome["code"])
            assert private.welcome["room"] == friend.welcome["room"]

    play(story())


async def moved_or(players: Players, other: int, port: int, room: str) -> dict[str, Any]:
    """Return where a room is, as the one machine that has not got it says."""
    for asked, home in ((other, port), (port, other)):
        player, answer = await ask(players, asked, "join", game="swarm", room=room)
        player.raw.close()
        if answer["type"] == "moved":
            return answer
        assert home
    raise AssertionError("neither machine sends anybody away")


async def until_found(players: Players, port: int, code: str) -> tuple[SitePlayer, int]:
    """Join by a code that the directory may not have been told of yet."""
    while True:
        try:
            return await seated(players, port, "join", game="swarm", code=code)
        except AssertionError as error:
            if str(CloseCode.ROOM_NOT_FOUND.value) not in str(error):
                raise
            await asyncio.sleep(0.05)


def test_quick_matches_meet_whichever_machine_is_asked(machines: Callable[..., list[ServerProcess]]) -> None:
    """Ten players who come to two machines in turns are in one room of ten."""
    services = machines()

    async def story() -> None:
        async with Players(0) as players:
            found = [await seated(players, services[number % 2].port, "join", game="swarm") for number in range(10)]
            assert 1 == len({player.welcome["room"] for player, _ in found})

    play(story())


def test_play_goes_on_without_redis(redis_server: RedisServer, machines: Callable[..., list[ServerProcess]]) -> None:
    """Paused, emptied or gone: every state arrives, rooms of the same machine can be joined and resumed, quick matches
    are made locally; when it is back, the machines find each other again."""
    here, there = machines()

    async def story() -> None:
        async with Players(0) as players:
            host, home = await seated(players, here.port, "join", game="swarm", create=True, options={"seats": 5})
            room, away = host.welcome["room"], here.port if host_port(host, here) != here.port else there.port
            for disturb, mend in (
                (redis_server.pause, redis_server.go_on),
                (redis_server.stop, redis_server.start),
                (redis_server.empty, lambda: None),
            ):
                tick = (await host.receive("full", "delta"))["tick"]
                disturb()
                for number in range(1, 31):
                    assert tick + number == (await host.receive("delta"))["tick"]
                guest, answer = await ask(players, home, "join", game="swarm", room=room)
                assert "welcome" == answer["type"]
                back, answer = await ask(players, home, "resume", token=answer["token"])
                assert "welcome" == answer["type"]
                await back.send("leave")
                assert 1000 == (await back.closed())[0]
                guest.raw.close()
                stranger, at = await seated(players, away, "join", game="swarm", options={"seats": 7})
                await stranger.send("leave")
                mend()
                assert at
            answer = {"type": ""}
            while answer["type"] != "moved":
                player, answer = await until_answered(players, away, room)
                player.raw.close()
            assert home == port_of(answer["url"])

    play(story())


def host_port(host: SitePlayer, service: ServerProcess) -> int:
    """Return the port of a service when a player's room is there, else 0."""
    return service.port if str(host.welcome["room"]).partition("-")[0] in workers(service) else 0


async def until_answered(players: Players, port: int, room: str) -> tuple[SitePlayer, dict[str, Any]]:
    """Ask for a room; until the directory is back one is told to try again."""
    while True:
        try:
            return await ask(players, port, "join", game="swarm", room=room)
        except AssertionError as error:
            if str(GOING_AWAY) not in str(error):  # above all not that there is no such room
                raise
            await asyncio.sleep(0.1)


def test_quick_matches_can_wait_for_redis(
    redis_server: RedisServer, machines: Callable[..., list[ServerProcess]]
) -> None:
    """With `redis_down` at refuse, they are told to try again; joins by id go on."""
    here, _ = machines("--redis-down", "refuse")

    async def story() -> None:
        async with Players(0) as players:
            host, home = await seated(players, here.port, "join", game="swarm", create=True)
            redis_server.stop()
            player, answer = await ask(players, home, "join", game="swarm", room=host.welcome["room"])
            assert "welcome" == answer["type"]
            players.port = home
            player = await players.connect()
            await player.send("join", version=1, game="swarm")
            assert (GOING_AWAY, "the directory of rooms does not answer; try again") == await player.closed()
            redis_server.start()

    play(story())


def test_a_placement_shown_to_the_wrong_machine_makes_no_room_under_anothers_id(
    machines: Callable[..., list[ServerProcess]],
) -> None:
    """Whoever takes a player in gives it a room of its own name, whatever ticket the player brings.

    One machine sends a player to the other, which ends before the player is there: so the first takes it in after all.
    """
    services = machines()
    nodes = {service.port: set(workers(service)) for service in services}

    async def story() -> None:
        async with Players(0) as players:
            seats = 1
            while True:
                seats += 1
                port = services[seats % 2].port
                wish = {"game": "swarm", "create": True, "options": {"seats": seats}}
                _, answer = await ask(players, port, "join", **wish)
                if answer["type"] == "moved":
                    break
            ticket = answer["placement"]
            (other,) = (service for service in services if service.port != port)
            await asyncio.to_thread(other.stop)
            while answer["type"] == "moved":
                _, answer = await ask_again(players, port, "join", **wish, placement=ticket)
            assert answer["room"].partition("-")[0] in nodes[port]

    play(story())
