"""What the microbenchmarks measure: worlds of movers, as objects and as columns, and whole rooms of a game."""

from collections.abc import Callable
from typing import Any

from game_server.core import codec
from game_server.core.definition import GameDefinition
from game_server.core.limits import RoomLimits
from game_server.core.room import Room
from game_server.core.snapshot import Capture, capture, empty_snapshot
from game_server.core.world import World, entity_types
from game_server.games.swarm import Swarm, SwarmOptions
from tests.bench.encode import FixedColumns, FixedThing, Nothing


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
