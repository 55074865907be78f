"""A game as the server runs it: its class, field tables, schema and hash, made once per process.

Knows nothing of rooms.
"""

import math
from typing import Any

import attrs

from ..errors import CloseCode, DefinitionError, ProtocolError
from .broadcast import Broadcast
from .entity import EntityType
from .game import Game
from .inputs import InputType
from .interest import Sight
from .limits import RoomLimits
from .protocol import structure
from .schema import schema_hash
from .views import Views
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
    sight: Sight

    @classmethod
    def of(cls, name: str, game_class: type[Game]) -> "GameDefinition":
        """Check a game class and make its tables; raise DefinitionError when it cannot work."""
        if not hasattr(game_class, "input"):
            raise DefinitionError(f"{game_class.__name__} needs `input = YourInput`, a class marked with @input")
        entities: Any = game_class.entities
        if isinstance(entities, type):
            only = entities.__name__
            raise DefinitionError(f"{game_class.__name__}.entities is a tuple, also of one: `entities = ({only},)`")
        types = entity_types(game_class, entities)
        input_type = InputType.of(game_class.input)
        schema = {
            "game": name,
            "room": {"fields": [field.schema() for field in types[0].fields]},
            "types": [type_.schema() for type_ in types[1:]],
            "input": input_type.schema(),
        }
        _check_hooks(game_class)
        _check_options(game_class)
        sight = Sight.of(game_class, types, (game_class, *game_class.entities))
        return cls(name, game_class, types, input_type, schema, schema_hash(schema), sight)

    def views(self, game: Game, limits: RoomLimits) -> Views | None:
        """Return the views of a new room; None where every seat gets everything."""
        bytes_per_s = limits.seat_bytes_per_s if self.cls.seat_bytes_per_s is None else self.cls.seat_bytes_per_s
        return Views(game, self.sight, self.types, bytes_per_s) if bytes_per_s or self.sight.selective else None

    def parse_options(self, options: dict[str, Any]) -> Any:
        """Return a room's options as the game's class, strictly; raise ProtocolError naming what is wrong."""
        target = self.cls.Options
        if target is not None:
            made: Any = structure(options, target, "options", CloseCode.BAD_JOIN)
            seats = getattr(made, "seats", 1)
            if seats < 1:
                raise ProtocolError(CloseCode.BAD_JOIN, f"options.seats must be 1 or more, not {seats}")
            return made
        if options:
            raise ProtocolError(CloseCode.BAD_JOIN, f"{self.name} takes no options")
        return None

    def broadcast(self) -> Broadcast | None:
        """Return the public's stream of a new room; None where the game takes no spectators."""
        delay_s, tick_rate = self.cls.spectator_delay_s, self.cls.tick_rate
        return None if delay_s is None else Broadcast(self.types, math.ceil(delay_s * tick_rate), tick_rate)


def _check_options(game: type[Game]) -> None:
    """Refuse options that a quick match, which names none, could not be made with."""
    options: Any = game.Options
    if options is None:
        return
    if not attrs.has(options):
        raise DefinitionError(f"{game.__name__}.Options must be an attrs class")
    for attribute in attrs.fields(options):
        if attribute.init and attribute.default is attrs.NOTHING:
            raise DefinitionError(f"{game.__name__}.Options.{attribute.name} needs a default")


def _check_hooks(game: type[Game]) -> None:
    """Refuse a game whose decisions about views nobody would ask for, or that would show secrets by accident."""
    decides = game.sees is not Game.sees or game.visible is not Game.visible
    if decides and not game.veiled:
        raise DefinitionError(f"{game.__name__} decides what a seat sees; name the types: `veiled = (Card, ...)`")
    if game.veiled and not decides:
        raise DefinitionError(f"{game.__name__}.veiled: write `sees(seat, entity)`, which decides about them")
    is_public_asked = game.spectator_sees is not Game.spectator_sees or (
        game.spectator_visible is not Game.spectator_visible
    )
    if game.veiled and game.spectator_delay_s is not None and not is_public_asked:
        raise DefinitionError(
            f"{game.__name__} veils entities and lets spectators in: write `spectator_sees(entity)`, so that nothing "
            "is shown to them by accident"
        )
