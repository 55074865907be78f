"""The groups of a state message for many seats at once, each with ids and rows of its own.

A `Change` says for one type and all viewers of a tick what is gone, what entered, and what changed in which fields, as
arrays of pairs (seat, row). Headers and id blocks are computed for all its groups together; a seat's rows are a
slice of bytes that were gathered by one call. See `codec` for the layout.

Knows nothing of what is seen, and why.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from .codec import Op
from .kinds import pack_varint
from .tracked import Ids, Masks, Numbers, Ticks, Tracked, distinct
from .type_diff import TypeDiff

if TYPE_CHECKING:
    from .views import Viewer

Hashes = npt.NDArray[np.uint32]

#: of an id block, by its mode
OFFSET_BYTES = (0, 1, 2, 4)
#: the same counts and first ids come again and again
varint = lru_cache(maxsize=4096)(pack_varint)


@attrs.define(eq=False)
class Portion:
    """One viewer's share of one tick: what is asked, and the groups to send.

    Args:
        viewer: whose.
        is_full: whether the client forgets what it holds.
        is_json: whether `types` is wanted in place of bytes.
        spare_bytes: what the message holds besides these groups.
    """

    viewer: "Viewer"
    is_full: bool
    is_json: bool = False
    spare_bytes: int = 0
    #: by op
    groups: dict[Op, list[bytes]] = attrs.Factory(lambda: {Op.DESPAWN: [], Op.SPAWN: [], Op.UPDATE: []})
    types: dict[int, TypeDiff] = attrs.Factory(dict)
    #: of all that is held now; only when asked for
    checksum: int = 0


@attrs.define(eq=False)
class Change:
    """What is new in one type for all viewers of a tick, as arrays of pairs in ascending order."""

    tracked: Tracked
    visible: Numbers
    gone_seats: Numbers
    gone_ids: Ids
    #: held and still seen
    stay_seats: Numbers
    stay_rows: Numbers
    stay_base: Ticks
    stay_hashes: Hashes | None
    #: fields to send; 0 for what waits, or has no news
    masks: Masks
    #: with fields that are to be sent later
    waits: npt.NDArray[np.bool_]
    entered_seats: Numbers
    entered_rows: Numbers


def encode_despawns(change: Change, portions: Sequence[Portion]) -> None:
    """Add the groups of what is gone."""
    if len(change.gone_ids):
        _add_groups(Op.DESPAWN, change.tracked, 0, change.gone_seats, change.gone_ids, None, portions)


def encode_rows(change: Change, portions: Sequence[Portion]) -> None:
    """Add the groups of spawns, and of updates mask by mask."""
    tracked = change.tracked
    if len(change.entered_rows):
        seats, rows = change.entered_seats, change.entered_rows
        _add_groups(Op.SPAWN, tracked, tracked.type.public_mask, seats, tracked.ids[rows], rows, portions)
    for mask in distinct(change.masks):
        if mask:
            of_mask = np.flatnonzero(change.masks == mask)
            seats, rows = change.stay_seats.take(of_mask), change.stay_rows.take(of_mask)
            _add_groups(Op.UPDATE, tracked, mask, seats, tracked.ids.take(rows), rows, portions)


def _add_groups(
    op: Op, tracked: Tracked, mask: int, seats: Numbers, ids: Ids, rows: Numbers | None, portions: Sequence[Portion]
) -> None:
    """Add one group to each portion that has pairs here (ascending by seat, then id); see `codec` for the layout."""
    head = bytes((tracked.type.index << 2 | op,))
    if op is Op.UPDATE:
        head += mask.to_bytes(tracked.type.mask_len_bytes, "little")
    starts = np.flatnonzero(np.diff(seats, prepend=-1))
    ends = np.append(starts[1:], len(seats))
    first, counts = ids[starts], ends - starts
    span = ids[ends - 1] - first
    modes = np.where(span == counts - 1, 0, np.where(span < 2**8, 1, np.where(span < 2**16, 2, 3)))
    offsets = ids - np.repeat(first, counts)
    packed_ids = [b"", b"", b"", b""]
    for mode, code in ((1, "u1"), (2, "<u2"), (3, "<u4")):
        if (modes == mode).any():
            packed_ids[mode] = offsets.astype(code).tobytes()
    pack_rows = _row_packer(tracked, mask, rows)
    columns = (column.tolist() for column in (seats[starts], starts, ends, counts, modes, first))
    lists = [portion.groups[op] for portion in portions]
    for seat, start, end, count, mode, first_id in zip(*columns, strict=True):
        size = OFFSET_BYTES[mode]
        offsets_block = packed_ids[mode][start * size : end * size]
        lists[seat].append(head + varint(count << 2 | mode) + varint(first_id) + offsets_block + pack_rows(start, end))


def _row_packer(tracked: Tracked, mask: int, rows: Numbers | None) -> Callable[[int, int], bytes]:
    """Return a function from a range of the rows to their bytes."""
    width = 0 if rows is None else tracked.width(mask)
    if rows is None or width is None:
        pieces = [] if rows is None else tracked.pieces(mask, rows)
        return lambda start, end: b"".join(pieces[start:end])
    packed = tracked.join(mask, rows)
    return lambda start, end: packed[start * width : end * width]


def describe(change: Change, seat: int) -> TypeDiff:
    """Return what is new for one seat as ids, for the JSON codec."""
    tracked = change.tracked
    mine = change.stay_seats == seat
    masks, ids = change.masks[mine], tracked.ids[change.stay_rows[mine]]
    updated = {mask: ids[masks == mask].tolist() for mask in distinct(masks) if mask}
    spawned = tracked.ids[change.entered_rows[change.entered_seats == seat]].tolist()
    return TypeDiff(change.gone_ids[change.gone_seats == seat].tolist(), spawned, updated)
