"""Where things appear: ships near the action but not on top of it, pickups in the open."""

from collections.abc import Sequence
from math import atan2, cos, sin, sqrt, tau
from random import Random

from .field import ROCKS, WORLD_SIZE
from .rules import Ship

TRIES = 24
CLEARANCE = 60.0
MARGIN = 140.0
#: well inside a desktop screen: the nearest enemy is in sight at once, and a little over a second away
WANTED_DISTANCE = 500.0


def open_place(random: Random, clearance: float) -> tuple[float, float]:
    """Return a random point at least `clearance` away from every rock."""
    x = y = WORLD_SIZE / 2
    for _ in range(TRIES):
        x, y = random.uniform(MARGIN, WORLD_SIZE - MARGIN), random.uniform(MARGIN, WORLD_SIZE - MARGIN)
        if _is_open(x, y, clearance):
            break
    return x, y


def spawn_place(random: Random, ships: Sequence[Ship]) -> tuple[float, float, float]:
    """Return (x, y, heading) for a new ship: WANTED_DISTANCE from some ship, none much nearer, facing the nearest."""
    if not ships:
        x, y = open_place(random, CLEARANCE)
        return x, y, atan2(WORLD_SIZE / 2 - y, WORLD_SIZE / 2 - x)
    best, best_miss, facing = (MARGIN, MARGIN), float("inf"), (WORLD_SIZE / 2, WORLD_SIZE / 2)
    for _ in range(TRIES):
        near, way = random.choice(ships), random.uniform(0.0, tau)
        x, y = near.x + cos(way) * WANTED_DISTANCE, near.y + sin(way) * WANTED_DISTANCE
        if not (MARGIN < x < WORLD_SIZE - MARGIN and MARGIN < y < WORLD_SIZE - MARGIN and _is_open(x, y, CLEARANCE)):
            continue
        nearest = min(ships, key=lambda ship: (ship.x - x) ** 2 + (ship.y - y) ** 2)
        distance = sqrt((nearest.x - x) * (nearest.x - x) + (nearest.y - y) * (nearest.y - y))
        if WANTED_DISTANCE - distance < best_miss:
            best, best_miss, facing = (x, y), WANTED_DISTANCE - distance, (nearest.x, nearest.y)
    return best[0], best[1], atan2(facing[1] - best[1], facing[0] - best[0])


def _is_open(x: float, y: float, clearance: float) -> bool:
    for rock_x, rock_y, radius in ROCKS:
        dx, dy = x - rock_x, y - rock_y
        reach = radius + clearance
        if dx * dx + dy * dy < reach * reach:
            return False
    return True
