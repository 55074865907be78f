"""Random joins, leaves, deaths and births of nodes and faults of a real Redis: python -m tests.cluster.faults

    --operations 10000    how many of them
    --seed 1              which; the same seed asks for the same things in the same order

Checked: no room id is given to two nodes, no seat is taken twice, and at the end every room with a free seat is found
again. The nodes are RedisDirectory as the server uses it, with sets of players instead of rooms.
"""

import argparse
import asyncio
import random
import socket
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import attrs

from game_server.cluster.board import DirectoryDown, NodeState, SeatFound
from game_server.cluster.redis_directory import RedisDirectory
from game_server.core.directory import Report, RoomFacts, Wish
from tests.cluster.redis_server import RedisServer

SEATS = 4
WISH = Wish("swarm", "{}", SEATS)
#: what is done, and how often
DEEDS = {"join": 600, "leave": 200, "report": 150, "birth": 20, "death": 10, "empty": 10, "restart": 9, "pause": 1}


@attrs.define(eq=False)
class Node:
    """A node as the directory knows it: rooms that are sets of players. It alone seats, and never too many."""

    board: RedisDirectory
    rooms: dict[str, set[int]] = attrs.Factory(dict)
    is_alive: bool = True
    seated: int = 0
    #: rooms and tickets of players who were taken since the last report
    arrived: list[tuple[str, str]] = attrs.Factory(list)

    async def report(self) -> None:
        """Tell the board; a board that is away is told later."""
        await self.tell(self.state())

    def state(self) -> NodeState:
        """Return what there is to tell now."""
        facts = tuple(RoomFacts(room, "swarm", "{}", SEATS, len(who), is_open=True) for room, who in self.rooms.items())
        players = sum(map(len, self.rooms.values()))
        arrived, self.arrived = self.arrived, []
        return NodeState(Report(players / 100, players, rooms=facts), len(facts), arrived=arrived)

    async def tell(self, state: NodeState) -> None:
        """Tell the board what there was to tell."""
        try:
            await self.board.report(state)
        except DirectoryDown:
            pass

    def take(self, room: str, player: int, ticket: str) -> bool:
        """Seat a player who came with a redeemed ticket."""
        self.arrived.append((room, ticket))
        seated = self.rooms.setdefault(room, set())
        if len(seated) >= SEATS:
            return False
        seated.add(player)
        self.seated += 1
        return True


def board(server: RedisServer, node: str, lease_s: float = 10.0) -> RedisDirectory:
    """Return a node's side of the board."""
    return RedisDirectory(server.url, node, f"ws://{node}.example/ws", lease_s)


async def run_faults(server: RedisServer, chance: random.Random, operations: int) -> Counter[str]:
    """Do random things, check after each and at the end, and return what was done."""
    done: Counter[str] = Counter()
    nodes: dict[str, Node] = {}
    all_rooms: dict[str, str] = {}
    born = player = 0
    for _ in range(operations):
        living = [node for node in nodes.values() if node.is_alive]
        deed = chance.choices(list(DEEDS), list(DEEDS.values()))[0]
        if deed == "birth" or not living:
            born += 1
            nodes[f"n{born}"] = Node(board(server, f"n{born}", lease_s=30.0))
            await nodes[f"n{born}"].report()
        elif deed == "join":
            player += 1
            await one_match(chance.choice(living), nodes, player, all_rooms)
        elif deed == "leave":
            for who in chance.choice(living).rooms.values():
                if who and chance.random() < 0.5:
                    who.pop()
        elif deed == "report":
            await asyncio.gather(*(node.report() for node in living))
        elif deed == "death":
            chance.choice(living).is_alive = False
        elif deed == "empty":
            server.empty()
        elif deed == "pause":
            server.pause()
            player += 1
            await one_match(chance.choice(living), nodes, player, all_rooms)
            server.go_on()
        else:
            server.restart()
        done[deed] += 1
        assert all(len(who) <= SEATS for node in nodes.values() for who in node.rooms.values())
    await all_are_found_again(server, nodes)
    for node in nodes.values():
        await node.board.close()
    done["rooms"], done["seated"] = len(all_rooms), sum(node.seated for node in nodes.values())
    return done


async def one_match(asker: Node, nodes: dict[str, Node], player: int, all_rooms: dict[str, str]) -> None:
    """Let a player ask for a quick match and go where it is told, if that node still lives."""
    try:
        seat: SeatFound | None = await asker.board.place(WISH, is_new=False)
        if seat is None or not nodes[seat.node].is_alive:
            return
        assert seat.node == all_rooms.setdefault(seat.room, seat.node)
        room = await nodes[seat.node].board.redeem(seat.ticket)
    except DirectoryDown:
        return
    if room is not None:
        assert seat.room == room
        nodes[seat.node].take(room, player, seat.ticket)


async def all_are_found_again(server: RedisServer, nodes: dict[str, Node]) -> None:
    """With everybody reporting and the dead forgotten, quick matches fill every free seat before any new room."""
    living = [node for node in nodes.values() if node.is_alive]
    server.empty()  # as after the leases of the dead and the tickets of the lost have ended
    for node in living:
        await node.report()
    if not living:
        return
    free = {room: SEATS - len(who) for node in living for room, who in node.rooms.items() if len(who) < SEATS}
    found: dict[str, int] = {}
    for _ in range(sum(free.values())):
        seat = await living[0].board.place(WISH, is_new=False)
        assert seat is not None
        found[seat.room] = found.get(seat.room, 0) + 1
    assert free == found


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.faults", description=__doc__.split("\n")[0])
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with socket.socket() as probe, tempfile.TemporaryDirectory() as folder:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
        probe.close()
        server = RedisServer(port, Path(folder))
        started_s = time.monotonic()
        try:
            done = asyncio.run(run_faults(server, random.Random(options.seed), options.operations))
        finally:
            server.go_on()
            server.stop()
    told = ", ".join(f"{number} {deed}" for deed, number in sorted(done.items()))
    print(f"seed {options.seed}, {time.monotonic() - started_s:.0f} s: {told}; no room twice, no seat twice, none lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
