"""State messages as bytes: the binary form of full and delta.

    body     groups until the end; a group is
             0       1       head: low 2 bits op, high 6 bits type index (0 is the room itself)
             update  mask, ids, rows of the masked fields      spawn  ids, rows of the public fields
             despawn ids                                       own    ids
    ids      varint count * 4 + mode, varint first id, then by mode: 0 nothing (consecutive),
             1, 2, 3: count times uint8, uint16, uint32: each id minus the first

The header before the body is the seat's own (tick, ack, input depth); the body is shared by all seats with the same
baseline and view, and the private groups of one seat simply follow it. docs/protocol.md draws every message;
`tests/vectors` bind this module to its JavaScript twin.

Knows the field tables and quantised rows; knows nothing of rooms, sessions or sockets. Peers' bytes raise only
`ValueError` here.
"""

import array
import enum
import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import attrs
import numpy as np
import numpy.typing as npt

from .checksum import entity_hash
from .entity import EntityType
from .kinds import pack_varint, unpack_varint
from .packed import Ids
from .schema import Row, WireType
from .snapshot import SPAWNED, Diff, Snapshot

ENTITIES_MAX = 1_000_000


class Op(enum.IntEnum):
    """What a group does."""

    UPDATE = 0
    SPAWN = 1
    DESPAWN = 2
    OWN = 3


class Tag(enum.IntEnum):
    """First byte of a binary message."""

    INPUT = 0x01
    ACK = 0x02
    PING = 0x03
    RESYNC = 0x04
    DELTA = 0x10
    FULL = 0x11
    CHECKED_DELTA = 0x12
    PONG = 0x13


@attrs.frozen(eq=False)
class Group:
    """One group of a body: an op on some entities of one type. `rows` hold the fields of `mask` only."""

    op: Op
    type_index: int
    ids: Sequence[int]
    mask: int = 0
    rows: Sequence[Row] = ()


# ---- writing -------------------------------------------------------------------------------------------------


def pack_ids(ids: Ids) -> bytes:
    """Return ascending ids as an id block."""
    if isinstance(ids, np.ndarray):
        return _pack_id_array(ids)
    count, first = len(ids), ids[0]
    span = ids[-1] - first
    if span == count - 1:
        return pack_varint(count << 2) + pack_varint(first)
    if span < 2**8:
        return pack_varint(count << 2 | 1) + pack_varint(first) + bytes([entity_id - first for entity_id in ids])
    code, mode = ("H", 2) if span < 2**16 else ("I", 3)
    offsets = array.array(code, [entity_id - first for entity_id in ids])
    if sys.byteorder == "big":
        offsets.byteswap()
    return pack_varint(count << 2 | mode) + pack_varint(first) + offsets.tobytes()


def _pack_id_array(ids: npt.NDArray[np.uint32]) -> bytes:
    count, first = len(ids), ids.item(0)
    span = ids.item(-1) - first
    if span == count - 1:
        return pack_varint(count << 2) + pack_varint(first)
    code, mode = ("B", 1) if span < 2**8 else ("<H", 2) if span < 2**16 else ("<I", 3)
    offsets: bytes = (ids - ids[0]).astype(code).tobytes()
    return pack_varint(count << 2 | mode) + pack_varint(first) + offsets


def encode_public(types: Sequence[EntityType], snapshot: Snapshot, diff: Diff) -> bytes:
    """Return the body that every seat with a full view gets: despawns, then spawns, then updates of public fields."""
    parts: list[bytes] = []
    for index, type_diff in diff.types.items():
        if len(type_diff.despawned):
            parts += (bytes((index << 2 | Op.DESPAWN,)), pack_ids(type_diff.despawned))
    for index, type_diff in diff.types.items():
        if len(type_diff.spawned):
            type_, rows = types[index], snapshot.tables[index]
            parts.append(bytes((index << 2 | Op.SPAWN,)))
            if index:
                parts.append(pack_ids(type_diff.spawned))
            parts.append(type_.pack(rows, type_.public_mask, type_diff.spawned))
    for index, type_diff in diff.types.items():
        if type_diff.updated:
            type_, rows = types[index], snapshot.tables[index]
            if type_diff.heads is None:
                updates = type_diff.public_updates(type_.public_mask) if type_.owner_mask else type_diff.updated
                type_diff.heads = [(mask, ids, _update_head(type_, mask, ids)) for mask, ids in updates.items()]
            for mask, ids, head in type_diff.heads:
                parts += (head, type_.pack(rows, mask, ids))
    return b"".join(parts)


def _update_head(type_: EntityType, mask: int, ids: Ids) -> bytes:
    """Return what stands before the rows of an update."""
    op = bytes((type_.index << 2 | Op.UPDATE,)) + mask.to_bytes(type_.mask_len_bytes, "little")
    return op + pack_ids(ids) if type_.index else op


def encode_private(
    types: Sequence[EntityType], snapshot: Snapshot, changed: Mapping[int, int], owned: Mapping[int, int]
) -> bytes:
    """Return the groups that only one seat gets, to stand behind the public body.

    Args:
        types: the game's wire types.
        snapshot: where the values come from.
        changed: entity id -> mask of changed owner-only fields or SPAWNED, as in `Diff.owned`.
        owned: entity id -> type index of the entities the seat owns now.
    """
    parts: list[bytes] = []
    new: dict[int, list[int]] = {}
    for entity_id, mask in changed.items():
        index = owned.get(entity_id)
        if index is None or entity_id not in snapshot.tables[index]:
            continue
        type_ = types[index]
        if mask == SPAWNED:
            new.setdefault(index, []).append(entity_id)
            mask = type_.owner_mask
        if mask:
            parts += (_update_head(type_, mask, [entity_id]), type_.pack(snapshot.tables[index], mask, [entity_id]))
    for index, ids in new.items():
        parts += (bytes((index << 2 | Op.OWN,)), pack_ids(sorted(ids)))
    return b"".join(parts)


_DELTA_SHORT = struct.Struct("BBBB")
_FULL_HEAD = struct.Struct("<BIIB")
_CHECK = struct.Struct("<II")
_PONG = struct.Struct("<Bddd")

DEPTH_MAX = 31
MISSING_MAX = 7


def pack_inputs(depth: int, missing: int) -> int:
    """Return the byte that tells a seat how its input queue stands."""
    return min(depth, DEPTH_MAX) | min(missing, MISSING_MAX) << 5


def delta_header(advance: int, ack_advance: int, inputs: int) -> bytes:
    """Return a seat's own part of a delta."""
    if advance < 0x80 and ack_advance < 0x80:
        return _DELTA_SHORT.pack(Tag.DELTA, advance, ack_advance, inputs)
    return bytes((Tag.DELTA,)) + pack_varint(advance) + pack_varint(ack_advance) + bytes((inputs,))


def checked_delta_header(advance: int, ack_advance: int, inputs: int, tick: int, checksum: int) -> bytes:
    """Return a seat's own part of a delta that carries a checksum."""
    head = bytes((Tag.CHECKED_DELTA,)) + pack_varint(advance) + pack_varint(ack_advance) + bytes((inputs,))
    return head + _CHECK.pack(tick, checksum)


def full_header(tick: int, ack: int, inputs: int) -> bytes:
    """Return a seat's own part of a full state."""
    return _FULL_HEAD.pack(Tag.FULL, tick, ack, inputs)


def encode_pong(client_ms: float, room_ms: float, late_ms: float) -> bytes:
    """Return the answer to a ping."""
    return _PONG.pack(Tag.PONG, client_ms, room_ms, late_ms)


# ---- reading -------------------------------------------------------------------------------------------------


def unpack_ids(data: bytes, position: int) -> tuple[Sequence[int], int]:
    """Return the ids of a block and the position behind it."""
    number, position = unpack_varint(data, position)
    first, position = unpack_varint(data, position)
    count, mode = number >> 2, number & 3
    if not 0 < count <= ENTITIES_MAX:
        raise ValueError(f"a group of {count} entities")
    if mode == 0:
        ids: Sequence[int] = range(first, first + count)
    else:
        size = (0, 1, 2, 4)[mode]
        if position + size * count > len(data):
            raise ValueError("ids cut short")
        offsets = array.array("BHI"[mode - 1], data[position : position + size * count])
        if sys.byteorder == "big":
            offsets.byteswap()
        position += size * count
        ids = [first + offset for offset in offsets]
        if any(later <= earlier for earlier, later in pairwise(ids)):
            raise ValueError("ids do not ascend")
    if first < 1 or ids[-1] > 0xFFFFFFFF:
        raise ValueError("an id outside 1 to 2^32 - 1")
    return ids, position


def decode_body(types: Sequence[WireType], data: bytes, position: int) -> list[Group]:
    """Return the groups of a body; raise ValueError when the bytes are no body of these types."""
    groups = []
    while position < len(data):
        op, index = Op(data[position] & 3), data[position] >> 2
        position += 1
        if index >= len(types):
            raise ValueError(f"type index {index}, but there are {len(types)} types")
        type_, mask = types[index], 0
        rows: Sequence[Row] = ()
        if op is Op.UPDATE:
            mask = int.from_bytes(data[position : position + type_.mask_len_bytes], "little")
            position += type_.mask_len_bytes
            if not mask or mask & ~type_.all_mask:
                raise ValueError(f"mask {mask:#x} of a type with {len(type_.fields)} fields")
        elif op is Op.SPAWN:
            mask = type_.public_mask
        ids: Sequence[int] = (0,)
        if index:
            ids, position = unpack_ids(data, position)
        elif op not in (Op.SPAWN, Op.UPDATE):
            raise ValueError("the room cannot be despawned or owned")
        if op in (Op.SPAWN, Op.UPDATE):
            rows, position = type_.packer(mask).unpack(data, position, len(ids))
        groups.append(Group(op, index, ids, mask, rows))
    return groups


@attrs.frozen(eq=False)
class StateMessage:
    """A decoded full or delta. `tick` and `ack` of an unchecked delta are None: they follow from the state before it.

    `advance` and `ack_advance` are None for a full; `checksum` is None when there is none.
    """

    groups: Sequence[Group]
    depth: int
    missing: int
    tick: int | None = None
    ack: int | None = None
    advance: int | None = None
    ack_advance: int | None = None
    checksum: int | None = None


@attrs.frozen
class Pong:
    """An answered ping; times in ms. `late_ms`: how late the room's newest tick began."""

    client_ms: float
    room_ms: float
    late_ms: float = 0.0


def decode_binary(types: Sequence[WireType], data: bytes) -> StateMessage | Pong:
    """Return a server's binary message; raise ValueError when it is malformed."""
    try:
        return _decode_binary(types, data)
    except (struct.error, IndexError) as error:
        raise ValueError(f"message cut short: {error}") from error


def _decode_binary(types: Sequence[WireType], data: bytes) -> StateMessage | Pong:
    tag = data[0]
    if tag == Tag.PONG:
        _, client_ms, room_ms, late_ms = _PONG.unpack(data)
        return Pong(client_ms, room_ms, late_ms)
    if tag == Tag.FULL:
        _, tick, ack, inputs = _FULL_HEAD.unpack_from(data)
        groups = decode_body(types, data, _FULL_HEAD.size)
        return StateMessage(groups, inputs & 31, inputs >> 5, tick=tick, ack=ack)
    if tag not in (Tag.DELTA, Tag.CHECKED_DELTA):
        raise ValueError(f"unknown message {tag:#04x}")
    advance, position = unpack_varint(data, 1)
    ack_advance, position = unpack_varint(data, position)
    inputs = data[position]
    position += 1
    tick = checksum = None
    if tag == Tag.CHECKED_DELTA:
        tick, checksum = _CHECK.unpack_from(data, position)
        position += _CHECK.size
    groups = decode_body(types, data, position)
    return StateMessage(
        groups, inputs & 31, inputs >> 5, tick=tick, advance=advance, ack_advance=ack_advance, checksum=checksum
    )


# ---- checksum ------------------------------------------------------------------------------------------------


def public_checksum(types: Sequence[EntityType], tables: Iterable[Mapping[int, Row]]) -> int:
    """Return the checksum over everything that every seat with a full view holds."""
    total = 0
    for type_, rows in zip(types, tables, strict=True):
        total += int(type_.hashes(rows).sum(dtype=np.uint64))
    return total & 0xFFFFFFFF


def private_checksum(types: Sequence[WireType], tables: Sequence[Mapping[int, Row]], owned: Mapping[int, int]) -> int:
    """Return what a seat adds for the entities it owns (entity id -> type index)."""
    total = 0
    for entity_id, index in owned.items():
        if types[index].owner_mask and entity_id in tables[index]:
            total += entity_hash(types[index], entity_id, tables[index][entity_id], private=True)
    return total & 0xFFFFFFFF
