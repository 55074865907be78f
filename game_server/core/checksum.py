"""The checksum over what a client holds: one hash an entity and visibility, summed modulo 2^32.

    h = id * 2654435761 xor type index (xor 2147483648 for the owner-only fields)
    for each field of that visibility: h = (h xor word) * 16777619

docs/protocol.md has examples. One entity at a time for those of a single owner and for clients; whole tables with
numpy. Knows field tables and quantised rows; knows nothing of messages.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .schema import WireType

_ID_FACTOR = 2654435761
_STEP_FACTOR = 16777619
_PRIVATE = 0x80000000


def entity_hash(type_: WireType, entity_id: int, row: Sequence[Any], private: bool) -> int:
    """Return one entity's share of the checksum: of its public fields, or of its owner-only ones."""
    number = (entity_id * _ID_FACTOR & 0xFFFFFFFF) ^ type_.index ^ (_PRIVATE if private else 0)
    mask = type_.owner_mask if private else type_.public_mask
    for position, field in enumerate(type_.fields):
        if mask >> position & 1:
            number = (number ^ field.kind.word(row[position])) * _STEP_FACTOR & 0xFFFFFFFF
    return number


def table_hashes(
    type_index: int, ids: npt.NDArray[np.uint32], words: Iterable[npt.NDArray[np.uint32]]
) -> npt.NDArray[np.uint32]:
    """Return the public share of every entity of a table.

    Args:
        type_index: of the table.
        ids: of its entities.
        words: for each public field, its words in the order of the ids.
    """
    hashes = ids * np.uint32(_ID_FACTOR) ^ np.uint32(type_index)
    for column in words:
        hashes = (hashes ^ column) * np.uint32(_STEP_FACTOR)
    return hashes
