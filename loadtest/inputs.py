"""What a bot sends most: whole WebSocket frames of inputs and pings, made from parts that are packed once.

    input    0   ...  frame header with a zero masking key (frames.py), the same for all inputs of a game
             ... 11   tag, input_seq, ack, lag (docs/protocol.md)
             ... ...  the fields, which many bots share

Knows the protocol's layout; knows no sockets.
"""

import struct
from collections.abc import Mapping
from typing import Any

from game_server.core.codec import Tag
from game_server.core.inputs import HEAD_BYTES, HEAD_FORMAT, InputType

from .frames import BINARY, serialise

_PING = struct.Struct("<Bd")


class InputFrames:
    """Makes the input frames of one game."""

    def __init__(self, input_type: InputType) -> None:
        self._type = input_type
        payload = input_type.encode_binary(1, 0, 0.0, {})
        frame = serialise(BINARY, payload)
        self._start = frame[: len(frame) - len(payload)]
        self._pack_head = struct.Struct(f"<{len(self._start)}s{HEAD_FORMAT[1:]}").pack

    def pack(self, values: Mapping[str, Any]) -> bytes:
        """Return the fields as they go behind the head."""
        return self._type.encode_binary(1, 0, 0.0, values)[HEAD_BYTES:]

    def serialise(self, seq: int, ack: int, packed: bytes) -> bytes:
        """Return the frame of an input whose fields are packed already."""
        return self._pack_head(self._start, Tag.INPUT, seq, ack, 0) + packed


def serialise_ping(client_ms: float) -> bytes:
    """Return the payload of a ping."""
    return _PING.pack(Tag.PING, client_ms)
