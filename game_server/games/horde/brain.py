"""A bot that keeps away: from the mobs near it, from the walls, and spends its burst when it is surrounded."""

import math
import random
from collections.abc import Collection
from typing import Any

from ...game import View
from .rules import HEIGHT, WIDTH

#: mobs nearer than this are run from
FEAR = 110.0
#: so many of them near call for the burst
SURROUNDED = 6
WALL_FEAR = 60.0


class Runner:
    """Flees along the sum of all pushes."""

    def __init__(self, random: random.Random) -> None:
        self._random = random

    def think(self, view: View, own: Collection[int]) -> dict[str, Any]:
        player = next((each for each in view.all("Player") if each.id in own), None)
        if player is None:
            return {}
        push_x = _wall(player.x, WIDTH) + self._random.uniform(-0.2, 0.2)
        push_y = _wall(player.y, HEIGHT) + self._random.uniform(-0.2, 0.2)
        near = 0
        for mob in view.all("Mob"):
            dx, dy = player.x - mob.x, player.y - mob.y
            away = math.hypot(dx, dy)
            if 0 < away < FEAR:
                near += 1
                push_x += dx / away * (1 - away / FEAR)
                push_y += dy / away * (1 - away / FEAR)
        return {"dx": _sign(push_x), "dy": _sign(push_y), "burst": near >= SURROUNDED}


def _wall(place: float, size: float) -> float:
    return max(0.0, 1 - place / WALL_FEAR) - max(0.0, 1 - (size - place) / WALL_FEAR)


def _sign(push: float) -> int:
    return 0 if abs(push) < 0.15 else 1 if push > 0 else -1
