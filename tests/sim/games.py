"""Games made to be simulated: every kind of field, owner-only values, churn, events for all and for one, failures.

`Yard` and its kin differ in rates only. What a client asks for by `command` is what goes wrong: `burst` emits many
events, `crash` raises, `end` closes the room, `lock` keeps others out. An input's `serial` is its number's low byte:
with it a checker can tell whether the input that a seat got is the one that was sent under that number.
"""

import asyncio
import random
from collections.abc import Collection
from typing import Any, ClassVar

import attrs

from game_server.core.definition import GameDefinition
from game_server.core.game import OutsideContext
from game_server.game import (
    BadCommand,
    Entity,
    Game,
    Nearby,
    Seat,
    View,
    angle,
    entity,
    fixed,
    flag,
    float32,
    input,
    int8,
    int16,
    json_value,
    list_of,
    map_of,
    text,
    uint8,
    uint16,
    uint32,
)
from game_server.games import arena, swarm
from game_server.web.games import LoadedGame

SIZE = 256
THINGS_MAX = 12


class Boom(Exception):
    """What a failing game raises."""


@input
class Push:
    """A direction, and the low byte of the input's number."""

    dx: int = int8(min=-1, max=1)
    dy: int = int8(min=-1, max=1)
    serial: int = uint8()


@entity
class Walker(Entity):
    """A player's own: seen by all, but for what its owner alone sees."""

    x: float = fixed(0, SIZE, step=1 / 16)
    y: float = fixed(0, SIZE, step=1 / 16, predict=True)
    heading: float = angle(bytes=1)
    name: str = text(16)
    hand: list[int] = list_of(uint8(), len_max=6, to="owner")
    ammo: int = uint16(to="owner")
    steps: int = uint32()


@entity
class Thing(Entity):
    """Comes and goes; some belong to a player."""

    x: float = float32()
    kind: int = int16()
    lit: bool = flag()
    tags: dict[str, int] = map_of(uint8(), len_max=4)
    secret: Any = json_value(bytes_max=64, to="owner")


@entity
class Marker(Entity):
    """Nothing but owner-only fields."""

    at: int = uint16(to="owner")


async def remember(context: OutsideContext, number: int, delay_s: float) -> int:
    """Work outside the tick that takes a while."""
    await asyncio.sleep(delay_s)
    if number % 7 == 3:
        raise Boom(f"number {number}")
    return number * 2


@attrs.frozen
class YardOptions:
    """Rooms of different options are not mixed by quick match."""

    seats: int = attrs.field(default=8, validator=[attrs.validators.ge(1), attrs.validators.le(8)])
    churn: float = 0.05


class Yard(Game):
    """People walk about, things come and go."""

    tick_rate, send_every, seats = 20, 1, 8
    spectator_delay_s: ClassVar[float | None] = 2.0
    input, Options = Push, YardOptions
    entities: ClassVar[tuple[type, ...]] = (Walker, Thing, Marker)
    outside = {"remember": remember}

    phase: str = text(12, default="walk")
    left_s: float = fixed(0, 64, step=1 / 8, default=60)
    scores: dict[str, int] = map_of(uint8(), len_max=8)
    walkers: dict[int, Any] = {}

    def join(self, seat: Seat) -> None:
        self.walkers[seat.number] = self.world.spawn(Walker(x=10, y=10, name=seat.name, hand=[seat.number]), owner=seat)
        self.world.spawn(Marker(at=seat.number), owner=seat)
        self.emit("joined", {"seat": seat.number})
        self.emit("hello", {"seat": seat.number}, to=seat)

    def drop(self, seat: Seat) -> None:
        self.emit("dropped", {"seat": seat.number})
        self.emit("while you were away", {"seat": seat.number}, to=seat)

    def resume(self, seat: Seat) -> None:
        self.emit("resumed", {"seat": seat.number})

    def leave(self, seat: Seat) -> None:
        self.world.despawn(self.walkers.pop(seat.number))
        self.emit("left", {"seat": seat.number})

    def step(self, inputs: dict[Seat, Push]) -> None:
        chance = self.random
        for seat, push in inputs.items():
            walker = self.walkers[seat.number]
            walker.x = min(max(walker.x + push.dx, 0), SIZE - 1)
            walker.y = min(max(walker.y + push.dy * 0.37, 0), SIZE - 1)
            if push.dx or push.dy:
                walker.steps += 1
                walker.heading = (walker.steps % 64) / 10
            if chance.random() < 0.03:
                walker.hand = [chance.randrange(256) for _ in range(chance.randrange(6))]
                walker.ammo = chance.randrange(1000)
        if chance.random() < self.options.churn:
            self._churn()
        if self.tick % 10 == 0:
            self.left_s = max(self.left_s - 0.5, 0)
        if chance.random() < 0.02:
            self.scores = {walker.name: walker.steps % 200 for walker in list(self.walkers.values())[:4]}

    def _churn(self) -> None:
        chance, things = self.random, self.world.all(Thing)
        if things and (len(things) >= THINGS_MAX or chance.random() < 0.4):
            self.world.despawn(chance.choice(things))
        else:
            owner = chance.choice([*self.taken, None])
            self.world.spawn(Thing(x=chance.random(), kind=self.tick, secret={"at": self.tick}), owner=owner)
        for thing in things[:2]:
            thing.lit = not thing.lit
            thing.tags = {f"t{self.tick % 5}": self.tick % 256}
            thing.secret = [self.tick, "ß"]
        if chance.random() < 0.3:
            self.emit("churn", {"things": len(things)})

    def command(self, seat: Seat, name: str, data: Any) -> None:
        if name == "burst":
            for number in range(int(data)):
                to = seat if number % 3 == 0 else None
                self.emit("burst", {"by": seat.number, "number": number}, to)
        elif name == "crash":
            raise Boom("asked for")
        elif name == "end":
            self.close_room("asked for")
        elif name == "lock":
            self.lock_room(bool(data))
        elif name == "remember":
            self.outside_call("remember", int(data), (int(data) % 30) / 10)
        else:
            raise BadCommand(f"no command {name[:20]!r}; there are burst, crash, end, lock, remember")

    def chat(self, seat: Seat, text: str) -> str | None:
        return None if "refuse" in text else text

    def on_outside(self, name: str, result: Any, error: str | None) -> None:
        self.emit("remembered", {"result": result, "failed": error is not None})


class SlowYard(Yard):
    """States every third tick only."""

    tick_rate, send_every = 30, 3


class QuietYard(Yard):
    """Few ticks, every second of which sends."""

    tick_rate, send_every, seats = 10, 2, 4


@entity(columnar=True)
class Critter(Entity):
    """Seen when near; kept in columns."""

    x: float = fixed(0, SIZE, step=1 / 16)
    y: float = fixed(0, SIZE, step=1 / 16)
    mood: int = int8()
    secret: int = uint8(to="owner")


@entity
class Note(Entity):
    """Seen by every other seat, or by all while it lies open."""

    words: str = text(20)
    is_open: bool = flag()


class Meadow(Yard):
    """Of which everybody sees a part."""

    tick_rate = 10
    entities: ClassVar[tuple[type, ...]] = (Walker, Marker, Critter, Note)
    view = Nearby(types=(Critter,), radius=60, hysteresis=10)
    veiled = (Note,)
    spectator_delay_s = None

    def eyes(self, seat: Seat) -> list[tuple[float, float]]:
        walker = self.walkers.get(seat.number)
        return [(walker.x, walker.y)] if walker is not None else []

    def sees(self, seat: Seat, entity: Any) -> bool:
        return bool(entity.is_open or (entity.id + seat.number) % 2)

    def step(self, inputs: dict[Seat, Push]) -> None:
        super().step(inputs)
        for critter in self.world.all(Critter):
            if self.random.random() < 0.5:
                critter.x = (critter.x + self.random.uniform(-9, 9)) % (SIZE - 1)
                critter.mood = self.random.randrange(-3, 3)

    def _churn(self) -> None:
        chance = self.random
        critters, notes = self.world.all(Critter), self.world.all(Note)
        if len(critters) + len(notes) >= 3 * THINGS_MAX or (critters and chance.random() < 0.3):
            self.world.despawn(chance.choice([*critters, *notes]))
        elif chance.random() < 0.3:
            self.world.spawn(Note(words=f"tick {self.tick}"))
        else:
            place = {"x": chance.uniform(0, SIZE - 1), "y": chance.uniform(0, SIZE - 1)}
            self.world.spawn(Critter(secret=self.tick % 256, **place), owner=chance.choice([*self.taken, None, None]))
        for note in notes:
            note.is_open = chance.random() < 0.4


class ThriftyMeadow(Meadow):
    """Where a seat gets few bytes a second, so that what it sees may be late."""

    seat_bytes_per_s = 1500


async def forget(context: OutsideContext, *arguments: Any) -> None:
    """Keep no scores: a simulation leaves no file."""


class FilelessArena(arena.GAME):
    """The arena, which writes nothing down."""

    outside = {"save_scores": forget}


class Walk:
    """A mind that changes now and then."""

    def __init__(self, random: random.Random) -> None:
        self._random, self._wish = random, {"dx": 0, "dy": 0}

    def think(self, view: View, own: Collection[int]) -> dict[str, Any]:
        if self._random.random() < 0.1:
            self._wish = {"dx": self._random.randint(-1, 1), "dy": self._random.randint(-1, 1)}
        return self._wish


def games() -> dict[str, LoadedGame]:
    """Return what the simulated server serves."""
    made: dict[str, Any] = {"yard": (Yard, Walk), "slow-yard": (SlowYard, Walk), "quiet-yard": (QuietYard, Walk)}
    made |= {"meadow": (Meadow, Walk), "thrifty-meadow": (ThriftyMeadow, Walk)}
    made |= {"swarm": (swarm.GAME, swarm.BRAIN), "arena": (FilelessArena, arena.BRAIN)}
    return {name: LoadedGame(GameDefinition.of(name, cls), brain, None) for name, (cls, brain) in made.items()}
