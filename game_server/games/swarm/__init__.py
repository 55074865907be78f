"""Swarm: the reference workload for measurement. Everybody moves, everybody sees everybody, every tick.

Each client sends one input a tick (a direction); each player is one entity whose x and y both change every tick,
bouncing off the walls of a 4,096-square world. Exactly this, nothing cleverer, so that other servers can be compared
with it. The position's wire type is an option: `fixed` with step 1/16, or `float32`. Python binds the type when the
class is made, so the two variants are two entity types, of which a room uses one.
"""

import random
from collections.abc import Collection
from typing import Any

import attrs

from ...game import Entity, Game, Seat, View, entity, fixed, float32, input, int8

SIZE = 4096.0
SPEED_PER_S = 160.0
WALL = 1 / 16


@input
class Push:
    """A direction."""

    dx: int = int8(min=-1, max=1)
    dy: int = int8(min=-1, max=1)


@entity
class Mover(Entity):
    """A player on the fixed grid: 2 bytes a coordinate."""

    x: float = fixed(0, SIZE, step=1 / 16)
    y: float = fixed(0, SIZE, step=1 / 16)
    vx: float = 1.0
    vy: float = 1.0


@entity
class FloatMover(Entity):
    """A player with coordinates of single precision: 4 bytes each."""

    x: float = float32()
    y: float = float32()
    vx: float = 1.0
    vy: float = 1.0


@attrs.frozen
class SwarmOptions:
    """How a room is measured."""

    precision: str = attrs.field(default="fixed", validator=attrs.validators.in_(("fixed", "float32")))
    seats: int = attrs.field(default=10, validator=[attrs.validators.ge(1), attrs.validators.le(1000)])


class Swarm(Game):
    """Movers that bounce."""

    title = "Swarm"
    tick_rate = 20
    seats = 1000
    entities = (Mover, FloatMover)
    input = Push
    Options = SwarmOptions

    movers: dict[int, Any] = {}

    def join(self, seat: Seat) -> None:
        make = Mover if self.options.precision == "fixed" else FloatMover
        chance = self.random
        mover = make(x=chance.uniform(1, SIZE - 1), y=chance.uniform(1, SIZE - 1))
        mover.vx, mover.vy = chance.choice((-1.0, 1.0)), chance.choice((-1.0, 1.0))
        self.movers[seat.number] = self.world.spawn(mover, owner=seat)

    def leave(self, seat: Seat) -> None:
        self.world.despawn(self.movers.pop(seat.number))

    def step(self, inputs: dict[Seat, Push]) -> None:
        distance = SPEED_PER_S * self.dt
        high = SIZE - WALL
        movers = self.movers
        for seat, push in inputs.items():
            mover = movers[seat.number]
            if push.dx:
                mover.vx = float(push.dx)
            if push.dy:
                mover.vy = float(push.dy)
            x = mover.x + mover.vx * distance
            y = mover.y + mover.vy * distance
            if not 0.0 <= x <= high:
                mover.vx = -mover.vx
                x = mover.x + mover.vx * distance
            if not 0.0 <= y <= high:
                mover.vy = -mover.vy
                y = mover.y + mover.vy * distance
            mover.x, mover.y = x, y


class Wanderer:
    """A bot that changes its mind now and then."""

    def __init__(self, random: random.Random) -> None:
        self._random = random
        self._direction = {"dx": 0, "dy": 0}

    def think(self, view: View, own: Collection[int]) -> dict[str, Any]:
        if self._random.random() < 0.05:
            self._direction = {"dx": self._random.randint(-1, 1), "dy": self._random.randint(-1, 1)}
        return self._direction


GAME = Swarm
BRAIN = Wanderer
