"""A game's declarations: what could not work as its author means it is refused when the class is made."""

from typing import Any

import attrs
import pytest

from game_server.core.definition import GameDefinition
from game_server.errors import CloseCode, DefinitionError, ProtocolError
from game_server.game import Entity, Game, entity, input, int8, uint8


@input
class Push:
    """A direction."""

    dx: int = int8()


def define(**declared: Any) -> GameDefinition:
    """Return a game with these attributes, annotated where a `__annotations__` among them says so."""
    return GameDefinition.of("mine", type("Mine", (Game,), {"input": Push, **declared}))


@pytest.mark.parametrize(
    ("name", "value"),
    [("tick_rate", 60), ("seats", 4), ("title", "Mine"), ("spectator_delay_s", 1.0), ("tick", uint8()), ("taken", 0)],
)
def test_what_every_game_has_is_no_state_of_its_own(name: str, value: Any) -> None:
    """An annotation would make state of a rate, which the server then never sees, or hide what the room offers."""
    with pytest.raises(DefinitionError, match=rf"Mine\.{name}: every game has it; .* without an annotation"):
        define(**{name: value, "__annotations__": {name: type(value)}})


def test_what_all_rooms_would_share_is_refused() -> None:
    """A dict without an annotation is one for the whole process; a table in capitals is meant to be."""
    with pytest.raises(DefinitionError, match=r"Mine\.pawns is one dict for all rooms; write `pawns: dict = \.\.\.`"):
        define(pawns={})
    define(STARTS=[(1, 2), (3, 4)], outside={})


def test_a_declaration_that_is_not_called_is_refused() -> None:
    """`x: int = uint8` would be an attribute that no client ever sees."""
    with pytest.raises(DefinitionError, match=r"Mine\.score: call it, `uint8\(\.\.\.\)`, to declare a field"):
        define(score=uint8, __annotations__={"score": int})
    with pytest.raises(DefinitionError, match=r"Pawn\.x: call it, `uint8\(\.\.\.\)`"):
        entity(type("Pawn", (Entity,), {"x": uint8, "__annotations__": {"x": int}}))


def test_one_entity_type_is_a_tuple_too() -> None:
    """`(Pawn)` is no tuple in Python, and the message says what would be one."""

    @entity
    class Pawn(Entity):
        x: int = uint8()

    with pytest.raises(DefinitionError, match=r"Mine\.entities is a tuple, also of one: `entities = \(Pawn,\)`"):
        define(entities=(Pawn))


def test_entities_have_names_of_their_own() -> None:
    """Messages in JSON name an entity's type, so two types of one name would be one."""

    def made(field: str) -> type:
        namespace = {field: uint8(), "__annotations__": {field: int}}
        return entity(type("Pawn", (Entity,), namespace))

    with pytest.raises(DefinitionError, match=r"Mine\.entities: two are named Pawn"):
        define(entities=(made("x"), made("y")))


def test_options_have_defaults() -> None:
    """A quick match names none, and the lobby shows what they are."""

    @attrs.frozen
    class Options:
        """Of which one must be given."""

        level: str
        bots: int = 0

    with pytest.raises(DefinitionError, match=r"Mine\.Options\.level needs a default"):
        define(Options=Options)
    with pytest.raises(DefinitionError, match=r"Mine\.Options must be an attrs class"):
        define(Options=dict)


@pytest.mark.parametrize("seats", [0, -1])
def test_a_room_has_at_least_one_seat(seats: int) -> None:
    """Who asks for a room with fewer is told so, and no room is made that nobody could enter."""

    @attrs.frozen
    class Options:
        """The game's author did not think of it."""

        seats: int = 4

    with pytest.raises(ProtocolError, match=rf"options\.seats must be 1 or more, not {seats}") as refusal:
        define(Options=Options).parse_options({"seats": seats})
    assert CloseCode.BAD_JOIN is refusal.value.code
