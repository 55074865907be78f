"""Random joins, leaves, deaths of real server processes and faults of a real Redis: python -m tests.cluster.real_faults

    --operations 10000    how many of them
    --seed 1              which, in which order; processes and sockets take their own time

Three machines of four workers in all, as `python -m game_server` starts them, share a Redis; players are real
WebSockets, which come in anywhere and go where they are sent. Workers and machines are killed, ended as at a deploy,
and stopped for a while; Redis is paused, emptied and started anew; all of it under way. Checked:

- no room id is ever at two processes, nor comes back after its process died;
- no seat is held by two players, and no room has more players than seats;
- who was told of a seat, and whose process lives, has it: hears the room, and can resume from any machine;
- at rest no room is lost: quick matches at every machine find each free seat before a new room is made, and the code of
  every private room is good everywhere;
- no answer is one that nothing explains.

The fast form of this, with sets of players in place of processes, is faults.py.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from game_server.core.directory import node_of
from game_server.errors import CloseCode
from tests.cluster.fault_machines import GAME, SEAT_HOLD_S, Machine, end, workers_in
from tests.cluster.fault_player import LOST, FaultPlayer, Outcome
from tests.cluster.redis_server import RedisServer
from tests.cluster.service import free_ports

SEATS = 4
GAME_NAME = GAME.rpartition(".")[2]
WORKERS = (2, 1, 1)
#: operations under way at once
AT_ONCE = 32
#: players at once; above it the next join is a leave
PLAYERS_MAX = 80
#: by then whoever was off the lists for a moment is on them again
LISTED_S = 2.5
#: by then the tickets have ended of those who never came
REST_S = 5.5
SETTLE_S = 20.0
#: what is done, and how often by comparison
DEEDS = {"match": 330, "room": 130, "private": 60, "code": 80, "leave": 150, "away": 220}
#: how often in ten thousand operations; each at least once in a run
FAULTS = {"kill_worker": 12, "kill_machine": 6, "terminate": 6, "stop": 12, "empty": 40, "restart": 15, "pause": 10}
#: a machine that is ending, a room that is full or over, a directory that is away: told, and good to know
EXPLAINED = {
    CloseCode.GOING_AWAY, CloseCode.DRAINING, CloseCode.ROOM_FULL, CloseCode.ROOM_NOT_FOUND, CloseCode.SEAT_GONE,
    CloseCode.ROOM_CLOSED,
}  # fmt: skip


class Broken(Exception):
    """What must never be was found."""


class Run:
    """One run: what players were told, and what was done to whom."""

    def __init__(
        self, machines: Sequence[Machine], redis: RedisServer, seed: int, operations: int, faults: Collection[str]
    ) -> None:
        self._machines, self._redis = machines, redis
        self._operations, self._faults = operations, faults
        self._chance = random.Random(seed)
        self.done: Counter[str] = Counter()
        self._players: list[FaultPlayer] = []
        self._born = 0
        #: where each room is, and who was told of each of its seats
        self._ports: dict[str, int] = {}
        self._seats: dict[tuple[str, int], FaultPlayer] = {}
        self._suspects: list[tuple[FaultPlayer, FaultPlayer, str]] = []
        #: when each process that has died did so
        self._dead_nodes: dict[str, float] = {}
        #: those that were told to end: their players may hear so, and may come back until they do
        self._ending_nodes: set[str] = set()
        #: since when a fault may explain that nobody answers
        self._faults_under_way = 0
        self._last_fault_s = 0.0
        self._afoot: set[asyncio.Task[None]] = set()
        self._redis_alone = asyncio.Lock()
        self._failure: BaseException | None = None

    # ---- the run -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Do everything, with a rest in the middle of a long run and at the end; raise Broken where a check fails."""
        plan = self._plan()
        rests = {len(plan)} | ({len(plan) // 3, 2 * len(plan) // 3} if len(plan) > 1000 else set())
        for number, deed in enumerate(plan, 1):
            while len(self._afoot) >= AT_ONCE:
                await asyncio.wait(self._afoot, return_when=asyncio.FIRST_COMPLETED)
            self._begin(deed)
            if self._failure is not None:
                raise self._failure
            if number in rests:
                await self._rest()
        for player in self._players:
            player.hang_up()

    def _plan(self) -> list[str]:
        faults = [deed for deed in self._faults for _ in range(max(1, self._operations * FAULTS[deed] // 10_000))]
        plain = self._chance.choices(list(DEEDS), list(DEEDS.values()), k=max(0, self._operations - len(faults)))
        plan = [*faults, *plain]
        self._chance.shuffle(plan)
        return plan

    def _begin(self, deed: str) -> None:
        task = asyncio.create_task(getattr(self, f"_do_{deed}")())
        self._afoot.add(task)
        self.done[deed] += 1
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._afoot.discard(task)
        if not task.cancelled() and task.exception() is not None and self._failure is None:
            self._failure = task.exception()

    # ---- players -----------------------------------------------------------------------------------------------

    def _seated(self) -> list[FaultPlayer]:
        return [player for player in self._players if player.is_seated]

    def _some_port(self) -> int:
        return self._chance.choice([machine for machine in self._machines if machine.pids] or self._machines).port

    def _some_player(self) -> FaultPlayer | None:
        seated = self._seated()
        return self._chance.choice(seated) if seated else None

    async def _do_match(self) -> None:
        if len(self._seated()) >= PLAYERS_MAX:
            await self._do_leave()
        else:
            await self._join()

    async def _do_private(self) -> None:
        await self._join(create=True, private=True)

    async def _do_room(self) -> None:
        host, port = self._some_player(), self._some_port()
        if host is None or host.code is not None:
            return
        room = host.room
        player = await self._join(port, room=room)
        if player is not None and player.room != room:
            raise Broken(f"asked for {room}, got {player.room}")

    async def _do_code(self) -> None:
        hosts, port = [player for player in self._seated() if player.code], self._some_port()
        if not hosts:
            return
        host = self._chance.choice(hosts)
        room = host.room
        player = await self._join(port, code=host.code)
        if player is not None and player.room != room:
            raise Broken(f"asked for the code of {room}, got {player.room}")

    async def _join(self, port: int = 0, **wish: object) -> FaultPlayer | None:
        self._born += 1
        player = FaultPlayer(self._born, self._closed)
        started_s = time.monotonic()
        outcome = await player.ask(port or self._some_port(), "join", game=GAME_NAME, **wish)
        self._explain(outcome, started_s)
        if not outcome.is_seated:
            return None
        self._players.append(player)
        self._told(player, started_s)
        return player

    async def _do_leave(self) -> None:
        player = self._some_player()
        if player is not None:
            self._forget(player)
            await player.say("leave")
            await asyncio.sleep(0.05)
            player.hang_up()

    async def _do_away(self) -> None:
        """Lose a connection and come back, to any machine, until it is heard that the seat is there or gone."""
        player = self._some_player()
        if player is None:
            return
        player.is_seated, player.is_away = False, True
        player.hang_up()
        await asyncio.sleep(self._chance.random() * 0.1)
        if await self._come_back(player):
            self.done["resumed"] += 1

    async def _come_back(self, player: FaultPlayer) -> bool:
        room, seat, away_s = player.room, player.seat, time.monotonic()
        while True:
            started_s = time.monotonic()
            outcome = await player.ask(self._some_port(), "resume", token=player.token)
            self._explain(outcome, started_s)
            if outcome.is_seated:
                if (room, seat) != (player.room, player.seat):
                    raise Broken(f"seat {seat} of {room} came back as {player.seat} of {player.room}")
                self._told(player, started_s)
                return True
            is_dead = node_of(room) in self._dead_nodes or node_of(room) in self._ending_nodes
            if outcome.code in (CloseCode.SEAT_GONE, CloseCode.DRAINING, CloseCode.ROOM_CLOSED):
                if not is_dead and time.monotonic() - away_s < SEAT_HOLD_S - 1:
                    raise Broken(f"seat {seat} of {room} is gone, its process lives: {outcome}")
                self._forget(player)
                return False
            if time.monotonic() - away_s > SEAT_HOLD_S:
                if not is_dead:
                    raise Broken(f"seat {seat} of {room} was not given back for {SEAT_HOLD_S:g} s: {outcome}")
                self._forget(player)
                return False
            await asyncio.sleep(0.1)

    # ---- what they are told ------------------------------------------------------------------------------------

    def _told(self, player: FaultPlayer, asked_s: float) -> None:
        """Compare a welcome with all welcomes before it."""
        room, seat = player.room, player.seat
        if self._ports.setdefault(room, player.port) != player.port:
            raise Broken(f"{room} is at {player.port} and at {self._ports[room]}")
        if self._dead_nodes.get(node_of(room), asked_s) < asked_s:
            raise Broken(f"{room} came back from the dead")
        if not 0 <= seat < SEATS:
            raise Broken(f"{room} has no seat {seat}")
        other = self._seats.get((room, seat))
        if other is not None and other is not player and (other.is_seated or other.is_away):
            # Its close may be on its way yet; at rest it has to have come.
            self._suspects.append((other, player, f"seat {seat} of {room}"))
        self._seats[room, seat] = player

    def _forget(self, player: FaultPlayer) -> None:
        player.is_seated = player.is_away = False
        if self._seats.get((player.room, player.seat)) is player:
            del self._seats[player.room, player.seat]
        if player in self._players:
            self._players.remove(player)

    def _closed(self, player: FaultPlayer) -> None:
        """The server ended a connection: that is right for a machine that ended, and else the seat is held."""
        assert player.closed is not None
        self.done[f"closed {player.closed.code}"] += 1
        self._forget(player)
        if player.closed.code not in (LOST, CloseCode.DRAINING, CloseCode.GOING_AWAY):
            self._failure = self._failure or Broken(f"a player of {player.room} was closed with {player.closed}")

    def _explain(self, outcome: Outcome, started_s: float) -> None:
        """Refuse an answer that nothing explains; that there is none, only a fault at the time does."""
        if outcome.is_seated:
            self.done["seated"] += 1
            return
        self.done[f"answered {outcome.code}"] += 1
        if outcome.code in (0, LOST):
            if not self._faults_under_way and self._last_fault_s < started_s:
                raise Broken(f"nobody answered, and nothing was wrong: {outcome}")
        elif outcome.code not in EXPLAINED:
            raise Broken(f"an answer that nothing explains: {outcome}")

    # ---- faults ------------------------------------------------------------------------------------------------

    def _some_machine(self) -> Machine | None:
        """Return a machine that is whole, and mark it as being in trouble; None when there is only one left."""
        whole = [machine for machine in self._machines if machine.pids and not machine.is_in_trouble]
        if len(whole) < 2:
            return None
        machine = self._chance.choice(whole)
        machine.is_in_trouble = True
        return machine

    async def _with_machine(self, fault: str) -> None:
        machine = self._some_machine()
        if machine is None:
            return
        self._faults_under_way += 1
        try:
            await getattr(self, f"_{fault}")(machine)
            await asyncio.to_thread(machine.wait_until_whole)
        finally:
            self._faults_under_way -= 1
            self._last_fault_s = time.monotonic()
            machine.is_in_trouble = False

    async def _do_kill_worker(self) -> None:
        await self._with_machine("killing_a_worker")

    async def _killing_a_worker(self, machine: Machine) -> None:
        self._note_dead([machine.kill_worker(self._chance.randrange(4))])

    def _note_dead(self, nodes: Iterable[str]) -> None:
        self._dead_nodes.update(dict.fromkeys(nodes, time.monotonic()))

    async def _do_kill_machine(self) -> None:
        await self._with_machine("killing")

    async def _killing(self, machine: Machine) -> None:
        self._note_dead(await asyncio.to_thread(machine.kill))
        machine.start_anew()

    async def _do_terminate(self) -> None:
        await self._with_machine("ending")

    async def _ending(self, machine: Machine) -> None:
        self._ending_nodes.update(machine.pids)
        self._note_dead(await asyncio.to_thread(machine.terminate))
        machine.start_anew()

    async def _do_stop(self) -> None:
        await self._with_machine("stopping")

    async def _stopping(self, machine: Machine) -> None:
        pid = machine.stop_worker(self._chance.randrange(4))
        await asyncio.sleep(0.5 + 2.5 * self._chance.random())
        machine.go_on(pid)

    async def _do_empty(self) -> None:
        await self._with_redis(self._redis.empty)

    async def _do_restart(self) -> None:
        await self._with_redis(self._redis.restart)

    async def _do_pause(self) -> None:
        self._faults_under_way += 1
        async with self._redis_alone:
            self._redis.pause()
            await asyncio.sleep(0.3 + 2 * self._chance.random())
            self._redis.go_on()
        self._faults_under_way -= 1
        self._last_fault_s = time.monotonic()

    async def _with_redis(self, act: Callable[[], None]) -> None:
        self._faults_under_way += 1
        async with self._redis_alone:
            await asyncio.to_thread(act)
        self._faults_under_way -= 1
        self._last_fault_s = time.monotonic()

    # ---- at rest -----------------------------------------------------------------------------------------------

    async def _rest(self) -> None:
        """Let everything end that is under way, and check what must be so then."""
        while self._afoot:
            await asyncio.wait(self._afoot)
        if self._failure is not None:
            raise self._failure
        await asyncio.sleep(REST_S)
        self._check_suspects()
        await self._check_seats()
        await self._check_codes()
        await self._check_listings()
        for machine in self._machines:
            if machine.problems:
                raise Broken("\n".join(machine.problems))
        self.done["rests"] += 1

    def _check_suspects(self) -> None:
        for one, other, what in self._suspects:
            if one.is_seated and other.is_seated and (one.room, one.seat) == (other.room, other.seat):
                raise Broken(f"{what} is held by two players")
        self._suspects.clear()

    async def _check_seats(self) -> None:
        """Whoever believes to have a seat hears the room, and is given the same seat again at any machine."""
        await asyncio.gather(*(self._check_seat(player) for player in self._seated()))

    async def _check_seat(self, player: FaultPlayer) -> None:
        before, deadline_s = player.states, time.monotonic() + SETTLE_S
        while player.is_seated and player.states == before:
            if time.monotonic() > deadline_s:
                raise Broken(f"seat {player.seat} of {player.room} hears nothing")
            await asyncio.sleep(0.02)
        if player.is_seated:
            player.is_seated, player.is_away = False, True
            player.hang_up()
            if not await self._come_back(player):
                raise Broken(f"seat {player.seat} of {player.room} was believed in, and is gone")
            self.done["seats checked"] += 1

    async def _check_codes(self) -> None:
        hosts = {player.room: player for player in self._seated() if player.code}
        for room, host in hosts.items():
            for machine in self._machines:
                guest = FaultPlayer(0, lambda _: None)
                outcome = await guest.ask(machine.port, "join", game=GAME_NAME, code=host.code)
                if outcome.code != CloseCode.ROOM_FULL and guest.room != room:
                    raise Broken(f"the code of {room} leads nowhere from {machine.port}: {outcome}")
                await guest.say("leave")
                await asyncio.sleep(0.05)
                guest.hang_up()
                self.done["codes checked"] += 1

    async def _check_listings(self) -> None:
        """Quick matches at all machines in turns find every free seat before any of them makes a room."""
        if await self._missed_seats() is None:
            return
        # A process to which a connection could not be handed is off the lists until its next report, and who asks in
        # that second is given a room of its own. What is lost for good is missed again.
        await asyncio.sleep(LISTED_S)
        missed = await self._missed_seats()
        if missed is not None:
            raise Broken(missed)

    async def _missed_seats(self) -> str | None:
        """Fill all free seats by quick matches; return what was wrong when a room was made beside a free seat."""
        await asyncio.sleep(1.5)  # the guests who have just left are in the reports
        free = {room: SEATS - taken for room, taken in (await self._listed()).items()}
        guests: list[FaultPlayer] = []
        missed = None
        while any(left > 0 for left in free.values()):
            port = self._machines[len(guests) % len(self._machines)].port
            guest = FaultPlayer(0, lambda _: None)
            guests.append(guest)
            outcome = await guest.ask(port, "join", game=GAME_NAME)
            if not outcome.is_seated:
                raise Broken(f"a quick match was answered with {outcome}")
            if guest.room not in free:
                # Rooms end whose last player was away for too long, and seats are taken again by who comes back: those
                # that are free yet, by their owners' word, should have been found.
                left = [room for room, taken in (await self._listed()).items() if room in free and taken < SEATS]
                if left:
                    missed = f"a quick match made {guest.room}, while there are free seats in {left}"
                    self.done["rooms made beside a free seat"] += 1
                break
            free[guest.room] -= 1  # below 0 where somebody who was away for too long has left
            self.done["seats found"] += 1
        for guest in guests:
            await guest.say("leave")
        await asyncio.sleep(0.2)
        for guest in guests:
            guest.hang_up()
        return missed

    async def _listed(self) -> dict[str, int]:
        """Return all public rooms and how many seats are taken in each, by the word of the machine that has it."""
        found = await asyncio.gather(*(asyncio.to_thread(machine.rooms) for machine in self._machines))
        return {room: taken for rooms in found for room, taken in rooms.items()}


def run_real_faults(folder: Path, seed: int, operations: int, faults: Collection[str] = tuple(FAULTS)) -> Counter[str]:
    """Start everything, run, and end everything; return what was done."""
    ports = free_ports(1 + len(WORKERS))
    redis = RedisServer(ports[0], folder)
    machines: list[Machine] = []
    try:
        for port, workers in zip(ports[1:], WORKERS, strict=True):
            machines.append(Machine(folder / str(port), port, workers, redis))
        for machine in machines:
            machine.wait_until_whole()
        run = Run(machines, redis, seed, operations, faults)
        asyncio.run(run.run())
        with ThreadPoolExecutor() as pool:
            list(pool.map(Machine.terminate, machines))
        for machine in machines:
            if machine.problems:
                raise Broken("\n".join(machine.problems))
        return run.done
    finally:
        redis.go_on()
        for machine in machines:
            for pid in workers_in(folder / str(machine.port) / "run"):
                end(pid)
            machine.kill()
        redis.stop()


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.real_faults", description=__doc__.split("\n")[0])
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = run_real_faults(Path(folder), options.seed, options.operations)
        except Broken as error:
            print(f"seed {options.seed}, {time.monotonic() - started_s:.0f} s: BROKEN: {error}")
            return 1
    told = ", ".join(f"{number} {deed}" for deed, number in sorted(done.items()))
    print(f"seed {options.seed}, {time.monotonic() - started_s:.0f} s: {told}; nothing twice, nothing lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
