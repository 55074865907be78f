"""What the microbenchmarks measure: worlds of movers, as objects and as columns, and whole rooms of a game."""

import asyncio
from collections.abc import Callable
from typing import Any

from game_server.core import codec
from game_server.core.definition import GameDefinition
from game_server.core.limits import RoomLimits
from game_server.core.room import Room
from game_server.core.snapshot import Capture, capture, empty_snapshot
from game_server.core.world import World, entity_types
from game_server.games.swarm import Swarm, SwarmOptions
from game_server.web.connection import LeanConnection
from game_server.web.takeover import unmask
from game_server.web.ticker import Ticker
from game_server.web.watchdog import Watchdog
from tests.bench.encode import FixedColumns, FixedThing, Nothing
from tests.bench.micro_sockets import OPTIONS, socket_pair
from tests.client_frames import frame


class Movers:
    """Entities with three fixed fields of 16 bits.

    Args:
        count: how many.
        columnar: whether they are columns.
        changed: how many of them move in a tick.
    """

    def __init__(self, count: int, columnar: bool, changed: int | None = None) -> None:
        self.count, self.columnar = count, columnar
        self.changed = count if changed is None else changed
        thing = FixedColumns if columnar else FixedThing
        self.types = entity_types(Nothing, (thing,))
        self.world = World(self.types, Nothing())
        if columnar:
            self.world.columns(thing).spawn(count)
        for _ in range(0 if columnar else count):
            self.world.spawn(thing())
        self.snapshot = capture(self.world, empty_snapshot(self.types), 0).snapshot
        self.tick = 0

    def move(self) -> None:
        """Change all three fields of those that move."""
        self.tick += 1
        x, y, z = (self.tick * factor % 4000 for factor in (3, 5, 7))
        if self.columnar:
            columns = self.world.columns(FixedColumns)
            for column, value in ((columns.x, x), (columns.y, y), (columns.z, z)):
                column[: self.changed] = value
            return
        for number, mover in enumerate(self.world.tables[1].values()):
            if number == self.changed:
                break
            mover.x, mover.y, mover.z = x, y, z

    def capture(self) -> Capture:
        """Capture and compare with the capture before."""
        taken = capture(self.world, self.snapshot, self.tick)
        self.snapshot = taken.snapshot
        return taken

    def delta(self) -> bytes:
        """Move, and return the delta as a frame."""
        self.move()
        taken = self.capture()
        return codec.delta_header(1, 1, 0) + codec.encode_public(self.types, taken.snapshot, taken.diff)

    def schema(self) -> dict[str, Any]:
        """Return the schema as a welcome message has it."""
        return {"room": self.types[0].schema(), "types": [type_.schema() for type_ in self.types[1:]]}


def make_room(players: int, game: Any = Swarm) -> tuple[Room, Callable[[], int]]:
    """Return a room with so many players, and a function that runs one tick: input in, frames out; returns bytes."""
    definition = GameDefinition.of("swarm", game)
    room = Room("room", definition, SwarmOptions(seats=max(players, 1)), 1, RoomLimits(), 0.0)
    sessions = [room.join(f"p{number}", "token", object(), False, 0.0) for number in range(players)]
    encode = definition.input_type.encode_binary

    def tick() -> int:
        data = encode(room.tick + 1, room.tick, 0.0, {"dx": 1, "dy": -1})
        for session in sessions:
            if not session.take_plain_input(data):
                room.receive(session, data, room.tick / 20)
        room.take_inputs()
        room.step()
        room.capture()
        return sum(len(frame) for _, frame in room.outgoing())

    return room, tick


class Link:
    """What a `Player` is to a session and a connection, without a hub."""

    def __init__(self, connection: LeanConnection, room: Room, number: int) -> None:
        self.connection = connection
        self.session = room.join(f"p{number}", f"token-{number}", self, False, 0.0)
        self.session.outbox.clear()
        connection.receiver = self

    def on_message(self, data: bytes | str) -> None:
        """Take what is no plain input."""
        if not isinstance(data, bytes) or not self.session.take_plain_input(data):
            self.session.room.receive(self.session, data, 0.0)

    def on_close(self, code: int, reason: str) -> None:
        """Nobody goes."""
        raise AssertionError(reason)


class Crowd:
    """Rooms of swarm whose seats all have a connection over loopback, and the clients' ends. Wants a running loop."""

    def __init__(self, rooms: int, clients: int) -> None:
        loop = asyncio.get_running_loop()
        definition = GameDefinition.of("swarm", Swarm)
        limits = RoomLimits(message_burst=1e9)

        def unwanted(*_: Any) -> None:
            raise AssertionError

        self.count = rooms * clients
        self._encode = definition.input_type.encode_binary
        self._ticker = Ticker(unwanted, unwanted, unwanted, lambda *_: None, 0.0, Watchdog(1.0), 4096)
        self._rooms, self._near = list[Room](), []
        for number in range(rooms):
            room = Room(f"room-{number}", definition, SwarmOptions(seats=clients), number, limits, 0.0)
            for client in range(clients):
                near, far = socket_pair()
                Link(LeanConnection(far, loop, unmask, OPTIONS, remote_address=""), room, client)
                self._near.append(near)
            self._rooms.append(room)
        self._sent = 0

    @property
    def connections(self) -> list[list[Any]]:
        """The server's ends, by room."""
        return [[session.link.connection for session in room.connected()] for room in self._rooms]

    def send_inputs(self) -> None:
        """Let each client send one input."""
        self._sent += 1
        tick = self._rooms[0].tick
        messages = [frame(2, self._encode(self._sent, tick, 0.0, {"dx": dx})) for dx in (-1, 0, 1)]
        for number, near in enumerate(self._near):
            near.send(messages[number % 3])

    def tick(self) -> None:
        """Run the tick of each room that is due."""
        for room in self._rooms:
            self._ticker.run_one(room, room.clock.due_s(room.tick + 1))

    def read_states(self) -> None:
        """Let each client read what there is."""
        for near in self._near:
            assert near.recv(65_536)

    def close(self) -> None:
        """Close all sockets."""
        self._ticker.stop()
        for connections in self.connections:
            for connection in connections:
                connection.receiver = self
                connection.abort()
        for near in self._near:
            near.close()

    def on_close(self, code: int, reason: str) -> None:
        """All go at the end."""
