"""A room's live state as the page shows it: entities by type, each field with its value and who gets to see it.

A field goes to all, to its owner only, or stays on the server. Values that are no wire fields may be anything: numbers
and text are shown, of everything else only what kind of thing it is and how much of it, so that nothing of a game's
own is called. What was shown before is remembered, and only what changed is told. Knows worlds; knows no room.
"""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import numpy as np

from ..core.entity import EntityType
from ..core.world import World

#: entities of one type that are shown
ENTITIES_SHOWN_MAX = 100
TEXT_LEN_MAX = 80
ITEMS_SHOWN_MAX = 12
SERVER_ONLY = "server"

Row = dict[str, Any]


@attrs.frozen
class ShownField:
    """A field and who sees it: `all`, `owner` or `server`."""

    name: str
    to: str


def shown_fields(type_: EntityType) -> list[ShownField]:
    """Return a type's fields: those on the wire in their order, then those that stay on the server."""
    wire = [ShownField(field.name, field.to) for field in type_.fields]
    names = {field.name for field in wire}
    declared = attrs.fields(type_.cls) if attrs.has(type_.cls) else ()
    plain = [attribute.name for attribute in declared if attribute.name not in names]
    return wire + [ShownField(name, SERVER_ONLY) for name in plain if not name.startswith("_")]


class StateView:
    """What the page knows of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._fields = {type_.index: shown_fields(type_) for type_ in world.types}
        #: by type name, by id as text: the entity's row
        self.shown: dict[str, dict[str, Row]] = {}
        self.counts: dict[str, int] = {}

    def fields(self) -> dict[str, list[Row]]:
        """Return the fields of each type, by its name."""
        return {
            self._name(type_): [attrs.asdict(field) for field in self._fields[type_.index]]
            for type_ in self._world.types
        }

    def look(self) -> Row:
        """Return what changed since the look before: counts, and by type new or changed rows and ids that are gone."""
        changes: dict[str, Row] = {}
        for type_ in self._world.types:
            name = self._name(type_)
            entities, self.counts[name] = self._some(type_)
            before = self.shown.get(name, {})
            now = {str(key): self._row(type_, entity) for key, entity in entities}
            set_ = {key: _news(before.get(key), row) for key, row in now.items() if before.get(key) != row}
            gone = [key for key in before if key not in now]
            if set_ or gone:
                changes[name] = {"set": set_, "gone": gone}
            self.shown[name] = now
        return {"counts": dict(self.counts), "types": changes}

    def whole(self) -> Row:
        """Return all that is shown, in the form of a change from nothing."""
        types = {name: {"set": rows, "gone": []} for name, rows in self.shown.items() if rows}
        return {"counts": dict(self.counts), "types": types}

    def _name(self, type_: EntityType) -> str:
        return type_.name if type_.index else "room"

    def _some(self, type_: EntityType) -> tuple[Iterable[tuple[int, Any]], int]:
        if not type_.index:
            return [(0, self._world.room)], 1
        table: Mapping[int, Any] = self._world.tables[type_.index]
        some = itertools.islice(table.values(), ENTITIES_SHOWN_MAX)
        return [(entity.id, entity) for entity in some], len(table)

    def _row(self, type_: EntityType, entity: Any) -> Row:
        owner = getattr(entity, "owner", None) if type_.index else None
        row: Row = {} if owner is None else {"owner": owner}
        for field in self._fields[type_.index]:
            row[field.name] = shown_value(getattr(entity, field.name, None))
        return row


def shown_value(value: Any, depth: int = 1) -> Any:
    """Return a value as JSON can carry it and a page can show it."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, float):
        return round(value, 4) if value - value == 0 else str(value)
    if isinstance(value, str):
        return value if len(value) <= TEXT_LEN_MAX else value[:TEXT_LEN_MAX] + "…"
    if isinstance(value, list | tuple) and depth and len(value) <= ITEMS_SHOWN_MAX:
        return [shown_value(item, depth - 1) for item in value]
    if isinstance(value, Mapping) and depth and len(value) <= ITEMS_SHOWN_MAX:
        return {str(key)[:TEXT_LEN_MAX]: shown_value(item, depth - 1) for key, item in value.items()}
    kind = type(value).__name__
    return f"{kind} of {len(value)}" if isinstance(value, list | tuple | set | frozenset | Mapping) else kind


def _news(before: Row | None, now: Row) -> Row:
    return now if before is None else {key: value for key, value in now.items() if before.get(key) != value}
