"""A world of drawn entity types that drawn acts change, captured tick by tick; and what a seat should hold of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import ujson
from hypothesis import strategies as st

from game_server.core import codec, json_codec, snapshot
from game_server.core.replica import Replica
from game_server.core.snapshot import SPAWNED, Diff, Snapshot
from game_server.core.world import World, entity_types

from .declarations import FieldSpec, field_specs, game_values, make_entity, make_room_state

OWNERS = (None, 0, 1)
DEEDS = ("spawn", "spawn", "change", "change", "despawn", "room", "leave")

layouts = st.lists(st.lists(field_specs(), max_size=4), min_size=1, max_size=3)
room_layouts = st.lists(field_specs(owned=False), max_size=3)


class Stage:
    """A world with its history of snapshots and diffs."""

    def __init__(self, layout: Sequence[Sequence[FieldSpec]], room_layout: Sequence[FieldSpec]) -> None:
        room_state = make_room_state(room_layout)
        self.types = entity_types(type(room_state), [make_entity(declared) for declared in layout])
        self.world = World(self.types, room_state)
        self.snapshots = [snapshot.capture(self.world, snapshot.empty_snapshot(self.types), 0).snapshot]
        self.diffs: list[Diff] = []

    @property
    def schema(self) -> dict[str, Any]:
        """The schema as the welcome message has it."""
        return ujson.loads(json_codec.dump(attrs.asdict(_Schema(self.types[0].schema(), self.types[1:]))))

    @property
    def now(self) -> Snapshot:
        """The newest snapshot."""
        return self.snapshots[-1]

    def act(self, data: st.DataObject) -> None:
        """Do a few drawn things: spawn, despawn, change entities and the room, let a player go."""
        for deed in data.draw(
            st.lists(st.sampled_from("spawn spawn change change despawn room leave".split()), max_size=6)
        ):
            entities = [entity for table in self.world.tables[1:] for entity in table.values()]
            if deed == "spawn":
                type_ = data.draw(st.sampled_from(self.types[1:]))
                self.world.spawn(self._change(data, type_.cls(), type_), owner=data.draw(st.sampled_from(OWNERS)))
            elif deed == "room":
                self._change(data, self.world.room, self.types[0])
            elif deed == "leave":
                self.world.disown(data.draw(st.sampled_from((0, 1))))
            elif entities:
                entity = data.draw(st.sampled_from(entities))
                if deed == "despawn":
                    self.world.despawn(entity)
                else:
                    self._change(data, entity, self.types[self.world.type_index(entity.id)])

    def _change(self, data: st.DataObject, entity: Any, type_: Any) -> Any:
        for field in type_.fields:
            if data.draw(st.booleans()):
                setattr(entity, field.name, data.draw(game_values(field.kind)))
        return entity

    def capture(self) -> None:
        """End the tick."""
        taken = snapshot.capture(self.world, self.now, self.now.tick + 1)
        self.snapshots.append(taken.snapshot)
        self.diffs.append(taken.diff)

    def owned(self, seat: int) -> Mapping[int, int]:
        """Return what a seat owns: id -> type index."""
        return self.world.owned.get(seat, {})

    def binary(self, seat: int, base: int | None, diff: Diff) -> bytes:
        """Return the state message of a seat as bytes, with a checksum where the form has one."""
        changed = self._changed(seat, base, diff)
        body = codec.encode_public(self.types, self.now, diff)
        body += codec.encode_private(self.types, self.now, changed, self.owned(seat))
        if base is None:
            return codec.full_header(self.now.tick, 7, 0) + body
        return codec.checked_delta_header(self.now.tick - base, 0, 0, self.now.tick, self.checksum(seat)) + body

    def text(self, seat: int, base: int | None, diff: Diff) -> str:
        """Return the state message of a seat as JSON."""
        state = json_codec.public_state(self.types, self.now, diff)
        changed = self._changed(seat, base, diff)
        state = json_codec.with_private(state, self.types, self.now, changed, self.owned(seat))
        head: dict[str, Any] = {"type": "full" if base is None else "delta", "tick": self.now.tick, "baseline": base}
        head |= {"ack": 7, "depth": 0, "missing": 0, "checksum": self.checksum(seat)}
        return json_codec.dump({**head, **state})

    def _changed(self, seat: int, base: int | None, diff: Diff) -> Mapping[int, int]:
        return dict.fromkeys(self.owned(seat), SPAWNED) if base is None else diff.owned.get(seat, {})

    def checksum(self, seat: int) -> int:
        """Return the server's checksum of what a seat holds."""
        private = codec.private_checksum(self.types, self.now.tables, self.owned(seat))
        return (codec.public_checksum(self.types, self.now.tables) + private) & 0xFFFFFFFF

    def apply(self, replica: Replica, message: str | bytes) -> codec.StateMessage:
        """Let a client take a message in, and return it decoded."""
        decoded: Any = (
            codec.decode_binary(replica.types, message)
            if isinstance(message, bytes)
            else json_codec.decode_state(replica.types, ujson.loads(message))
        )
        replica.apply(decoded)
        return decoded


@attrs.frozen
class _Schema:
    room: Any
    types: Any = attrs.field(converter=lambda types: [type_.schema() for type_ in types])


def view(types: Sequence[Any], now: Snapshot, owned: Mapping[int, int]) -> list[dict[int, list[Any]]]:
    """Return what a seat should hold: every public value, and the owner-only ones of what it owns (else None)."""
    return [
        {
            entity_id: [
                value if field.to == "all" or entity_id in owned else None
                for field, value in zip(type_.fields, row, strict=True)
            ]
            for entity_id, row in rows.items()
        }
        for type_, rows in zip(types, now.tables, strict=True)
    ]


def held(replica: Replica, owned: Mapping[int, int]) -> list[dict[int, list[Any]]]:
    """Return what a replica holds, in the same form."""
    return [
        {
            entity_id: [
                value if field.to == "all" or entity_id in owned else None
                for field, value in zip(type_.fields, row, strict=True)
            ]
            for entity_id, row in rows.items()
        }
        for type_, rows in zip(replica.types, replica.rows(), strict=True)
    ]
