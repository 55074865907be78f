"""The status page of a service of several processes speaks for all of them, whichever it reaches."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tornado.websocket import WebSocketClientConnection

from tests.cluster.admin import SECRET, act, admin_at, admin_at_process, ask, fetch, log_in
from tests.cluster.service import Players, is_running, node_of, play, until, workers
from tests.server_process import SIGNS_OF_A_BUG, ServerProcess
from tests.web.admin_site import closed, receive

KICKED, ROOM_CLOSED, DRAINING, LOGGED_OUT = 4011, 4012, 4016, 4401


def start_two(folder: Path, *more: str) -> ServerProcess:
    """Start a service of two workers."""
    flags = ("--workers", "2", "--games", "swarm", "--games", "arena", "--run-dir", str(folder / "run"), *more)
    service = ServerProcess(folder, flags, {"GAME_SERVER_ADMIN_SECRET": SECRET})
    service.wait_until_ready()
    return service


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A service of two workers for all tests that leave it as it was."""
    service = start_two(tmp_path_factory.mktemp("shared"), "--drain-s", "0")
    yield service
    assert 0 == service.stop(), service.log
    assert not any(sign in service.log for sign in SIGNS_OF_A_BUG), service.log


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Start a service of two workers that the test may end or harm."""
    started: list[ServerProcess] = []

    def start_one(*more: str) -> ServerProcess:
        started.append(start_two(tmp_path, *more))
        return started[-1]

    yield start_one
    for service in started:
        service.stop()
        assert not any(sign in service.log for sign in SIGNS_OF_A_BUG), service.log


def test_acts_reach_the_room_wherever_it_is(shared: ServerProcess) -> None:
    """A player is removed, a room told, locked and closed from a page at the other process; the answers come back, and
    a page at either shows who did what, once."""

    async def story() -> None:
        async with Players(shared.port) as players:
            ann, _ = await players.rooms_of_both()
            home, room = node_of(ann), ann.welcome["room"]
            bob = await players.join(room=room, name="Bob")
            async with (
                admin_at_process(shared, lambda node: node != home) as far,
                admin_at_process(shared, lambda node: node == home) as near,
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


def test_the_log_level_is_set_in_all(start: Callable[..., ServerProcess]) -> None:
    """Also in a process that is started after it was."""
    service = start("--drain-s", "0")

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


def test_a_log_out_holds_in_all(start: Callable[..., ServerProcess]) -> None:
    """The cookie opens nothing at any process, one that is started later included, and pages under it are closed."""
    service = start("--drain-s", "0")

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
def test_the_service_is_shut_down_as_one(start: Callable[..., ServerProcess], has_supervisor: bool) -> None:
    """From whichever process: players in all are told and closed with 4016, and no process is left or started anew;
    with a supervisor that is there, and without one."""
    service = start("--drain-s", "1")

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
