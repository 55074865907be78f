"""The arena's rules: people, bots, ships, bullets, pickups and rounds, on a bench without sockets."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from game_server.games.arena.rules import (
    BULLET_DAMAGE,
    FIRE_RANGE,
    HULL_MAX,
    KILL_REPAIR,
    KILL_SCORE,
    PICKUPS,
    RAPID_STEPS,
    REPAIR_HULL,
    RESPAWN_STEPS,
    RESULTS_S,
    SAFE_STEPS,
    SHIELD_MAX,
    TICK_RATE,
    Bullet,
    Phase,
    Pickup,
    PickupKind,
    Player,
    Ship,
)  # fmt: skip
from tests.games.arena_bench import Bench, steer


def duel(distance: float = 200.0, **options: int) -> tuple[Bench, Ship, Ship]:
    """Return a bench with two people's ships at rest in the open, the first looking at the second."""
    bench = Bench(bots=0, **options)
    ann, bob = bench.join(0, "Ann"), bench.join(1, "Bob")
    bench.step(count=SAFE_STEPS + 5)
    for pickup in bench.world.all(Pickup):
        bench.world.despawn(pickup)
    first, second = bench.ship(ann), bench.ship(bob)
    for ship, x in ((first, 600.0), (second, 600.0 + distance)):
        ship.x, ship.y, ship.vx, ship.vy, ship.heading = x, 1500.0, 0.0, 0.0, 0.0
    return bench, first, second


def shoot(bench: Bench, steps: int = 1) -> None:
    bench.step({0: steer(fire=True)}, count=steps)
    bench.step(count=30)


def test_ship_comes_soon_after_joining() -> None:
    """Who joins has a ship within a quarter of a second."""
    bench = Bench(bots=0)
    seat = bench.join(0, "Ann")
    bench.step(count=TICK_RATE // 4)
    assert bench.ship(seat).owner == 0


def test_visitor_meets_an_enemy_within_two_seconds() -> None:
    """In each of 20 rooms a lone visitor has an enemy in gun range within two seconds of joining."""
    for seed in range(20):
        bench = Bench(seed)
        seat = bench.join(0, "Ann")
        met = False
        for _ in range(2 * TICK_RATE):
            bench.step()
            mine = [ship for ship in bench.world.all(Ship) if ship.owner == seat.number]
            bots = [ship for ship in bench.world.all(Ship) if ship.owner is None]
            met = met or any(math.dist((own.x, own.y), (bot.x, bot.y)) < FIRE_RANGE for own in mine for bot in bots)
        assert met, seed


def test_bullet_takes_time_and_hurts() -> None:
    """A bullet needs its flight time to arrive, then takes BULLET_DAMAGE off the hull and is gone."""
    bench, _, target = duel(distance=400.0)
    bench.step({0: steer(fire=True)})
    bench.step(count=10)
    assert (HULL_MAX, 1) == (target.hull, len(bench.world.all(Bullet)))
    bench.step(count=10)
    assert (HULL_MAX - BULLET_DAMAGE, 0) == (target.hull, len(bench.world.all(Bullet)))


def test_bullet_ends_out_of_range() -> None:
    """A bullet that meets nothing is gone after its range."""
    bench, _, target = duel(distance=FIRE_RANGE + 100.0)
    shoot(bench)
    bench.step(count=20)
    assert (HULL_MAX, 0) == (target.hull, len(bench.world.all(Bullet)))


def test_rock_stops_bullet() -> None:
    """A rock between two ships stops the bullet."""
    bench, shooter, target = duel()
    shooter.x, shooter.y, target.x, target.y = 780.0, 520.0, 60.0, 520.0
    shooter.heading = math.pi
    for _ in range(6):
        shoot(bench)
    assert HULL_MAX == target.hull


def test_shield_goes_first() -> None:
    """A shield takes the damage until it is spent."""
    bench, _, target = duel()
    target.shield = BULLET_DAMAGE + 3
    shoot(bench)
    shoot(bench)
    assert (0, HULL_MAX - BULLET_DAMAGE + 3) == (target.shield, target.hull)


def test_safe_ship_is_not_hurt_until_it_fires() -> None:
    """A fresh ship cannot be hurt; its own first shot ends that."""
    bench, _, target = duel()
    target.safe, target.safe_until = True, bench.tick + 100
    shoot(bench)
    assert HULL_MAX == target.hull
    bench.step({1: steer(fire=True)})
    assert not target.safe


def test_kill_scores_and_victim_respawns() -> None:
    """A kill gives score, a repair and an event; the victim's ship is gone and comes back after RESPAWN_STEPS."""
    bench, shooter, target = duel()
    killer, victim = bench.world.all(Player)
    shooter.hull, target.hull = 50, 1
    shoot(bench)
    assert (KILL_SCORE, 1, 1) == (killer.score, killer.kills, victim.deaths)
    assert 50 + KILL_REPAIR == shooter.hull
    assert bench.world.get(target.id) is None
    (kill,) = bench.named("kill")
    assert ("Ann", "Bob") == (kill["by_name"], kill["victim_name"])
    bench.step(count=RESPAWN_STEPS)
    assert bench.ship(bench.seats[1]).hull == HULL_MAX


def test_victim_of_a_streak_is_worth_more() -> None:
    """Ending a streak pays a bounty."""
    bench, _, target = duel()
    killer, victim = bench.world.all(Player)
    target.hull, victim.streak = 1, 2
    shoot(bench)
    assert (KILL_SCORE + 50, 0) == (killer.score, victim.streak)


@pytest.mark.parametrize("kind", list(PickupKind))
def test_pickup_gives_what_it_says(kind: PickupKind) -> None:
    """Touching a pickup gives its gift once."""
    bench, ship, _ = duel()
    ship.hull = 20
    bench.world.spawn(Pickup(kind=int(kind), x=ship.x, y=ship.y))
    bench.step()
    gifts = {
        PickupKind.REPAIR: (20 + REPAIR_HULL, 0, 0),
        PickupKind.RAPID: (20, RAPID_STEPS, 0),
        PickupKind.SHIELD: (20, 0, SHIELD_MAX),
    }
    assert gifts[kind] == (ship.hull, ship.rapid, ship.shield)
    assert 1 == len(bench.named("pickup"))


def test_bots_fill_the_room_and_leave_as_people_come() -> None:
    """People and bots together are `bots`, whoever comes and goes; with more people there is no bot."""
    bench = Bench(bots=4)
    seats = [bench.join(number, f"P{number}") for number in range(3)]
    bench.step(count=100)
    assert (3, 1) == (len(bench.game.players), len(bench.game.brains))
    seats += [bench.join(number, f"P{number}") for number in range(3, 6)]
    assert (6, 0) == (len(bench.world.all(Player)), len(bench.game.brains))
    for seat in seats[1:]:
        bench.leave(seat)
    bench.step()
    assert (4, 3) == (len(bench.world.all(Player)), len(bench.game.brains))


def test_leaver_takes_everything_along() -> None:
    """Nothing of a player who left stays in the world, bullets included."""
    bench, shooter, _ = duel()
    bench.step({0: steer(fire=True)})
    bench.leave(bench.seats[0])
    assert [] == bench.world.all(Bullet)
    assert bench.world.get(shooter.id) is None
    bench.step(count=200)
    assert 1 == len(bench.world.all(Player))


def test_dropped_player_coasts_and_returns() -> None:
    """Without its connection a ship coasts, whatever input repeats; after the return it obeys again."""
    bench, ship, _ = duel()
    bench.game.drop(bench.seats[0])
    bench.step({0: steer(thrust=100, fire=True)}, count=10)
    assert ((600.0, 1500.0), 0) == ((ship.x, ship.y), len(bench.world.all(Bullet)))
    bench.game.resume(bench.seats[0])
    bench.step({0: steer(thrust=100)}, count=10)
    assert ship.x > 600.0


def test_dropped_player_is_not_sent_back_to_die() -> None:
    """A ship that died while its player was away waits for the player."""
    bench, _, target = duel()
    target.hull = 1
    bench.game.drop(bench.seats[1])
    shoot(bench)
    bench.step(count=RESPAWN_STEPS * 2)
    assert bench.ship(bench.seats[1]) is None
    bench.game.resume(bench.seats[1])
    bench.step()
    assert bench.ship(bench.seats[1]) is not None


def test_round_ends_with_results_and_saves_scores() -> None:
    """At the end of a round ships are gone, scores stay up, and those of people who scored are saved."""
    bench = Bench(bots=4, round_s=20)
    ann = bench.join(0, "Ann")
    bench.join(1, "Bob")
    bench.step(count=20 * TICK_RATE - 1)
    bench.player(ann).score = 300
    bench.player(bench.seats[1]).score = 0
    bench.step()
    assert (Phase.RESULTS, []) == (bench.game.phase, bench.world.all(Ship))
    player = bench.player(ann)
    assert [("save_scores", ([["Ann", 300, player.kills, player.deaths]],))] == bench.calls
    bench.step(count=RESULTS_S * TICK_RATE + 5)
    assert (Phase.FIGHT, 2, 0, 6) == (
        bench.game.phase, bench.game.round_number, player.score, len(bench.world.all(Player)) + 2
    )  # fmt: skip
    assert bench.ship(ann) is not None


def test_pickups_are_bounded() -> None:
    """Pickups come again and again, but a room without takers holds no more than PICKUPS."""
    bench = Bench(bots=0)
    bench.step(count=3000)
    assert PICKUPS == len(bench.world.all(Pickup))


def test_same_seed_and_inputs_give_the_same_world() -> None:
    """Two rooms of one seed and the same inputs hold the same wire values after 2,000 ticks; another seed differs."""

    def play(seed: int) -> object:
        bench = Bench(seed, bots=8, round_s=50)
        bench.join(0, "Ann")
        for step in range(2000):
            if step == 500:
                bench.join(1, "Bob")
            push = steer(turn=(step * 7) % 201 - 100, thrust=100, fire=step % 50 < 20, boost=step % 90 < 30)
            bench.step({0: push, 1: push})
            if step == 1500:
                bench.leave(bench.seats[1])
        return bench.rows()

    assert play(3) == play(3)
    assert play(3) != play(4)


def test_nothing_leaves_its_wire_range() -> None:
    """In a full room of hard bots no captured value needs clamping."""
    bench = Bench(7, bots=32, skill=2)
    for _ in range(600):
        bench.step()
        for type_, table in zip(bench.world.types, bench.world.tables, strict=True):
            assert 0 == type_.scan(table, {}).clamped, type_.name


def test_bullets_are_on_the_wire_grid() -> None:
    """A bullet starts and flies exactly as the wire says, so that every client sees it where it is."""
    bench = Bench(5, bots=16, skill=2)
    for _ in range(300):
        bench.step()
        for bullet in bench.world.all(Bullet):
            for value in (bullet.x, bullet.y, bullet.vx, bullet.vy):
                assert value * 16 == math.floor(value * 16)


_DIGEST = """
from tests.games.arena_bench import Bench, steer
bench = Bench(11, bots=12)
bench.join(0, "Ann")
bench.step({0: steer(turn=40, thrust=100, fire=True)}, count=600)
print(bench.rows())
"""


def test_hash_seed_changes_nothing() -> None:
    """Two processes with different hash seeds play the same room: nothing rests on the order of a set or a hash."""
    rows = [
        subprocess.run(
            [sys.executable, "-c", _DIGEST],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert len(rows[0]) > 1000
    assert rows[0] == rows[1]
