"""The predicted movement: pure, on the wire grid, and the same numbers as the vectors that JavaScript is held to."""

import json
import math

from game_server.core.exact import sin_cos
from game_server.games.arena import movement
from game_server.games.arena.field import ROCKS, WORLD_SIZE
from tests.games.arena_vectors import CASES, DT, VECTORS, Ship, Steer, make_exact, make_movement, row_of, run_case


def resting(x: float, y: float, **changes: float) -> Ship:
    fields = {
        "vx": 0.0,
        "vy": 0.0,
        "heading": 0.0,
        "energy": 120,
        "cooldown": 0,
        "charge": 0,
        "rapid": 0,
        "boosting": False,
    }
    return Ship(x=x, y=y, **{**fields, **changes})  # type: ignore[arg-type]


def test_movement_vectors_still_hold() -> None:
    """Python yields the stored vectors; remake them with `python -m tests.games.arena_vectors` on purpose only.

    Every second case, to save time: JavaScript is held to all of them.
    """
    stored = json.loads((VECTORS / "arena_movement.json").read_text(encoding="utf-8"))
    assert CASES == len(stored["cases"])
    assert stored["cases"][::2] == [run_case(case) for case in range(0, CASES, 2)]
    assert {**stored, "cases": []} == make_movement(cases=0)


def test_exact_vectors_still_hold() -> None:
    """Python yields the stored sines and cosines."""
    assert json.loads((VECTORS / "exact.json").read_text(encoding="utf-8")) == make_exact()


def test_sine_is_sine() -> None:
    """The supplied sine and cosine lie within 1e-10 of the true ones."""
    worst = 0.0
    for number in range(-20_000, 20_000):
        angle = number * 0.011
        sine, cosine = sin_cos(angle)
        worst = max(worst, abs(sine - math.sin(angle)), abs(cosine - math.cos(angle)))
    assert worst < 1e-10


def test_ends_on_grid() -> None:
    """A step ends on the wire grid: quantising and dequantising once more changes nothing."""
    ship = resting(777.0, 777.0, vx=333.25, vy=-71.5, heading=1.0)
    for _ in range(100):
        movement.move(ship, Steer(turn=37, thrust=100, boost=True), DT)
        x, y, vx, vy, heading, *_ = row_of(ship)
        assert (ship.x, ship.y, ship.vx, ship.vy, ship.heading) == (
            x / 16, y / 16, vx / 32 - 1024, vy / 32 - 1024, heading * movement.HEADING_STEP,
        )  # fmt: skip


def test_stays_in_world_and_out_of_rocks() -> None:
    """However it is flown, a ship stays inside the walls and outside the rocks."""
    ship = resting(2048.0, 1700.0, heading=1.57)
    for step in range(3000):
        movement.move(ship, Steer(turn=(step * 31) % 90 - 40, thrust=100, boost=step % 200 < 60), DT)
        assert movement.SHIP_RADIUS <= ship.x <= WORLD_SIZE - movement.SHIP_RADIUS
        assert movement.SHIP_RADIUS <= ship.y <= WORLD_SIZE - movement.SHIP_RADIUS
        for x, y, radius in ROCKS:
            assert math.dist((x, y), (ship.x, ship.y)) > radius + movement.SHIP_RADIUS - 0.1


def test_fires_at_its_rate() -> None:
    """Fire held down shoots once every FIRE_STEPS steps, and twice as often while rapid."""
    plain, rapid = resting(300.0, 300.0), resting(300.0, 300.0, rapid=1000)
    shots = [movement.move(plain, Steer(fire=True), DT) for _ in range(80)]
    rapid_shots = [movement.move(rapid, Steer(fire=True), DT) for _ in range(80)]
    assert (10, 20) == (shots.count(movement.SHOT), rapid_shots.count(movement.SHOT))


def test_beams_at_its_rate_and_for_energy() -> None:
    """A beam costs energy and is ready again after BEAM_STEPS; between them the gun fires on."""
    ship = resting(300.0, 300.0)
    fired = [movement.move(ship, Steer(fire=True, beam=True), DT) for _ in range(2 * movement.BEAM_STEPS)]
    assert [0, movement.BEAM_STEPS] == [step for step, what in enumerate(fired) if what == movement.BEAM]
    assert fired.count(movement.SHOT) > 12
    weak = resting(300.0, 300.0, energy=movement.BEAM_ENERGY - 2)
    assert movement.NOTHING == movement.move(weak, Steer(beam=True), DT)


def test_boost_runs_dry() -> None:
    """A full tank boosts for 40 steps, and an empty one must refill to the starting level first."""
    ship = resting(200.0, 1500.0)
    steps = 0
    while movement.move(ship, Steer(thrust=100, boost=True), DT) or ship.boosting:
        steps += 1
    assert (40, 1) == (steps, ship.energy)
