"""Everything a game imports: `from game_server.game import Game, entity, fixed, input_type as input, ...`."""

from .core.brain import Brain, View
from .core.entity import Entity, entity
from .core.exact import on_grid, sin_cos, turn_on_grid
from .core.fields import (
    angle,
    fixed,
    flag,
    float32,
    int8,
    int16,
    int32,
    json_value,
    list_of,
    map_of,
    text,
    uint8,
    uint16,
    uint32,
)
from .core.game import Game, OutsideContext, Seat
from .core.inputs import input_type
from .core.inputs import input_type as input
from .core.interest import Nearby
from .core.past import Past
from .errors import BadCommand, DefinitionError

__all__ = [
    "BadCommand",
    "Brain",
    "DefinitionError",
    "Entity",
    "Game",
    "Nearby",
    "OutsideContext",
    "Past",
    "Seat",
    "View",
    "angle",
    "entity",
    "fixed",
    "flag",
    "float32",
    "input",
    "input_type",
    "int8",
    "int16",
    "int32",
    "json_value",
    "list_of",
    "map_of",
    "on_grid",
    "sin_cos",
    "text",
    "turn_on_grid",
    "uint8",
    "uint16",
    "uint32",
]
