"""Frames: every MUST of RFC 6455 that the server's end has to hold, however the bytes are cut."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from game_server.core.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Close,
    Event,
    Failure,
    FrameParser,
    Ping,
    Pong,
    is_close_code,
    serialise_close,
    serialise_event,
    serialise_header,
    serialise_pong,
)
from game_server.errors import CloseCode
from tests.client_frames import MASK, frame, xor

MESSAGE_BYTES_MAX = 70_000


def parser() -> FrameParser:
    """Make a parser with this module's limits."""
    return FrameParser(xor, MESSAGE_BYTES_MAX, empty_fragments_max=3)


def whole(data: bytes) -> list[Event]:
    """Parse all at once."""
    return parser().receive_data(data)


def chopped(data: bytes) -> list[Event]:
    """Parse byte by byte."""
    receive_data = parser().receive_data
    return [event for byte in data for event in receive_data(bytes((byte,)))]


def resumed(data: bytes) -> list[Event]:
    """Parse byte by byte, going on in another parser after each."""
    events: list[Event] = []
    unparsed = b""
    for byte in data:
        now = parser()
        events += now.receive_data(unparsed + bytes((byte,)))
        if events and isinstance(events[-1], Close | Failure):
            break
        unparsed = now.unparsed()
    return events


def codes(events: Sequence[Event]) -> list[Event | CloseCode]:
    """Give a failure by its code alone: the reason is for people."""
    return [event.code if isinstance(event, Failure) else event for event in events]


def fails(code: CloseCode) -> list[Event | CloseCode]:
    """Expect nothing but a failure."""
    return [code]


PROTOCOL, UTF8, TOO_BIG = CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_UTF8, CloseCode.MESSAGE_TOO_BIG
EURO = "€".encode()
LONG = bytes(range(256)) * 2

Expected = Sequence[Event | CloseCode]

CASES: dict[str, tuple[bytes, Expected]] = {
    "5.2 text": (frame(TEXT, b"hi"), ["hi"]),
    "5.2 binary": (frame(BINARY, b"\x00\xff"), [b"\x00\xff"]),
    "5.2 no payload": (frame(TEXT) + frame(BINARY), ["", b""]),
    "5.2 several frames in one piece": (frame(BINARY, b"a") * 3 + frame(TEXT, b"b"), [b"a", b"a", b"a", "b"]),
    "5.2 length 125": (frame(BINARY, LONG[:125]), [LONG[:125]]),
    "5.2 length 126, in 16 bits": (frame(BINARY, LONG[:126]), [LONG[:126]]),
    "5.2 length 65,535, in 16 bits": (frame(BINARY, bytes(65_535)), [bytes(65_535)]),
    "5.2 length 65,536, in 64 bits": (frame(TEXT, b"x" * 65_536), ["x" * 65_536]),
    "5.2 length 125 in 16 bits": (b"\x82\xfe\x00\x7d" + MASK + bytes(125), fails(PROTOCOL)),
    "5.2 length 65,535 in 64 bits": (b"\x82\xff" + (65_535).to_bytes(8, "big") + MASK, fails(PROTOCOL)),
    "5.2 length with its highest bit set": (b"\x82\xff\x80" + bytes(7) + MASK, fails(PROTOCOL)),
    "5.2 reserved bit 1": (frame(TEXT, b"a", reserved=0x40), fails(PROTOCOL)),
    "5.2 reserved bit 2": (frame(BINARY, b"a", reserved=0x20), fails(PROTOCOL)),
    "5.2 reserved bit 3": (frame(PING, b"a", reserved=0x10), fails(PROTOCOL)),
    "5.1 unmasked": (b"\x82\x01a", fails(PROTOCOL)),
    "5.1 unmasked and empty": (b"\x81\x00", fails(PROTOCOL)),
    "5.1 unmasked, behind a good one": (frame(TEXT, b"a") + b"\x82\x01a", ["a", PROTOCOL]),
    "5.1 unmasked control": (b"\x88\x00", fails(PROTOCOL)),
    "5.3 all-zero mask": (frame(BINARY, b"abc", mask=bytes(4)), [b"abc"]),
    "5.4 fragments": (
        frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b", fin=False) + frame(CONTINUATION, b"c"),
        ["abc"],
    ),
    "5.4 empty fragments": (
        frame(TEXT, fin=False) + frame(CONTINUATION, b"a", fin=False) + frame(CONTINUATION),
        ["a"],
    ),
    "5.4 only empty fragments": (frame(BINARY, fin=False) + frame(CONTINUATION), [b""]),
    "5.4 control frames between fragments": (
        frame(BINARY, b"a", fin=False) + frame(PING, b"p") + frame(PONG) + frame(CONTINUATION, b"b"),
        [Ping(b"p"), Pong(b""), b"ab"],
    ),
    "5.4 close between fragments": (frame(TEXT, b"a", fin=False) + frame(CLOSE), [Close(1005, "")]),
    "5.4 continuation of nothing": (frame(CONTINUATION, b"a"), fails(PROTOCOL)),
    "5.4 continuation of nothing, not final": (frame(CONTINUATION, b"a", fin=False), fails(PROTOCOL)),
    "5.4 continuation of a message that ended": (frame(TEXT, b"a") + frame(CONTINUATION, b"b"), ["a", PROTOCOL]),
    "5.4 new message between fragments": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), fails(PROTOCOL)),
    "5.4 new fragmented message between fragments": (
        frame(BINARY, b"a", fin=False) + frame(TEXT, b"b", fin=False),
        fails(PROTOCOL),
    ),
    "5.5 control of 125 bytes": (frame(PING, LONG[:125]), [Ping(LONG[:125])]),
    "5.5 control of 126 bytes": (frame(PING, LONG[:126]), fails(PROTOCOL)),
    "5.5 control that announces 64 bits of length": (b"\x8a\xff", fails(PROTOCOL)),
    "5.5 ping not final": (frame(PING, b"a", fin=False), fails(PROTOCOL)),
    "5.5 pong not final": (frame(PONG, fin=False), fails(PROTOCOL)),
    "5.5 close not final": (frame(CLOSE, fin=False), fails(PROTOCOL)),
    "5.5.1 close without a code": (frame(CLOSE), [Close(1005, "")]),
    "5.5.1 close of 1 byte": (frame(CLOSE, b"\x03"), fails(PROTOCOL)),
    "5.5.1 close with a code": (frame(CLOSE, b"\x03\xe8"), [Close(1000, "")]),
    "5.5.1 close with a reason": (frame(CLOSE, b"\x03\xe9" + EURO), [Close(1001, "€")]),
    "5.5.1 close with 123 bytes of reason": (frame(CLOSE, b"\x03\xe9" + b"x" * 123), [Close(1001, "x" * 123)]),
    "5.5.1 close with 124 bytes of reason": (frame(CLOSE, b"\x03\xe9" + b"x" * 124), fails(PROTOCOL)),
    "8.1 close with a reason that is not UTF-8": (frame(CLOSE, b"\x03\xe9\xff"), fails(UTF8)),
    "5.5.1 data after close": (frame(CLOSE) + frame(TEXT, b"a") + b"\xff\xff", [Close(1005, "")]),
    "5.5.1 data after a failure": (b"\xff\xff" + frame(TEXT, b"a"), fails(PROTOCOL)),
    "8.1 text": (frame(TEXT, "aé€😀".encode()), ["aé€😀"]),
    "8.1 text cut within a character": (
        frame(TEXT, EURO[:1], fin=False) + frame(CONTINUATION, EURO[1:2], fin=False) + frame(CONTINUATION, EURO[2:]),
        ["€"],
    ),
    "8.1 text that ends within a character": (frame(TEXT, EURO[:2]), fails(UTF8)),
    "8.1 fragmented text that ends within a character": (
        frame(TEXT, EURO[:2], fin=False) + frame(CONTINUATION),
        fails(UTF8),
    ),
    "8.1 surrogate": (frame(TEXT, b"\xed\xa0\x80"), fails(UTF8)),
    "8.1 overlong": (frame(TEXT, b"\xc0\xaf"), fails(UTF8)),
    "8.1 beyond U+10FFFF": (frame(TEXT, b"\xf4\x90\x80\x80"), fails(UTF8)),
    "8.1 binary need not be UTF-8": (frame(BINARY, b"\xff", fin=False) + frame(CONTINUATION, b"\xfe"), [b"\xff\xfe"]),
    "limit: a message of exactly the limit": (frame(BINARY, bytes(MESSAGE_BYTES_MAX)), [bytes(MESSAGE_BYTES_MAX)]),
    "limit: fragments of exactly the limit": (
        frame(BINARY, bytes(MESSAGE_BYTES_MAX - 1), fin=False) + frame(CONTINUATION, b"\0"),
        [bytes(MESSAGE_BYTES_MAX)],
    ),
    "limit: as many empty fragments as allowed": (
        frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 2 + frame(CONTINUATION, b"a"),
        ["a"],
    ),
    "limit: one empty fragment more": (frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 3, fails(PROTOCOL)),
    **{f"5.2 reserved opcode {opcode}": (frame(opcode, b"a"), fails(PROTOCOL)) for opcode in (3, 4, 5, 6, 7)},
    **{f"5.2 reserved opcode {opcode}": (frame(opcode, b"a"), fails(PROTOCOL)) for opcode in (11, 12, 13, 14, 15)},
}


@pytest.mark.parametrize(("data", "expected"), CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("parse", [whole, chopped])
def test_rule(parse, data, expected):
    """Each rule holds for bytes in one piece and one by one."""
    assert expected == codes(parse(data))


SHORT_CASES = {name: case for name, case in CASES.items() if len(case[0]) < 1000}


@pytest.mark.parametrize(("data", "expected"), SHORT_CASES.values(), ids=SHORT_CASES.keys())
def test_rule_across_parsers(data, expected):
    """Each rule holds if another parser goes on after each byte."""
    assert expected == codes(resumed(data))


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])
def test_close_code_that_may_not_be_sent(code):
    """Sections 7.4.1 and 7.4.2: a code that no Close frame may carry is a protocol error."""
    assert fails(PROTOCOL) == codes(whole(frame(CLOSE, code.to_bytes(2, "big"))))


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999])
def test_close_code_that_may_be_sent(code):
    """Sections 7.4.1 and 7.4.2: registered, library and private codes arrive."""
    assert [Close(code, "")] == whole(frame(CLOSE, code.to_bytes(2, "big")))


@pytest.mark.parametrize("start", [b"\xff", b"\xc0", b"\xe0\x80", b"\xed\xa0", b"\xf0\x80", b"\xf4\x90", b"a\x80"])
def test_impossible_utf8_fails_before_its_frame_is_whole(start):
    """Text that no continuation could make valid fails at once, within a frame and within a message."""
    assert fails(UTF8) == codes(whole(frame(TEXT, start + bytes(200))[: 8 + len(start)]))
    assert fails(UTF8) == codes(whole(frame(TEXT, start, fin=False)))


@pytest.mark.parametrize(
    "data",
    [
        frame(BINARY, bytes(MESSAGE_BYTES_MAX + 1))[:14],
        frame(BINARY, bytes(MESSAGE_BYTES_MAX), fin=False) + frame(CONTINUATION, b"a")[:6],
    ],
)
def test_message_too_big_fails_by_its_header(data):
    """A message over the limit fails before its payload comes."""
    assert fails(TOO_BIG) == codes(whole(data))


def test_limit_below_the_length_of_a_small_frame():
    """The hot loop knows the limit too."""
    tight = FrameParser(xor, 3)
    assert [b"abc"] == tight.receive_data(frame(BINARY, b"abc"))
    assert fails(TOO_BIG) == codes(tight.receive_data(frame(BINARY, b"abcd")))


def test_no_more_than_a_control_frame_is_held_back():
    """Payload of a data frame is taken as it comes, so a long frame is not copied again with each read."""
    slow = parser()
    slow.receive_data(frame(BINARY, bytes(5000))[:4000])
    assert b"" == slow._tail


@pytest.mark.parametrize(("length", "size"), [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)])
def test_header_written_is_the_shortest(length, size):
    """Section 5.2: the minimal number of bytes MUST be used; section 5.1: a server does not mask."""
    header = serialise_header(BINARY, length)
    assert size == len(header)
    assert 0x82 == header[0]
    assert 0 == header[1] & 0x80
    assert length == (header[1] if size == 2 else int.from_bytes(header[2:], "big"))


def test_close_written():
    """A Close carries code and reason, and none for 1005."""
    assert b"\x88\x04\x03\xe9hi" == serialise_close(1001, "hi")
    assert b"\x88\x00" == serialise_close(1005, "")


def test_close_written_is_cut_between_characters():
    """A reason too long for a control frame stays UTF-8."""
    close = serialise_close(4000, "€" * 100)
    assert "€" * 41 == close[4:].decode()


@pytest.mark.parametrize("code", [1005 - 1, 1006, 1015, 999, 5000])
def test_close_code_of_ours_is_checked(code):
    """A code that no Close may carry is our own mistake."""
    with pytest.raises(AssertionError):
        serialise_close(code, "")


def test_pong_written():
    """Section 5.5.3: a Pong has the Ping's payload."""
    assert b"\x8a\x02hi" == serialise_pong(b"hi")


@pytest.mark.parametrize("code", [PROTOCOL, UTF8, TOO_BIG])
def test_failure_written_fails_alike(code):
    """A failure that was not delivered yet can be handed on as bytes."""
    assert fails(code) == codes(whole(serialise_event(Failure(code, "why"))))


masks = st.binary(min_size=4, max_size=4)
messages = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=100),
    st.builds(Ping, st.binary(max_size=125)),
    st.builds(Pong, st.binary(max_size=125)),
)
closes = st.builds(Close, st.integers(1000, 4999).filter(is_close_code), st.text(max_size=30))


@given(st.lists(messages, max_size=5), st.none() | closes)
def test_serialised_events_parse_as_themselves(events, close):
    """`serialise_event` and the parser are each other's inverse."""
    events = [*events, *([close] if close else [])]
    assert events == whole(b"".join(map(serialise_event, events)))


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[Event], bytes]:
    """Draw events, and bytes of a client that sends them: fragmented, interleaved with pings, masked anew each."""
    events: list[Event] = []
    data = b""
    for message in draw(st.lists(st.one_of(st.binary(max_size=300), st.text(max_size=100)), max_size=6)):
        payload = message.encode() if isinstance(message, str) else message
        cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3)))
        pieces = [payload[a:b] for a, b in zip([0, *cuts], [*cuts, len(payload)], strict=True)]
        for i, piece in enumerate(pieces):
            opcode = CONTINUATION if i else TEXT if isinstance(message, str) else BINARY
            data += frame(opcode, piece, fin=i == len(pieces) - 1, mask=draw(masks))
            if i < len(pieces) - 1 and draw(st.booleans()):
                data += frame(PING, b"now", mask=draw(masks))
                events.append(Ping(b"now"))
        events.append(message)
    return events, data


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut bytes at these places, as far as they have them."""
    places = sorted({min(place, len(data)) for place in cuts})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


@given(conversations(), st.lists(st.integers(0, 2000), max_size=8))
def test_any_fragmentation_in_any_pieces_gives_the_same_messages(conversation, cuts):
    """Neither fragments nor reads nor masks nor a change of parser show in what is received."""
    events, data = conversation
    received: list[Event] = []
    one, unparsed = parser(), b""
    handed_on: list[Event] = []
    for piece in cut(data, cuts):
        received += one.receive_data(piece)
        other = parser()
        handed_on += other.receive_data(unparsed + piece)
        unparsed = other.unparsed()
    assert events == received
    assert events == handed_on
    assert b"" == one.unparsed()


near_frames = st.one_of(
    st.binary(max_size=40),
    st.builds(
        frame,
        st.integers(0, 15),
        st.binary(max_size=130),
        fin=st.booleans(),
        mask=masks,
        reserved=st.sampled_from([0, 0, 0, 0, 0x40]),
    ),
)


@given(st.lists(near_frames, max_size=12), st.lists(st.integers(0, 1500), max_size=8))
def test_any_bytes_give_the_same_events_in_any_pieces_and_never_raise(parts, cuts):
    """Whatever a client sends, there is one answer, and at most one last word."""
    data = b"".join(parts)
    events = whole(data)
    one = parser()
    assert codes(events) == codes([event for piece in cut(data, cuts) for event in one.receive_data(piece)])
    assert not [event for event in events[:-1] if isinstance(event, Close | Failure)]
    if events and isinstance(events[-1], Close | Failure):
        assert [] == one.receive_data(frame(TEXT, b"a"))


@given(st.binary(max_size=12), st.lists(st.integers(0, 12), max_size=3))
def test_utf8_is_judged_as_python_judges_it(payload, cuts):
    """Text in fragments is accepted exactly where it decodes as a whole."""
    pieces = cut(payload, cuts)
    data = b"".join(
        frame(CONTINUATION if i else TEXT, piece, fin=i == len(pieces) - 1) for i, piece in enumerate(pieces)
    )
    try:
        expected: list[Event | CloseCode] = [payload.decode()]
    except UnicodeDecodeError:
        expected = [UTF8]
    assert expected == codes(FrameParser(xor, 100).receive_data(data))
