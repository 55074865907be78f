"""Read the head of a binary state message and leave its body alone: what a bot needs that only sends and measures.

    full     tag, tick uint32, ack uint32, inputs          delta    tag, advance varint, ack advance varint, inputs

A server's bytes raise only `ValueError` here.
"""

import struct

from game_server.core.codec import StateMessage, Tag
from game_server.core.kinds import unpack_varint

_FULL = struct.Struct("<BIIB")


def decode_head(data: bytes) -> StateMessage:
    """Return a state message without its groups."""
    try:
        if data[0] == Tag.FULL:
            _, tick, ack, inputs = _FULL.unpack_from(data)
            return StateMessage((), inputs & 31, inputs >> 5, tick=tick, ack=ack)
        if data[0] not in (Tag.DELTA, Tag.CHECKED_DELTA):
            raise ValueError(f"unknown message {data[0]:#04x}")
        advance, position = unpack_varint(data, 1)
        ack_advance, position = unpack_varint(data, position)
        inputs = data[position]
    except (struct.error, IndexError) as error:
        raise ValueError(f"message cut short: {error}") from error
    return StateMessage((), inputs & 31, inputs >> 5, advance=advance, ack_advance=ack_advance)
