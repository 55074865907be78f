"""What views cost a tick: everything moves, each seat sees about 100.

    python -m tests.bench.micro_views

The whole of the work that a full view does not have: following the capture, grid, visibility, comparing with what each
seat holds, encoding, and joining each seat's frame. Capturing and comparing the world is not in it (every room does
that); for scale it stands beside. Medians of CPU time.
"""

import random
import statistics
from time import process_time
from typing import Any

from game_server.core.definition import GameDefinition
from game_server.core.entity import Entity, entity
from game_server.core.fields import fixed, flag
from game_server.core.game import Game, Seat
from game_server.core.inputs import input_type
from game_server.core.interest import Nearby
from game_server.core.limits import RoomLimits
from game_server.core.room import Room

SEEN = 100
SIZE = 4096.0
TICKS = 40
CASES = ((2_000, 50), (10_000, 200))


@input_type
class Press:
    """Not used."""

    pressed: bool = flag()


@entity
class Mob(Entity):
    """Moves."""

    x: float = fixed(0, SIZE, step=1 / 16)
    y: float = fixed(0, SIZE, step=1 / 16)
    vx: float = 0.0
    vy: float = 0.0


def make_game(entities: int, seats_number: int) -> type[Game]:
    """Return a game of so many moving entities, the first of which belong to the seats."""
    reach = (SEEN * SIZE * SIZE / entities / 3.14159) ** 0.5

    class Mobs(Game):
        seats, tick_rate = seats_number, 20
        entities_wanted = entities
        input = Press
        view = Nearby(types=(Mob,), radius=reach)

        def join(self, seat: Seat) -> None:
            self._spawn(seat)
            if seat.number == seats_number - 1:
                for _ in range(self.entities_wanted - seats_number):
                    self._spawn(None)

        def _spawn(self, seat: Seat | None) -> None:
            chance = self.random
            self.world.spawn(
                Mob(
                    x=chance.uniform(0, SIZE),
                    y=chance.uniform(0, SIZE),
                    vx=chance.uniform(-4, 4),
                    vy=chance.uniform(-4, 4),
                ),
                owner=seat,
            )

        def step(self, inputs: dict[Seat, Press]) -> None:
            for mob in self.world.all(Mob):
                mob.x = (mob.x + mob.vx) % (SIZE - 1)
                mob.y = (mob.y + mob.vy) % (SIZE - 1)

    Mobs.entities = (Mob,)
    return Mobs


def measure(entities: int, seats: int) -> dict[str, float]:
    """Return medians in ms and what they were for."""
    definition = GameDefinition.of("mobs", make_game(entities, seats))
    room = Room("r", definition, None, 1, RoomLimits(checksum_s=1000.0), 0.0)
    for number in range(seats):
        room.join(f"p{number}", "token", object(), False, 0.0)
    views: Any = room._outgoing._views
    samples: dict[str, list[float]] = {"capture": [], "follow": [], "serve": []}
    follow_s = 0.0

    def timed_advance(*arguments: Any, advance: Any = views.advance) -> None:
        nonlocal follow_s
        start = process_time()
        advance(*arguments)
        follow_s = process_time() - start

    views.advance = timed_advance
    seen = sent = 0
    for tick in range(TICKS):
        room.take_inputs()
        room.step()
        start = process_time()
        room.capture()
        captured = process_time()
        frames = room.outgoing()
        served = process_time()
        if tick >= 5:
            samples["capture"].append(captured - start - follow_s)
            samples["follow"].append(follow_s)
            samples["serve"].append(served - captured)
        seen = sum(len(session.viewer.held[0].ids) for session in room.sessions.values() if session.viewer)
        sent = sum(len(frame) for _, frame in frames)
    result = {name: statistics.median(times) * 1000 for name, times in samples.items()}
    return {**result, "views": result["follow"] + result["serve"], "seen": seen / seats, "bytes": sent / seats}


def main() -> None:
    """Measure all cases and print a table."""
    print("entities  seats   seen a seat   bytes a seat   capture ms   follow ms   serve ms   views ms")
    for entities, seats in CASES:
        row = measure(entities, seats)
        print(
            f"{entities:8,} {seats:6} {row['seen']:13.0f} {row['bytes']:14.0f} {row['capture']:12.2f}"
            f" {row['follow']:11.2f} {row['serve']:10.2f} {row['views']:10.2f}"
        )


if __name__ == "__main__":
    random.seed(1)
    main()
