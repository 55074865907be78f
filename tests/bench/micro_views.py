"""What views cost a tick: everything moves, each seat sees about 100.

    python -m tests.bench.micro_views

The whole of the work that a full view does not have: following the capture, grid, visibility, comparing with what each
seat holds, encoding, and joining each seat's frame. Capturing and comparing the world is not in it (every room does
that); for scale it stands beside. Medians of CPU time.
"""

import math
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
from game_server.web.memory import keep_freed_memory

SEEN = 100
SIZE = 4096.0
TICKS = 80
#: entities, seats, whether in columns
CASES = ((2_000, 50, False), (2_000, 50, True), (10_000, 200, False), (10_000, 200, True))


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


@entity(columnar=True)
class Mote(Entity):
    """Moves, in columns."""

    x: float = fixed(0, SIZE, step=1 / 16)
    y: float = fixed(0, SIZE, step=1 / 16)
    vx: float = 0.0
    vy: float = 0.0


def make_game(entities_number: int, seats_number: int, is_columnar: bool) -> type[Game]:
    """Return a game of so many moving entities, the first of which belong to the seats."""
    kind: Any = Mote if is_columnar else Mob

    class Mobs(Game):
        seats, tick_rate = seats_number, 20
        entities, input = (kind,), Press
        view = Nearby(types=(kind,), radius=math.sqrt(SEEN * SIZE * SIZE / entities_number / math.pi))

        def join(self, seat: Seat) -> None:
            self._spawn(seat)
            if seat.number == seats_number - 1:
                for _ in range(entities_number - seats_number):
                    self._spawn(None)

        def _spawn(self, seat: Seat | None) -> None:
            x, y = (self.random.uniform(0, SIZE) for _ in "xy")
            vx, vy = (self.random.uniform(-4, 4) for _ in "xy")
            self.world.spawn(kind(x=x, y=y, vx=vx, vy=vy), owner=seat)

        def step(self, inputs: dict[Seat, Press]) -> None:
            for mob in [self.world.columns(kind)] if is_columnar else self.world.all(kind):
                mob.x = (mob.x + mob.vx) % (SIZE - 1)
                mob.y = (mob.y + mob.vy) % (SIZE - 1)

    return Mobs


def measure(entities: int, seats: int, is_columnar: bool) -> dict[str, float]:
    """Return medians in ms and what they were for."""
    definition = GameDefinition.of("mobs", make_game(entities, seats, is_columnar))
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
    both = sorted(follow + serve for follow, serve in zip(samples["follow"], samples["serve"], strict=True))
    views = {"views": statistics.median(both) * 1000, "fastest": both[len(both) // 10] * 1000}
    return {**result, **views, "seen": seen / seats, "bytes": sent / seats}


def main() -> None:
    """Measure all cases and print a table."""
    keep_freed_memory()  # as the server does
    columns = ("capture ms", "follow ms", "serve ms", "views ms", "fastest ms")
    print("entities           seats   seen a seat   bytes a seat", *(f"{name:>12}" for name in columns))
    for entities, seats, is_columnar in CASES:
        row = measure(entities, seats, is_columnar)
        kind = "columns" if is_columnar else "objects"
        figures = (f"{row[name]:12.2f}" for name in ("capture", "follow", "serve", "views", "fastest"))
        print(f"{entities:8,} {kind} {seats:6} {row['seen']:13.0f} {row['bytes']:14.0f}", *figures)


if __name__ == "__main__":
    main()
