"""How a bullet begins and where its shooter's screen shows it: rules that the server and the browser share.

A bullet flies straight. It begins as far in the past as its shooter's picture was behind (its offset) and catches up
with the present over its first OFFSET_STEPS: at age a it meets ships as they were `offset_at(offset, a)` ticks ago. So
on its shooter's screen it leaves the muzzle at once, flies slower at first, and meets its target where both are drawn.
`static/games/arena/shots.js` is made from this file (`make rules`). Knows nothing of ships but place and course.
"""

from typing import Protocol

from ...core.exact import on_grid, sin_cos

MUZZLE = 24.0
BULLET_SPEED = 680.0
#: share of the ship's velocity a bullet takes along; all of it makes aiming hard, none feels wrong
BULLET_INHERIT = 0.4
#: how near the middle of a ship a bullet must pass
HIT_RADIUS = 21.0
#: 200 ms
OFFSET_STEPS = 6


class Course(Protocol):
    """Where a ship is, how it moves, and where it looks."""

    x: float
    y: float
    vx: float
    vy: float
    heading: float


def muzzle_of(ship: Course) -> tuple[float, float, float, float]:
    """Return where a ship's shots begin, and their direction: (x, y, dx, dy)."""
    sine, cosine = sin_cos(ship.heading)
    return ship.x + cosine * MUZZLE, ship.y + sine * MUZZLE, cosine, sine


def bullet_of(ship: Course) -> tuple[float, float, float, float]:
    """Return the (x, y, vx, vy) of a bullet that a ship fires now, on the wire's grid."""
    x, y, dx, dy = muzzle_of(ship)
    return (
        on_grid(x, 0.0, 0.0625, 16.0, 65536),
        on_grid(y, 0.0, 0.0625, 16.0, 65536),
        on_grid(dx * BULLET_SPEED + ship.vx * BULLET_INHERIT, -2048.0, 0.0625, 16.0, 65536),
        on_grid(dy * BULLET_SPEED + ship.vy * BULLET_INHERIT, -2048.0, 0.0625, 16.0, 65536),
    )


def offset_at(offset: float, age: float) -> float:
    """Return by how many ticks the ships that a bullet of this age meets lie in the past."""
    return offset * max(0.0, 1.0 - age / OFFSET_STEPS)


def age_on_screen(since: float, offset: float) -> float:
    """Return a bullet's age on its shooter's screen, `since` ticks of the picture after the one it was fired in."""
    age = since / (1.0 + offset / OFFSET_STEPS)
    return age if age < OFFSET_STEPS else since - offset
