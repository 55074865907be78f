"""The bot's brain: beatable, of different characters, and content with what a player can see."""

import random
from typing import Any

import attrs

from game_server.games.arena.brain import Brain
from game_server.games.arena.rules import Bullet, Player, Ship, Steer
from tests.games.arena_bench import Bench


class PublicOnly:
    """A ship or bullet as other players see it: owner-only and server-only fields are not there."""

    def __init__(self, entity: Any, whole: bool) -> None:
        self.id = entity.id
        for field in attrs.fields(type(entity)):
            wire = field.metadata.get("game_server.wire")
            if wire and (wire.to == "all" or whole):
                setattr(self, field.name, getattr(entity, field.name))


class PublicView:
    """What a player's client holds, made from the server's world."""

    def __init__(self, bench: Bench, own: list[int]) -> None:
        self.tick = bench.tick
        self.own = own
        self.world = bench.world

    def all(self, name: str) -> list[PublicOnly]:
        found: list[Any] = self.world.all(name)
        return [PublicOnly(entity, entity.id in self.own) for entity in found]

    def get(self, entity_id: int) -> PublicOnly | None:
        entity = self.world.get(entity_id)
        return entity and PublicOnly(entity, entity_id in self.own)


def test_plays_from_public_fields_over_the_wire() -> None:
    """A brain in a seat flies, fires and scores from the fields that a client holds."""
    bench = Bench(2, bots=6, skill=0)
    seat = bench.join(0, "Robot")
    brain = Brain(random.Random(5), 2)
    shots = 0
    for _ in range(2400):
        own = sorted(bench.world.owned[0])
        values = brain.think(PublicView(bench, own), own)
        bench.step({0: Steer(**values)})
        shots += bool(values.get("fire"))
    assert shots > 100
    assert bench.player(seat).kills > 0


def test_without_a_ship_gives_the_default_input() -> None:
    """A brain whose ship is gone asks for nothing."""
    bench = Bench(bots=0)
    assert {} == Brain(random.Random(1)).think(PublicView(bench, []), [])


def test_finds_its_ship_in_the_next_room() -> None:
    """The number of the ship that it flew is that of another thing it owns in the room it comes to."""
    first, second = Bench(bots=0), Bench(bots=0)
    second.world.spawn(Player())
    brain = Brain(random.Random(1))
    for bench in (first, second):
        bench.join(0, "Robot")
        for _ in range(30):
            own = sorted(bench.world.owned[0])
            bench.step({0: Steer(**brain.think(PublicView(bench, own), own))})
    flown = {ship.id for ship in first.world.all(Ship)}
    assert flown & {player.id for player in second.world.all(Player)}
    assert brain.ship_id in second.world.owned[0].keys() & {ship.id for ship in second.world.all(Ship)}


def test_bots_are_beatable_and_busy() -> None:
    """In two minutes a room of eight fair bots sees some fifty kills, and its bots miss most of their shots."""
    bench = Bench(1, bots=8)
    shots = 0
    for _ in range(3600):
        bench.step()
        shots += sum(bullet.born == bench.tick for bullet in bench.world.all(Bullet))
    kills = len(bench.named("kill"))
    assert 20 < kills < 90
    assert shots > kills * 15


def test_harder_bots_win() -> None:
    """Hard bots in a room of easy ones score more on average."""
    bench = Bench(9, bots=12, skill=0)
    hard = list(bench.game.brains)[:6]
    for player_id in hard:
        bench.game.brains[player_id] = Brain(bench.random, 2)
    bench.step(count=3600)
    scores = {player.id: player.score for player in bench.world.all(Player)}
    assert sum(scores[key] for key in hard) > sum(score for key, score in scores.items() if key not in hard)


def test_bots_do_not_stick_to_rocks_or_walls() -> None:
    """Over a minute no bot's ship stays within 40 units of where it was four seconds before for long."""
    bench = Bench(4, bots=8)
    stuck = looks = 0
    before: dict[int, tuple[float, float]] = {}
    for step in range(1800):
        bench.step()
        if step % 120 == 0:
            now = {ship.id: (ship.x, ship.y) for ship in bench.world.all(Ship)}
            for ship_id, (x, y) in now.items():
                if ship_id in before:
                    looks += 1
                    stuck += abs(x - before[ship_id][0]) < 40 and abs(y - before[ship_id][1]) < 40
            before = now
    assert stuck < looks * 0.1
