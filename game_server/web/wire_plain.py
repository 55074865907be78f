"""What takes the place of `game_server/native/wire.c` where pip found no compiler: the same names, which do nothing.

Each connection then reads and writes for itself, as `wire.py` says. Knows nothing.
"""

from collections.abc import Sequence
from typing import Any


class Wire:
    """What the calls of `wire.py` need to know of a connection."""

    __slots__ = (
        "bytes_in",
        "bytes_out",
        "descriptor",
        "is_direct",
        "messages_in",
        "messages_out",
        "small_bytes_max",
        "unsent_bytes",
    )

    def __init__(self) -> None:
        #: of the open socket; -1: nothing may be read or sent
        self.descriptor = -1
        #: whether the next bytes to arrive begin a message, so that nothing but themselves says what they are
        self.is_direct = False
        #: a longer message is for the parser
        self.small_bytes_max = 0
        #: kept because the kernel did not take them yet
        self.unsent_bytes = 0
        self.bytes_in = self.bytes_out = 0
        self.messages_in = self.messages_out = 0


def receive_all(wires: Sequence[Any], _bytes_max: int, /) -> list[Any]:
    """Leave all reading to the connections."""
    return [NotImplemented] * len(wires)


def any_unsent(_wires: Sequence[Any], /) -> bool:
    """Tell that something may be unsent: whoever asks has to look."""
    return True


def send_all(wires: Sequence[Any], _frames: Sequence[Any], /) -> list[tuple[int, int]]:
    """Leave all writing to the connections."""
    return [(index, -1) for index in range(len(wires))]
