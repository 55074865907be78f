"""The bots of a room: who they are, and what they look at.

A bot is a Player without a seat, flown by a Brain (`brain.py`) that the room keeps.
"""

from collections.abc import Iterable
from random import Random
from typing import Any

import attrs

NAMES = tuple(
    """
    Vega Rook Juno Mako Sable Pip Onyx Talon Ember Quill Nyx Brisk Cobalt Fable Gizmo Havoc
    Iris Jinx Koda Lumen Moss Nova Orbit Pixel Rune Sprocket Tansy Umber Vesper Wren Yarrow Zephyr
    """.split()
)


@attrs.define
class Look:
    """A view of the room for a brain on the server."""

    world: Any
    tick: int = 0

    def all(self, name: str) -> Iterable[Any]:
        found: Iterable[Any] = self.world.all(name)
        return found

    def get(self, entity_id: int) -> Any:
        return self.world.get(entity_id)


def free_name(random: Random, taken: Iterable[str]) -> str:
    """Return a bot's name that nobody in the room bears."""
    used = list(taken)
    free = [name for name in NAMES if name not in used]
    return random.choice(free) if free else f"Bot {random.randint(100, 999)}"
