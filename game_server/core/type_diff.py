"""What changed among the entities of one type between two ticks.

Holds ids and masks and no values, because a delta always leads to the newest snapshot and takes them from there. So
the merge of several is a union, and history costs little. `column_table.py` has the twin for columnar types.
Knows nothing of snapshots, bytes or seats.
"""

from collections.abc import Sequence
from typing import Any

import attrs


@attrs.define(eq=False)
class TypeDiff:
    """Ids by what happened to them, each list ascending."""

    #: ids; arrays in `ColumnDiff`, so ask for their length and not whether they are true
    despawned: Any
    spawned: Any
    #: bit mask of changed fields -> ids, masks in the order of their first ids
    updated: dict[int, Any]
    #: the codec's: what stands on the wire before the rows of each update. Mostly the same entities move tick after
    #: tick, and share this object (`Diff.sharing`)
    heads: list[tuple[int, Any, bytes]] | None = attrs.field(default=None, init=False)

    def is_empty(self) -> bool:
        return not (len(self.despawned) or len(self.spawned) or self.updated)

    def is_like(self, other: "TypeDiff") -> bool:
        """Return whether the same happened to the same entities."""
        return bool(
            self.updated == other.updated and self.spawned == other.spawned and self.despawned == other.despawned
        )

    def split(self) -> "tuple[TypeDiff, TypeDiff, TypeDiff]":
        """Return the despawns, the spawns and the updates, each by itself."""
        make, nothing = type(self), self.spawned[:0]
        return (
            make(self.despawned, nothing, {}),
            make(nothing, self.spawned, {}),
            make(nothing, nothing, self.updated),
        )

    def public_updates(self, public_mask: int) -> dict[int, Any]:
        """Return ids by mask of changed public fields."""
        public: dict[int, list[int]] = {}
        for mask, ids in self.updated.items():
            mask &= public_mask
            if mask:
                public[mask] = sorted(public[mask] + ids) if mask in public else ids
        return public

    @staticmethod
    def merged(diffs: Sequence["TypeDiff"]) -> "TypeDiff":
        """Return one diff that stands for several in a row, oldest first.

        Ids are never reused, so an entity that came and went inside the range leaves no trace.
        """
        despawned: list[int] = []
        spawned: dict[int, None] = {}
        masks: dict[int, int] = {}
        for diff in diffs:
            for entity_id in diff.despawned:
                masks.pop(entity_id, None)
                if entity_id in spawned:
                    del spawned[entity_id]
                else:
                    despawned.append(entity_id)
            spawned.update(dict.fromkeys(diff.spawned))
            for mask, ids in diff.updated.items():
                for entity_id in ids:
                    if entity_id not in spawned:
                        masks[entity_id] = masks.get(entity_id, 0) | mask
        updated: dict[int, list[int]] = {}
        for entity_id, mask in sorted(masks.items()):
            updated.setdefault(mask, []).append(entity_id)
        return TypeDiff(sorted(despawned), list(spawned), updated)
