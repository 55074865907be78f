"""Time this server's path from mutation to bytes, as peers/colyseus/encode.mjs times Colyseus' schema.

`python -m tests.bench.encode N ROUNDS` changes 3 fields of each of N entities, captures, diffs and encodes, and
prints {"variant": {"us": median, "after_mutation_us": median, "bytes": of a delta's body}, ...}; the first quarter of
the rounds is warm-up. It runs as a process of its own, so that it can be pinned to a core as the peer's is.
"""

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import ujson

from game_server.core.codec import encode_public
from game_server.core.snapshot import capture, empty_snapshot
from game_server.core.world import World, entity_types
from game_server.game import Entity, Game, entity, fixed, float32, uint32

SIZE = 4096


@entity
class FixedThing(Entity):
    """Three coordinates of 16 bits."""

    x: float = fixed(0, SIZE, step=1 / 16)
    y: float = fixed(0, SIZE, step=1 / 16)
    z: float = fixed(0, SIZE, step=1 / 16)


@entity
class FloatThing(Entity):
    """Three numbers of single precision."""

    x: float = float32()
    y: float = float32()
    z: float = float32()


@entity
class MixedThing(Entity):
    """What Colyseus' games usually have: a float position and a counter."""

    x: float = float32()
    y: float = float32()
    z: int = uint32()


@entity(columnar=True)
class FixedColumns(Entity):
    """Three coordinates of 16 bits, by the column."""

    x: float = fixed(0, SIZE, step=1 / 16)
    y: float = fixed(0, SIZE, step=1 / 16)
    z: float = fixed(0, SIZE, step=1 / 16)


@entity(columnar=True)
class FloatColumns(Entity):
    """Three numbers of single precision, by the column."""

    x: float = float32()
    y: float = float32()
    z: float = float32()


@entity(columnar=True)
class MixedColumns(Entity):
    """A float position and a counter, by the column."""

    x: float = float32()
    y: float = float32()
    z: int = uint32()


class Nothing(Game):
    """A room without state of its own."""


class ObjectEntities:
    """Attrs objects, as most games have them."""

    def __init__(self, thing: type, count: int) -> None:
        self.types = entity_types(Nothing, (thing,))
        self.world = World(self.types, Nothing())
        self.things = [self.world.spawn(thing(x=at % 4000, y=at % 3000, z=at % 2000)) for at in range(count)]
        self.snapshot = capture(self.world, empty_snapshot(self.types), 0).snapshot

    def mutate(self, number: int) -> None:
        for index, it in enumerate(self.things):
            it.x = (index + number * 3) % 4000
            it.y = (index + number * 5) % 4000
            it.z = (index + number * 7) % 4000

    def encode(self, number: int) -> int:
        """Capture, diff and encode; returns the bytes."""
        taken = capture(self.world, self.snapshot, number + 1)
        self.snapshot = taken.snapshot
        return len(encode_public(self.types, self.snapshot, taken.diff))


class ColumnarEntities:
    """The same by whole columns."""

    def __init__(self, thing: type, count: int) -> None:
        self.types = entity_types(Nothing, (thing,))
        self.world = World(self.types, Nothing())
        self.at = np.arange(count)
        self.things = self.world.columns(thing)
        self.things.spawn(count, x=self.at % 4000, y=self.at % 3000, z=self.at % 2000)
        self.snapshot = capture(self.world, empty_snapshot(self.types), 0).snapshot

    def mutate(self, number: int) -> None:
        at, things = self.at, self.things
        things.x = (at + number * 3) % 4000
        things.y = (at + number * 5) % 4000
        things.z = (at + number * 7) % 4000

    def encode(self, number: int) -> int:
        """Capture, diff and encode; returns the bytes."""
        taken = capture(self.world, self.snapshot, number + 1)
        self.snapshot = taken.snapshot
        return len(encode_public(self.types, self.snapshot, taken.diff))


VARIANTS: dict[str, Callable[[int], ObjectEntities | ColumnarEntities]] = {
    "objects, float32 x, y and uint32": lambda count: ObjectEntities(MixedThing, count),
    "objects, three float32": lambda count: ObjectEntities(FloatThing, count),
    "objects, three fixed 16-bit": lambda count: ObjectEntities(FixedThing, count),
    "columnar, float32 x, y and uint32": lambda count: ColumnarEntities(MixedColumns, count),
    "columnar, three float32": lambda count: ColumnarEntities(FloatColumns, count),
    "columnar, three fixed 16-bit": lambda count: ColumnarEntities(FixedColumns, count),
}


def main(count: int, rounds: int) -> None:
    """Time every variant and print the results."""
    results = {}
    for name, make in VARIANTS.items():
        entities, totals_us, encodings_us, size = make(count), [], [], 0
        for number in range(rounds):
            began = time.perf_counter()
            entities.mutate(number)
            mutated = time.perf_counter()
            size = entities.encode(number)
            ended = time.perf_counter()
            totals_us.append((ended - began) * 1e6)
            encodings_us.append((ended - mutated) * 1e6)
        results[name] = {
            "us": statistics.median(totals_us[rounds // 4 :]),
            "after_mutation_us": statistics.median(encodings_us[rounds // 4 :]),
            "bytes": size,
        }
    print(ujson.dumps(results))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
