"""A WebSocket client's frames, right or wrong, written without the code under test."""

import struct

MASK = b"\x12\x00\xff\x80"


def xor(mask: bytes, data: bytes) -> bytes:
    """Mask or unmask in plain Python."""
    size = len(data)
    repeated = mask * (size // 4 + 1)
    return (int.from_bytes(data, "big") ^ int.from_bytes(repeated[:size], "big")).to_bytes(size, "big")


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, mask: bytes = MASK, reserved: int = 0) -> bytes:
    """Write a client's frame, right or wrong."""
    size = len(payload)
    head = (0x80 if fin else 0) | reserved | opcode
    if size < 126:
        start = struct.pack(">BB", head, 0x80 | size)
    elif size < 0x10000:
        start = struct.pack(">BBH", head, 0x80 | 126, size)
    else:
        start = struct.pack(">BBQ", head, 0x80 | 127, size)
    return start + mask + xor(mask, payload)
