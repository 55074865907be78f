"""The same history twice: a world of object types and a world whose types are columnar, told the same acts."""

import math
from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np
import ujson
from hypothesis import strategies as st

from game_server.core import codec, json_codec, kinds, snapshot
from game_server.core.entity import entity
from game_server.core.snapshot import SPAWNED, Diff
from game_server.core.world import World, entity_types

from .declarations import FieldSpec, flat_specs, make_entity, make_room_state, namespace

OWNERS = (None, None, 0, 1)
#: entities of each type from the start
FIRST = 3

flat_fields = st.builds(FieldSpec, flat_specs(), st.sampled_from(["all", "all", "owner"]), st.booleans())
flat_layouts = st.lists(st.lists(flat_fields, max_size=4), min_size=1, max_size=2)
#: with fewer values, and so more that are equal, out of range or not numbers at all
floats = (
    st.floats()
    | st.integers(-300, 300).map(float)
    | st.sampled_from([0.0, -0.0, 0.5, 1e9, 1.0000001e9, 1e308, math.inf, -math.inf, math.nan])
)
whole_numbers = st.integers(-(2**63), 2**63 - 1) | st.integers(-300, 300)


def live_values(kind: kinds.Kind) -> st.SearchStrategy[Any]:
    """What a column of this kind can hold: in range or not."""
    match kind:
        case kinds.Integer():
            return whole_numbers
        case kinds.Flag():
            return st.booleans()
    return floats


def _bools(data: st.DataObject, count: int) -> list[bool]:
    return data.draw(st.lists(st.booleans(), min_size=count, max_size=count))


class Twins:
    """Two worlds with the same acts behind them; `objects` and `columns` are pairs of what each has."""

    def __init__(self, layout: Sequence[Sequence[FieldSpec]]) -> None:
        classes = [make_entity(declared) for declared in layout]
        columnar = [
            entity(columnar=True)(type(cls.__name__, (), namespace(declared)))
            for cls, declared in zip(classes, layout, strict=True)
        ]
        rooms = [make_room_state([]) for _ in range(2)]
        self.types = [
            entity_types(type(room), of_kind) for room, of_kind in zip(rooms, (classes, columnar), strict=True)
        ]
        self.worlds = [World(types, room) for types, room in zip(self.types, rooms, strict=True)]
        for world, types, is_columnar in zip(self.worlds, self.types, (False, True), strict=True):
            for type_ in types[1:]:
                if is_columnar:
                    world.columns(type_.cls).spawn(FIRST)
                for _ in range(0 if is_columnar else FIRST):
                    world.spawn(type_.cls())
        self.snapshots = [[snapshot.capture(w, snapshot.empty_snapshot(w.types), 0).snapshot] for w in self.worlds]
        self.diffs: list[list[Diff]] = [[], []]
        self.clamped = [0, 0]

    def act(self, data: st.DataObject) -> None:
        """Do a few drawn things in both worlds: in the second with whole columns where that is possible."""
        for deed in data.draw(st.lists(st.sampled_from("spawn spawn change despawn row leave".split()), max_size=6)):
            type_ = data.draw(st.sampled_from(self.types[0][1:]))
            getattr(self, f"_{deed}")(data, type_.index)

    def _spawn(self, data: st.DataObject, index: int) -> None:
        count, owner = data.draw(st.integers(0, 5)), data.draw(st.sampled_from(OWNERS))
        fields = [field for field in self.types[0][index].fields if data.draw(st.booleans())]
        values = {f.name: data.draw(st.lists(live_values(f.kind), min_size=count, max_size=count)) for f in fields}
        for number in range(count):
            row = {name: drawn[number] for name, drawn in values.items()}
            self.worlds[0].spawn(self.types[0][index].cls(**row), owner=owner)
            if count == 1:
                self.worlds[1].spawn(self.types[1][index].cls(**row), owner=owner)
        if count != 1:
            self.worlds[1].columns(self.types[1][index].cls).spawn(count, owner, **values)

    def _change(self, data: st.DataObject, index: int) -> None:
        objects, columns = self.worlds[0].tables[index], self.worlds[1].tables[index]
        for field in self.types[0][index].fields:
            is_changed = _bools(data, len(objects))
            values = [data.draw(live_values(field.kind)) for _ in range(sum(is_changed))]
            for each, value in zip(compress(objects.values(), is_changed), values, strict=True):
                setattr(each, field.name, value)
            column = getattr(columns, field.name)
            column[np.array(is_changed, bool)] = np.array(values, column.dtype)

    def _row(self, data: st.DataObject, index: int) -> None:
        ids = list(self.worlds[0].tables[index])
        if ids:
            entity_id = data.draw(st.sampled_from(ids))
            for field in self.types[0][index].fields:
                value = data.draw(live_values(field.kind))
                for world in self.worlds:
                    setattr(world.get(entity_id), field.name, value)

    def _despawn(self, data: st.DataObject, index: int) -> None:
        objects, columns = self.worlds[0].tables[index], self.worlds[1].tables[index]
        is_gone = _bools(data, len(objects))
        for each in list(compress(objects.values(), is_gone)):
            self.worlds[0].despawn(each)
        if sum(is_gone) == 1:
            self.worlds[1].despawn(self.worlds[1].all(self.types[1][index].cls)[is_gone.index(True)])
        else:
            columns.despawn(np.array(is_gone, bool))

    def _leave(self, data: st.DataObject, index: int) -> None:
        seat = data.draw(st.sampled_from((0, 1)))
        for world in self.worlds:
            world.disown(seat)

    def capture(self) -> None:
        """End the tick in both."""
        for which, world in enumerate(self.worlds):
            world.settle()
            now = self.snapshots[which][-1]
            taken = snapshot.capture(world, now, now.tick + 1)
            self.snapshots[which].append(taken.snapshot)
            self.diffs[which].append(taken.diff)
            self.clamped[which] += taken.clamped

    def messages(self, which: int, seat: int, base: int | None) -> dict[str, Any]:
        """Return all that one world would send to a seat, in both codecs, and the checksum."""
        world, types, now = self.worlds[which], self.types[which], self.snapshots[which][-1]
        owned = world.owned.get(seat, {})
        if base is None:
            diff, changed = snapshot.full_diff(now, {}), dict.fromkeys(owned, SPAWNED)
        else:
            diff = snapshot.merge(self.diffs[which][base:])
            changed = diff.owned.get(seat, {})
        state = json_codec.public_state(types, now, diff)
        private = codec.private_checksum(types, now.tables, owned)
        return {
            "public": codec.encode_public(types, now, diff),
            "private": codec.encode_private(types, now, changed, owned),
            "json": json_codec.dump(json_codec.with_private(state, types, now, changed, owned)),
            "checksum": (codec.public_checksum(types, now.tables) + private) & 0xFFFFFFFF,
        }

    def schema(self) -> dict[str, Any]:
        """Return the schema, which is the same for both."""
        first, second = (
            {"room": types[0].schema(), "types": [type_.schema() for type_ in types[1:]]} for types in self.types
        )
        assert first == second
        return ujson.loads(json_codec.dump(first))
