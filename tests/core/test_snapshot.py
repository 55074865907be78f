"""Captures, their differences, and merges of those."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from game_server.core import snapshot
from game_server.core.snapshot import SPAWNED, Diff, full_diff, merge

from .declarations import FieldSpec, Spec
from .stage import Stage, layouts, room_layouts
from .twins import Twins


@settings(max_examples=60)
@given(st.data(), layouts, room_layouts, st.integers(1, 5))
def test_a_merge_is_the_difference_of_its_ends(
    data: st.DataObject, layout: list[list[FieldSpec]], room_layout: list[FieldSpec], ticks: int
) -> None:
    """Merged diffs say what comparing the first and the last snapshot says; fields that went and came back may stand
    in it as well. Every list of ids ascends."""
    stage = Stage(layout, room_layout)
    for _ in range(ticks):
        stage.act(data)
        stage.capture()
    first = data.draw(st.integers(0, ticks - 1))

    merged = merge(stage.diffs[first:])
    direct = snapshot.capture(stage.world, stage.snapshots[first], ticks).diff

    assert ticks == merged.tick
    for index in range(len(stage.types)):
        mine, expected = _plain(merged, index), _plain(direct, index)
        assert expected["despawned"] == mine["despawned"]
        assert expected["spawned"] == mine["spawned"]
        assert all(mask & ~mine["updated"].get(number, 0) == 0 for number, mask in expected["updated"].items())
        assert all(ids == sorted(set(ids)) for ids in mine["lists"])
    for seat in (0, 1):
        for number, mask in direct.owned.get(seat, {}).items():
            got = merged.owned[seat][number]
            assert got == SPAWNED or (mask != SPAWNED and mask & ~got == 0)


def _plain(diff: Diff, index: int) -> dict[str, Any]:
    type_diff = diff.types.get(index)
    if type_diff is None:
        return {"despawned": [], "spawned": [], "updated": {}, "lists": []}
    updated = {number: mask for mask, ids in type_diff.updated.items() for number in ids}
    lists = [type_diff.despawned, type_diff.spawned, *type_diff.updated.values()]
    return {"despawned": type_diff.despawned, "spawned": type_diff.spawned, "updated": updated, "lists": lists}


@settings(max_examples=30)
@given(st.data(), layouts, room_layouts)
def test_a_diff_leaves_out_what_did_not_change(
    data: st.DataObject, layout: list[list[FieldSpec]], room_layout: list[FieldSpec]
) -> None:
    """A capture right after another finds nothing, and shares every row with it."""
    stage = Stage(layout, room_layout)
    stage.act(data)
    stage.capture()
    stage.capture()

    assert {} == stage.diffs[-1].types
    for before, after in zip(stage.snapshots[-2].tables, stage.now.tables, strict=True):
        assert all(before[number] is row for number, row in after.items())


@settings(max_examples=30)
@given(st.data(), layouts, room_layouts)
def test_a_full_diff_spawns_everything(
    data: st.DataObject, layout: list[list[FieldSpec]], room_layout: list[FieldSpec]
) -> None:
    """The difference from nothing names every id once and every owned one to its owner."""
    stage = Stage(layout, room_layout)
    stage.act(data)
    stage.capture()

    full = full_diff(stage.now, stage.world.owned)

    spawned = {index: diff.spawned for index, diff in full.types.items()}
    assert {index: list(rows) for index, rows in enumerate(stage.now.tables) if rows} == spawned
    assert {seat: set(ids) for seat, ids in stage.world.owned.items()} == {
        seat: set(ids) for seat, ids in full.owned.items()
    }


def test_what_came_and_went_leaves_no_trace() -> None:
    """An entity that lived only between the two ends of a merge is not in it."""
    stage = Stage([[]], [])
    stage.capture()
    body = stage.world.spawn(stage.types[1].cls())
    stage.capture()
    stage.world.despawn(body)
    stage.capture()

    assert {} == merge(stage.diffs[1:]).types


def test_a_snapshot_does_not_change_with_the_world() -> None:
    """What was captured stays, whatever the game does to its objects afterwards."""
    stage = Stage([[]], [])
    stage.world.spawn(stage.types[1].cls())
    stage.capture()
    kept = stage.now
    stage.world.spawn(stage.types[1].cls())
    stage.capture()

    assert [1] == list(kept.tables[1])


@settings(max_examples=60)
@given(st.data(), layouts, room_layouts, st.integers(2, 5))
def test_shared_parts_say_the_same(
    data: st.DataObject, layout: list[list[FieldSpec]], room_layout: list[FieldSpec], ticks: int
) -> None:
    """A diff that shares equal parts with the one before it says what it said alone."""
    stage = Stage(layout, room_layout)
    for _ in range(ticks):
        stage.act(data)
        stage.capture()

    for earlier, diff in pairwise(stage.diffs):
        shared = diff.sharing(earlier)
        assert [_plain(diff, index) for index in diff.types] == [_plain(shared, index) for index in shared.types]
        assert (diff.tick, diff.owned) == (shared.tick, shared.owned)


@pytest.mark.parametrize("columnar", [False, True], ids=["objects", "columns"])
def test_history_is_small_while_the_same_entities_move(columnar: bool) -> None:
    """Ten seconds of the same entities moving are one list of ids and not two hundred."""
    twins = Twins([[FieldSpec(Spec("uint32"))]])
    world = twins.worlds[columnar]
    for number in range(200):
        for each in world.tables[1].values():
            each.f0 = number + 1
        twins.capture()
    kept = twins.diffs[columnar]
    for place in range(2, len(kept)):
        kept[place] = kept[place].sharing(kept[place - 1])

    assert 1 == len({id(diff.types) for diff in kept[2:]})
    assert 1 == len({id(diff.owned) for diff in kept[2:]})
