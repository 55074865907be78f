"""Rooms of columnar entities send what rooms of objects send: to all, to seats with views of their own, on a budget."""

import random
from typing import Any

import pytest

from game_server.core.definition import GameDefinition
from game_server.core.entity import Entity, entity
from game_server.core.fields import fixed, flag, int8, uint8
from game_server.core.game import Game, Seat
from game_server.core.inputs import input_type
from game_server.core.interest import Nearby
from game_server.core.limits import RoomLimits
from game_server.core.room import Room

SIZE = 512
TICKS = 40


@input_type
class Press:
    pressed: bool = flag()


def make_game(*, columnar: bool, has_view: bool, bytes_per_s: int) -> type[Game]:
    """Return a game whose mobs move by chance, one by one, so that objects and columns do the same."""

    @entity(columnar=columnar)
    class Mob(Entity):
        x: float = fixed(0, SIZE, step=1 / 16)
        y: float = fixed(0, SIZE, step=1 / 16)
        mood: int = int8()
        secret: int = uint8(to="owner")

    class Mobs(Game):
        tick_rate, seats = 20, 8
        entities, input = (Mob,), Press
        view = Nearby(types=(Mob,), radius=120) if has_view else None
        seat_bytes_per_s = bytes_per_s

        def join(self, seat: Seat) -> None:
            self._spawn(seat)

        def leave(self, seat: Seat) -> None:
            for mob in self.world.all(Mob):
                if mob.owner == seat.number and self.random.random() < 0.5:
                    self.world.despawn(mob)

        def eyes(self, seat: Seat) -> Any:
            return [(mob.x, mob.y) for mob in self.world.all(Mob) if mob.owner == seat.number][:1]

        def step(self, inputs: dict[Seat, Press]) -> None:
            chance = self.random
            for _ in range(chance.randrange(4)):
                self._spawn(chance.choice([None, None, *self.taken]))
            for mob in self.world.all(Mob):
                if chance.random() < 0.03:
                    self.world.despawn(mob)
                elif chance.random() < 0.7:
                    mob.x += chance.uniform(-20, 20)  # beyond the edge now and then
                    mob.mood = mob.mood if chance.random() < 0.8 else chance.randrange(-5, 5)
                    mob.secret = chance.randrange(3)

        def _spawn(self, owner: Any) -> None:
            mob = Mob(x=self.random.uniform(0, SIZE), y=self.random.uniform(0, SIZE))
            self.world.spawn(mob, owner=owner)

    return Mobs


def play(game: type[Game], seed: int) -> list[Any]:
    """Return all frames of a match in which seats come, go, skip states and ask for full ones."""
    room = Room("room", GameDefinition.of("mobs", game), None, seed, RoomLimits(checksum_s=0.2, history_s=1.0), 0.0)
    chance = random.Random(seed)
    sent: list[Any] = []
    for tick in range(TICKS):
        if tick % 8 == 0:
            room.join(f"p{tick}", f"token{tick}", object(), tick % 16 == 0, tick / 20)
        for session in room.connected():
            session.is_blocked = chance.random() < 0.2
            session.resync_wanted = chance.random() < 0.05
        room.take_inputs()
        room.step()
        room.capture()
        sent += [(tick, session.seat.number, frame) for session, frame in room.outgoing()]
    sent.append(room.counts.values_clamped)
    return sent


@pytest.mark.parametrize("has_view", [False, True], ids=["everything", "views"])
@pytest.mark.parametrize("bytes_per_s", [0, 3000], ids=["no budget", "budget"])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_seat_gets_the_same_frames(has_view: bool, bytes_per_s: int, seed: int) -> None:
    """Whatever the seats see and may be sent, in both codecs, through skips and resyncs, with checksums."""
    objects, columns = (
        play(make_game(columnar=columnar, has_view=has_view, bytes_per_s=bytes_per_s), seed)
        for columnar in (False, True)
    )
    assert len(objects) > TICKS
    assert objects == columns
