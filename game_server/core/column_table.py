"""A columnar type at one tick: ascending ids and read-only integer columns, and what changed between two of them.

A `ColumnTable` reads like the dict of rows that an object type has, so that whatever looks at single entities need
not know the difference. A `ColumnDiff` is a `TypeDiff` whose ids are arrays. Ids ascend and are never reused; that
makes comparing two tables simple: what is new stands behind everything that was there before.

Knows nothing of kinds, live entities or bytes.
"""

from collections.abc import ItemsView, Iterator, Mapping, Sequence, ValuesView
from itertools import repeat
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from .packed import Ids
from .type_diff import TypeDiff

IdArray = npt.NDArray[np.uint32]
#: indices of rows, or a slice of them
Places = npt.NDArray[np.intp] | slice

ALL = slice(None)
NO_IDS: IdArray = np.empty(0, np.uint32)
NO_IDS.flags.writeable = False


class ColumnTable(Mapping[int, tuple[int, ...]]):
    """Ids and columns; also a mapping of ids to rows."""

    __slots__ = ("columns", "ids")

    def __init__(self, ids: IdArray, columns: tuple[npt.NDArray[Any], ...]) -> None:
        self.ids, self.columns = ids, columns

    def places(self, ids: Ids) -> Places:
        """Return where the rows of these ascending ids are; raise KeyError when one is not there."""
        if ids is self.ids:
            return ALL
        wanted = np.asarray(ids, np.uint32)
        places = self.ids.searchsorted(wanted)
        if len(places) and (places[-1] >= len(self.ids) or (self.ids[places] != wanted).any()):
            raise KeyError("an id that is not in the table")
        return ALL if len(places) == len(self.ids) else places

    def _place(self, entity_id: object) -> int | None:
        if not isinstance(entity_id, int | np.integer) or not 0 < entity_id <= 0xFFFFFFFF:
            return None
        place = int(self.ids.searchsorted(np.uint32(entity_id)))
        return place if place < len(self.ids) and self.ids[place] == entity_id else None

    def __getitem__(self, entity_id: int) -> tuple[int, ...]:
        place = self._place(entity_id)
        if place is None:
            raise KeyError(entity_id)
        return tuple(column.item(place) for column in self.columns)

    def __contains__(self, entity_id: object) -> bool:
        return self._place(entity_id) is not None

    def items(self) -> ItemsView[int, tuple[int, ...]]:
        return self._rows().items()

    def values(self) -> ValuesView[tuple[int, ...]]:
        return self._rows().values()

    def _rows(self) -> dict[int, tuple[int, ...]]:
        """Return all rows: looking at each by itself would search for it."""
        columns = [column.tolist() for column in self.columns]
        return dict(zip(self.ids.tolist(), zip(*columns, strict=True) if columns else repeat(()), strict=False))

    def __iter__(self) -> Iterator[int]:
        return iter(self.ids.tolist())

    def __len__(self) -> int:
        return len(self.ids)


@attrs.define(eq=False)
class ColumnDiff(TypeDiff):
    """What changed among the entities of a columnar type: ascending uint32 arrays."""

    despawned: IdArray
    spawned: IdArray
    updated: dict[int, IdArray]

    def is_like(self, other: TypeDiff) -> bool:
        return (
            self.updated.keys() == other.updated.keys()
            and all(_are_same(ids, other.updated[mask]) for mask, ids in self.updated.items())
            and _are_same(self.spawned, other.spawned)
            and _are_same(self.despawned, other.despawned)
        )

    def public_updates(self, public_mask: int) -> dict[int, IdArray]:
        groups: dict[int, list[IdArray]] = {}
        for mask, ids in self.updated.items():
            if mask & public_mask:
                groups.setdefault(mask & public_mask, []).append(ids)
        return {mask: parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts)) for mask, parts in groups.items()}

    @staticmethod
    def merged(diffs: Sequence[TypeDiff]) -> "ColumnDiff":
        despawned = np.concatenate([diff.despawned for diff in diffs])
        spawned = np.concatenate([diff.spawned for diff in diffs])
        groups = [group for diff in diffs for group in diff.updated.items()]
        ids = np.concatenate([NO_IDS, *(group_ids for _, group_ids in groups)])
        masks = np.repeat(
            np.array([mask for mask, _ in groups], np.uint64), [len(group_ids) for _, group_ids in groups]
        )
        is_told = ~(np.isin(ids, spawned) | np.isin(ids, despawned))
        ids, masks = ids[is_told], masks[is_told]
        if len(ids):
            order = ids.argsort(kind="stable")
            ids, masks = ids[order], masks[order]
            starts = np.flatnonzero(np.concatenate(([True], ids[1:] != ids[:-1])))
            ids, masks = ids[starts], np.bitwise_or.reduceat(masks, starts)
        return ColumnDiff(
            np.sort(despawned[~np.isin(despawned, spawned)]),
            spawned[~np.isin(spawned, despawned)],
            by_mask(ids, masks),
        )


def _are_same(ids: IdArray, others: IdArray) -> bool:
    return ids is others or np.array_equal(ids, others)


def by_mask(ids: IdArray, masks: npt.NDArray[Any]) -> dict[int, IdArray]:
    """Return the ids of each mask but 0, in the order in which the masks come first."""
    if not len(masks):
        return {}
    first = int(masks[0])
    if (masks == masks[0]).all():
        return {first: ids} if first else {}
    groups = {int(mask): ids[masks == mask] for mask in np.unique(masks) if mask}
    return dict(sorted(groups.items(), key=lambda group: int(group[1][0])))


_MASK_TYPES: tuple[tuple[int, type[np.unsignedinteger[Any]]], ...] = (
    (8, np.uint8),
    (16, np.uint16),
    (32, np.uint32),
    (64, np.uint64),
)


def compare(ids: IdArray, columns: list[npt.NDArray[Any]], old: ColumnTable) -> tuple[ColumnTable, ColumnDiff]:
    """Return the new table and what changed; a column that did not change is the old one.

    Args:
        ids: ascending; the very array of the old table when nothing came or went.
        columns: quantised, for each field.
        old: the table before.
    """
    spawned, despawned, old_places = _came_and_went(ids, old.ids)
    stayed = len(ids) - len(spawned)
    mask_type = next(type_ for bits, type_ in _MASK_TYPES if len(columns) <= bits)
    masks = np.zeros(stayed, mask_type)
    for bit, (column, before) in enumerate(zip(columns, old.columns, strict=True)):
        differs = column[:stayed] != before[old_places]
        if differs.any():
            masks |= differs.astype(mask_type) << mask_type(bit)
        elif ids is old.ids:
            columns[bit] = before
    for array in (ids, *columns):
        array.flags.writeable = False
    updated = by_mask(ids if stayed == len(ids) else ids[:stayed], masks)
    return ColumnTable(ids, tuple(columns)), ColumnDiff(despawned, spawned, updated)


def _came_and_went(ids: IdArray, old_ids: IdArray) -> tuple[IdArray, IdArray, Places]:
    """Return the ids that are new, those that are gone, and where in the old table those that stayed were."""
    if ids is old_ids:
        return NO_IDS, NO_IDS, ALL
    stayed = int(ids.searchsorted(old_ids[-1], side="right")) if len(old_ids) else 0
    if stayed == len(old_ids):
        return ids[stayed:], NO_IDS, ALL
    places = old_ids.searchsorted(ids[:stayed])
    is_gone = np.ones(len(old_ids), np.bool_)
    is_gone[places] = False
    return ids[stayed:], old_ids[is_gone], places
