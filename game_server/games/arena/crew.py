"""The bots of a room: who they are, and what they look at.

A bot is a Player without a seat, flown by a Brain (`brain.py`) that the room keeps.
"""

from collections.abc import Iterable
from random import Random

NAMES = tuple(
    """
    Vega Rook Juno Mako Sable Pip Onyx Talon Ember Quill Nyx Brisk Cobalt Fable Gizmo Havoc
    Iris Jinx Koda Lumen Moss Nova Orbit Pixel Rune Sprocket Tansy Umber Vesper Wren Yarrow Zephyr
    """.split()
)


def free_name(random: Random, taken: Iterable[str]) -> str:
    """Return a bot's name that nobody in the room bears."""
    used = list(taken)
    free = [name for name in NAMES if name not in used]
    return random.choice(free) if free else f"Bot {random.randint(100, 999)}"
