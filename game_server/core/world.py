"""A room's live state: entities by id, in tables by type.

Ids are uint32, given in ascending order and never reused while a room lives, so a table iterates in id order and a
merged delta cannot confuse two entities. Table 0 holds the room itself (the game object) under id 0: its wire fields
travel like an entity's. Knows nothing of seats beyond their numbers, and nothing of snapshots or the wire.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeVar

from ..errors import DefinitionError
from .columnar import ColumnarType, is_columnar
from .columns import Columns
from .entity import TYPES_MAX, Entity, EntityType

EntityT = TypeVar("EntityT")

ENTITY_ID_MAX = 2**32 - 1


def entity_types(room_class: type, entity_classes: Iterable[type]) -> tuple[EntityType, ...]:
    """Return the types of a game: the room's own first, then its entities in declared order."""
    classes = (room_class, *entity_classes)
    if len(classes) > TYPES_MAX:
        raise DefinitionError(f"{room_class.__name__} has {len(classes) - 1} entity types; at most {TYPES_MAX - 1} fit")
    for cls in classes[1:]:
        if not issubclass(cls, Entity):
            raise DefinitionError(f"{room_class.__name__}.entities: {cls.__name__} is not marked with @entity")
    for name, count in Counter(cls.__name__ for cls in classes[1:]).items():
        if count > 1:
            raise DefinitionError(f"{room_class.__name__}.entities: two are named {name}; clients tell them by name")
    return tuple((ColumnarType if is_columnar(cls) else EntityType).of(index, cls) for index, cls in enumerate(classes))


class World:
    """The live entities of one room."""

    def __init__(self, types: tuple[EntityType, ...], room_state: object) -> None:
        self.types = types
        #: live entities by id, one table a type; a columnar type's are `Columns`
        self.tables: tuple[Any, ...] = tuple(
            type_.columns_class(type_.index, self) if isinstance(type_, ColumnarType) else {} for type_ in types
        )
        self.tables[0][0] = room_state
        #: seat number -> {entity id: type index}
        self.owned: dict[int, dict[int, int]] = {}
        self._columnar: tuple[Columns, ...] = tuple(table for table in self.tables if isinstance(table, Columns))
        self._index_of: dict[type, int] = {type_.cls: type_.index for type_ in types}
        self._index_of.update((columns.row_class, columns.type_index) for columns in self._columnar)
        self._index_of_name: dict[str, int] = {type_.name: type_.index for type_ in types}
        self._type_index: dict[int, int] = {}
        self._next_id = 1
        #: number of the step under way; the room sets it
        self.tick = 0

    def spawn(self, entity: EntityT, owner: Any = None) -> EntityT:
        """Put an entity into the world and return it, with its id.

        Args:
            entity: an instance of one of the game's entity classes, not in a world yet.
            owner: the seat (or seat number) it belongs to; fixed for its life. Its owner-only fields go there.
        """
        index = self._index_of.get(type(entity))
        if not index:
            raise TypeError(f"{type(entity).__name__} is not in the game's `entities`")
        body: Any = entity
        if body.id:
            raise ValueError(f"{type(entity).__name__} {body.id} was spawned before; make a new one")
        table = self.tables[index]
        if isinstance(table, Columns):
            table.adopt(entity, owner)
            return entity
        entity_id = self.claim_ids(1)
        number = owner if owner is None or isinstance(owner, int) else owner.number
        body._id, body._owner = entity_id, number
        table[entity_id] = entity
        self._type_index[entity_id] = index
        if number is not None:
            self.owned.setdefault(number, {})[entity_id] = index
        return entity

    def claim_ids(self, count: int) -> int:
        """Return the first of `count` new ids in a row."""
        first = self._next_id
        if first + count - 1 > ENTITY_ID_MAX:
            raise OverflowError(f"all {ENTITY_ID_MAX} entity ids of this room are used up")
        self._next_id += count
        return first

    def despawn(self, entity: Any) -> None:
        """Take an entity out of the world; one that is not in it is an error."""
        table = self.tables[self._index_of.get(type(entity), 0)]
        if isinstance(table, Columns):
            table.despawn_row(entity)
            return
        index = self._type_index.get(entity.id, 0)
        found = self.tables[index].get(entity.id) if index else None
        if found is None or found is not entity:
            raise ValueError(f"{type(entity).__name__} {entity.id} is not in this world")
        del self.tables[index][entity.id]
        del self._type_index[entity.id]
        if entity.owner is not None:
            self.disown_entity(entity.owner, entity.id)

    def disown_entity(self, seat_number: int, entity_id: int) -> None:
        """Forget that an entity, which is going, belongs to a seat."""
        owned = self.owned[seat_number]
        del owned[entity_id]
        if not owned:
            del self.owned[seat_number]

    def disown(self, seat_number: int) -> None:
        """Make what a seat still owns nobody's: the player is gone, and its number will be another's."""
        for entity_id, index in self.owned.pop(seat_number, {}).items():
            self.tables[index][entity_id]._owner = None

    def get(self, entity_id: int) -> Any:
        """Return the entity with this id, or None."""
        index = self._type_index.get(entity_id)
        if index:
            return self.tables[index].get(entity_id)
        return next((columns[entity_id] for columns in self._columnar if entity_id in columns), None)

    def columns(self, type_: type) -> Any:
        """Return all entities of a columnar type as numpy arrays, to step them at once (`core/columns.py`)."""
        table = self.tables[self._index_of.get(type_, 0)]
        if not isinstance(table, Columns):
            raise TypeError(f"{type_.__name__} is no columnar type of this game; mark it @entity(columnar=True)")
        return table

    def all(self, type_: type[EntityT] | str) -> list[EntityT]:
        """Return a list of all entities of a type (class or name), in id order;

        safe to spawn and despawn while iterating.
        """
        return list(self.tables[self.index_of(type_)].values())

    def index_of(self, type_: type | str) -> int:
        """Return the type index of an entity class or its name; raise TypeError when the game has none such."""
        index = self._index_of_name.get(type_) if isinstance(type_, str) else self._index_of.get(type_)
        if not index:
            raise TypeError(f"{type_} is not in the game's `entities`")
        return index

    def type_index(self, entity_id: int) -> int:
        """Return the type index of a live entity; raise KeyError when there is none."""
        index = self._type_index.get(entity_id)
        if index is None:
            index = next((columns.type_index for columns in self._columnar if entity_id in columns), None)
            if index is None:
                raise KeyError(entity_id)
        return index

    @property
    def room(self) -> Any:
        """The room's own state."""
        return self.tables[0][0]

    def settle(self) -> None:
        """Round predicted fields to their wire grid."""
        for type_, table in zip(self.types, self.tables, strict=True):
            if type_.settle:
                type_.settle(table)

    def __len__(self) -> int:
        return len(self._type_index) + sum(map(len, self._columnar))
