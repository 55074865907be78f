"""What hundreds do at once: mobs chase, bullets fly and hit. Whole columns, no loop over entities.

Knows columns and points; knows nothing of seats, waves or the room.
"""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from .rules import EDGE, HEIGHT, MOB_RADIUS, MOB_STRAY, PLAYER_RADIUS, WIDTH

Floats = npt.NDArray[np.float64]


def distances(xs: Floats, ys: Floats, points: Floats) -> Floats:
    """Return how far each (x, y) is from each point: [len(xs), len(points)]."""
    away: Floats = np.hypot(xs[:, None] - points[:, 0], ys[:, None] - points[:, 1])
    return away


def chase(mobs: Any, prey: Floats, dt: float) -> None:
    """Let every mob take a step towards the nearest of the points; without points they stand."""
    if not len(mobs) or not len(prey):
        return
    away = distances(mobs.x, mobs.y, prey)
    nearest = away.argmin(axis=1)
    far = np.minimum(away.min(axis=1) / (2 * MOB_STRAY), 1.0)
    to_x = prey[nearest, 0] + mobs.stray_x * far - mobs.x
    to_y = prey[nearest, 1] + mobs.stray_y * far - mobs.y
    length = np.maximum(np.hypot(to_x, to_y), 1e-9)
    pace = np.minimum(mobs.speed_per_s * dt, length) / length
    mobs.x = np.clip(mobs.x + to_x * pace, EDGE, WIDTH - EDGE)
    mobs.y = np.clip(mobs.y + to_y * pace, EDGE, HEIGHT - EDGE)


def fly(bullets: Any, dt: float, tick: int) -> None:
    """Move the bullets; those whose time is up or that left the field are gone."""
    bullets.x += bullets.vx * dt
    bullets.y += bullets.vy * dt
    is_inside = (bullets.x > 0) & (bullets.x < WIDTH) & (bullets.y > 0) & (bullets.y < HEIGHT)
    bullets.despawn(~is_inside | (bullets.gone_at_tick <= tick))


def hit(bullets: Any, mobs: Any) -> Counter[int]:
    """Take mobs that are hit out of the world, with their bullets; return how many each seat number hit."""
    if not len(bullets) or not len(mobs):
        return Counter()
    touches = distances(mobs.x, mobs.y, np.column_stack([bullets.x, bullets.y])) < MOB_RADIUS
    is_hit = touches.any(axis=1)
    by = bullets.by[touches[is_hit].argmax(axis=1)]
    bullets.despawn(touches.any(axis=0))
    mobs.despawn(is_hit)
    return Counter(by.tolist())


def bitten(mobs: Any, players: Floats) -> npt.NDArray[np.bool_]:
    """Return for each player's point whether a mob touches it."""
    if not len(mobs):
        return np.zeros(len(players), np.bool_)
    touches = distances(mobs.x, mobs.y, players) < PLAYER_RADIUS + MOB_RADIUS - 2
    return np.asarray(touches.any(axis=0))
