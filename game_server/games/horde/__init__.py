"""The horde: stand together against waves of hundreds. The example of columnar entities; it needs no page of its own.

Files in reading order: rules, crowd, horde, brain.
"""

from .brain import Runner
from .horde import Horde

GAME = Horde
BRAIN = Runner
