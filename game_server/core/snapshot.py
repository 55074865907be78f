"""Capture a world at a tick, and the difference from the capture before.

A `Snapshot` is the immutable, quantised world. A `Diff` says which ids appeared, vanished and changed, and in which
fields; it holds no values, because a delta always leads to the newest snapshot and takes them from there. So the
merge of several diffs is a union of ids and masks, and history costs little. Both are made in one pass over the
entities (`EntityType.scan`).

Knows nothing of bytes, seats or views.
"""

from collections.abc import Iterable, Sequence

import attrs

from .entity import EntityType
from .schema import Rows
from .world import World


@attrs.frozen(eq=False)
class Snapshot:
    """The quantised world at one tick: rows by id, one dict per type index."""

    tick: int
    tables: tuple[Rows, ...]


@attrs.define(eq=False)
class TypeDiff:
    """What changed among the entities of one type. All id lists ascend."""

    despawned: list[int]
    spawned: list[int]
    #: bit mask of changed fields -> ids
    updated: dict[int, list[int]]

    def is_empty(self) -> bool:
        return not (self.despawned or self.spawned or self.updated)


@attrs.frozen(eq=False)
class Diff:
    """What changed between a baseline and the snapshot of `tick`."""

    tick: int
    #: by type index, only types with changes
    types: dict[int, TypeDiff]
    #: seat number -> {id of an entity of its own: mask of changed owner-only fields, or SPAWNED}
    owned: dict[int, dict[int, int]]


#: in `Diff.owned`: the entity is new, so its owner gets all owner-only fields and learns that it is its own
SPAWNED = -1


def empty_snapshot(types: Sequence[EntityType]) -> Snapshot:
    """Return the snapshot before anything exists; the difference from it is a full snapshot."""
    return Snapshot(tick=-1, tables=tuple({} for _ in types))


@attrs.frozen(eq=False)
class Capture:
    """A new snapshot, its diff, and how many entities had a value that had to be clamped."""

    snapshot: Snapshot
    diff: Diff
    clamped: int


def capture(world: World, previous: Snapshot, tick: int) -> Capture:
    """Capture the world at `tick` and compare it with the previous snapshot."""
    tables, diffs, clamped = [], {}, 0
    owned: dict[int, dict[int, int]] = {}
    for type_, entities, old_rows in zip(world.types, world.tables, previous.tables, strict=True):
        scan = type_.scan(entities, old_rows)
        tables.append(scan.rows)
        clamped += scan.clamped
        despawned = []
        if len(old_rows) + len(scan.spawned) != len(scan.rows):
            despawned = [entity_id for entity_id in old_rows if entity_id not in scan.rows]
        if despawned or scan.spawned or scan.updated:
            diffs[type_.index] = TypeDiff(despawned, scan.spawned, scan.updated)
            if world.owned:
                _note_owned(world, type_, scan.spawned, scan.updated, owned)
    return Capture(Snapshot(tick, tuple(tables)), Diff(tick, diffs, owned), clamped)


def _note_owned(
    world: World, type_: EntityType, spawned: list[int], updated: dict[int, list[int]], owned: dict[int, dict[int, int]]
) -> None:
    entities = world.tables[type_.index]
    for entity_id in spawned:
        owner = getattr(entities[entity_id], "owner", None)
        if owner is not None:
            owned.setdefault(owner, {})[entity_id] = SPAWNED
    for mask, ids in updated.items():
        if mask & type_.owner_mask:
            for entity_id in ids:
                owner = entities[entity_id].owner
                if owner is not None:
                    owned.setdefault(owner, {})[entity_id] = mask & type_.owner_mask


def merge(diffs: Iterable[Diff]) -> Diff:
    """Return one diff that stands for several in a row, oldest first.

    Ids are never reused, so an entity that came and went inside the range leaves no trace.
    """
    tick = -1
    merged: dict[int, _Merging] = {}
    owned: dict[int, dict[int, int]] = {}
    for diff in diffs:
        tick = diff.tick
        for index, type_diff in diff.types.items():
            merged.setdefault(index, _Merging()).add(type_diff)
        for seat_number, masks in diff.owned.items():
            mine = owned.setdefault(seat_number, {})
            for entity_id, mask in masks.items():
                mine[entity_id] = mine.get(entity_id, 0) | mask
    types = {index: merging.finish() for index, merging in sorted(merged.items())}
    return Diff(tick, {index: diff for index, diff in types.items() if not diff.is_empty()}, owned)


class _Merging:
    """The state of a merge for one type."""

    def __init__(self) -> None:
        self.despawned: list[int] = []
        self.spawned: dict[int, None] = {}
        self.masks: dict[int, int] = {}

    def add(self, diff: TypeDiff) -> None:
        for entity_id in diff.despawned:
            self.masks.pop(entity_id, None)
            if entity_id in self.spawned:
                del self.spawned[entity_id]
            else:
                self.despawned.append(entity_id)
        self.spawned.update(dict.fromkeys(diff.spawned))
        for mask, ids in diff.updated.items():
            for entity_id in ids:
                if entity_id not in self.spawned:
                    self.masks[entity_id] = self.masks.get(entity_id, 0) | mask

    def finish(self) -> TypeDiff:
        updated: dict[int, list[int]] = {}
        for entity_id, mask in sorted(self.masks.items()):
            updated.setdefault(mask, []).append(entity_id)
        return TypeDiff(sorted(self.despawned), list(self.spawned), updated)


def full_diff(snapshot: Snapshot, owned: dict[int, dict[int, int]]) -> Diff:
    """Return the difference from nothing: everything is spawned.

    Args:
        snapshot: what it leads to.
        owned: seat number -> ids of its entities (any mapping with them as keys), as `World.owned`.
    """
    types = {index: TypeDiff([], list(rows), {}) for index, rows in enumerate(snapshot.tables) if rows}
    everything = {seat_number: dict.fromkeys(ids, SPAWNED) for seat_number, ids in owned.items()}
    return Diff(snapshot.tick, types, everything)
