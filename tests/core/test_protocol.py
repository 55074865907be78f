"""Client messages: what is parsed, what is refused, and with which code."""

import math
import struct
from typing import Any

import attrs
import pytest
import ujson
from hypothesis import given
from hypothesis import strategies as st

from game_server.core import protocol
from game_server.core.fields import angle, fixed, flag, float32, int8
from game_server.core.inputs import Input, InputType, input_type
from game_server.core.protocol import Ack, Chat, Command, Join, Leave, Ping, Resume, Resync, parse_binary, parse_text
from game_server.errors import CloseCode, ProtocolError, Refused

from .declarations import junk


@input_type
class Steer:
    """An input with one field of each family."""

    turn: int = int8(min=-1, max=1)
    fire: bool = flag()
    aim: float = angle()
    power: float = fixed(0, 1, step=1 / 64)
    boost: float = float32()


STEER = InputType.of(Steer)

json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
).map(lambda value: ujson.dumps(value, allow_nan=True))

VALID: list[dict[str, Any]] = [
    {"type": "join", "version": 1, "game": "swarm", "name": "Ann", "options": {"seats": 3}, "schema_hash": "00"},
    {"type": "join", "version": 1, "game": "swarm", "create": True, "private": True},
    {"type": "resume", "version": 1, "token": "t", "tick": 812, "event": 17},
    {"type": "input", "seq": 7, "ack": 812, "lag": 1.5, "turn": -1, "fire": True},
    {"type": "ack", "ack": 812},
    {"type": "ping", "client_ms": 1234.5},
    {"type": "resync"},
    {"type": "chat", "text": "hello"},
    {"type": "command", "name": "buy", "data": {"item": [1, 2.5, None]}},
    {"type": "leave"},
]


def parse(message: dict[str, Any]) -> Any:
    """Parse a message as a seated session's."""
    return parse_text(ujson.dumps(message), STEER)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"type": "join", "version": 1, "game": "swarm"}, Join(version=1, game="swarm")),
        (
            {"type": "join", "version": 1, "game": "a", "room": "r", "options": {"x": 1}},
            Join(version=1, game="a", room="r", options={"x": 1}),
        ),
        ({"type": "join", "version": 1, "game": "a", "code": None}, Join(version=1, game="a")),
        ({"type": "resume", "version": 1, "token": "t"}, Resume(version=1, token="t")),
        (
            {"type": "resume", "version": 1, "token": "t", "tick": None, "event": 3},
            Resume(version=1, token="t", event=3),
        ),
        ({"type": "ack", "ack": 4_294_967_295}, Ack(ack=4_294_967_295)),
        ({"type": "ping", "client_ms": 3}, Ping(client_ms=3)),
        ({"type": "resync"}, Resync()),
        ({"type": "chat", "text": "hi \U0001f600"}, Chat(text="hi \U0001f600")),
        ({"type": "command", "name": "buy"}, Command(name="buy", data=None)),
        ({"type": "command", "name": "buy", "data": [1, {"a": None}]}, Command(name="buy", data=[1, {"a": None}])),
        ({"type": "leave"}, Leave()),
    ],
)
def test_messages_as_documented_are_parsed(message: dict[str, Any], expected: object) -> None:
    """Each text message of docs/protocol.md becomes its object; optional keys may be absent."""
    assert expected == parse(message)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x02\x2c\x03\x00\x00", Ack(ack=812)),
        (b"\x03" + struct.pack("<d", 1234.5), Ping(client_ms=1234.5)),
        (b"\x04", Resync()),
    ],
)
def test_binary_messages_as_documented_are_parsed(data: bytes, expected: object) -> None:
    """ack, ping and resync, byte by byte as docs/protocol.md draws them."""
    assert expected == parse_binary(data, STEER)


def test_an_input_is_parsed_from_both_codecs() -> None:
    """The drawn bytes of an input and its JSON are the same input; `ack` and `lag` may be absent in JSON."""
    data = bytes.fromhex("01 07000000 2c030000 8001 ff 01 0040 20 0000803f".replace(" ", ""))
    message = {"type": "input", "seq": 7, "turn": -1, "fire": True, "aim": math.pi / 2, "power": 0.5, "boost": 1}

    make: Any = Steer
    expected = (7, 812, 1.5, make(turn=-1, fire=True, aim=math.pi / 2, power=0.5, boost=1.0))
    from_bytes: Any = parse_binary(data, STEER)
    from_text: Any = parse_text(ujson.dumps(message), STEER, ack=812, lag=1.5)
    assert expected == (from_bytes.seq, from_bytes.ack, from_bytes.lag, from_bytes.value)
    assert expected == (from_text.seq, from_text.ack, from_text.lag, from_text.value)


@pytest.mark.parametrize(
    ("text", "code", "reason"),
    [
        ("", CloseCode.BAD_MESSAGE, "not JSON"),
        ("{", CloseCode.BAD_MESSAGE, "not JSON"),
        ("[" * 5000, CloseCode.BAD_MESSAGE, "not JSON"),
        ("9" * 5000, CloseCode.BAD_MESSAGE, "not JSON"),
        ("[]", CloseCode.BAD_MESSAGE, "type must be one of input, join, resume, ack, ping"),
        ('{"type":1}', CloseCode.BAD_MESSAGE, "type must be one of"),
        ('{"type":[]}', CloseCode.BAD_MESSAGE, "type must be one of"),
        ('{"type":"jump"}', CloseCode.BAD_MESSAGE, "type must be one of"),
        ('{"type":"join","game":"a"}', CloseCode.UNSUPPORTED_VERSION, "this server speaks version 1, not None"),
        ('{"type":"join","version":2}', CloseCode.UNSUPPORTED_VERSION, "this server speaks version 1, not 2"),
        ('{"type":"join","version":"1"}', CloseCode.UNSUPPORTED_VERSION, "this server speaks version 1, not '1'"),
        ('{"type":"join","version":true,"game":"a"}', CloseCode.BAD_MESSAGE, "join.version"),
        ('{"type":"resume","version":2,"token":"t"}', CloseCode.UNSUPPORTED_VERSION, "this server speaks version 1"),
        ('{"type":"join","version":1}', CloseCode.BAD_MESSAGE, "join.game"),
        ('{"type":"join","version":1,"game":"a","seat":1}', CloseCode.BAD_MESSAGE, "seat"),
        ('{"type":"join","version":1,"game":"a","room":5}', CloseCode.BAD_MESSAGE, "join.room"),
        ('{"type":"join","version":1,"game":"a","create":1}', CloseCode.BAD_MESSAGE, "join.create"),
        ('{"type":"join","version":1,"game":"a","options":[]}', CloseCode.BAD_MESSAGE, "join.options"),
        ('{"type":"resume","version":1,"token":"t","tick":1.5}', CloseCode.BAD_MESSAGE, "resume.tick"),
        ('{"type":"ack","ack":-1}', CloseCode.BAD_MESSAGE, "ack"),
        ('{"type":"ack","ack":4294967296}', CloseCode.BAD_MESSAGE, "ack"),
        ('{"type":"ack","ack":true}', CloseCode.BAD_MESSAGE, "ack.ack"),
        ('{"type":"ping"}', CloseCode.BAD_MESSAGE, "ping.client_ms"),
        ('{"type":"ping","client_ms":"3"}', CloseCode.BAD_MESSAGE, "ping.client_ms"),
        ('{"type":"ping","client_ms":NaN}', CloseCode.BAD_MESSAGE, "not JSON: nan"),
        ('{"type":"ping","client_ms":1e999}', CloseCode.BAD_MESSAGE, "not JSON: inf"),
        ('{"type":"ping","client_ms":' + "9" * 400 + "}", CloseCode.BAD_MESSAGE, "an integer over 64 bits"),
        ('{"type":"chat","text":"\\ud800"}', CloseCode.BAD_MESSAGE, "lone surrogate"),
        ('{"type":"chat","text":3}', CloseCode.BAD_MESSAGE, "chat.text"),
        ('{"type":"command","name":"x","data":[{"y":-Infinity}]}', CloseCode.BAD_MESSAGE, "not JSON: -inf"),
        ('{"type":"command","name":"x","data":{"\\udfff":1}}', CloseCode.BAD_MESSAGE, "lone surrogate"),
        ('{"type":"leave","now":true}', CloseCode.BAD_MESSAGE, "now"),
    ],
)
def test_a_malformed_text_closes_with_its_code(text: str, code: CloseCode, reason: str) -> None:
    """What is no message of this protocol raises the documented code; the reason names what is wrong."""
    with pytest.raises(ProtocolError) as caught:
        parse_text(text, STEER)

    assert code is caught.value.code
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00", b"\x02", b"\x02\0\0\0\0\0", b"\x03\0", b"\x04\0", b"\x10", b"\xff", b"\x01", b"\x01" + bytes(18)],
)
def test_a_malformed_binary_message_is_a_bad_message(data: bytes) -> None:
    """An unknown tag or a wrong length closes with 4000."""
    with pytest.raises(ProtocolError) as caught:
        parse_binary(data, STEER)

    assert CloseCode.BAD_MESSAGE is caught.value.code


@pytest.mark.parametrize("key", ["seq", "ack", "lag", "turn", "x" * 3000])
@pytest.mark.parametrize("value", ["[" * 1000 + "]" * 1000, "9" * 4000, '"' + "x" * 4000 + '"', "-1", "NaN", "null"])
def test_a_refused_input_is_told_so_briefly(key: str, value: str) -> None:
    """Whatever an input's key holds, the answer names the key and stays short: it is not an echo."""
    with pytest.raises(Refused) as caught:
        parse_text('{"type":"input","seq":1,"lag":-1,"%s":%s}' % (key, value), STEER)  # noqa: UP031 - braces

    assert caught.value.message.startswith("input")
    assert len(caught.value.message) < 200


def test_an_input_before_joining_is_out_of_place() -> None:
    """Without a room there is no input type, and an input is an illegal state in both codecs."""
    for parse_early in (lambda: parse_text('{"type":"input","seq":1}', None), lambda: parse_binary(b"\x01", None)):
        with pytest.raises(ProtocolError) as caught:
            parse_early()
        assert CloseCode.ILLEGAL_STATE is caught.value.code


@given(st.text(max_size=60) | json_texts)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """No text raises anything but ProtocolError or Refused."""
    _parses_or_refuses(lambda: parse_text(text, STEER))


@given(st.data(), st.sampled_from(VALID))
def test_a_spoilt_message_is_parsed_or_refused(data: st.DataObject, message: dict[str, Any]) -> None:
    """A message with any key replaced by anything, and with keys added, raises only ProtocolError or Refused."""
    spoilt = dict(message)
    for key in data.draw(st.lists(st.sampled_from([*message, "tick", "version", "options", "ack"]), max_size=3)):
        spoilt[key] = data.draw(junk.filter(_is_dumpable))

    _parses_or_refuses(lambda: parse_text(ujson.dumps(spoilt, ensure_ascii=False, allow_nan=True), STEER))


@given(st.data(), st.sampled_from(VALID))
def test_a_text_with_bytes_changed_is_parsed_or_refused(data: st.DataObject, message: dict[str, Any]) -> None:
    """A message with characters cut, doubled or replaced raises only ProtocolError or Refused."""
    text = ujson.dumps(message)
    start, end = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
    spoilt = text[:start] + data.draw(st.text(max_size=4)) + text[data.draw(st.sampled_from([start, end])) :]

    _parses_or_refuses(lambda: parse_text(spoilt, STEER))


@given(st.binary(max_size=24) | st.binary(min_size=19, max_size=19).map(lambda data: b"\x01" + data))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    """No bytes raise anything but ProtocolError or Refused, and an input that passes has values in range."""
    parsed = _parses_or_refuses(lambda: parse_binary(data, STEER))

    if isinstance(parsed, Input):
        assert parsed.seq > 0
        for field in STEER.fields:
            value = getattr(parsed.value, field.name)
            assert value == field.kind.dequantise(field.kind.quantise(value))


def _parses_or_refuses(run: Any) -> Any:
    """Run a parser; what it may raise must fit into a close frame or an error message."""
    parsed, told = None, ""
    try:
        parsed = run()
    except ProtocolError as error:
        told = error.reason
    except Refused as refusal:
        told = refusal.message
    assert len(told.encode()) < 400
    return parsed


def _is_dumpable(value: Any) -> bool:
    try:
        ujson.dumps(value, allow_nan=True)
    except (TypeError, OverflowError, UnicodeError):
        return False
    return True


def test_every_client_message_is_tried_here() -> None:
    """The list of valid messages above covers all that the protocol has."""
    assert {"input", *protocol.CLIENT_MESSAGES} == {message["type"] for message in VALID}
    assert all(attrs.has(type_) for type_ in protocol.CLIENT_MESSAGES.values())
