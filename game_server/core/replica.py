"""The client's side of the world, in Python: what a bot, a test or a replay holds.

Applies decoded full and delta messages and offers the same view as the server's `World` (`all`, `get`, `room`), with
entities whose attributes are the wire fields. The twin of static/client/replica.js. Knows no socket and no time.
"""

from collections.abc import Sequence
from typing import Any

from .checksum import entity_hash
from .codec import Group, Op, StateMessage
from .kinds import Kind
from .schema import Row, WireType, wire_types_of


class ReplicaEntity:
    """One entity as its viewer knows it: an id and the wire fields as attributes.

    Each type has a subclass with a property a field. What arrives is kept quantised, and a field is computed when it is
    read: a bot reads few of the many that arrive. Unknown owner-only fields are at their default.
    """

    __slots__ = ("_known", "_row", "_type", "id")

    def __init__(self, type_: WireType, entity_id: int) -> None:
        self.id = entity_id
        self._type = type_
        self._row: list[Any] = [field.kind.default for field in type_.fields]
        self._known = 0

    def _set(self, mask: int, row: Row) -> None:
        self._known |= mask
        mine = self._row
        for position, quantised in zip(self._type.packer(mask).positions, row, strict=True):
            mine[position] = quantised

    def values(self) -> dict[str, Any]:
        """Return the fields that have arrived."""
        return {
            field.name: field.kind.dequantise(self._row[position])
            for position, field in enumerate(self._type.fields)
            if self._known >> position & 1
        }


def _entity_class(type_: WireType) -> type[ReplicaEntity]:
    def reader(position: int, kind: Kind) -> property:
        dequantise = kind.dequantise
        return property(lambda entity: dequantise(entity._row[position]))

    readers = {field.name: reader(position, field.kind) for position, field in enumerate(type_.fields)}
    return type(type_.name, (ReplicaEntity,), {"__slots__": (), **readers})


class Replica:
    """The world as one client has it.

    Args:
        schema: the `schema` of the welcome message.
        like: another replica of the same schema, whose field tables this one shares: many bots need them only once.
    """

    def __init__(self, schema: dict[str, Any], like: "Replica | None" = None) -> None:
        self.types: tuple[WireType, ...] = wire_types_of(schema) if like is None else like.types
        self._classes: tuple[type[ReplicaEntity], ...] = (
            tuple(_entity_class(type_) for type_ in self.types) if like is None else like._classes
        )
        self.tick: int | None = None
        self.ack = 0
        self.own: set[int] = set()
        self._tables: tuple[dict[int, ReplicaEntity], ...] = tuple({} for _ in self.types)
        self._index_of = {type_.name: type_.index for type_ in self.types[1:]}

    def welcome(self, tick: int | None, ack: int) -> None:
        """Note where the next delta starts from, as the welcome message says."""
        self.tick, self.ack = tick, ack

    def apply(self, message: StateMessage) -> None:
        """Take a state message in; raise ValueError when it does not fit what is held."""
        if message.advance is None:
            self._clear()
            self.tick = message.tick
        else:
            if self.tick is None:
                raise ValueError("a delta before any full state")
            tick = self.tick + message.advance
            if message.tick is not None and message.tick != tick:
                raise ValueError(f"a delta for tick {message.tick} where {tick} was due")
            self.tick = tick
        self.ack = message.ack if message.ack is not None else self.ack + (message.ack_advance or 0)
        for group in message.groups:
            self._apply(group)

    def _clear(self) -> None:
        self.own.clear()
        for table in self._tables:
            table.clear()

    def _apply(self, group: Group) -> None:
        if group.op is Op.DESPAWN:
            for entity_id in group.ids:
                self._table_of(group.type_index, entity_id).pop(entity_id)
                self.own.discard(entity_id)
        elif group.op is Op.OWN:
            for entity_id in group.ids:
                self._table_of(group.type_index, entity_id)
                self.own.add(entity_id)
        else:
            self._apply_rows(group)

    def _apply_rows(self, group: Group) -> None:
        type_, table, mask = self.types[group.type_index], self._tables[group.type_index], group.mask
        if group.op is Op.SPAWN:
            make = self._classes[group.type_index]
            for entity_id in group.ids:
                if group.type_index and self.get(entity_id) is not None:
                    raise ValueError(f"a spawn of {type_.name} {entity_id}, which is there already")
                table[entity_id] = make(type_, entity_id)
        is_whole = mask == type_.all_mask
        try:
            for entity_id, row in zip(group.ids, group.rows, strict=True):
                if is_whole:
                    entity = table[entity_id]
                    entity._row, entity._known = list(row), mask
                else:
                    table[entity_id]._set(mask, row)
        except KeyError as error:
            raise ValueError(f"an update of {type_.name} {error}, which is not there") from None

    def _table_of(self, type_index: int, entity_id: int) -> dict[int, ReplicaEntity]:
        # The JSON form names no type beside despawned and owned ids.
        tables = self._tables[1:] if type_index < 0 else (self._tables[type_index],)
        for table in tables:
            if entity_id in table:
                return table
        raise ValueError(f"entity {entity_id} is not there")

    def all(self, type_name: str) -> list[ReplicaEntity]:
        """Return all entities of a type."""
        return list(self._tables[self._index_of[type_name]].values())

    def get(self, entity_id: int) -> ReplicaEntity | None:
        """Return the entity with this id, or None."""
        for table in self._tables[1:]:
            if entity_id in table:
                return table[entity_id]
        return None

    @property
    def room(self) -> ReplicaEntity | None:
        """The room's own state, or None before the first full state."""
        return self._tables[0].get(0)

    def rows(self) -> tuple[dict[int, tuple[Any, ...]], ...]:
        """Return the quantised rows by type index and id, as in a snapshot."""
        return tuple({entity_id: tuple(entity._row) for entity_id, entity in table.items()} for table in self._tables)

    def checksum(self) -> int:
        """Return the checksum over everything held, to compare with the server's."""
        total = 0
        for type_, table in zip(self.types, self._tables, strict=True):
            for entity_id, entity in table.items():
                total += entity_hash(type_, entity_id, entity._row, private=False)
                if type_.owner_mask and entity_id in self.own:
                    total += entity_hash(type_, entity_id, entity._row, private=True)
        return total & 0xFFFFFFFF

    def ids(self) -> Sequence[int]:
        """Return the ids of all entities held, ascending."""
        return sorted(entity_id for table in self._tables[1:] for entity_id in table)
