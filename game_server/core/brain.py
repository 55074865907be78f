"""Brains: how a bot decides. One piece of code plays in simulation, in load tests over the wire, and as an opponent
in a room.

A brain sees a `View`, which both the server's `World` and the client's `Replica` are, and says which input it would
give.
"""

from collections.abc import Collection, Iterable
from random import Random
from typing import Any, Protocol


class View(Protocol):
    """Entities by type and id, with their fields as attributes."""

    @property
    def tick(self) -> int | None:
        """The tick that this is the world of."""

    @property
    def room(self) -> Any:
        """The room's own state."""

    def all(self, type_: str, /) -> Iterable[Any]:
        """Return all entities of a type, by its name."""

    def get(self, entity_id: int, /) -> Any:
        """Return the entity with this id, or None."""


class Brain(Protocol):
    """One bot's mind."""

    def __init__(self, random: Random) -> None: ...

    def think(self, view: View, own: Collection[int]) -> dict[str, Any]:
        """Return the input's field values for this step; `own` are the ids of the bot's own entities."""
