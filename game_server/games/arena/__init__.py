"""The arena: top-down ships, bullets that take time, pickups, rounds, bots.

Files in reading order: rules, field, movement, shots, beam, combat, placing, crew, brain, scores, arena.
"""

from .arena import Arena
from .brain import Brain
from .scores import lobby

GAME = Arena
BRAIN = Brain

__all__ = ["BRAIN", "GAME", "lobby"]
