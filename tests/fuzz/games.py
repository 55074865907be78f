"""The games that fuzzed rooms play: every kind of field, views, and columns, driven by what a player says."""

from typing import Any

import numpy as np

from game_server.core.definition import GameDefinition
from game_server.game import (
    BadCommand,
    Entity,
    Game,
    Seat,
    angle,
    entity,
    fixed,
    flag,
    float32,
    int8,
    uint8,
    uint16,
)
from tests.core.viewing import Table
from tests.sim.games import Push, Yard

BIRDS_MAX = 40


class Parrot(Yard):
    """Passes on to all what one of them says."""

    def command(self, seat: Seat, name: str, data: Any) -> None:
        if name == "say":
            self.emit("said", data)
        elif name == "whisper":
            self.emit("whispered", {"data": data}, to=seat)
        else:
            super().command(seat, "no " + name, data)


class Veiled(Table):
    """Of which each sees a part, and a part of that whenever a seat comes back."""

    seats = 2


@entity(columnar=True)
class Bird(Entity):
    """Every kind of fixed width, by the column; `mind` is computed with fractions."""

    x: float = fixed(0, 64, step=1 / 8)
    heading: float = angle(bytes=1)
    weight: float = float32()
    size: int = int8(min=-3, max=100)
    mind: float = uint8(max=200)
    is_up: bool = flag()
    plan: int = uint16(to="owner")


class Flock(Game):
    """Moves whole columns, by numbers that a player gives: as large, as small and as little of a number as may be."""

    tick_rate, seats = 20, 2
    entities, input = (Bird,), Push
    flown: int = uint8()

    def step(self, inputs: dict[Seat, Push]) -> None:
        birds = self.world.columns(Bird)
        self.flown = (self.flown + 1) % 256
        birds.x += 1 / 8
        birds.plan = self.tick % 65_536
        if self.tick % 3 == 0:
            birds.heading -= 1
        if len(birds) > BIRDS_MAX:
            birds.despawn(birds.ids < birds.ids[len(birds) // 2])

    def leave(self, seat: Seat) -> None:
        birds = self.world.columns(Bird)
        birds.despawn(birds.owners == seat.number)

    def command(self, seat: Seat, name: str, data: Any) -> None:
        numbers = data if isinstance(data, list) else [data]
        if not numbers or any(type(number) not in (int, float) for number in numbers):
            raise BadCommand("data is a number or a list of them")
        given = np.array(numbers[:20], np.float64)
        birds = self.world.columns(Bird)
        if name == "add":
            owner = seat if len(given) % 2 else None
            birds.spawn(len(given), owner=owner, x=given, heading=given, weight=given, mind=given, is_up=given != 0)
        elif name == "less":
            birds.despawn(birds.ids % 7 == len(given))
        elif len(birds) and name == "set":
            values = np.resize(given, len(birds))
            birds.x, birds.heading, birds.weight, birds.mind = values, values, values, values
            birds.size = np.nan_to_num(np.clip(values, -1000, 1000)).astype(np.int64)
        else:
            raise BadCommand("there are add, less and set")


YARD = GameDefinition.of("yard", Parrot)
VEILED = GameDefinition.of("veiled", Veiled)
FLOCK = GameDefinition.of("flock", Flock)
