"""What holds over all machines of a service: bans, notices, one seat a user, limits, and what the status page tells."""

import datetime
import urllib.request
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import ujson
from tornado.websocket import WebSocketClientConnection

from tests.cluster.admin import SECRET, act, admin_at
from tests.cluster.redis_server import SKIPPED, RedisServer, find_redis
from tests.cluster.service import Players, play
from tests.server_process import ServerProcess
from tests.system_packages import in_ci
from tests.web.game_site import SitePlayer

pytestmark = pytest.mark.skipif(find_redis() is None and not in_ci(), reason=SKIPPED)

Machines = Callable[..., list[ServerProcess]]
KEY = "a secret of more than thirty-two bytes"
ENV = {"GAME_SERVER_ADMIN_SECRET": SECRET, "GAME_SERVER_IDENTITY_SECRET": KEY}
TAKEN_OVER, KICKED, SERVER_FULL, BANNED, MOVED = 4010, 4011, 4017, 4021, 4022


async def machines_seen(feed: WebSocketClientConnection, are_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return what the page tells of the machines, once it is so."""
    while True:
        text = await feed.read_message()
        assert isinstance(text, str)
        found = ujson.loads(text).get("machines")
        if found is not None and are_so(found):
            return dict(found)


async def alone(players: Players, port: int, **wish: Any) -> SitePlayer:
    """Take a seat at a machine, in a room of its own: asked for until it is made there."""
    for number in range(5000):
        seats = 2 + number % 58
        players.port = port
        player = await players.connect()
        await player.send("join", version=1, **{"game": "swarm", "create": True, "options": {"seats": seats}, **wish})
        answer = await player.receive("welcome", "moved")
        if answer["type"] == "welcome":
            player.welcome = answer
            return player
    raise AssertionError("all rooms are made elsewhere")


async def refused(players: Players, port: int, **wish: Any) -> tuple[int, str]:
    """Ask for a seat wherever one is sent; return how it was refused."""
    while True:
        players.port = port
        player = await players.connect()
        await player.send("join", version=1, **{"game": "swarm", **wish})
        code, reason = await player.closed()
        if code != MOVED:
            return code, reason
        port = int(reason.rpartition(":")[2].partition("/")[0])


def token(user: str) -> str:
    """Return a user's token."""
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    return jwt.encode({"sub": user, "exp": expires}, KEY, "HS256")


def test_what_an_admin_does_holds_everywhere(redis_server: RedisServer, machines: Machines) -> None:
    """A notice to all is heard on both machines; a ban puts its user out of both and keeps it out, also once Redis was
    emptied, until it is lifted at the other one; the page tells of both machines, and of a Redis that is gone."""
    here, there = machines(env=ENV)

    async def story() -> None:
        async with Players(0) as players, admin_at(here) as one, admin_at(there) as other:
            seen = await machines_seen(one, lambda found: found["is_up"] and len(found["nodes"]) == 2)
            assert {f"ws://127.0.0.1:{each.port}/ws" for each in (here, there)} == {n["url"] for n in seen["nodes"]}
            assert [True] == [node["is_here"] for node in seen["nodes"] if str(here.port) in node["url"]]
            ann, far_ann = [await alone(players, each.port, identity=token("ann")) for each in (here, there)]
            told = await act(one, act="notice", text="Lunch")
            assert told == "Told all 1 rooms here, and 1 other process: Lunch"
            assert ["Lunch", "Lunch"] == [(await each.event("notice"))["text"] for each in (ann, far_ann)]

            named = {"room": ann.welcome["room"], "seat": ann.welcome["seat"], "name": ann.welcome["name"]}
            await act(one, act="ban", by="user", minutes=5, reason="cheating", **named)
            assert [KICKED, KICKED] == [(await each.closed())[0] for each in (ann, far_ann)]
            redis_server.empty()
            for each in (here, there):
                code, reason = await refused(players, each.port, identity=token("ann"))
                assert (BANNED, True) == (code, reason.endswith("cheating"))
            await machines_seen(one, lambda found: len(found["nodes"]) == 2)
            await act(other, act="unban", ban="user ann")
            while (answer := await outcome(players, here.port, token("ann"))) != "welcome":
                assert answer == str(BANNED)

            redis_server.stop()
            assert not (await machines_seen(one, lambda found: not found["is_up"]))["nodes"]
            told = await act(one, act="notice", text="Alone")
            assert "0 other processes of this machine (Redis does not answer)" in told
            redis_server.start()

    play(story())


async def outcome(players: Players, port: int, identity: str) -> str:
    """Ask for a seat with a token; return what came of it."""
    try:
        await alone(players, port, identity=identity)
    except AssertionError as error:
        return str(error)[len("closed with (") :][:4]
    return "welcome"


def test_a_user_has_one_seat_on_all_machines(machines: Machines) -> None:
    """Who joins at another machine has the seat there, and the older connection hears 4010."""
    here, there = machines("--games", "tests.cluster.single", env=ENV)

    async def story() -> None:
        async with Players(0) as players:
            wish = {"game": "single", "identity": token("ann")}
            before = await alone(players, here.port, **wish)
            for port in (there.port, here.port):
                after = await alone(players, port, **wish)
                assert (TAKEN_OVER, "you joined another room") == await before.closed()
                await after.receive("full")
                await after.receive("delta")
                before = after

    play(story())


def test_limits_hold_over_all_machines(redis_server: RedisServer, machines: Machines) -> None:
    """Players of an address and rooms in all are counted over both, refused with what was reached, and counted; without
    Redis each machine goes by its own limits."""
    limits = ("--service-address-max", "3", "--service-rooms-max", "2", "--exempt-addresses", "192.0.2.1")
    here, there = machines(*limits, env=ENV)

    async def story() -> None:
        async with Players(0) as players, admin_at(here) as feed:
            first = await alone(players, here.port)
            await alone(players, there.port)
            await machines_seen(feed, lambda found: sum(node["rooms"] for node in found["nodes"]) == 2)
            full = await refused(players, here.port, create=True, options={"seats": 77})
            assert (SERVER_FULL, "the service has all the rooms that it may have") == full
            players.port = here.port
            await players.join(room=first.welcome["room"])
            await machines_seen(feed, lambda found: sum(node["players"] for node in found["nodes"]) == 3)
            full = await refused(players, here.port, room=first.welcome["room"])
            assert (SERVER_FULL, "this address has its 3 players on all machines") == full
            redis_server.stop()
            await machines_seen(feed, lambda found: not found["is_up"])
            await alone(players, here.port)
            redis_server.start()

    play(story())
    text = "\n".join(each_text(here))
    assert 'limits_reached_total{limit="service_address_max"' in text


def each_text(service: ServerProcess) -> list[str]:
    """Return the lines of a service's metrics that count something."""
    with urllib.request.urlopen(service.url + "/metrics", timeout=10) as response:
        return [line for line in response.read().decode().splitlines() if not line.endswith(" 0.0")]
