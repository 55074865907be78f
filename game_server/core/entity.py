"""Entity types: an attrs class plus its field table, and the code generated from the table.

`@entity` makes an attrs class with slots whose instances carry an id and an owner. `EntityType` is the table behind
it and two functions generated once per type (as attrs generates `__init__`), because they run for every entity in
every tick:

- `scan(entities, old_rows)` captures and compares in one pass. A row is the tuple of quantised values in field order.
  It returns the new rows, the ids that are new, and the ids that changed grouped by which fields did. Rows that did
  not change are the old tuples, so history shares them. Measured (CPython 3.11): 0.37 us an unchanged and 0.45 us a
  changed entity of 3 fixed fields.
- `settle(entities)` rounds predicted fields to their wire grid, so that server and browser start each step from the
  same numbers.

Values outside their range take the slow way: clamped, and counted. Knows nothing of rooms, seats or messages.
"""

import inspect
import struct
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from ..errors import DefinitionError
from .fields import check_annotated
from .packed import Ids, Packed
from .schema import Field, Row, Rows, WireType, wire_fields

ClassT = TypeVar("ClassT", bound=type)

TYPES_MAX = 64


class Entity:
    """What every entity has: an id (0 until it is spawned) and the seat number of its owner, both set by the world."""

    __slots__ = ("_id", "_owner")
    _id: int
    _owner: int | None

    if TYPE_CHECKING:
        # attrs makes the real one: every field by name, each with its default.
        def __init__(self, **fields: Any) -> None: ...

    @property
    def id(self) -> int:
        return getattr(self, "_id", 0)

    @property
    def owner(self) -> int | None:
        return getattr(self, "_owner", None)


def copy_mutable_defaults(_: type, attributes: "list[attrs.Attribute[Any]]") -> "list[attrs.Attribute[Any]]":
    """Give every instance its own copy of a default that can change, to the bottom (an attrs field transformer).

    What can change is what has no hash: list, dict, set, bytearray, deque, attrs classes compared by value.
    """
    return [
        attribute.evolve(default=attrs.Factory(partial(deepcopy, attribute.default)))
        if type(attribute.default).__hash__ is None
        else attribute
        for attribute in attributes
    ]


def entity(cls: ClassT) -> ClassT:
    """Make a class an entity: an attrs class with slots, an id and an owner.

    Fields declared with a wire type reach the clients; plain annotated ones stay on the server.
    """
    if not issubclass(cls, Entity):
        namespace = {key: value for key, value in vars(cls).items() if key not in ("__dict__", "__weakref__")}
        bases = (Entity, *(base for base in cls.__bases__ if base is not object))
        remade: Any = type(cls.__name__, bases, namespace)
        _rebind_super(cls, remade)
        cls = remade
    for name in ("id", "owner", "_id", "_owner"):
        if name in inspect.get_annotations(cls):
            raise DefinitionError(f"{cls.__name__}.{name}: every entity has one already; choose another name")
    check_annotated(cls)
    made: Any = attrs.define(eq=False, slots=True, auto_attribs=True, field_transformer=copy_mutable_defaults)(cls)
    return made  # type: ignore[no-any-return]


def _rebind_super(old: type, new: type) -> None:
    """Let super() without arguments in the methods of `old` mean `new`: it finds its class in a cell they share."""
    for member in vars(old).values():
        function = getattr(member, "__func__", getattr(member, "fget", member))
        for cell in getattr(function, "__closure__", None) or ():
            if cell.cell_contents is old:
                cell.cell_contents = new


@attrs.define(eq=False)
class Scan:
    """What one pass over a type's entities found."""

    rows: Rows
    #: ids that were not in the old rows, ascending
    spawned: list[int]
    #: bit mask of the changed fields -> ids, ascending
    updated: dict[int, list[int]]
    #: how many rows had a value outside its range
    clamped: int = 0


ScanFunction = Callable[[Mapping[int, Any], Rows], Scan]
SettleFunction = Callable[[Mapping[int, Any]], None]


@attrs.define(eq=False, slots=False)
class EntityType(WireType):
    """A wire type with the class behind it and the functions generated for it."""

    cls: type
    scan: ScanFunction
    #: None when no field is predicted
    settle: SettleFunction | None

    @classmethod
    def of(cls, index: int, entity_class: type) -> "EntityType":
        name, fields = entity_class.__name__, wire_fields(entity_class)
        return cls(index, name, fields, entity_class, _make_scan(name, fields), _make_settle(name, fields))

    def ids_of(self, rows: Mapping[int, Row]) -> npt.NDArray[np.uint32]:
        """Return the ids in a table of a snapshot, ascending."""
        return np.fromiter(rows, np.uint32, len(rows))

    def column(self, rows: Mapping[int, Row], name: str) -> npt.NDArray[np.float64]:
        """Return one field of all entities in a table, as the clients see it, in the order of `ids_of`."""
        position = next(place for place, field in enumerate(self.fields) if field.name == name)
        dequantise = self.fields[position].kind.dequantise
        return np.fromiter((dequantise(row[position]) for row in rows.values()), np.float64, len(rows))

    def packed(self, rows: Mapping[int, Row], mask: int, ids: Ids) -> Packed:
        """Return the fields of a mask of some entities in a table, packed for the wire."""
        packer, array = self.packer(mask), np.asarray(ids, np.uint32)
        chosen = [rows[entity_id] for entity_id in array.tolist()]
        if packer.row_bytes is None:
            return Packed(array, None, packer.pack_each(chosen))
        return Packed.of_bytes(array, packer.pack(chosen))


def clamp_row(entity: Any, fields: tuple[Field, ...]) -> tuple[Row, bool]:
    """Return an entity's row the slow way, every value brought into its range; and whether one had to be."""
    row, is_altered = [], False
    for field in fields:
        value = getattr(entity, field.name)
        try:
            row.append(field.kind.clamp(value))
        except (TypeError, ValueError) as error:
            raise TypeError(f"{type(entity).__name__}.{field.name}: {error}") from error
        try:
            is_altered = is_altered or field.kind.quantise(value) != row[-1]
        except ValueError:
            is_altered = True
    return tuple(row), is_altered


def _make_scan(type_name: str, fields: tuple[Field, ...]) -> ScanFunction:
    """Generate the capture-and-compare loop of a type. Only names of declared attributes enter the source."""
    names: dict[str, Any] = {"Scan": Scan, "clamp_row": clamp_row, "fields": fields, "struct_error": struct.error}
    quantise, tests = [], []
    for position, field in enumerate(fields):
        source, test = field.kind.fast_source(f"e.{field.name}", names)
        quantise.append(f"q{position} = {source}")
        if test:
            tests.append("(" + test.format(q=f"q{position}") + ")")
    columns = [f"q{position}" for position in range(len(fields))]
    row = "(" + "".join(column + ", " for column in columns) + ")"
    olds = "".join(f"o{position}, " for position in range(len(fields)))
    mask = " | ".join(f"(q{position} != o{position}) << {position}" for position in range(len(fields)))
    news = olds.replace("o", "q")
    slow = f"row, off = clamp_row(e, fields); clamped += off; {news}= row" if fields else "pass"
    body = f"""
def scan(entities, old_rows):
    rows = {{}}; spawned = []; updated = {{}}; clamped = 0
    old_row = old_rows.get
    for id, e in entities.items():
        try:
            {"; ".join(quantise) or "pass"}
            row = {row}
            if not ({" and ".join(tests) or "True"}):
                {slow}
        except (ValueError, OverflowError, TypeError, AttributeError, struct_error):
            {slow}
        old = old_row(id)
        if old == row:
            rows[id] = old
            continue
        rows[id] = row
        if old is None:
            spawned.append(id)
            continue
        {olds + "= old" if fields else "pass"}
        mask = {mask or "0"}
        if mask in updated:
            updated[mask].append(id)
        else:
            updated[mask] = [id]
    return Scan(rows, spawned, updated, clamped)
"""
    function: ScanFunction = _compile(body, f"<scan of {type_name}>", names)["scan"]
    return function


def _make_settle(type_name: str, fields: tuple[Field, ...]) -> SettleFunction | None:
    names: dict[str, Any] = {}
    lines = []
    for position, field in enumerate(fields):
        if field.predict:
            names[f"k{position}"] = field.kind
            lines.append(f"        e.{field.name} = k{position}.dequantise(k{position}.clamp(e.{field.name}))")
    if not lines:
        return None
    body = "def settle(entities):\n    for e in entities.values():\n" + "\n".join(lines) + "\n"
    function: SettleFunction = _compile(body, f"<settle of {type_name}>", names)["settle"]
    return function


def _compile(source: str, filename: str, names: dict[str, Any]) -> dict[str, Any]:
    exec(compile(source, filename, "exec"), names)  # noqa: S102 - the source is made from declared attribute names only
    return names
