"""State messages as JSON: the same groups, written for people.

Values travel as decimals (`12.5`, not the quantised 200) and are quantised again when read, so both codecs carry
exactly the same state. Knows what `codec.py` knows; peers' text raises only `ValueError`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import ujson

from .codec import Group, Op, Pong, StateMessage
from .kinds import shown
from .packed import id_list
from .schema import Row, WireType
from .snapshot import SPAWNED, Diff, Snapshot

State = dict[str, Any]


def dump(message: Mapping[str, Any]) -> str:
    """Return a message as JSON text that browsers accept: no NaN, slashes as they are."""
    return ujson.dumps(message, allow_nan=False, ensure_ascii=False, escape_forward_slashes=False, reject_bytes=True)


def public_state(types: Sequence[WireType], snapshot: Snapshot, diff: Diff) -> State:
    """Return the keys `room`, `despawn`, `spawn`, `update` that every seat with a full view gets;

    empty ones are absent.
    """
    state: State = {}
    despawned = [entity_id for type_diff in diff.types.values() for entity_id in id_list(type_diff.despawned)]
    if despawned:
        state["despawn"] = sorted(despawned)
    for index, type_diff in diff.types.items():
        type_, rows = types[index], snapshot.tables[index]
        for entity_id in id_list(type_diff.spawned):
            _put(state, "spawn", type_, entity_id, type_.public_mask, rows)
        for mask, ids in type_diff.public_updates(type_.public_mask).items():
            for entity_id in id_list(ids):
                _put(state, "update", type_, entity_id, mask, rows)
    return state


def with_private(
    state: State, types: Sequence[WireType], snapshot: Snapshot, changed: Mapping[int, int], owned: Mapping[int, int]
) -> State:
    """Return the public state with one seat's owner-only values and `own` added;

    the public state itself is untouched.
    """
    state = {**state, "update": {name: dict(rows) for name, rows in state.get("update", {}).items()}}
    own = []
    for entity_id, mask in changed.items():
        index = owned.get(entity_id)
        if index is None or entity_id not in snapshot.tables[index]:
            continue
        if mask == SPAWNED:
            own.append(entity_id)
            mask = types[index].owner_mask
        if mask:
            _put(state, "update", types[index], entity_id, mask, snapshot.tables[index])
    if own:
        state["own"] = sorted(own)
    if not state["update"]:
        del state["update"]
    return state


def _put(state: State, key: str, type_: WireType, entity_id: int, mask: int, rows: Mapping[int, Row]) -> None:
    row = rows[entity_id]
    values = {
        field.name: field.kind.dequantise(row[position])
        for position, field in enumerate(type_.fields)
        if mask >> position & 1
    }
    _merge(state, key, type_, entity_id, values)


def _merge(state: State, key: str, type_: WireType, entity_id: int, values: dict[str, Any]) -> None:
    if type_.index == 0:
        state["room"] = values
    else:
        mine = state.setdefault(key, {}).setdefault(type_.name, {})
        mine[str(entity_id)] = {**mine.get(str(entity_id), {}), **values}


def retold(types: Sequence[WireType], message: StateMessage, tick: int, base: int | None) -> State:
    """Return a decoded binary state as the message that says the same in JSON.

    Args:
        types: the game's wire types.
        message: what was decoded.
        tick: of the state.
        base: tick that a delta starts from; None for a full state.
    """
    state: State = {"type": "full" if base is None else "delta", "tick": tick}
    if base is not None:
        state["baseline"] = base
    state |= {"ack": message.ack or 0, "depth": message.depth, "missing": message.missing}
    if message.checksum is not None:
        state["checksum"] = message.checksum
    for group in message.groups:
        if group.op is Op.DESPAWN:
            state["despawn"] = sorted([*state.get("despawn", []), *group.ids])
        elif group.op is Op.OWN:
            state["own"] = sorted([*state.get("own", []), *group.ids])
        else:
            key, packer = "spawn" if group.op is Op.SPAWN else "update", types[group.type_index].packer(group.mask)
            for entity_id, row in zip(group.ids, group.rows, strict=True):
                columns = zip(packer.names, packer.kinds, row, strict=True)
                values = {name: kind.dequantise(value) for name, kind, value in columns}
                _merge(state, key, types[group.type_index], entity_id, values)
    return state


# ---- reading -------------------------------------------------------------------------------------------------


def decode_state(types: Sequence[WireType], message: Mapping[str, Any]) -> StateMessage | Pong:
    """Return a parsed `full`, `delta` or `pong`; raise ValueError when it is malformed."""
    try:
        if message["type"] == "pong":
            late_ms = float(message.get("late_ms", 0.0))
            return Pong(float(message["client_ms"]), float(message["room_ms"]), late_ms)
        tick = _count(message, "tick")
        advance = tick - _count(message, "baseline") if message["type"] == "delta" else None
        return StateMessage(
            _groups(types, message),
            _count(message, "depth"),
            _count(message, "missing"),
            tick=tick,
            ack=_count(message, "ack"),
            advance=advance,
            checksum=_count(message, "checksum") if "checksum" in message else None,
        )
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"malformed state message: {error!r}"[:200]) from error


def _count(message: Mapping[str, Any], key: str) -> int:
    return _uint32(message[key], key)


def _uint32(value: Any, what: str) -> int:
    if type(value) is not int or not 0 <= value <= 0xFFFFFFFF:
        raise ValueError(f"{what} must be a whole number of 32 bits, not {shown(value)}")
    return value


def _ids(message: Mapping[str, Any], key: str) -> list[int]:
    return [_uint32(entity_id, key) for entity_id in message.get(key, ())]


def _groups(types: Sequence[WireType], message: Mapping[str, Any]) -> list[Group]:
    by_name = {type_.name: type_ for type_ in types[1:]}
    is_full = message["type"] == "full"
    despawned, own = _ids(message, "despawn"), _ids(message, "own")
    groups = [Group(Op.DESPAWN, -1, despawned)] if despawned else []
    if "room" in message:
        op = Op.SPAWN if is_full else Op.UPDATE
        groups.append(_group(op, types[0], 0, message["room"]))
    for key, op in (("spawn", Op.SPAWN), ("update", Op.UPDATE)):
        for name, entities in message.get(key, {}).items():
            if name not in by_name:
                raise ValueError(f"unknown type {name!r}")
            for entity_id, values in entities.items():
                groups.append(_group(op, by_name[name], _uint32(int(entity_id), key), values))
    if own:
        groups.append(Group(Op.OWN, -1, own))
    return groups


def _group(op: Op, type_: WireType, entity_id: int, values: Mapping[str, Any]) -> Group:
    positions = {field.name: position for position, field in enumerate(type_.fields)}
    mask = sum(1 << positions[name] for name in values)
    row: Row = tuple(
        field.kind.quantise(values[field.name]) for position, field in enumerate(type_.fields) if mask >> position & 1
    )
    return Group(op, type_.index, [entity_id], mask, [row])
