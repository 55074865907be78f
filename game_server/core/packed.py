"""Rows packed once a tick, of which each seat takes those that it may see.

`Packed` holds the rows of some entities of one type, with the fields of one mask, as their bytes on the wire. Rows of
fixed width are one matrix of bytes, so that any selection of them is a single numpy call; rows of varying width are
bytes each. Knows nothing of types, seats or views.
"""

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

#: ids of entities, ascending: a list from object types, uint32 from columnar ones
Ids = Sequence[int] | npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]


def id_list(ids: Ids) -> Sequence[int]:
    """Return ids as plain ints."""
    return ids.tolist() if isinstance(ids, np.ndarray) else ids


@attrs.frozen(eq=False)
class Packed:
    """Packed rows of one type and one mask, in the order of `ids`.

    Exactly one of `rows` (fixed width) and `pieces` (varying width) is there.
    """

    #: uint32, ascending
    ids: npt.NDArray[np.uint32]
    #: [n, bytes a row]
    rows: Bytes | None
    pieces: list[bytes] | None = None

    @classmethod
    def of_bytes(cls, ids: npt.NDArray[np.uint32], data: bytes) -> "Packed":
        """Return rows of equal width that stand one after another."""
        width = len(data) // len(ids) if len(ids) else 0
        return cls(ids, np.frombuffer(data, np.uint8, count=len(ids) * width).reshape(len(ids), width))

    def join(self, positions: npt.NDArray[Any] | None = None) -> bytes:
        """Return the rows at these positions (a mask of bools or indices, ascending), or all, one after another."""
        if positions is None:
            return self.rows.tobytes() if self.rows is not None else b"".join(self.pieces or ())
        if positions.dtype == np.bool_:
            positions = np.flatnonzero(positions)
        if self.rows is not None:
            return self.rows.take(positions, 0).tobytes()
        assert self.pieces is not None
        return b"".join([self.pieces[position] for position in positions.tolist()])
