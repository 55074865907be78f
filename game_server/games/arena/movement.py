"""How a ship moves in one step: a pure function, run by the server for every ship and by the browser for its own.

`static/games/arena/movement.js` is made from this file (`make rules`), so that both end on the same bits;
`tests/vectors/arena_movement.json` binds them. Every predicted field ends on its wire grid, so that both sides start
the next step from the same numbers.

Knows the rocks and walls; nothing of other ships, bullets, damage or the wire.
"""

from math import sqrt
from typing import Protocol

from ...core.exact import TAU, on_grid, sin_cos, turn_on_grid
from .field import WORLD_SIZE, rocks_at

SHIP_RADIUS = 18.0

TURN_RATE = 4.2  # radians a second at full deflection
THRUST = 390.0  # units a second, a second
REVERSE_SHARE = 0.55  # of THRUST, when braking
BOOST_FACTOR = 1.9
KEEP_SPEED = 0.97  # share of velocity kept each step: top speed is 420 cruising, 800 boosting
WALL_BOUNCE = 0.5
ROCK_BOUNCE = 0.45

ENERGY_MAX = 120
ENERGY_BOOST = 3  # spent each boosting step: 40 steps from full
ENERGY_REGAIN = 1
ENERGY_TO_START = 24  # so that an empty tank does not stutter

FIRE_STEPS = 8  # steps between two shots
FIRE_STEPS_RAPID = 4
BEAM_STEPS = 75  # steps between two beams
BEAM_ENERGY = 40  # of ENERGY_MAX: who beams cannot run as far

# what a step fired
NOTHING = 0
SHOT = 1
BEAM = 2

POSITION_STEP = 0.0625
POSITION_INVERSE = 16.0
POSITION_COUNT = 65536
VELOCITY_MIN = -1024.0
VELOCITY_STEP = 0.03125
VELOCITY_INVERSE = 32.0
VELOCITY_COUNT = 65536
HEADING_STEP = TAU / 65536
HEADING_INVERSE = 1 / HEADING_STEP
HEADING_COUNT = 65536


class Moving(Protocol):
    """The fields of a ship that movement reads and writes."""

    x: float
    y: float
    vx: float
    vy: float
    heading: float
    energy: int
    cooldown: int
    charge: int
    rapid: int
    boosting: bool


class Steering(Protocol):
    """One step's intent. `turn` and `thrust` in hundredths, from -100 to 100."""

    turn: int
    thrust: int
    fire: bool
    boost: bool
    beam: bool


def move(ship: Moving, steer: Steering, dt: float) -> int:
    """Advance a ship by one step of `dt` seconds; return what it fired in this step: NOTHING, a SHOT or a BEAM."""
    heading = turn_on_grid(
        ship.heading + steer.turn * 0.01 * TURN_RATE * dt, HEADING_STEP, HEADING_INVERSE, HEADING_COUNT
    )
    sine, cosine = sin_cos(heading)
    power = _power(ship, steer)
    vx = (ship.vx + cosine * power * dt) * KEEP_SPEED
    vy = (ship.vy + sine * power * dt) * KEEP_SPEED
    x = ship.x + vx * dt
    y = ship.y + vy * dt

    x, y, vx, vy = _off_rocks(*_off_walls(x, y, vx, vy))

    ship.x = on_grid(x, 0.0, POSITION_STEP, POSITION_INVERSE, POSITION_COUNT)
    ship.y = on_grid(y, 0.0, POSITION_STEP, POSITION_INVERSE, POSITION_COUNT)
    ship.vx = on_grid(vx, VELOCITY_MIN, VELOCITY_STEP, VELOCITY_INVERSE, VELOCITY_COUNT)
    ship.vy = on_grid(vy, VELOCITY_MIN, VELOCITY_STEP, VELOCITY_INVERSE, VELOCITY_COUNT)
    ship.heading = heading
    return _trigger(ship, steer)


def _off_walls(x: float, y: float, vx: float, vy: float) -> tuple[float, float, float, float]:
    """Return place and velocity after bouncing off the walls of the world."""
    edge = WORLD_SIZE - SHIP_RADIUS
    if x < SHIP_RADIUS:
        x = SHIP_RADIUS
        vx = -vx * WALL_BOUNCE
    elif x > edge:
        x = edge
        vx = -vx * WALL_BOUNCE
    if y < SHIP_RADIUS:
        y = SHIP_RADIUS
        vy = -vy * WALL_BOUNCE
    elif y > edge:
        y = edge
        vy = -vy * WALL_BOUNCE
    return x, y, vx, vy


def _off_rocks(x: float, y: float, vx: float, vy: float) -> tuple[float, float, float, float]:
    """Return place and velocity after bouncing off the rocks."""
    for rock_x, rock_y, rock_radius in rocks_at(x, y):
        dx = x - rock_x
        dy = y - rock_y
        reach = rock_radius + SHIP_RADIUS
        square = dx * dx + dy * dy
        if square < reach * reach:
            distance = sqrt(square)
            if distance < 1.0:
                dx = 1.0
                dy = 0.0
                distance = 1.0
            dx = dx / distance
            dy = dy / distance
            x = rock_x + dx * reach
            y = rock_y + dy * reach
            inward = vx * dx + vy * dy
            if inward < 0.0:
                inward = inward * (1.0 + ROCK_BOUNCE)
                vx = vx - inward * dx
                vy = vy - inward * dy
    return x, y, vx, vy


def _power(ship: Moving, steer: Steering) -> float:
    """Spend or regain energy; return the acceleration along the heading."""
    wants = steer.boost and steer.thrust > 0
    needed = ENERGY_BOOST if ship.boosting else ENERGY_TO_START
    if wants and ship.energy >= needed:
        ship.boosting = True
        ship.energy = ship.energy - ENERGY_BOOST
        return steer.thrust * 0.01 * THRUST * BOOST_FACTOR
    ship.boosting = False
    if ship.energy < ENERGY_MAX:
        ship.energy = ship.energy + ENERGY_REGAIN
    if steer.thrust < 0:
        return steer.thrust * 0.01 * THRUST * REVERSE_SHARE
    return steer.thrust * 0.01 * THRUST


def _trigger(ship: Moving, steer: Steering) -> int:
    """Count the guns' timers down; return what fires."""
    if ship.rapid > 0:
        ship.rapid = ship.rapid - 1
    if ship.cooldown > 0:
        ship.cooldown = ship.cooldown - 1
    if ship.charge > 0:
        ship.charge = ship.charge - 1
    if steer.beam and ship.charge == 0 and ship.energy >= BEAM_ENERGY:
        ship.charge = BEAM_STEPS
        ship.energy = ship.energy - BEAM_ENERGY
        ship.cooldown = FIRE_STEPS
        return BEAM
    if not steer.fire or ship.cooldown > 0:
        return NOTHING
    ship.cooldown = FIRE_STEPS_RAPID if ship.rapid > 0 else FIRE_STEPS
    return SHOT
