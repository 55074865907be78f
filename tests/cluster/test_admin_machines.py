"""The status page of several machines that share a Redis: each shows the rooms of all, and acts on all."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ujson

from tests.cluster.admin import SECRET, act, admin_at, ask
from tests.cluster.redis_server import SKIPPED, RedisServer, find_redis
from tests.cluster.service import Players, play, until
from tests.cluster.test_admin import seen
from tests.cluster.test_service import alone, machines_seen
from tests.server_process import ServerProcess
from tests.system_packages import in_ci
from tests.web.admin_site import look_into, receive

pytestmark = pytest.mark.skipif(find_redis() is None and not in_ci(), reason=SKIPPED)

Machines = Callable[..., list[ServerProcess]]
KICKED, ROOM_CLOSED, DRAINING = 4011, 4012, 4016


def url_of(service: ServerProcess) -> str:
    """Return what a machine announces."""
    return f"ws://127.0.0.1:{service.port}/ws"


def rooms_at(service: ServerProcess) -> dict[str, Any]:
    """Return the rooms that a machine lists, by id."""
    return {row["room"]: row for row in service.get_json("/api/rooms")["rooms"]}


def test_an_operator_acts_on_rooms_of_another_machine(machines: Machines) -> None:
    """It is listed by /api/rooms if it is public, shown, looked into with its state, told, rid of a player, and closed;
    what cannot be done is refused with the owner's own words."""
    here, there = machines(env={"GAME_SERVER_ADMIN_SECRET": SECRET})

    async def story() -> None:
        async with Players(0) as players, admin_at(here) as feed:
            public = (await alone(players, there.port)).welcome["room"]
            ann = await alone(players, there.port, private=True)
            room = ann.welcome["room"]
            listed = await asyncio.to_thread(until, lambda: rooms_at(here).get(public))
            assert (url_of(there), 1, "swarm") == (listed["url"], listed["seats_taken"], listed["game"])
            assert room not in rooms_at(here) | rooms_at(there)
            assert "url" not in rooms_at(there)[public]
            players.port = there.port
            bob = await players.join(code=ann.welcome["code"], name="Bob")
            known = await seen(feed, lambda known: known["rooms"].get(room, {}).get("taken") == 2)
            row = known["rooms"][room]
            assert (url_of(there), "private", "swarm") == (row["machine"], row["code"], row["game"])
            async with admin_at(here) as later:
                assert room in (await receive(later, "hello"))["rooms"]
            whole = await look_into(feed, room, state=True)
            assert ["127.0.0.1"] * 2 == [seat["address"] for seat in whole["set"].values()]
            assert 2 == whole["state"]["counts"]["Mover"]

            assert "Told swarm room" in await act(feed, act="notice", room=room, text="Lunch")
            assert "Lunch" == (await ann.event("notice"))["text"]
            named = {"room": room, "seat": bob.welcome["seat"], "name": "Bob"}
            assert f"Removed Bob from swarm room {room}" in await act(feed, act="kick", **named)
            assert KICKED == (await bob.closed())[0]
            again = await ask(feed, act="kick", **named)
            assert (False, "Nobody holds this seat any more") == (again["ok"], again["text"])
            await act(feed, act="close", room=room, reason="enough")
            assert (ROOM_CLOSED, "enough") == await ann.closed()
            await act(feed, act="close", room=public)
            await seen(feed, lambda known: not {room, public} & known["rooms"].keys())
            await asyncio.to_thread(until, lambda: public not in rooms_at(here))

    play(story())


def test_a_machine_is_shut_down_from_another(redis_server: RedisServer, machines: Machines, tmp_path: Path) -> None:
    """All of its processes end as after a SIGTERM, and both machines keep a record; while Redis is away, the answer
    says that it cannot be reached; a machine that is not known is refused."""
    here, there = machines(env={"GAME_SERVER_ADMIN_SECRET": SECRET})

    async def story() -> None:
        async with Players(0) as players, admin_at(here) as feed:
            ann = await alone(players, there.port)
            await seen(feed, lambda known: ann.welcome["room"] in known["rooms"])
            redis_server.stop()
            lost = await ask(feed, act="close", room=ann.welcome["room"])
            assert (False, True) == (lost["ok"], lost["text"].startswith("Redis does not answer"))
            redis_server.start()
            await machines_seen(feed, lambda found: len(found["nodes"]) == 2)
            unknown = await ask(feed, act="drain", machine="ws://nowhere/ws")
            assert (False, "No machine ws://nowhere/ws is known") == (unknown["ok"], unknown["text"])
            told = await act(feed, act="drain", machine=url_of(there))
            assert f"{url_of(there)}: Shutting down all 1 processes: 1 player told, 0 s left" == told
            assert DRAINING == (await ann.closed())[0]

    play(story())
    until(lambda: not there.running)
    assert here.running
    records = [(tmp_path / f"data-{each.port}" / "audit.jsonl").read_text().splitlines() for each in (here, there)]
    drains = [line for record in records for line in map(ujson.loads, record) if line["act"] == "drain" and line["ok"]]
    assert 2 == len(drains)
    assert drains[0]["by"] == drains[1]["by"]


def test_machines_with_other_secrets_do_not_obey(machines: Machines) -> None:
    """Without a common secret a machine refuses what comes over Redis, and says why; its player plays on."""
    here, there = machines()
    secret = here.log.partition("secret=")[2].split()[0]

    async def story() -> None:
        async with Players(0) as players, admin_at(here, secret=secret) as feed:
            ann = await alone(players, there.port)
            await seen(feed, lambda known: ann.welcome["room"] in known["rooms"])
            refused = await ask(feed, act="close", room=ann.welcome["room"])
            assert (False, True) == (refused["ok"], "another GAME_SERVER_ADMIN_SECRET" in refused["text"])
            for _ in range(3):
                await ann.receive("full", "delta")

    play(story())
