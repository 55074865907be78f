"""Where a ship truly was between two ticks: its step taken in four, from one known place to the next.

The server steps 30 times a second, which says nothing of the moments between; a picture shows them. The acceleration of
a step follows from the velocities at both its ends; four quarter steps with it draw the curve that a simulation four
times as fine would have. Where a wall or a rock came between, the way is straight, as the rule has it.
"""

from game_server.games.arena.movement import BOOST_FACTOR, KEEP_SPEED, THRUST
from game_server.games.arena.rules import TICK_RATE

from .server import Place

FINER = 4
#: no engine accelerates more; what does is a bounce
ACCELERATION_MAX = THRUST * BOOST_FACTOR * 1.02
KEEP_A_PART = KEEP_SPEED ** (1 / FINER)
STEP_S = 1 / TICK_RATE
PART_S = STEP_S / FINER


def place_between(before: Place, after: Place, fraction: float) -> tuple[float, float]:
    """Return where a ship was, `fraction` of the way from one tick to the next."""
    ax = (after.vx / KEEP_SPEED - before.vx) / STEP_S
    ay = (after.vy / KEEP_SPEED - before.vy) / STEP_S
    if ax * ax + ay * ay > ACCELERATION_MAX**2:
        return before.x + (after.x - before.x) * fraction, before.y + (after.y - before.y) * fraction
    return (
        _along(_quarters(before.x, before.vx, ax, after.x), fraction),
        _along(_quarters(before.y, before.vy, ay, after.y), fraction),
    )


def _quarters(start: float, speed: float, acceleration: float, end: float) -> list[float]:
    """Return the places after each part of a step, drawn to where it truly ended."""
    places = [start]
    for _ in range(FINER):
        speed = (speed + acceleration * PART_S) * KEEP_A_PART
        places.append(places[-1] + speed * PART_S)
    off = end - places[-1]
    return [place + off * part / FINER for part, place in enumerate(places)]


def _along(places: list[float], fraction: float) -> float:
    part = min(int(fraction * FINER), FINER - 1)
    return places[part] + (places[part + 1] - places[part]) * (fraction * FINER - part)
