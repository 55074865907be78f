"""The schema: the field tables that both ends share, as objects and as JSON.

A `WireType` is one row of the schema: a type's fields in wire order, and how a row of any subset of them is packed.
The server makes wire types from classes, a client from the JSON in the welcome message; both then encode and decode
with the same code. Knows nothing of entities, worlds or messages.
"""

import hashlib
import math
import struct
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from operator import itemgetter
from typing import Any

import attrs

from ..errors import DefinitionError
from .fields import METADATA_KEY, Wire
from .kinds import Angle, Fixed, Flag, Float32, Integer, Json, Kind, List, Map, Text, canonical_json

Row = tuple[Any, ...]
Rows = dict[int, Row]

FIELDS_MAX = 64
#: of the entity itself, or of the message around an input
RESERVED_NAMES = ("id", "owner", "type", "seq", "ack", "lag")
#: a struct packs at most this many rows in one call; more are packed in blocks of it
BLOCK_ROWS = 64


@attrs.frozen
class Field:
    """One wire field of a type, at its place in the table."""

    name: str
    kind: Kind
    to: str = "all"
    predict: bool = False

    def schema(self) -> dict[str, Any]:
        predict = {"predict": True} if self.predict else {}
        return {"name": self.name, **self.kind.schema(), "to": self.to, **predict}


class Packer:
    """Packs and unpacks rows of one subset (mask) of a type's fields."""

    def __init__(self, fields: Sequence[Field], mask: int) -> None:
        self.positions = [bit for bit in range(len(fields)) if mask >> bit & 1]
        self.kinds = [fields[bit].kind for bit in self.positions]
        self.names = [fields[bit].name for bit in self.positions]
        self._codes = "".join(kind.code for kind in self.kinds)
        self._is_fixed_width = all(kind.code for kind in self.kinds)
        self._row = struct.Struct("<" + self._codes)
        self._blocks: dict[int, struct.Struct] = {}
        self._pick = itemgetter(*self.positions) if self.positions else None
        self._is_whole_row = len(self.positions) == len(fields)
        #: of a packed row; None when it varies
        self.row_bytes = self._row.size if self._is_fixed_width else None
        self._checks = [(index, kind) for index, kind in enumerate(self.kinds) if type(kind).check is not Kind.check]

    def pack(self, rows: Iterable[Row]) -> bytes:
        """Return the masked fields of full rows, row after row."""
        if not self._is_fixed_width:
            return b"".join(self.pack_each(rows))
        if self._pick is None:
            return b""
        if self._is_whole_row:
            values = list(chain.from_iterable(rows))
        elif len(self.positions) == 1:
            values = list(map(self._pick, rows))
        else:
            values = list(chain.from_iterable(map(self._pick, rows)))
        width = len(self.positions)
        count = len(values) // width
        if count <= BLOCK_ROWS:
            return self._block(count).pack(*values)
        step = BLOCK_ROWS * width
        return b"".join(
            self._block(min(BLOCK_ROWS, count - start // width)).pack(*values[start : start + step])
            for start in range(0, len(values), step)
        )

    def pack_each(self, rows: Iterable[Row]) -> list[bytes]:
        """Return the masked fields of full rows, each row by itself."""
        columns = list(zip(self.positions, self.kinds, strict=True))
        return [b"".join([kind.write(row[position]) for position, kind in columns]) for row in rows]

    def _block(self, count: int) -> struct.Struct:
        block = self._blocks.get(count)
        if block is None:
            block = self._blocks[count] = struct.Struct("<" + self._codes * count)
        return block

    def unpack(self, data: bytes, position: int, count: int) -> tuple[list[Row], int]:
        """Return `count` rows of the masked fields and the position behind them;

        raise ValueError when they do not fit.
        """
        if not self._is_fixed_width:
            return self._unpack_varying(data, position, count)
        end = position + self._row.size * count
        if end > len(data):
            raise ValueError("rows cut short")
        rows: list[Row] = list(self._row.iter_unpack(data[position:end])) if self._row.size else [()] * count
        for index, kind in self._checks:
            for row in rows:
                kind.check(row[index])
        return rows, end

    def _unpack_varying(self, data: bytes, position: int, count: int) -> tuple[list[Row], int]:
        rows = []
        for _ in range(count):
            row = []
            for kind in self.kinds:
                try:
                    value, position = kind.read(data, position)
                except struct.error as error:
                    raise ValueError("rows cut short") from error
                row.append(value)
            rows.append(tuple(row))
        return rows, position


@attrs.define(eq=False, slots=False)
class WireType:
    """A type's field table. `index` is its number on the wire; 0 is the room itself."""

    index: int
    name: str
    fields: tuple[Field, ...]

    @cached_property
    def all_mask(self) -> int:
        return (1 << len(self.fields)) - 1

    @cached_property
    def owner_mask(self) -> int:
        return sum(1 << bit for bit, field in enumerate(self.fields) if field.to == "owner")

    @cached_property
    def public_mask(self) -> int:
        return self.all_mask & ~self.owner_mask

    @cached_property
    def mask_len_bytes(self) -> int:
        return (len(self.fields) + 7) // 8

    @cached_property
    def _packers(self) -> dict[int, Packer]:
        return {}

    def packer(self, mask: int) -> Packer:
        """Return the packer of a mask's rows; made once."""
        packer = self._packers.get(mask)
        if packer is None:
            packer = self._packers[mask] = Packer(self.fields, mask)
        return packer

    def schema(self) -> dict[str, Any]:
        return {"name": self.name, "fields": [field.schema() for field in self.fields]}


def wire_fields(cls: type) -> tuple[Field, ...]:
    """Return the wire fields of an attrs class, in the order of their declaration."""
    fields = []
    for attribute in attrs.fields(cls):
        wire: Wire | None = attribute.metadata.get(METADATA_KEY)
        if wire is not None:
            fields.append(Field(attribute.name, wire.kind, wire.to, wire.predict))
    for field in fields:
        if field.name in RESERVED_NAMES or field.name.startswith("_"):
            raise DefinitionError(f"{cls.__name__}.{field.name}: the name is taken; choose another")
    if len(fields) > FIELDS_MAX:
        raise DefinitionError(f"{cls.__name__} declares {len(fields)} wire fields; at most {FIELDS_MAX} fit")
    return tuple(fields)


def schema_hash(schema: dict[str, Any]) -> str:
    """Return 16 hexadecimal digits that change whenever the schema does."""
    return hashlib.sha256(canonical_json(schema).encode("utf-8")).hexdigest()[:16]


def wire_types_of(schema: dict[str, Any]) -> tuple[WireType, ...]:
    """Return the wire types that a welcome message's schema describes: the room's, then the entities'."""
    described = [{"name": "room", **schema["room"]}, *schema["types"]]
    return tuple(WireType(index, entry["name"], fields_of(entry)) for index, entry in enumerate(described))


def fields_of(described: dict[str, Any]) -> tuple[Field, ...]:
    """Return the fields that one type's (or the input's) part of a schema describes."""
    fields = []
    for entry in described["fields"]:
        kind = kind_of_schema(entry)
        if "default" in entry:
            kind = attrs.evolve(kind, default=kind.quantise(entry["default"]))
        fields.append(Field(entry["name"], kind, entry["to"], entry.get("predict", False)))
    return tuple(fields)


_INTEGER_CODES = {"uint8": "B", "uint16": "H", "uint32": "I", "int8": "b", "int16": "h", "int32": "i"}
_UNSIGNED_CODES = {1: "B", 2: "H", 4: "I"}


def kind_of_schema(entry: dict[str, Any]) -> Kind:
    """Return the kind that one field's part of a schema describes; raise ValueError for an unknown one."""
    name = entry["kind"]
    if name in _INTEGER_CODES:
        default = min(max(0, entry["min"]), entry["max"])
        return Integer(default=default, name=name, code=_INTEGER_CODES[name], min=entry["min"], max=entry["max"])
    if name == "fixed":
        inverse = 1 / entry["step"]
        inverse = float(round(inverse)) if inverse >= 1 else inverse
        count = math.ceil((entry["max"] - entry["min"]) * inverse)
        return Fixed(
            default=0,
            min=float(entry["min"]),
            max=float(entry["max"]),
            step=entry["step"],
            inverse=inverse,
            count=count,
            code=_UNSIGNED_CODES[entry["bytes"]],
        )
    if name == "angle":
        count = 256 ** entry["bytes"]
        code = _UNSIGNED_CODES[entry["bytes"]]
        return Angle(default=0, code=code, step=math.tau / count, inverse=count / math.tau, bit_mask=count - 1)
    if name == "list":
        return List(default=(), of=kind_of_schema(entry["of"]), len_max=entry["len_max"])
    if name == "map":
        return Map(default=(), of=kind_of_schema(entry["of"]), len_max=entry["len_max"])
    if name == "text":
        return Text(default="", len_max=entry["len_max"])
    if name == "json":
        return Json(default="null", bytes_max=entry["bytes_max"])
    plain = {"flag": Flag, "float32": Float32}.get(name)
    if plain is None:
        raise ValueError(f"unknown kind {name!r}")
    return plain(default=0)
