"""Capture a world at a tick, and the difference from the capture before.

A `Snapshot` is the immutable, quantised world. A `Diff` says which ids appeared, vanished and changed, and in which
fields (`type_diff.py`). Both are made in one pass over the entities of each type (`EntityType.scan`).

None of these is changed once it is made. They are not frozen for it: that would double what making one costs, and
three are made in every tick of every room.

Knows nothing of bytes, seats or views.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from .column_table import NO_IDS, ColumnDiff, ColumnTable
from .entity import EntityType
from .schema import Row
from .type_diff import TypeDiff
from .world import World


@attrs.define(eq=False)
class Snapshot:
    """The quantised world at one tick: rows by id, one mapping per type index; of a columnar type a `ColumnTable`."""

    tick: int
    tables: tuple[Mapping[int, Row], ...]


@attrs.define(eq=False)
class Diff:
    """What changed between a baseline and the snapshot of `tick`."""

    tick: int
    #: by type index, only types with changes
    types: dict[int, TypeDiff]
    #: seat number -> {id of an entity of its own: mask of changed owner-only fields, or SPAWNED}
    owned: dict[int, dict[int, int]]

    def sharing(self, other: "Diff") -> "Diff":
        """Return this diff with the parts of another in place of equal ones of its own.

        Mostly the same entities move tick after tick, so that ten seconds of history become a few objects:
        12 KiB a room of 10 movers instead of 190.
        """
        types = {}
        is_same = len(self.types) == len(other.types)
        for index, diff in self.types.items():
            earlier = other.types.get(index)
            if earlier is not None and diff.is_like(earlier):
                types[index] = earlier
            else:
                types[index] = diff
                is_same = False
        owned = other.owned if self.owned == other.owned else self.owned
        return Diff(self.tick, other.types if is_same else types, owned)


#: in `Diff.owned`: the entity is new, so its owner gets all owner-only fields and learns that it is its own
SPAWNED = -1


def empty_snapshot(types: Sequence[EntityType]) -> Snapshot:
    """Return the snapshot before anything exists; the difference from it is a full snapshot."""
    return Snapshot(tick=-1, tables=tuple(type_.empty_rows() for type_ in types))


@attrs.define(eq=False)
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
        is_empty = not entities and not old_rows
        if is_empty or (not type_.index and not type_.fields and old_rows):  # the room itself is always there
            tables.append(old_rows)
            continue
        scan = type_.scan(entities, old_rows)
        tables.append(scan.rows)
        clamped += scan.clamped
        if not scan.diff.is_empty():
            diffs[type_.index] = scan.diff
            if world.owned:
                _note_owned(type_, entities, scan.diff, owned)
    return Capture(Snapshot(tick, tuple(tables)), Diff(tick, diffs, owned), clamped)


def _note_owned(
    type_: EntityType, entities: Mapping[int, Any], diff: TypeDiff, owned: dict[int, dict[int, int]]
) -> None:
    for entity_id, owner in type_.owners(entities, diff.spawned):
        owned.setdefault(owner, {})[entity_id] = SPAWNED
    for mask, ids in diff.updated.items():
        if mask & type_.owner_mask:
            for entity_id, owner in type_.owners(entities, ids):
                owned.setdefault(owner, {})[entity_id] = mask & type_.owner_mask


def merge(diffs: Iterable[Diff]) -> Diff:
    """Return one diff that stands for several in a row, oldest first."""
    tick = -1
    merging: dict[int, list[TypeDiff]] = {}
    owned: dict[int, dict[int, int]] = {}
    for diff in diffs:
        tick = diff.tick
        for index, type_diff in diff.types.items():
            merging.setdefault(index, []).append(type_diff)
        for seat_number, masks in diff.owned.items():
            mine = owned.setdefault(seat_number, {})
            for entity_id, mask in masks.items():
                mine[entity_id] = mine.get(entity_id, 0) | mask
    types = {index: of_type[0].merged(of_type) for index, of_type in sorted(merging.items())}
    return Diff(tick, {index: diff for index, diff in types.items() if not diff.is_empty()}, owned)


def full_diff(snapshot: Snapshot, owned: dict[int, dict[int, int]]) -> Diff:
    """Return the difference from nothing: everything is spawned.

    Args:
        snapshot: what it leads to.
        owned: seat number -> ids of its entities (any mapping with them as keys), as `World.owned`.
    """
    types = {index: _everything(rows) for index, rows in enumerate(snapshot.tables) if rows}
    everything = {seat_number: dict.fromkeys(ids, SPAWNED) for seat_number, ids in owned.items()}
    return Diff(snapshot.tick, types, everything)


def _everything(rows: Mapping[int, Row]) -> TypeDiff:
    if isinstance(rows, ColumnTable):
        return ColumnDiff(NO_IDS, rows.ids, {})
    return TypeDiff([], list(rows), {})
