"""The world at one moment between two captures, with the numbers that a browser's picture of it shows.

Fixed, float32 and angle fields lie between the two captures, the angle the shorter way; all others, and existence, are
as in the older one: what static/client/interpolator.js and blend.js draw (`tests/vectors/blend.json` binds them). Knows
captures and the live world; knows nothing of who looks, or when.
"""

from collections.abc import Mapping
from math import floor
from typing import Any

from .kinds import Angle, Fixed, Float32, Kind
from .schema import Row, WireType
from .snapshot import Snapshot
from .world import World

_FULL_TURN = 6.283185307179586


class PastEntity:
    """One entity as it was: its id and its wire fields as attributes, each worked out when it is read."""

    __slots__ = ("_fraction", "_newer", "_older", "id")

    def __init__(self, entity_id: int, older: Row, newer: Row, fraction: float) -> None:
        self.id, self._older, self._newer, self._fraction = entity_id, older, newer, fraction


def between(was: float, then: float, fraction: float) -> float:
    """Return a value part of the way between two; the twin of blend.js."""
    return was + (then - was) * fraction


def between_angles(was: float, then: float, fraction: float) -> float:
    """Return an angle part of the shorter way between two, from 0 to under a full turn."""
    way = then - was
    angle = was + (way - _FULL_TURN * floor(way / _FULL_TURN + 0.5)) * fraction
    return angle - _FULL_TURN * floor(angle / _FULL_TURN)


def past_class(type_: WireType) -> type[PastEntity]:
    """Make the class of a type's past entities: a property for each field."""

    def stepped(position: int, kind: Kind) -> property:
        dequantise = kind.dequantise
        return property(lambda entity: dequantise(entity._older[position]))

    def blended(position: int, kind: Kind) -> property:
        dequantise, blend = kind.dequantise, between_angles if isinstance(kind, Angle) else between

        def read(entity: PastEntity) -> float:
            was: float = dequantise(entity._older[position])
            fraction = entity._fraction
            return blend(was, dequantise(entity._newer[position]), fraction) if fraction else was

        return property(read)

    readers = {
        field.name: (blended if isinstance(field.kind, Fixed | Float32 | Angle) else stepped)(position, field.kind)
        for position, field in enumerate(type_.fields)
    }
    return type(type_.name, (PastEntity,), {"__slots__": (), **readers})


class Past:
    """The world at one moment of the past: read only, and good for this step.

    Like `World` it has `all`, `get`, `room` and `tick` (with its fraction). Entities have the fields that are on the
    wire, and may be gone by now: `world.get(id)` tells. What belongs to the seat that it was made for is as it is now,
    since its owner's browser predicts it.
    """

    def __init__(
        self, world: World, classes: tuple[type[PastEntity], ...], tick: float, older: Snapshot, newer: Snapshot,
        own: Mapping[int, int],
    ) -> None:  # fmt: skip
        self.tick = tick
        self._world, self._classes, self._own = world, classes, own
        self._older, self._newer = older.tables, newer.tables
        span = newer.tick - older.tick
        self._fraction = min((tick - older.tick) / span, 1.0) if span > 0 else 0.0

    def all(self, type_: type | str) -> list[Any]:
        """Return all entities of a type (class or name) that were there, in id order."""
        index = self._world.index_of(type_)
        older, newer, make, fraction = self._older[index], self._newer[index], self._classes[index], self._fraction
        own = self._own
        found: list[Any] = [
            make(entity_id, row, newer.get(entity_id, row), fraction)
            for entity_id, row in older.items()
            if entity_id not in own
        ]
        if own:
            mine = [self._world.get(entity_id) for entity_id, its_index in own.items() if its_index == index]
            found = sorted([*found, *mine], key=_id_of)
        return found

    def get(self, entity_id: int) -> Any:
        """Return the entity with this id, or None when it was not there."""
        if entity_id in self._own:
            return self._world.get(entity_id)
        for index in range(1, len(self._older)):
            row = self._older[index].get(entity_id)
            if row is not None:
                newer: Mapping[int, Row] = self._newer[index]
                return self._classes[index](entity_id, row, newer.get(entity_id, row), self._fraction)
        return None

    @property
    def room(self) -> Any:
        """The room's own state, which no browser shows late: as it is now."""
        return self._world.room


def _id_of(entity: Any) -> int:
    number: int = entity.id
    return number
