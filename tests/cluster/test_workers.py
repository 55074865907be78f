"""Several processes behind one port, with real processes and sockets: players notice nothing of them."""

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.service import Players, is_running, node_of, play, text_of, until, workers
from tests.conftest import StartServer
from tests.server_process import ROOT, SIGNS_OF_A_BUG, ServerProcess
from tests.web.game_site import message


@pytest.fixture
def start_workers(start_server: StartServer, tmp_path: Path, free_port: int) -> Callable[..., ServerProcess]:
    """Start a service of two workers; called again, on the same port and folder."""

    def start(*more: str) -> ServerProcess:
        flags = ("--workers", "2", "--games", "swarm", "--port", str(free_port), "--run-dir", str(tmp_path / "run"))
        return start_server(*flags, "--drain-s", "1", *more)

    return start


@pytest.fixture
def service(start_workers: Callable[..., ServerProcess]) -> ServerProcess:
    """A running service of two workers."""
    return start_workers()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A service of two workers for all tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("shared")
    flags = ("--workers", "2", "--games", "swarm", "--run-dir", str(folder / "run"), "--drain-s", "0")
    server = ServerProcess(folder, flags, {})
    try:
        server.wait_until_ready()
        yield server
        assert 0 == server.stop(), server.log
        assert not any(sign in server.log for sign in SIGNS_OF_A_BUG), server.log
    finally:
        server.kill()


def test_a_room_is_found_from_wherever_one_comes_in(shared: ServerProcess) -> None:
    """By its id, by its code, and by a token: all who ask for a room get there, whichever process took their call, and
    what they sent behind the first message is played."""

    async def story() -> None:
        async with Players(shared.port) as players:
            for host in await players.rooms_of_both():
                room = host.welcome["room"]
                for _ in range(5):
                    guest = await players.connect()
                    await guest.raw.send(
                        message("join", version=1, game="swarm", room=room)
                        + message("input", seq=1, dx=1, dy=0)
                        + message("input", seq=2, dx=1, dy=0)
                    )
                    guest.welcome = await guest.receive("welcome")
                    assert room == guest.welcome["room"]
                    while (await guest.receive("full", "delta"))["ack"] < 2:
                        pass
                    guest.raw.close()
                    back = await players.resume(guest.welcome["token"])
                    assert (room, True, 2) == tuple(back.welcome[key] for key in ("room", "resumed", "ack"))
                    await back.receive("full")
                    await back.send("leave")
                    assert 1000 == (await back.closed())[0]
            private = await players.join(create=True, private=True)
            for _ in range(5):
                friend = await players.join(code=private.welcome["code"].lower())
                assert private.welcome["room"] == friend.welcome["room"]

    play(story())
    handed = re.findall(r'hand_overs_total\{outcome="(\w+)",worker="\w+"\} (\d+)', text_of(shared, "/metrics") or "")
    numbers = {outcome: sum(int(count) for name, count in handed if name == outcome) for outcome, _ in handed}
    assert numbers["handed"] == numbers["taken"] > 0
    assert 0 == numbers["failed"]


def test_one_answer_speaks_for_all(shared: ServerProcess) -> None:
    """/healthz, /api/rooms and /metrics tell of every process, whichever is asked."""

    async def story() -> None:
        async with Players(shared.port) as players:
            rooms = {player.welcome["room"] for player in await players.rooms_of_both()}
            for _ in range(6):
                listed = await asyncio.to_thread(shared.get_json, "/api/rooms")
                assert rooms <= {room["room"] for room in listed["rooms"]}
                health = await asyncio.to_thread(shared.get_json, "/healthz")
                assert (True, 2) == (health["ok"], len(health["workers"]))
                text = await asyncio.to_thread(text_of, shared, "/metrics") or ""
                assert all(f'game_server_joins_total{{worker="{node}"}}' in text for node in health["workers"])

    play(story())


def test_a_crowd_fills_rooms(service: ServerProcess) -> None:
    """Many quick matches at once, over two processes: rooms are full but for one in each."""

    async def story() -> list[str]:
        async with Players(service.port) as players:
            seated = await asyncio.gather(*(players.join() for _ in range(64)))
            return [str(player.welcome["room"]) for player in seated]

    rooms = play(story())
    counts = [rooms.count(room) for room in set(rooms)]

    assert 10 == max(counts)
    assert 2 >= sum(1 for count in counts if count < 10)
    assert {room.partition("-")[0] for room in rooms} == set(workers(service))


def test_a_process_that_dies_takes_only_its_own_players(service: ServerProcess) -> None:
    """The others get every state, the seats of the dead are gone, and another process takes its place."""

    async def story() -> None:
        async with Players(service.port) as players:
            lost, kept = await players.rooms_of_both()
            tick = (await kept.receive("full"))["tick"]
            os.kill(workers(service)[node_of(lost)]["pid"], signal.SIGKILL)

            assert 1006 == (await lost.closed())[0]
            for number in range(1, 41):
                assert tick + number == (await kept.receive("delta"))["tick"]
            again = await players.connect()
            await again.send("resume", version=1, token=lost.welcome["token"])
            assert 4015 == (await again.closed())[0]
            await players.join(create=True)

    play(story())
    until(lambda: len(workers(service)) == 2 and all(worker["ok"] for worker in workers(service).values()))


def test_players_outlive_the_supervisor(start_workers: Callable[..., ServerProcess]) -> None:
    """When it is killed, play, resumes, joins by id and quick matches go on; the next one takes over the same
    processes, and a signal to it ends all."""
    first = start_workers()

    async def story() -> None:
        async with Players(first.port) as players:
            hosts = await players.rooms_of_both()
            pids = {worker["pid"] for worker in workers(first).values()}
            os.kill(first.pid, signal.SIGKILL)
            for host in hosts:
                await host.receive("delta")
                guest = await players.join(room=host.welcome["room"])
                assert host.welcome["room"] == guest.welcome["room"]
                assert (await players.resume(guest.welcome["token"])).welcome["resumed"]
            await players.join()
            second = await asyncio.to_thread(start_workers)
            assert pids == {worker["pid"] for worker in workers(second).values()}
            seated = [await players.join() for _ in range(4)]
            ends = asyncio.gather(*(player.closed() for player in seated))
            assert 0 == await asyncio.to_thread(second.stop)
            assert {4016} == {code for code, _ in await ends}
            assert [] == [pid for pid in pids if is_running(pid)]

    play(story())


def test_a_stuck_process_shows_in_the_health(service: ServerProcess) -> None:
    """One that does not answer makes the service unwell, in bounded time, until it goes on."""
    node, worker = next(iter(workers(service).items()))
    os.kill(worker["pid"], signal.SIGSTOP)
    try:
        # The stopped one takes calls too: those are not answered at all.
        until(lambda: node in (found := workers(service)) and not found[node]["ok"])
    finally:
        os.kill(worker["pid"], signal.SIGCONT)

    until(lambda: len(found := workers(service)) == 2 and all(worker["ok"] for worker in found.values()))


def test_a_code_that_a_stuck_process_may_have_is_not_called_wrong(service: ServerProcess) -> None:
    """Whoever comes with it is told to try again, and gets in when that process goes on."""

    async def story() -> None:
        async with Players(service.port) as players:
            host = await players.join(create=True, private=True)
            code, found = host.welcome["code"], workers(service)
            pid = found[node_of(host)]["pid"]
            os.kill(pid, signal.SIGSTOP)
            try:
                ends = [asyncio.create_task(refused(players, code)) for _ in range(8)]
                # The stopped one takes calls too: those are not answered at all.
                done, waiting = await asyncio.wait(ends, timeout=8.0)
                for task in waiting:
                    task.cancel()
                assert {(1001, "its process does not answer; try again")} == {task.result() for task in done}
            finally:
                os.kill(pid, signal.SIGCONT)
            assert host.welcome["room"] == (await players.join(code=code)).welcome["room"]
            assert 4004 == (await refused(players, "222222"))[0]

    async def refused(players: Players, code: str) -> tuple[int, str]:
        guest = await players.connect()
        await guest.send("join", version=1, game="swarm", code=code)
        return await guest.closed()

    play(story())


def test_a_worker_that_is_alone_for_too_long_drains(start_workers: Callable[..., ServerProcess]) -> None:
    """After `orphan_drain_s` without a supervisor its players hear that it shuts down, and it ends."""
    service = start_workers("--orphan-drain-s", "0.5")

    async def story() -> None:
        async with Players(service.port) as players:
            host = await players.join(create=True)
            pids = [worker["pid"] for worker in workers(service).values()]
            os.kill(service.pid, signal.SIGKILL)
            assert 4016 == (await host.closed())[0]
            await asyncio.to_thread(until, lambda: not any(map(is_running, pids)))

    play(story())


def test_a_second_supervisor_is_refused(shared: ServerProcess, tmp_path: Path) -> None:
    """Two on one port would fight over the workers; nothing happens to the first."""
    ended = subprocess.run(
        [*shared.args, "--port", str(shared.port)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    assert 2 == ended.returncode
    assert f"another supervisor serves port {shared.port}" in ended.stderr
    assert 2 == len(workers(shared))
