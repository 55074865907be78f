"""A user's one seat, over processes and machines: the newer connection has it, and never nobody or two."""

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.redis_server import SKIPPED, RedisServer, find_redis
from tests.cluster.service import WAIT_S, Players, node_of, play
from tests.cluster.test_service import ENV, TAKEN_OVER, Machines, token
from tests.conftest import StartServer
from tests.server_process import ServerProcess
from tests.system_packages import in_ci
from tests.web.game_site import SitePlayer

needs_redis = pytest.mark.skipif(find_redis() is None and not in_ci(), reason=SKIPPED)
GAMES = ("--games", "tests.cluster.single", "--games", "swarm")
SEAT_GONE = 4015


class Device:
    """One of a user's connections: asks for a seat, goes where it is sent, and waits for its end."""

    def __init__(self, players: Players, port: int, user: str, **wish: Any) -> None:
        self._players, self._port = players, port
        self._wish = {"game": "single", "identity": token(user), **wish}
        self.player: SitePlayer | None = None
        self.answered = asyncio.Event()
        self.ended: tuple[int, str] | None = None
        self.task = asyncio.create_task(self._run())

    @property
    def has_seat(self) -> bool:
        return self.player is not None and self.ended is None

    async def _run(self) -> None:
        try:
            self.player = await self._seated()
            if self.player is not None:
                self.answered.set()
                self.ended = await self.player.closed()
        finally:
            self.answered.set()

    async def _seated(self) -> SitePlayer | None:
        port = self._port
        for _ in range(6):
            self._players.port = port
            player = await self._players.connect()
            await player.send("join", version=1, **self._wish)
            try:
                answer = await player.receive("welcome", "moved")
            except AssertionError:
                self.ended = (TAKEN_OVER, "before it was seated")
                return None
            if answer["type"] == "welcome":
                player.welcome = answer
                return player
            port = int(answer["url"].removeprefix("ws://127.0.0.1:").removesuffix("/ws"))
            if answer["placement"]:
                self._wish["placement"] = answer["placement"]
        raise AssertionError("sent in a circle")


async def one_is_left(devices: Sequence[Device], services: Sequence[ServerProcess]) -> Device:
    """Return the one device that has the seat, once all were answered; the others heard why, and hold none."""
    async with asyncio.timeout(WAIT_S):
        for device in devices:
            await device.answered.wait()
        # The seat may still go from one to the other: both have to be true at the same time.
        while (  # noqa: ASYNC110 - other processes decide it
            await asyncio.to_thread(seats_taken, services) != 1 or sum(one.has_seat for one in devices) != 1
        ):
            await asyncio.sleep(0.02)
    lost = [device for device in devices if not device.has_seat]
    assert {TAKEN_OVER} >= {device.ended[0] for device in lost if device.ended}
    return next(device for device in devices if device.has_seat)


def seats_taken(services: Sequence[ServerProcess]) -> int:
    """Return how many seats of the game are taken over all machines, each asked for its own rooms."""
    rooms = [room for service in services for room in service.get_json("/api/rooms")["rooms"] if "url" not in room]
    return sum(room["seats_taken"] for room in rooms if room["game"] == "single")


@pytest.fixture
def start_workers(start_server: StartServer, tmp_path: Path, free_port: int) -> Iterator[Callable[[], ServerProcess]]:
    """Start a service of two workers; called again, on the same port and folder."""
    started: list[ServerProcess] = []

    def start() -> ServerProcess:
        run_dir = str(tmp_path / "run")
        flags = ("--workers", "2", *GAMES, "--port", str(free_port), "--run-dir", run_dir, "--drain-s", "0")
        started.append(start_server(*flags, env=ENV))
        return started[-1]

    yield start
    # Workers outlive their supervisor, and hold its log open: only another one ends them.
    last = started[-1] if started[-1].running else start()
    assert 0 == last.stop()


def test_the_newer_device_gets_the_seat_wherever_it_comes_in(start_workers: Callable[[], ServerProcess]) -> None:
    """The same room, whichever process takes the call; and a seat elsewhere when it asks for a room of its own."""
    service = start_workers()

    async def story() -> None:
        async with Players(service.port) as players:
            first = Device(players, service.port, "ann")
            held = await one_is_left([first], [service])
            for _ in range(8):
                newer = Device(players, service.port, "ann")
                assert newer is await one_is_left([held, newer], [service])
                assert held.player
                assert newer.player
                assert (True, held.player.welcome["room"]) == (
                    newer.player.welcome["resumed"], newer.player.welcome["room"],
                )  # fmt: skip
                assert held.ended
                assert TAKEN_OVER == held.ended[0]
                held = newer
            token_before = held.player.welcome["token"] if held.player else ""
            moved = Device(players, service.port, "ann", create=True)
            assert moved is await one_is_left([held, moved], [service])
            late = await players.connect()
            await late.send("resume", version=1, token=token_before)
            assert SEAT_GONE == (await late.closed())[0]

    play(story())


@pytest.mark.parametrize("seed", [1])
def test_two_at_the_same_instant_leave_one(start_workers: Callable[[], ServerProcess], seed: int) -> None:
    """At two processes at once, with and without a supervisor, and when a new one finds what happened meanwhile."""
    service = start_workers()
    chance = random.Random(seed)

    async def story() -> None:
        async with Players(service.port) as players:

            async def race(rounds: int) -> None:
                for number in range(rounds):
                    user = f"{rounds}-{number}"
                    many = [
                        Device(players, service.port, user, **({"create": True} if chance.random() < 0.5 else {}))
                        for _ in range(chance.randint(2, 4))
                    ]
                    left = await one_is_left(many, [service])
                    assert left.player
                    await left.player.send("leave")
                    await left.task

            await race(8)
            os.kill(service.pid, signal.SIGKILL)
            await race(7)
            before = [await players.join(game="single", identity=token(name), create=True) for name in "xyz"]
            second = await asyncio.to_thread(start_workers)
            for name, player in zip("xyz", before, strict=True):
                newer = Device(players, second.port, name)
                await newer.answered.wait()
                assert newer.player
                assert player.welcome["room"] == newer.player.welcome["room"]
                assert TAKEN_OVER == (await player.closed())[0]

    play(story())


async def seated_at_both(players: Players, port: int, user: str) -> list[Device]:
    """Let a user's devices each ask for a room of its own until they sit in two processes."""
    devices: list[Device] = []
    while len({node_of(device.player) for device in devices if device.player}) < 2:
        devices.append(Device(players, port, user, create=True))
        await devices[-1].answered.wait()
    return devices


def test_a_supervisor_that_hangs_leaves_no_user_two_seats(start_workers: Callable[[], ServerProcess]) -> None:
    """The processes agree among themselves while it does not answer."""
    service = start_workers()

    async def story() -> None:
        async with Players(service.port) as players:
            service.send_signal(signal.SIGSTOP)
            try:
                devices = await seated_at_both(players, service.port, "ann")
                assert devices[-1] is await one_is_left(devices, [service])
            finally:
                service.send_signal(signal.SIGCONT)

    play(story())


def test_claims_that_a_dying_supervisor_took_are_settled(
    start_workers: Callable[[], ServerProcess], tmp_path: Path
) -> None:
    """It had given numbers, and read no claim: what it was told last nobody has heard."""
    service = start_workers()
    taken: list[str] = []
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while line := await reader.readline():
            values = json.loads(line)
            taken.extend(values.get("seats", ()))
            if "ask" in values:
                answer = (time.monotonic_ns() // 1000, "") if "seek" in values else None
                writer.write(json.dumps({"answer": values["ask"], "values": answer}).encode() + b"\n")

    async def story() -> None:
        path = tmp_path / "run" / "supervisor.sock"
        async with Players(service.port) as players:
            os.kill(service.pid, signal.SIGKILL)
            path.unlink(missing_ok=True)
            dying = await asyncio.start_unix_server(serve, str(path))
            while len(writers) < 2:  # noqa: ASYNC110 - other processes decide it
                await asyncio.sleep(0.02)
            devices = await seated_at_both(players, service.port, "ann")
            assert {"single ann"} == set(taken)
            assert 1 < sum(device.has_seat for device in devices)
            path.unlink()
            dying.close()
            for writer in writers:
                writer.close()
            await one_is_left(devices, [service])

    play(story())


def test_a_game_may_give_a_user_both_seats(start_workers: Callable[[], ServerProcess]) -> None:
    """Without `one_seat_per_user` all of a user's devices play, in whichever process."""
    service = start_workers()

    async def story() -> None:
        async with Players(service.port) as players:
            for player in await players.rooms_of_both(identity=token("ann")):
                await player.receive("full")
                await player.receive("delta")

    play(story())


@needs_redis
def test_a_device_at_another_machine_gets_the_same_seat(machines: Machines) -> None:
    """It is told to go where the seat is, gets it there, and the older one hears 4010."""
    services = machines(*GAMES, env=ENV)

    async def story() -> None:
        async with Players(0) as players:
            held = Device(players, services[0].port, "ann")
            await one_is_left([held], services)
            for number in range(4):
                newer = Device(players, services[number % 2].port, "ann")
                assert newer is await one_is_left([held, newer], services)
                assert held.player
                assert newer.player
                assert held.player.welcome["room"] == newer.player.welcome["room"]
                held = newer

    play(story())


@needs_redis
@pytest.mark.parametrize("seed", [1])
def test_machines_that_race_leave_one(redis_server: RedisServer, machines: Machines, seed: int) -> None:
    """Whatever happens to Redis between: emptied, started anew, or paused while both seat the user."""
    services = machines(*GAMES, env=ENV)
    chance = random.Random(seed)

    async def nothing() -> None:
        return None

    async def gone_and_back(act: Callable[[], None]) -> None:
        await asyncio.sleep(chance.random() * 0.02)
        await asyncio.to_thread(act)

    def disturbance(deed: str) -> Awaitable[None]:
        acts = {"empty": redis_server.empty, "restart": redis_server.restart}
        return gone_and_back(acts[deed]) if deed in acts else nothing()

    async def story() -> None:
        async with Players(0) as players:
            deeds = ["none"] * 4 + ["empty"] * 3 + ["restart", "pause"]
            chance.shuffle(deeds)
            for number, deed in enumerate(deeds):
                if deed == "pause":
                    redis_server.pause()
                ports = [services[0].port, services[1].port, *chance.choices([s.port for s in services], k=2)]
                chance.shuffle(ports)
                devices = [Device(players, port, f"{number}", create=chance.random() < 0.5) for port in ports[:3]]
                await disturbance(deed)
                if deed == "pause":
                    for device in devices:
                        await device.answered.wait()
                    redis_server.go_on()
                left = await one_is_left(devices, services)
                assert left.player
                await left.player.send("leave")
                await left.task

    play(story())
