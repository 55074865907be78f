"""Time this server's path from mutation to bytes, as peers/colyseus/encode.mjs times Colyseus' schema.

`python -m tests.bench.encode N ROUNDS` changes 3 fields of each of N entities, captures, diffs and encodes, and
prints {"variant": {"us": median, "bytes": of a delta's body}, ...}; the first quarter of the rounds is warm-up. It
runs as a process of its own, so that it can be pinned to a core as the peer's is.
"""

import statistics
import sys
import time
from collections.abc import Callable

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


class Nothing(Game):
    """A room without state of its own."""


def object_entities(thing: type, count: int) -> Callable[[int], int]:
    """Return what does one round over attrs objects and returns the bytes."""
    types = entity_types(Nothing, (thing,))
    world = World(types, Nothing())
    things = [world.spawn(thing(x=number % 4000, y=number % 3000, z=number % 2000)) for number in range(count)]
    snapshot = capture(world, empty_snapshot(types), 0).snapshot

    def round_(number: int) -> int:
        nonlocal snapshot
        for index, it in enumerate(things):
            it.x = (index + number * 3) % 4000
            it.y = (index + number * 5) % 4000
            it.z = (index + number * 7) % 4000
        taken = capture(world, snapshot, number + 1)
        snapshot = taken.snapshot
        return len(encode_public(types, snapshot, taken.diff))

    return round_


VARIANTS: dict[str, Callable[[int], Callable[[int], int]]] = {
    "objects, float32 x, y and uint32": lambda count: object_entities(MixedThing, count),
    "objects, three float32": lambda count: object_entities(FloatThing, count),
    "objects, three fixed 16-bit": lambda count: object_entities(FixedThing, count),
}


def main(count: int, rounds: int) -> None:
    """Time every variant and print the results."""
    results = {}
    for name, make in VARIANTS.items():
        round_ = make(count)
        times_us, size = [], 0
        for number in range(rounds):
            began = time.perf_counter()
            size = round_(number)
            times_us.append((time.perf_counter() - began) * 1e6)
        results[name] = {"us": statistics.median(times_us[rounds // 4 :]), "bytes": size}
    print(ujson.dumps(results))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
