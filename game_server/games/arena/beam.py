"""The beam: a ray that hits at once, whatever is first in its way.

Run by the server for every beam, and by the browser to draw its own at the moment of the shot:
`static/games/arena/beam.js` is made from this file (`make rules`). A direction is (dx, dy), of length 1. Knows the
rocks and walls; nothing of who shoots at whom.
"""

from math import sqrt

from .field import ROCKS, WORLD_SIZE

BEAM_RANGE = 950.0
#: how near the middle of a ship the ray must pass
BEAM_RADIUS = 20.0


def clear_way(x: float, y: float, dx: float, dy: float, reach: float) -> float:
    """Return how far a ray from (x, y) gets before a rock or a wall, at most `reach`."""
    for rock_x, rock_y, rock_radius in ROCKS:
        entry = way_to(x, y, dx, dy, rock_x, rock_y, rock_radius)
        if 0.0 <= entry < reach:
            reach = entry
    if dx > 0.0:
        reach = min(reach, (WORLD_SIZE - x) / dx)
    elif dx < 0.0:
        reach = min(reach, x / -dx)
    if dy > 0.0:
        reach = min(reach, (WORLD_SIZE - y) / dy)
    elif dy < 0.0:
        reach = min(reach, y / -dy)
    return max(reach, 0.0)


def way_to(x: float, y: float, dx: float, dy: float, middle_x: float, middle_y: float, radius: float) -> float:
    """Return how far along a ray from (x, y) it enters a circle, 0 from inside; -1 when it never does."""
    to_x = middle_x - x
    to_y = middle_y - y
    along = to_x * dx + to_y * dy
    square = to_x * to_x + to_y * to_y
    if square <= radius * radius:
        return 0.0
    half = radius * radius - (square - along * along)
    if along <= 0.0 or half <= 0.0:
        return -1.0
    return along - sqrt(half)


def is_covered(x: float, y: float, to_x: float, to_y: float, radius: float) -> bool:
    """Return whether all of a ship of this radius is behind rocks, seen from (x, y): its middle and both its edges."""
    way_x = to_x - x
    way_y = to_y - y
    distance = sqrt(way_x * way_x + way_y * way_y)
    if distance < 1.0:
        return False
    edge_x = -way_y / distance * radius
    edge_y = way_x / distance * radius
    return (
        not _is_clear(x, y, way_x, way_y)
        and not _is_clear(x, y, way_x + edge_x, way_y + edge_y)
        and not _is_clear(x, y, way_x - edge_x, way_y - edge_y)
    )


def _is_clear(x: float, y: float, way_x: float, way_y: float) -> bool:
    distance = sqrt(way_x * way_x + way_y * way_y)
    return clear_way(x, y, way_x / distance, way_y / distance, distance) >= distance
