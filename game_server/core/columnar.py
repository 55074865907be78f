"""The table of a columnar entity type: what `EntityType` is for objects, by whole columns.

Its live entities are a `Columns`, its part of a snapshot is a `ColumnTable`. What reaches the wire is, byte for byte,
what an object type with the same fields and values would send. Knows nothing of rooms, seats or messages.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from ..errors import DefinitionError
from .column_kinds import ColumnKind, column_kind
from .column_table import NO_IDS, ColumnTable, compare
from .columns import NOBODY, Columns, LiveField, columns_class
from .entity import ROW_NAMES, EntityType, Scan, ScanFunction, SettleFunction
from .fields import METADATA_KEY
from .packed import Bytes, Ids, Packed
from .schema import Field, wire_fields

_PLAIN_TYPES: dict[Any, type[np.generic]] = {"float": np.float64, "int": np.int64, "bool": np.bool_}


@attrs.define(eq=False, slots=False)
class ColumnarType(EntityType):
    """A wire type whose entities are columns."""

    columns_class: type[Columns]

    @classmethod
    def of(cls, index: int, entity_class: type) -> "ColumnarType":
        name, fields = entity_class.__name__, wire_fields(entity_class)
        kinds = _column_kinds(name, fields)
        columns = columns_class(entity_class, _live_fields(entity_class, kinds))
        scan, settle = _make_scan(fields, kinds), _make_settle(fields, kinds)
        return cls(index, name, fields, entity_class, scan, settle, columns)

    def empty_rows(self) -> ColumnTable:
        return ColumnTable(NO_IDS, tuple(np.empty(0, "<" + field.kind.code) for field in self.fields))

    def owners(self, entities: Mapping[int, Any], ids: Ids) -> Iterable[tuple[int, int]]:
        assert isinstance(entities, Columns)
        owners = entities.owners
        if len(ids) != len(owners):
            places = entities.ids.searchsorted(ids)
            owners = owners[places]
        owned = np.flatnonzero(owners != NOBODY)
        return zip(np.asarray(ids)[owned].tolist(), owners[owned].tolist(), strict=True)

    def ids_of(self, rows: Any) -> npt.NDArray[np.uint32]:
        ids: npt.NDArray[np.uint32] = rows.ids
        return ids

    def quantised_column(self, rows: Any, position: int) -> npt.NDArray[Any]:
        column: npt.NDArray[Any] = rows.columns[position]
        return column

    def pack(self, rows: Any, mask: int, ids: Ids) -> bytes:
        return self._matrix(rows, mask, ids).tobytes()

    def packed(self, rows: Any, mask: int, ids: Ids) -> Packed:
        return Packed(np.asarray(ids, np.uint32), self._matrix(rows, mask, ids))

    @cached_property
    def _row_types(self) -> dict[int, np.dtype[np.void]]:
        return {}

    def _matrix(self, rows: ColumnTable, mask: int, ids: Ids) -> Bytes:
        """Return the packed rows as [n, bytes a row]."""
        places, packer = rows.places(ids), self.packer(mask)
        if not packer.row_bytes:
            return np.empty((len(ids), 0), np.uint8)
        row_type = self._row_types.get(mask)
        if row_type is None:
            row_type = np.dtype([(f"f{bit}", "<" + self.fields[bit].kind.code) for bit in packer.positions])
            self._row_types[mask] = row_type
        packed = np.empty(len(ids), row_type)
        for bit in packer.positions:
            packed[f"f{bit}"] = rows.columns[bit][places]
        return packed.view(np.uint8).reshape(len(ids), packer.row_bytes)


def is_columnar(entity_class: type) -> bool:
    """Return whether a class is marked `@entity(columnar=True)`."""
    return bool(getattr(entity_class, "_is_columnar", False))


def _column_kinds(type_name: str, fields: tuple[Field, ...]) -> tuple[ColumnKind, ...]:
    kinds = []
    for field in fields:
        kind = column_kind(field.kind)
        if kind is None:
            raise DefinitionError(
                f"{type_name}.{field.name}: a columnar entity has fields of fixed width only, and {field.kind.name} "
                "has none; take it out, or take out columnar=True"
            )
        kinds.append(kind)
    return tuple(kinds)


def _live_fields(entity_class: type, kinds: tuple[ColumnKind, ...]) -> tuple[LiveField, ...]:
    """Return what the game computes with, wire fields and others, in declared order."""
    left = iter(kinds)
    fields = []
    for attribute in attrs.fields(entity_class):
        if attribute.name in ROW_NAMES:
            continue
        where = f"{entity_class.__name__}.{attribute.name}"
        annotated = _PLAIN_TYPES.get(getattr(attribute.type, "__name__", attribute.type))
        if METADATA_KEY in attribute.metadata:
            live = next(left).live_dtype
            dtype = np.float64 if annotated is np.float64 and live is np.int64 else live
        elif annotated is None:
            raise DefinitionError(f"{where}: a columnar entity has attributes of float, int and bool only")
        else:
            dtype = annotated
        if attribute.validator or attribute.converter or isinstance(attribute.default, attrs.Factory):  # type: ignore[arg-type]
            raise DefinitionError(f"{where}: a column has no validator, converter or factory")
        fields.append(LiveField(attribute.name, dtype, attribute.default))
    return tuple(fields)


def _make_scan(fields: tuple[Field, ...], kinds: tuple[ColumnKind, ...]) -> ScanFunction:
    named = [(field.name, kind.quantise) for field, kind in zip(fields, kinds, strict=True)]

    def scan(entities: Any, old_rows: Any) -> Scan:
        columns, altered = [], None
        with np.errstate(over="ignore", invalid="ignore"):
            for name, quantise in named:
                quantised, off = quantise(entities._views[name])
                columns.append(quantised)
                if off is not None:
                    altered = off if altered is None else altered | off
        rows, diff = compare(entities.ids, columns, old_rows)
        return Scan(rows, diff, 0 if altered is None else int(np.count_nonzero(altered)))

    return scan


def _make_settle(fields: tuple[Field, ...], kinds: tuple[ColumnKind, ...]) -> SettleFunction | None:
    predicted = [(field.name, kind) for field, kind in zip(fields, kinds, strict=True) if field.predict]
    if not predicted:
        return None

    def settle(entities: Any) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            for name, kind in predicted:
                view = entities._views[name]
                view[:] = kind.dequantise(kind.quantise(view)[0])

    return settle
