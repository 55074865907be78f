"""The client's end of WebSocket frames (RFC 6455), without I/O: bytes in, messages out.

Knows no socket, clock or handshake. A server's frames are not masked, so parsing one is a header and a slice; nearly
all are whole, final and under 64 KiB, and take the short way in `receive_data`. The server's faults are values too: a
`Failure` is the last thing a parser gives.

    frame    0   1       FIN 1 bit, reserved 3 bits, opcode 4 bits
             1   1       MASK 1 bit (0 from a server, 1 from a client), length 7 bits
             2   0/2/8   length, big-endian, where the 7 bits say 126 or 127
             ... 4       masking key, from a client only
             ... ...     payload
"""

import struct

import attrs

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
NO_STATUS = 1005
MESSAGE_BYTES_MAX = 16 * 1024 * 1024

_FIN, _MASKED = 0x80, 0x80
_FINAL_BINARY, _FINAL_TEXT = _FIN | BINARY, _FIN | TEXT


@attrs.frozen
class Ping:
    """To be answered by a pong with the same payload."""

    payload: bytes


@attrs.frozen
class Close:
    """The server's Close frame; `code` is 1005 if it carried none."""

    code: int
    reason: str


@attrs.frozen
class Failure:
    """The server broke RFC 6455: the connection is to be dropped."""

    reason: str


Event = bytes | str | Ping | Close | Failure


class FrameParser:
    """One connection's incoming frames."""

    __slots__ = ("_is_text", "_pieces", "_tail", "is_idle")

    def __init__(self) -> None:
        self._tail = b""
        #: payloads of the fragmented message in progress; None: there is none
        self._pieces: list[bytes] | None = None
        self._is_text = False
        #: whether the next byte begins a message
        self.is_idle = True

    def receive_data(self, data: bytes) -> list[Event]:
        """Return what became whole with this read, in order."""
        if self._tail:
            data = self._tail + data
            self._tail = b""
        events: list[Event] = []
        position, end = 0, len(data)
        try:
            while end - position >= 2:
                head, length = data[position], data[position + 1]
                start = position + 2
                if length == 126 and end - position >= 4:
                    length, start = data[position + 2] << 8 | data[position + 3], position + 4
                elif length >= 126:
                    if length > 127:
                        raise ValueError("a masked frame from a server")
                    if length == 126 or end - position < 10:
                        break
                    length, start = int.from_bytes(data[position + 2 : position + 10], "big"), position + 10
                    if length > MESSAGE_BYTES_MAX:
                        raise ValueError(f"a frame of {length} bytes")
                stop = start + length
                if stop > end:
                    break
                payload, position = data[start:stop], stop
                if head == _FINAL_BINARY and self._pieces is None:
                    events.append(payload)
                elif head == _FINAL_TEXT and self._pieces is None:
                    events.append(payload.decode())
                else:
                    self._take(head, payload, events)
        except ValueError as error:
            events.append(Failure(str(error)))
            return events
        self._tail = data[position:]
        self.is_idle = position == end and self._pieces is None
        return events

    def _take(self, head: int, payload: bytes, events: list[Event]) -> None:
        """Take a control frame or a fragment."""
        opcode = head & 0x0F
        if head & 0x70 or (opcode >= CLOSE and (not head & _FIN or len(payload) > 125)):
            raise ValueError(f"a frame with first byte {head:#04x} and {len(payload)} bytes")
        if opcode == PING:
            events.append(Ping(payload))
        elif opcode == CLOSE:
            code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else NO_STATUS
            events.append(Close(code, payload[2:].decode()))
        elif opcode in (TEXT, BINARY) and self._pieces is None:
            self._pieces, self._is_text = [payload], opcode == TEXT
        elif opcode == CONTINUATION and self._pieces is not None:
            self._pieces.append(payload)
            if sum(map(len, self._pieces)) > MESSAGE_BYTES_MAX:
                raise ValueError("a message too large")
            if head & _FIN:
                whole, self._pieces = b"".join(self._pieces), None
                events.append(whole.decode() if self._is_text else whole)
        elif opcode != PONG:
            raise ValueError(f"opcode {opcode} is out of place")


def serialise(opcode: int, payload: bytes) -> bytes:
    """Return a final frame as a client sends it.

    The masking key is zero. Section 5.3 wants it unpredictable because a page may choose a payload that fools a proxy;
    here nobody chooses one, and the server unmasks a zero key with the same work as any other.
    """
    length = len(payload)
    if length < 126:
        return bytes((_FIN | opcode, _MASKED | length, 0, 0, 0, 0)) + payload
    if length < 0x10000:
        return struct.pack(">BBHI", _FIN | opcode, _MASKED | 126, length, 0) + payload
    return struct.pack(">BBQI", _FIN | opcode, _MASKED | 127, length, 0) + payload
