"""The live entities of a columnar type: one numpy array a field, one place in all of them an entity.

    bullets = self.world.columns(Bullet)
    bullets.spawn(12, owner=seat, x=ship.x, y=ship.y, vx=np.cos(turns) * 300, vy=np.sin(turns) * 300)
    bullets.x += bullets.vx * self.dt
    bullets.despawn(bullets.x > SIZE)
    for bullet in bullets.values(): ...      # one at a time: dearer, with the class's own methods

Fields are float64, int64 or bool, in the order of the ids. Spawning and despawning move them: an array taken before
is then read-only, so that a write that would go nowhere raises. A row is an instance of the entity's class whose
attributes are in the columns; as a mapping of ids to rows this is like the dict of an object type.

Each type has a subclass with a property a field. Knows the world for ids and owners; knows nothing of the wire.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from ..errors import DefinitionError

if TYPE_CHECKING:
    from .world import World

CAPACITY_MIN = 64
NOBODY = -1


@attrs.frozen(eq=False)
class LiveField:
    """A field of a columnar class, on the wire or not; without a default (NOTHING) every spawn must give it."""

    name: str
    dtype: type[np.generic]
    default: Any


class Columns(Mapping[int, Any]):
    """All entities of a columnar type in one world."""

    __slots__ = ("_arrays", "_capacity", "_ids", "_ids_now", "_length", "_owners", "_views", "_world", "type_index")

    entity_class: type
    row_class: type
    fields: tuple[LiveField, ...]

    if TYPE_CHECKING:
        # Each type has a property for each of its fields.
        def __getattr__(self, name: str) -> Any: ...

        def __setattr__(self, name: str, value: Any) -> None: ...

    def __init__(self, type_index: int, world: "World") -> None:
        self.type_index, self._world = type_index, world
        self._length, self._capacity = 0, CAPACITY_MIN
        self._ids = np.zeros(CAPACITY_MIN, np.uint32)
        self._owners = np.full(CAPACITY_MIN, NOBODY, np.int32)
        self._arrays: dict[str, npt.NDArray[Any]] = {
            field.name: np.zeros(CAPACITY_MIN, field.dtype) for field in self.fields
        }
        self._views: dict[str, npt.NDArray[Any]] = {}
        self._ids_now: npt.NDArray[np.uint32] | None = None
        self._renew()

    # ---- all at once -------------------------------------------------------------------------------------------

    @property
    def ids(self) -> npt.NDArray[np.uint32]:
        """Ids, ascending; read-only, and a new array only after something came or went."""
        if self._ids_now is None:
            self._ids_now = self._ids[: self._length].copy()
            self._ids_now.flags.writeable = False
        return self._ids_now

    @property
    def owners(self) -> npt.NDArray[np.int32]:
        """Seat numbers of the owners, -1 for nobody's; read-only."""
        owners = self._owners[: self._length]
        owners.flags.writeable = False
        return owners

    def spawn(self, count: int, owner: Any = None, **values: Any) -> npt.NDArray[np.uint32]:
        """Put `count` entities into the world and return their ids.

        Args:
            count: how many.
            owner: the seat (or seat number) they belong to, for their lives.
            values: for each field a value for all or one for each; the others have their default.
        """
        if count < 0:
            raise ValueError(f"{count} entities cannot be spawned")
        unknown = values.keys() - self._arrays.keys()
        if unknown:
            raise TypeError(f"{self.entity_class.__name__} has no {', '.join(sorted(unknown))}")
        start, end = self._length, self._length + count
        self._reserve(end)
        for field in self.fields:
            value = values.get(field.name, field.default)
            if value is attrs.NOTHING:
                raise TypeError(f"{self.entity_class.__name__}.{field.name} has no default: give it a value")
            try:
                self._arrays[field.name][start:end] = value
            except (TypeError, ValueError, OverflowError) as error:
                raise type(error)(f"{self.entity_class.__name__}.{field.name}: {error}") from None
        number = owner if owner is None or isinstance(owner, int) else owner.number
        first = self._world.claim_ids(count)
        ids = np.arange(first, first + count, dtype=np.uint32)
        self._ids[start:end] = ids
        self._owners[start:end] = NOBODY if number is None else number
        if number is not None and count:
            self._world.owned.setdefault(number, {}).update(dict.fromkeys(ids.tolist(), self.type_index))
        self._length = end
        self._renew()
        return ids

    def despawn(self, is_gone: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint32]:
        """Take the entities for which `is_gone` (a bool each) is true out of the world; return their ids."""
        is_gone = np.asarray(is_gone)
        if is_gone.dtype != np.bool_ or is_gone.shape != (self._length,):
            raise ValueError(
                f"despawn takes a bool for each of the {self._length} entities, "
                f"not {is_gone.dtype} of shape {is_gone.shape}"
            )
        gone = self._ids[: self._length][is_gone]
        if not len(gone):
            return gone
        self._note_unowned(is_gone)
        stays = ~is_gone
        left = self._length - len(gone)
        for array in (self._ids, self._owners, *self._arrays.values()):
            array[:left] = array[: self._length][stays]
        self._length = left
        self._renew()
        return gone

    def _note_unowned(self, is_gone: npt.NDArray[np.bool_]) -> None:
        owners = self._owners[: self._length]
        places = np.flatnonzero(is_gone & (owners != NOBODY))
        for entity_id, number in zip(self._ids[places].tolist(), owners[places].tolist(), strict=True):
            self._world.disown_entity(number, entity_id)

    def _reserve(self, length: int) -> None:
        if length <= self._capacity:
            return
        self._capacity = max(length, 2 * self._capacity)
        self._ids = self._grown(self._ids)
        self._owners = self._grown(self._owners)
        self._arrays = {name: self._grown(array) for name, array in self._arrays.items()}
        self._renew()

    def _grown(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        grown = np.zeros(self._capacity, array.dtype)
        grown[: self._length] = array[: self._length]
        return grown

    def _renew(self) -> None:
        """Let each field's array show what there is now, and the arrays shown before take no more writes."""
        for view in self._views.values():
            view.flags.writeable = False
        self._views = {name: array[: self._length] for name, array in self._arrays.items()}
        self._ids_now = None

    # ---- one at a time -----------------------------------------------------------------------------------------

    def place(self, row: Any) -> int:
        """Return where a row of this world is, which it remembers; raise LookupError when it is gone."""
        place: int = row._place
        if place < self._length and self._ids.item(place) == row._id:
            return place
        found = self._find(row._id)
        if found is None:
            raise LookupError(f"{self.entity_class.__name__} {row._id} is no longer in the world")
        row._place = found
        return found

    def _find(self, entity_id: object) -> int | None:
        if not isinstance(entity_id, int | np.integer) or not 0 < entity_id <= 0xFFFFFFFF:
            return None
        place = int(self._ids[: self._length].searchsorted(np.uint32(entity_id)))
        return place if place < self._length and self._ids[place] == entity_id else None

    def adopt(self, entity: Any, owner: Any) -> None:
        """Put one entity, made by its class, into the world; from then on its attributes are in the columns."""
        values = {field.name: getattr(entity, field.name) for field in self.fields}
        (entity_id,) = self.spawn(1, owner, **values).tolist()
        entity.__class__ = self.row_class
        entity._columns, entity._id, entity._place = self, entity_id, self._length - 1

    def despawn_row(self, row: Any) -> None:
        """Take one entity out of the world; one that is not in it is an error."""
        if getattr(row, "_columns", None) is not self or row._id not in self:
            raise ValueError(f"{self.entity_class.__name__} {row.id} is not in this world")
        is_gone = np.zeros(self._length, np.bool_)
        is_gone[self.place(row)] = True
        self.despawn(is_gone)

    def _row(self, entity_id: int, place: int) -> Any:
        row: Any = object.__new__(self.row_class)
        row._columns, row._id, row._place = self, entity_id, place
        return row

    def __getitem__(self, entity_id: int) -> Any:
        place = self._find(entity_id)
        if place is None:
            raise KeyError(entity_id)
        return self._row(int(entity_id), place)

    def __contains__(self, entity_id: object) -> bool:
        return self._find(entity_id) is not None

    def __iter__(self) -> Iterator[int]:
        return iter(self.ids.tolist())

    def __len__(self) -> int:
        return self._length


#: names on `Columns` that no field can have
_TAKEN = frozenset(name for name in (*dir(Columns), *Columns.__slots__) if not name.startswith("__"))


def columns_class(entity_class: type, fields: tuple[LiveField, ...]) -> type[Columns]:
    """Return the subclass of `Columns` for a columnar entity class."""
    for field in fields:
        if field.name in _TAKEN:
            raise DefinitionError(f"{entity_class.__name__}.{field.name}: columns have it already; choose another name")
    namespace = {
        "__slots__": (),
        "entity_class": entity_class,
        "row_class": _row_class(entity_class, fields),
        "fields": fields,
        **{field.name: _column_property(field.name) for field in fields},
    }
    return type(f"{entity_class.__name__}Columns", (Columns,), namespace)


def _column_property(name: str) -> property:
    def read(columns: Columns) -> Any:
        return columns._views[name]

    def write(columns: Columns, values: Any) -> None:
        view = columns._views[name]
        if values is not view:  # after `columns.x += 1` it is
            view[:] = values

    return property(read, write)


def _row_class(entity_class: type, fields: tuple[LiveField, ...]) -> type:
    """Return the class of an entity that is in the columns: the game's own, with its fields read from there."""
    owner = property(_read_owner, _write_owner)
    properties = {field.name: _row_property(field.name) for field in fields}
    namespace = {"__slots__": (), "__doc__": entity_class.__doc__, "_owner": owner, **properties}
    return type(entity_class.__name__, (entity_class,), namespace)


def _row_property(name: str) -> property:
    def read(row: Any) -> Any:
        columns = row._columns
        return columns._arrays[name].item(columns.place(row))

    def write(row: Any, value: Any) -> None:
        columns = row._columns
        columns._arrays[name][columns.place(row)] = value

    return property(read, write)


def _read_owner(row: Any) -> int | None:
    number: int = row._columns._owners.item(row._columns.place(row))
    return None if number == NOBODY else number


def _write_owner(row: Any, number: int | None) -> None:
    row._columns._owners[row._columns.place(row)] = NOBODY if number is None else number
