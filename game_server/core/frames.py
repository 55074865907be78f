"""Parse and serialise WebSocket frames, as the server's end of RFC 6455. Bytes in, messages out.

Knows no socket, no clock and no handshake; the unmasking function (C, if there is one) is passed in.

How it works. `FrameParser.receive_data` takes whatever a read returned, in whatever pieces, and returns what
became whole: `bytes` for a binary message, `str` for a text one, and `Ping`, `Pong`, `Close` or `Failure`.
The peer's faults are values too: a `Failure` names the close code, and like `Close` it is the last event ever;
what comes behind it is ignored.

    frame    0       1       FIN 1 bit, reserved 3 bits, opcode 4 bits
             1       1       MASK 1 bit, length 7 bits
             2       0/2/8   length, big-endian, where the 7 bits say 126 or 127
             ...     4       masking key
             ...     ...     payload, xor the key

Nearly all frames of a game are whole, small, masked and final. They take the loop in `receive_data`, which does no
more than one unpack, one slice and one unmask each. Everything else goes frame by frame through `_parse_frame`.
A data frame's payload is unmasked and, for text, checked as it arrives, so that nothing but one header or one control
frame (at most 131 bytes) is ever held unparsed, and impossible UTF-8 fails at once.

`unparsed` gives back the bytes from which another parser would go on, in another process if need be.
"""

import codecs
import struct
from collections.abc import Callable
from typing import Final

import attrs

from ..errors import CloseCode, ProtocolError

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

NO_STATUS: Final = 1005  # what a Close frame without a code means: section 7.1.5
ABNORMAL: Final = 1006  # what no Close frame at all means: section 7.1.5

_FIN = 0x80
_MASKED = 0x80
_FINAL_BINARY = _FIN | BINARY
_FINAL_TEXT = _FIN | TEXT
_CONTROL_BYTES_MAX = 125
#: payload bytes of a frame whose length stands in its second byte: section 5.2
SMALL_BYTES_MAX: Final = 125
_unpack_start = struct.Struct(">BB4s").unpack_from
_NO_MASK = b"\0\0\0\0"

Unmask = Callable[[bytes, bytes], bytes]


@attrs.frozen
class Ping:
    """To be answered by a Pong with the same payload."""

    payload: bytes


@attrs.frozen
class Pong:
    """The answer to a Ping, or a heartbeat that nobody asked for."""

    payload: bytes


@attrs.frozen
class Close:
    """The peer's Close frame; `code` is 1005 if it carried none."""

    code: int
    reason: str


@attrs.frozen
class Failure:
    """The peer broke RFC 6455: send a Close with this code and drop the connection (section 7.1.7)."""

    code: CloseCode
    reason: str


Event = bytes | str | Ping | Pong | Close | Failure


class FrameParser:
    """One connection's incoming frames.

    unmask: function of (mask of 4 bytes, payload) that gives the payload xor the mask.
    message_bytes_max: a longer message fails with 1009, by its header, before it is buffered.
    empty_fragments_max: fragments of no bytes a message may have; all others are bounded by message_bytes_max.
    """

    __slots__ = (
        "_empty_fragments",
        "_empty_fragments_max",
        "_final",
        "_halted",
        "_mask",
        "_message",
        "_message_bytes_max",
        "_message_opcode",
        "_remaining",
        "_small_bytes_max",
        "_tail",
        "_unmask",
        "_valid_until",
    )

    def __init__(self, unmask: Unmask, message_bytes_max: int, empty_fragments_max: int = 16) -> None:
        self._unmask = unmask
        self._message_bytes_max = message_bytes_max
        self._small_bytes_max = min(message_bytes_max, SMALL_BYTES_MAX)
        self._empty_fragments_max = empty_fragments_max
        self._halted = False  # after Close or Failure
        self._tail = b""  # the start of a header or control frame that is not whole yet
        self._message_opcode = CONTINUATION  # of the message in progress; CONTINUATION: there is none
        self._message = bytearray()  # its payload so far
        self._valid_until = 0  # how much of it is known to be UTF-8
        self._empty_fragments = 0
        self._final = False  # of the data frame in progress
        self._mask = _NO_MASK  # the same, turned to the next byte
        self._remaining = 0  # payload bytes it still lacks; 0: none is in progress

    @property
    def is_idle(self) -> bool:
        """Whether the next byte begins a message, or a control frame."""
        return not (self._tail or self._message_opcode or self._halted)

    def single_binary(self, data: bytes) -> bytes | None:
        """Give the payload if the data is one small, whole binary message; else None. To be asked when `is_idle`.

        What a game client sends at nearly every tick. None changes nothing: `receive_data` then takes the same data.
        """
        length = len(data) - 6
        if not 0 <= length <= self._small_bytes_max or data[0] != _FINAL_BINARY or data[1] - 0x80 != length:
            return None
        return self._unmask(data[2:6], data[6:])

    def receive_data(self, data: bytes) -> list[Event]:  # noqa: C901  # a call a frame would double its cost
        """Parse what a read returned and give what became whole, in order. Never raises for what the peer sent."""
        events: list[Event] = []
        if self._halted:
            return events  # section 7.1.1, 5.5.1: nothing counts after a Close
        if self._tail:
            data = self._tail + data
            self._tail = b""
        position = 0
        end = len(data)
        unmask = self._unmask
        small_bytes_max = self._small_bytes_max
        try:
            while True:
                if not self._message_opcode:
                    # The hot loop: above the unmask call 0.34 us for one frame, 0.2 us each for eight
                    # (tests/bench/micro/bench_frames.py).
                    while end - position >= 6:
                        head, length, mask = _unpack_start(data, position)
                        length -= 0x80
                        stop = position + 6 + length
                        if not 0 <= length <= small_bytes_max or stop > end:
                            break
                        if head == _FINAL_BINARY:
                            events.append(unmask(mask, data[position + 6 : stop]))
                        elif head == _FINAL_TEXT:
                            events.append(unmask(mask, data[position + 6 : stop]).decode())
                        else:
                            break
                        position = stop
                if position == end:
                    return events
                consumed = self._parse_frame(data, position, events)
                if consumed == 0:
                    self._tail = data[position:]
                    return events
                position += consumed
        except ProtocolError as error:
            self._halt()
            events.append(Failure(error.code, error.reason))
            return events
        except UnicodeDecodeError:
            # Section 8.1: invalid UTF-8 in a text message MUST fail the connection.
            self._halt()
            events.append(Failure(CloseCode.INVALID_UTF8, "text is not UTF-8"))
            return events

    def unparsed(self) -> bytes:
        """Give bytes that put another parser into this one's state.

        They are what the client could have sent: section 5.4 lets an intermediary fragment anew, so the part of a
        message that was already taken becomes a fragment of its own, under an all-zero mask.
        """
        if self._message_opcode == CONTINUATION:
            return self._tail
        opcode = self._message_opcode
        written = b""
        for piece in ([bytes(self._message)] if self._message else []) + [b""] * self._empty_fragments:
            written += _masked_header(opcode, len(piece), _NO_MASK) + piece
            opcode = CONTINUATION
        if self._remaining:
            written += _masked_header(opcode | (_FIN if self._final else 0), self._remaining, self._mask)
        return written + self._tail

    def _parse_frame(self, data: bytes, position: int, events: list[Event]) -> int:
        """Parse one frame, or the part of it that is there.

        Returns how many bytes that took: 0 if there are too few, all if nothing behind this frame counts.
        """
        if self._remaining:
            return self._take_payload(data, position, events)
        available = len(data) - position
        if available < 2:
            return 0
        head = data[position]
        length = data[position + 1] - _MASKED
        opcode = self._check_start(head, length)
        size_bytes = (0 if length < 126 else 2 if length == 126 else 8) + 6
        if available < size_bytes:
            return 0
        if length >= 126:
            length = _extended_length(data[position + 2 : position + size_bytes - 4])
        mask = data[position + size_bytes - 4 : position + size_bytes]
        if opcode >= CLOSE:
            if available < size_bytes + length:
                return 0
            start = position + size_bytes
            self._take_control(opcode, self._unmask(mask, data[start : start + length]), events)
            return available if self._halted else size_bytes + length
        self._start_data_frame(opcode, bool(head & _FIN), length, mask)
        return size_bytes + self._take_payload(data, position + size_bytes, events)

    def _check_start(self, head: int, length: int) -> int:
        """Check a frame's first two bytes and give its opcode.

        length: the second byte less its mask bit, so negative if that was not set.
        """
        opcode = head & 0x0F
        if head & 0x70:
            # Section 5.2: RSV1-3 MUST be 0 unless an extension was negotiated, and none is here.
            raise _broken("reserved bits set")
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            # Section 5.2: an unknown opcode MUST fail the connection.
            raise _broken(f"reserved opcode {opcode}")
        if length < 0:
            # Section 5.1: the server MUST close upon a frame that is not masked.
            raise _broken("frame not masked")
        if opcode >= CLOSE:
            # Section 5.5: control frames MUST have at most 125 bytes and MUST NOT be fragmented.
            if length > _CONTROL_BYTES_MAX:
                raise _broken("control frame over 125 bytes")
            if not head & _FIN:
                raise _broken("control frame fragmented")
        # Section 5.4: fragments of one message MUST NOT be interleaved with those of another.
        elif opcode == CONTINUATION and self._message_opcode == CONTINUATION:
            raise _broken("continuation of nothing")
        elif opcode != CONTINUATION and self._message_opcode != CONTINUATION:
            raise _broken("new message within a fragmented one")
        return opcode

    def _start_data_frame(self, opcode: int, final: bool, length: int, mask: bytes) -> None:
        if len(self._message) + length > self._message_bytes_max:
            raise ProtocolError(CloseCode.MESSAGE_TOO_BIG, f"message over {self._message_bytes_max} bytes")
        if length == 0 and not final:
            self._empty_fragments += 1
            if self._empty_fragments > self._empty_fragments_max:
                raise _broken("too many empty fragments")
        if opcode != CONTINUATION:
            self._message_opcode = opcode
        self._final = final
        self._mask = mask
        self._remaining = length

    def _take_payload(self, data: bytes, position: int, events: list[Event]) -> int:
        """Take what is there of the data frame in progress; give how many bytes that is."""
        payload = data[position : position + self._remaining]
        taken = len(payload)
        self._remaining -= taken
        payload = self._unmask(self._mask, payload)
        if self._remaining:
            turn = taken % 4
            self._mask = self._mask[turn:] + self._mask[:turn]
        elif self._final:
            events.append(self._finish_message(payload))
            return taken
        self._message += payload
        if self._message_opcode == TEXT:
            self._check_utf8()
        return taken

    def _finish_message(self, payload: bytes) -> bytes | str:
        if self._message:
            self._message += payload
            payload = bytes(self._message)
        is_text = self._message_opcode == TEXT
        self._forget_message()
        return payload.decode() if is_text else payload

    def _check_utf8(self) -> None:
        """Fail as soon as no continuation could make the text so far valid (section 8.1)."""
        with memoryview(self._message) as whole, whole[self._valid_until :] as unchecked:
            _, consumed = codecs.utf_8_decode(unchecked, "strict", False)
            # CPython holds back the first two bytes of a surrogate, for the sake of its error handler "surrogatepass".
            if unchecked.nbytes - consumed == 2 and unchecked[consumed] == 0xED and unchecked[consumed + 1] >= 0xA0:
                raise ProtocolError(CloseCode.INVALID_UTF8, "text is not UTF-8")
        self._valid_until += consumed

    def _take_control(self, opcode: int, payload: bytes, events: list[Event]) -> None:
        if opcode == PING:
            events.append(Ping(payload))
        elif opcode == PONG:
            events.append(Pong(payload))
        else:
            events.append(_parse_close(payload))
            self._halt()

    def _forget_message(self) -> None:
        self._message_opcode = CONTINUATION
        self._message = bytearray()
        self._valid_until = 0
        self._empty_fragments = 0

    def _halt(self) -> None:
        self._halted = True
        self._forget_message()
        self._remaining = 0
        self._tail = b""


def _broken(reason: str) -> ProtocolError:
    return ProtocolError(CloseCode.PROTOCOL_ERROR, reason)


def _extended_length(size: bytes) -> int:
    length = int.from_bytes(size, "big")
    # Section 5.2: the most significant bit of 64 MUST be 0, and the minimal number of bytes MUST be used.
    if length >> 63:
        raise _broken("length over 63 bits")
    if length < (126 if len(size) == 2 else 0x10000):
        raise _broken("length not in its shortest form")
    return length


def _parse_close(payload: bytes) -> Close:
    if not payload:
        return Close(NO_STATUS, "")
    if len(payload) == 1:
        # Section 5.5.1: a body MUST begin with a 2-byte code.
        raise _broken("close payload of 1 byte")
    code = int.from_bytes(payload[:2], "big")
    if not is_close_code(code):
        raise _broken(f"close code {code}")
    return Close(code, payload[2:].decode())


def is_close_code(code: int) -> bool:
    """Tell whether a Close frame may carry this code (sections 7.4.1, 7.4.2; 1012 to 1014 are in IANA's registry)."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


def serialise_header(opcode: int, length: int) -> bytes:
    """Write the header of a final frame with `length` bytes of payload; section 5.1: a server MUST NOT mask."""
    if length < 126:
        return bytes((_FIN | opcode, length))
    if length < 0x10000:
        return struct.pack(">BBH", _FIN | opcode, 126, length)
    return struct.pack(">BBQ", _FIN | opcode, 127, length)


def serialise_pong(payload: bytes) -> bytes:
    """Write the answer to a Ping; section 5.5.3: its payload is the Ping's."""
    return serialise_header(PONG, len(payload)) + payload


def serialise_close(code: int, reason: str) -> bytes:
    """Write a Close frame; 1005 writes one without a code, and a reason too long is cut between characters."""
    if code == NO_STATUS:
        return serialise_header(CLOSE, 0)
    assert is_close_code(code), code
    text = reason.encode()[: _CONTROL_BYTES_MAX - 2].decode(errors="ignore").encode()
    return serialise_header(CLOSE, 2 + len(text)) + code.to_bytes(2, "big") + text


def serialise_event(event: Event) -> bytes:
    """Write what a client would send for this event; for a `Failure`, something that fails with the same code."""
    match event:
        case str():
            return _masked_header(_FINAL_TEXT, len(event.encode()), _NO_MASK) + event.encode()
        case bytes():
            return _masked_header(_FINAL_BINARY, len(event), _NO_MASK) + event
        case Ping(payload):
            return _masked_header(_FIN | PING, len(payload), _NO_MASK) + payload
        case Pong(payload):
            return _masked_header(_FIN | PONG, len(payload), _NO_MASK) + payload
        case Close(code, reason):
            frame = serialise_close(code, reason)
            return _masked_header(frame[0], frame[1], _NO_MASK) + frame[2:]
        case Failure(code):
            return _FAILURES[code]


def _masked_header(head: int, length: int, mask: bytes) -> bytes:
    header = serialise_header(head & 0x0F, length)
    return bytes((head, header[1] | _MASKED)) + header[2:] + mask


# One frame a close code with which the parser fails.
_FAILURES: Final = {
    CloseCode.PROTOCOL_ERROR: _masked_header(_FIN | 0x70, 0, _NO_MASK),
    CloseCode.INVALID_UTF8: _masked_header(_FINAL_TEXT, 1, _NO_MASK) + b"\xff",
    CloseCode.MESSAGE_TOO_BIG: _masked_header(_FINAL_BINARY, (1 << 63) - 1, _NO_MASK),
}
