"""A room without sockets for testing the arena's rules: the game's `Host`, and seats that are steered by hand or by
brains."""

import random
from collections.abc import Sequence
from typing import Any

import attrs

from game_server.core import snapshot
from game_server.core.game import Seat
from game_server.core.metrics import Counts
from game_server.core.past import Past
from game_server.core.rewind import History
from game_server.core.world import World, entity_types
from game_server.games.arena.arena import Arena
from game_server.games.arena.rules import ArenaOptions, Player, Ship, Steer


def steer(**fields: Any) -> Steer:
    """Return an input: the decorator makes its fields known to attrs, not to type checkers."""
    return Steer(**fields)


@attrs.define
class Event:
    tick: int
    name: str
    data: Any
    to: Seat | None


class Bench:
    """Runs one arena step by step and keeps what it emitted and asked for outside."""

    def __init__(self, seed: int = 1, **options: int) -> None:
        self.game = Arena()
        self.world = World(entity_types(Arena, Arena.entities), self.game)
        self.random = random.Random(seed)
        self.options = ArenaOptions(**options)
        self.tick = 0
        self.seats: dict[int, Seat] = {}
        self.events: list[Event] = []
        self.calls: list[tuple[str, Sequence[Any]]] = []
        self.game.attach(self)
        self.game.start()
        #: what was captured after the last steps; everybody sees the newest
        self.history = History(self.world, self.game.tick_rate, 500.0, Counts())
        self.snapshot = snapshot.empty_snapshot(self.world.types)
        self._capture()

    @property
    def taken(self) -> list[Seat]:
        return [self.seats[number] for number in sorted(self.seats)]

    def emit(self, name: str, data: Any, to: Seat | None) -> None:
        self.events.append(Event(self.tick, name, data, to))

    def outside_call(self, name: str, arguments: Sequence[Any]) -> None:
        self.calls.append((name, arguments))

    def close(self, reason: str) -> None:
        raise AssertionError(reason)

    def lock(self, locked: bool) -> None:
        raise AssertionError(locked)

    def rewind(self, seat: Seat, max_ms: float | None) -> Past:
        return self.history.at(float(self.tick), seat.number)

    def past(self, tick: float) -> Past:
        return self.history.at(tick)

    def input_seq(self, seat: Seat) -> int:
        return self.tick

    def input_tick(self, seat: Seat) -> int:
        return self.tick

    def _capture(self) -> None:
        self.snapshot = snapshot.capture(self.world, self.snapshot, self.tick).snapshot
        self.history.add(self.snapshot)

    def join(self, number: int, name: str) -> Seat:
        seat = self.seats[number] = Seat(number, name)
        self.game.join(seat)
        return seat

    def leave(self, seat: Seat) -> None:
        del self.seats[seat.number]
        self.game.leave(seat)

    def step(self, inputs: dict[int, Steer] | None = None, count: int = 1) -> None:
        """Step `count` times with the same inputs by seat number; the default input for the others."""
        for _ in range(count):
            self.tick += 1
            self.world.tick = self.tick
            self.game.step({seat: (inputs or {}).get(seat.number, Steer()) for seat in self.taken})
            self._capture()

    def player(self, seat: Seat) -> Player:
        return self.world.get(self.game.players[seat.number])

    def ship(self, seat: Seat) -> Ship:
        return self.world.get(self.player(seat).ship_id)

    def rows(self) -> list[Any]:
        """Return every wire value of the room and all entities, quantised."""
        return [type_.scan(table, {}).rows for type_, table in zip(self.world.types, self.world.tables, strict=True)]

    def named(self, name: str) -> list[Any]:
        return [event.data for event in self.events if event.name == name]
