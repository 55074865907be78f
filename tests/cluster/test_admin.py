"""The status page of a service of several processes speaks for all of them, whichever it reaches."""

import asyncio
import itertools
import operator
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import ujson
from tornado.websocket import WebSocketClientConnection

from tests.cluster.admin import SECRET, act, admin_at, admin_at_process, ask, fetch, log_in
from tests.cluster.service import Players, is_running, node_of, play, text_of, until, workers
from tests.server_process import SIGNS_OF_A_BUG, ServerProcess
from tests.web.admin_site import closed, look_into, read, receive

KICKED, ROOM_CLOSED, DRAINING, LOGGED_OUT = 4011, 4012, 4016, 4401


def start_two(folder: Path, *more: str) -> ServerProcess:
    """Start a service of two workers."""
    flags = ("--workers", "2", "--games", "swarm", "--games", "arena", "--run-dir", str(folder / "run"), *more)
    service = ServerProcess(folder, flags, {"GAME_SERVER_ADMIN_SECRET": SECRET})
    service.wait_until_ready()
    return service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A service of two workers, for all tests that leave it with two."""
    # Seats of players who have left stay taken, so that nothing changes by itself.
    started = start_two(tmp_path_factory.mktemp("admin"), "--drain-s", "0", "--seat-hold-s", "300")
    yield started
    assert 0 == started.stop(), started.log
    assert not any(sign in started.log for sign in SIGNS_OF_A_BUG), started.log


def test_acts_reach_the_room_wherever_it_is(service: ServerProcess) -> None:
    """A player is removed, a room told, locked and closed from a page at the other process; the answers come back, and
    a page at either shows who did what, once."""

    async def story() -> None:
        async with Players(service.port) as players:
            ann, _ = await players.rooms_of_both()
            home, room = node_of(ann), ann.welcome["room"]
            bob = await players.join(room=room, name="Bob")
            async with (
                admin_at_process(service, lambda node: node != home) as far,
                admin_at_process(service, lambda node: node == home) as near,
            ):
                await act(far, act="notice", room=room, text="Lunch")
                assert "Lunch" == (await ann.event("notice"))["text"]
                named = {"room": room, "seat": bob.welcome["seat"], "name": "Bob"}
                assert f"Removed Bob from swarm room {room}" in await act(far, act="kick", **named)
                assert (KICKED, "removed by an admin") == await bob.closed()
                again = await ask(far, act="kick", **named)
                assert (False, "Nobody holds this seat any more") == (again["ok"], again["text"])
                assert f"Locked swarm room {room}" == await act(far, act="lock", room=room, locked=True)
                await act(far, act="close", room=room, reason="enough")
                assert (ROOM_CLOSED, "enough") == await ann.closed()
                gone = await ask(far, act="close", room=room)
                assert (False, "This room is no more") == (gone["ok"], gone["text"])
                for feed in (far, near):
                    assert 1 == await acts_shown(feed, f"Removed Bob from swarm room {room}")

    play(story())


async def acts_shown(feed: WebSocketClientConnection, text: str) -> int:
    """Return how often an act stands in the record that a page shows, once it does."""
    while True:
        acts = (await receive(feed, "update")).get("acts", [])
        if found := [row for row in acts if row["text"].startswith(text)]:
            return len(found)


async def seen(feed: WebSocketClientConnection, is_so: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Return what a page knows once it is so: figures, parts and rooms, put together from its messages."""
    known: dict[str, Any] = {"rooms": {}, "process": {}, "counters": {}}
    while True:
        text = await read(feed)
        assert isinstance(text, str)
        message = ujson.loads(text)
        if message["type"] not in ("hello", "update"):
            continue
        if message["type"] == "hello":
            known["rooms"] = {}
        for name in ("process", "counters", "rooms"):
            for key, value in message[name].items():
                is_row = name == "rooms" and key in known[name]
                known[name][key] = {**known[name][key], **value} if is_row else value
        for room in message.get("gone", ()):
            known["rooms"].pop(room, None)
        known |= {key: message[key] for key in ("workers", "verdict", "second", "server") if key in message}
        if is_so(known):
            return known


def states(known: dict[str, Any]) -> dict[str, str]:
    """Return the state of each process that a page tells of."""
    return {row["node"]: row["state"] for row in known["workers"] or ()}


def test_a_page_shows_all_processes(service: ServerProcess) -> None:
    """Rooms, players and connections of both, counters and bytes as sums, tick times of both, and who was asked."""

    async def story() -> None:
        async with Players(service.port) as players, admin_at(service) as feed:
            both = await players.rooms_of_both()
            await players.join(room=both[0].welcome["room"])
            rooms = {player.welcome["room"] for player in both}
            nodes = {node_of(player) for player in both}
            joins = sum_of(service, "game_server_joins_total")

            def is_whole(known: dict[str, Any]) -> bool:
                has_times = all(known["rooms"].get(room, {}).get("tick_ms_p50") is not None for room in rooms)
                return has_times and known["counters"]["joins"] >= joins and len(states(known)) == 2

            known = await seen(feed, is_whole)
            assert rooms <= known["rooms"].keys()
            assert dict.fromkeys(nodes, "up") == states(known)
            assert [True] == [row["is_here"] for row in known["workers"] if row["node"] == known["server"]["node"]]
            assert known["process"]["players"] == sum(row["players"] for row in known["workers"]) >= 3
            assert known["process"]["rooms"] == len(known["rooms"])
            assert known["process"]["memory_bytes"] == sum(row["memory_bytes"] for row in known["workers"])
            assert known["process"]["cpu_percent"] == max(row["cpu_percent"] for row in known["workers"])
            assert known["server"]["connections_max"] % 2 == 0
            assert known["process"]["tick_ms_p99"] is not None
            assert known["second"]["players"] == known["process"]["players"]

    play(story())


def sum_of(service: ServerProcess, name: str) -> int:
    """Return a figure of /metrics, summed over all processes."""
    lines = (text_of(service, "/metrics") or "").splitlines()
    return sum(round(float(line.split()[-1])) for line in lines if line.startswith(f"{name}{{"))


def test_a_page_shows_what_was_before_it_in_all_processes(service: ServerProcess) -> None:
    """The last 15 minutes of a page are those of all processes, whichever it reaches: two players in two rooms for some
    seconds, tick times included."""

    async def story() -> None:
        async with Players(service.port) as players:
            await players.rooms_of_both()
            players_now = service.get_json("/healthz")["players"]
            async with admin_at(service) as feed:
                for _ in range(4):
                    await receive(feed, "update")
            for node in workers(service):
                async with admin_at_process(service, partial(operator.eq, node)) as feed:
                    columns: dict[str, list[Any]] = {}
                    while "tick_ms_p50" not in columns or "players" not in columns:
                        columns |= (await receive(feed, "history"))["columns"]
                    assert 1 == len({len(column) for column in columns.values()})
                    assert [players_now, players_now] == columns["players"][-2:]
                    assert all(value is not None for value in columns["tick_ms_p50"][-2:])
                    assert all(later > sooner for sooner, later in itertools.pairwise(columns["at_s"]))

    play(story())


def test_a_room_of_another_process_is_looked_into(service: ServerProcess) -> None:
    """Its players with address and round trip, its live state, and its events as they happen; then, from the same page,
    one of this process."""

    async def story() -> None:
        async with Players(service.port) as players:
            ann, bob = await players.rooms_of_both()
            async with admin_at_process(service, lambda node: node != node_of(ann)) as feed:
                for player in (ann, bob):
                    await player.receive("full")  # the first tick has given it a mover
                    room = player.welcome["room"]
                    whole = await look_into(feed, room, state=True)
                    assert room == whole["room"]
                    assert "127.0.0.1" == whole["set"][str(player.welcome["seat"])]["address"]
                    assert 1 == whole["state"]["counts"]["Mover"]
                    await act(feed, act="notice", room=room, text="Hello")
                    news = await receive(feed, "room")
                    while "notice" not in [event["name"] for event in news["events"]]:
                        news = await receive(feed, "room")
                    assert (room, False) == (news["room"], news.get("full", False))

    play(story())


def test_a_room_of_another_process_is_watched_unseen(service: ServerProcess) -> None:
    """The ticket that a page gets there lets in at the room's process, whichever takes the call; no seat is taken."""

    async def story() -> None:
        async with Players(service.port) as players:
            ann, _ = await players.rooms_of_both()
            room = ann.welcome["room"]
            async with admin_at_process(service, lambda node: node != node_of(ann)) as feed:
                for _ in range(3):
                    answer = await ask(feed, act="ticket", room=room)
                    assert answer["text"].endswith("unseen")
                    watcher = await players.connect()
                    await watcher.send("join", version=1, game="swarm", ticket=answer["ticket"])
                    assert room == (await watcher.receive("welcome"))["room"]
                    await watcher.receive("full")
                whole = await look_into(feed, room)
                assert [str(ann.welcome["seat"])] == list(whole["set"])

    play(story())


def test_a_process_that_dies_shows_as_gone_and_another_as_up(service: ServerProcess) -> None:
    """Its rooms leave the page, the verdict says why, and the page goes on with those that are there."""

    async def story() -> None:
        async with Players(service.port) as players:
            lost, kept = await players.rooms_of_both()
            dead, room = node_of(lost), lost.welcome["room"]
            async with admin_at_process(service, lambda node: node != dead) as feed:
                await seen(feed, lambda known: room in known["rooms"] and states(known).get(dead) == "up")
                os.kill(workers(service)[dead]["pid"], signal.SIGKILL)
                known = await seen(feed, lambda known: states(known).get(dead) == "gone" and len(states(known)) == 3)
                assert {"up": 2, "gone": 1} == Counter(states(known).values())
                assert f"Process {dead} has died" in " ".join(row["text"] for row in known["verdict"]["reasons"])
                known = await seen(feed, lambda known: kept.welcome["room"] in known["rooms"])
                assert room not in known["rooms"]
                refused = await ask(feed, act="close", room=room)
                assert (False, f"There is no process {dead} any more") == (refused["ok"], refused["text"])

    play(story())


def test_a_page_never_waits_for_a_stuck_process(service: ServerProcess) -> None:
    """While one is stopped the page is told of the others each second, and that this one does not answer; an act on its
    rooms ends with those words too; when it goes on, all is there again."""

    async def story() -> None:
        async with Players(service.port) as players:
            stuck, _ = await players.rooms_of_both()
            node, room = node_of(stuck), stuck.welcome["room"]
            pid = workers(service)[node]["pid"]
            async with admin_at_process(service, lambda found: found != node) as feed:
                await seen(feed, lambda known: room in known["rooms"])
                os.kill(pid, signal.SIGSTOP)
                try:
                    known = await seen(feed, lambda known: states(known).get(node) == "silent")
                    before = (await receive(feed, "update"))["second"]["at_s"]
                    for _ in range(2):
                        await receive(feed, "update")
                    after = (await receive(feed, "update"))["second"]["at_s"]
                    assert 2 < after - before < 20
                    assert "bad" == known["verdict"]["level"]
                    words = f"Process {node} does not answer: its figures are missing"
                    assert words in [row["text"] for row in known["verdict"]["reasons"]]
                    refused = await ask(feed, act="close", room=room)
                    assert (False, True) == (refused["ok"], "does not answer" in refused["text"])
                finally:
                    os.kill(pid, signal.SIGCONT)
                known = await seen(feed, lambda known: states(known).get(node) == "up")
                assert "Process" not in " ".join(row["text"] for row in known["verdict"]["reasons"])

    play(story())


def test_the_log_level_is_set_in_all(service: ServerProcess) -> None:
    """Also in a process that is started after it was."""

    async def story() -> None:
        async with admin_at(service) as feed:
            assert "Log level info is now debug, in 2 processes" == await act(feed, act="log_level", level="debug")
        for _ in range(4):
            async with admin_at(service) as feed:
                assert "debug" == (await receive(feed, "hello"))["facts"]["log_level"]
        before = workers(service)
        os.kill(next(iter(before.values()))["pid"], signal.SIGKILL)
        fresh = await asyncio.to_thread(until, lambda: len(found := workers(service)) == 2 and set(found) - set(before))
        async with admin_at_process(service, lambda node: node in fresh) as feed:
            assert "Log level debug is now info" in await act(feed, act="log_level", level="info")

    play(story())


def test_a_log_out_holds_in_all(service: ServerProcess) -> None:
    """The cookie opens nothing at any process, one that is started later included, and pages under it are closed."""

    async def story() -> None:
        cookie = await log_in(service)
        nodes = set(workers(service))
        async with (
            admin_at_process(service, lambda node: node == min(nodes), cookie) as one,
            admin_at_process(service, lambda node: node == max(nodes), cookie) as other,
        ):
            headers = {"Cookie": cookie, "Origin": service.url}
            done = await fetch(service, "/admin/logout", method="POST", body="", headers=headers)
            assert 204 == done.code
            assert [LOGGED_OUT, LOGGED_OUT] == [(await closed(feed))[0] for feed in (one, other)]
        os.kill(workers(service)[min(nodes)]["pid"], signal.SIGKILL)
        await asyncio.to_thread(until, lambda: len(found := workers(service)) == 2 and min(nodes) not in found)
        for _ in range(8):
            assert 403 == (await fetch(service, "/admin", headers={"Cookie": cookie})).code

    play(story())


@pytest.mark.parametrize("has_supervisor", [True, False])
def test_the_service_is_shut_down_as_one(tmp_path: Path, has_supervisor: bool) -> None:
    """From whichever process: players in all are told and closed with 4016, and no process is left or started anew;
    with a supervisor that is there, and without one."""
    service = start_two(tmp_path, "--drain-s", "1")

    async def story() -> None:
        pids = [worker["pid"] for worker in workers(service).values()]
        async with Players(service.port) as players, admin_at(service) as feed:
            both = await players.rooms_of_both()
            if not has_supervisor:
                os.kill(service.pid, signal.SIGKILL)
                await asyncio.to_thread(until, lambda: not service.running)
            told = await act(feed, act="drain")
            assert "Shutting down all 2 processes: 2 players told, 1 s left" == told
            assert ["The server shuts down in 1 s."] * 2 == [(await each.event("notice"))["text"] for each in both]
            assert [DRAINING, DRAINING] == [(await each.closed())[0] for each in both]
        await asyncio.to_thread(until, lambda: not any(is_running(pid) for pid in pids))

    play(story())
    until(lambda: not service.running)
    assert (0 if has_supervisor else -signal.SIGKILL) == service.stop(0)
    assert not any(sign in service.log for sign in SIGNS_OF_A_BUG), service.log
