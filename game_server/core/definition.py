"""A game as the server runs it: its class, field tables, schema and hash, made once per process.

Knows nothing of rooms.
"""

from typing import Any

import attrs

from ..errors import CloseCode, DefinitionError, ProtocolError
from .entity import EntityType
from .game import Game
from .inputs import InputType
from .protocol import structure
from .schema import schema_hash
from .world import entity_types


@attrs.frozen(eq=False)
class GameDefinition:
    """One game, ready to make rooms of."""

    name: str
    cls: type[Game]
    types: tuple[EntityType, ...]
    input_type: InputType
    schema: dict[str, Any]
    schema_hash: str

    @classmethod
    def of(cls, name: str, game_class: type[Game]) -> "GameDefinition":
        """Check a game class and make its tables; raise DefinitionError when it cannot work."""
        if not hasattr(game_class, "input"):
            raise DefinitionError(f"{game_class.__name__} needs `input = YourInput`, a class marked with @input")
        types = entity_types(game_class, game_class.entities)
        input_type = InputType.of(game_class.input)
        schema = {
            "game": name,
            "room": {"fields": [field.schema() for field in types[0].fields]},
            "types": [type_.schema() for type_ in types[1:]],
            "input": input_type.schema(),
        }
        return cls(name, game_class, types, input_type, schema, schema_hash(schema))

    def parse_options(self, options: dict[str, Any]) -> Any:
        """Return a room's options as the game's class, strictly; raise ProtocolError naming what is wrong."""
        target = self.cls.Options
        if target is not None:
            return structure(options, target, "options", CloseCode.BAD_JOIN)
        if options:
            raise ProtocolError(CloseCode.BAD_JOIN, f"{self.name} takes no options")
        return None
