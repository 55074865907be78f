"""Values and ids as fuzzer's bytes give them: every kind, both ways of computing one, and there and back again.

A target of `targets.py` is made here of what has no message of its own. Bytes become values like those of a careless
game (not a number, infinite, beyond any range) or of a hostile peer (whatever JSON says).
"""

import itertools
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import attrs
import numpy as np
import ujson

from game_server.core.codec import pack_ids, unpack_ids
from game_server.core.column_kinds import column_kind
from game_server.core.entity import Entity, EntityType, clamp_row, entity
from game_server.core.inputs import Input, InputType, input_type
from game_server.core.kinds import VARINT_MAX, Integer, Kind, pack_varint, unpack_varint
from game_server.core.protocol import parse_binary, parse_text
from game_server.core.schema import fields_of
from game_server.errors import DefinitionError, ProtocolError, Refused
from game_server.game import angle, fixed, flag, float32, int8, json_value, list_of, map_of, text, uint16, uint32

IDS_MAX = 300


@entity
class Everything(Entity):
    """A field of every kind."""

    a: float = fixed(-8, 8, step=1 / 16, default=1)
    b: float = angle(bytes=1)
    c: float = float32(default=-2)
    d: int = int8(min=-3, max=100, default=5)
    e: int = uint32()
    f: bool = flag()
    g: str = text(6)
    h: list[int] = list_of(uint16(max=999), len_max=3)
    i: dict[str, Any] = map_of(float32(), len_max=3)
    j: Any = json_value(bytes_max=40)
    k: list[Any] = list_of(map_of(text(3), len_max=2), len_max=2)


TYPE = EntityType.of(1, Everything)
KINDS = [field.kind for field in TYPE.fields]


def values() -> Callable[[bytes], None]:
    """Any value of any kind: taken strictly or refused with words, clamped alike by each way, and there and back."""
    described = [field.schema() for field in TYPE.fields]
    assert described == [field.schema() for field in fields_of({"fields": described})]

    def run(data: bytes) -> None:
        value = value_of(data)
        for kind in KINDS:
            _check_strict(kind, value)
            _check_column(kind, value)
            _check_read(kind, data)
        _check_scan(value)

    return run


def value_of(data: bytes) -> Any:
    """Return what the bytes say in JSON; else a double, a large whole number, or text with lone surrogates."""
    with suppress(ValueError):
        return ujson.loads(data)
    if len(data) == 8:
        return struct.unpack("<d", data)[0]
    if len(data) == 40:
        return int.from_bytes(data, "little", signed=True)
    return data.decode("utf-8", "surrogateescape")


def _check_strict(kind: Kind, value: Any) -> None:
    """What a peer sent is refused briefly, or means what the game then has."""
    quantised, words = _tried(ValueError, kind.quantise, value)
    assert len(words) < 200, words
    if words:
        return
    written = kind.write(quantised)
    assert kind.read(written, 0) == (quantised, len(written))
    assert 0 <= kind.word(quantised) <= VARINT_MAX
    assert kind.quantise(kind.dequantise(quantised)) == quantised, (kind, value)
    if not isinstance(value, bool):
        assert kind.clamp(value) == quantised, (kind, value)


def _tried(documented: type[Exception], function: Callable[..., Any], *arguments: Any) -> tuple[Any, str]:
    """Return what a function gives, and the words of the exception that it may raise."""
    try:
        return function(*arguments), ""
    except documented as error:
        return None, str(error) or "without a word"


def _check_read(kind: Kind, data: bytes) -> None:
    """What stands on the wire is read as a value, or refused."""
    with suppress(ValueError, struct.error):  # the latter's words are the caller's: rows cut short
        quantised, position = kind.read(data, 0)
        assert 0 < position <= len(data)
        kind.dequantise(quantised)


def _check_column(kind: Kind, value: Any) -> None:
    """A column becomes what its values would."""
    column: Any = column_kind(kind)
    numbers = value if isinstance(value, list) else [value]
    if column is None or any(type(number) not in (int, float, bool) for number in numbers):
        return
    for dtype in {column.live_dtype, np.float64 if isinstance(kind, Integer) else column.live_dtype}:
        with suppress(OverflowError, ValueError), np.errstate(over="ignore", invalid="ignore"):
            live = np.array(numbers, np.float64).astype(dtype) if dtype is np.bool_ else np.array(numbers, dtype)
            became, altered = column.quantise(live)
            expected = [kind.clamp(number) for number in live.tolist()]
            assert became.tolist() == expected, (kind, live)
            assert altered is None or altered.any() or not len(altered)
            assert column.dequantise(became).tolist() == [kind.dequantise(number) for number in expected]


def _check_scan(value: Any) -> None:
    """The generated capture finds what the plain one does, and says as well whether something had to be altered."""
    if isinstance(value, list) and value:
        given = list(itertools.islice(itertools.cycle(value), len(KINDS)))
    else:
        given = [value] * len(KINDS)
    thing = Everything()
    for field, item in zip(TYPE.fields, given, strict=True):
        if field.kind.name != "json" or not isinstance(item, str):
            setattr(thing, field.name, item)
    expected, words = _tried(TypeError, clamp_row, thing, TYPE.fields)  # the game's mistake: it is told which field
    scan, told = _tried(TypeError, TYPE.scan, {7: thing}, {})
    assert told == words
    if not words:
        row, is_altered = expected
        assert dict(scan.rows) == {7: row}, value
        assert bool(scan.clamped) == is_altered, value


#: what an input may be made of, a bit each; of the last two it may not
INPUT_FIELDS: dict[str, Callable[[], Any]] = {
    "turn": lambda: int8(min=-1, max=1),
    "fire": flag,
    "aim": lambda: angle(bytes=2),
    "power": lambda: fixed(0, 1, step=1 / 100),
    "reach": float32,
    "at": uint32,
    "words": lambda: text(4),
    "rest": int,
}


def inputs() -> Callable[[bytes], None]:
    """Inputs of any declaration: refused when it is made, or each message is taken as its client meant it."""
    made: dict[int, tuple[InputType, InputType] | None] = {}

    def run(data: bytes) -> None:
        chosen = data[0] if data else 0
        if chosen not in made:
            made[chosen] = _declare(chosen)
        types = made[chosen]
        if types is None:
            return
        server, client = types
        try:
            binary = parse_binary(data[1:], server)
        except (ProtocolError, Refused):
            binary = None
        if isinstance(binary, Input):
            values = attrs.asdict(binary.value)
            assert client.encode_binary(binary.seq, binary.ack, binary.lag, values) == data[1:]
            said = {"type": "input", "seq": binary.seq, "ack": binary.ack, "lag": binary.lag, **values}
            assert parse_text(ujson.dumps(said), server) == binary

    return run


def _declare(chosen: int) -> tuple[InputType, InputType] | None:
    """Return an input with the chosen fields as the server knows it, and as its clients are told; None: refused."""
    names = [name for bit, name in enumerate(INPUT_FIELDS) if chosen >> bit & 1]
    body: dict[str, Any] = {name: INPUT_FIELDS[name]() for name in names}
    body["__annotations__"] = dict.fromkeys(names, Any)
    made, words = _tried(DefinitionError, input_type, type("Made", (), body))
    assert bool(words) == bool(chosen >> 6), words
    if words:
        return None
    server = InputType.of(made)
    return server, InputType("Made", fields_of(server.schema()), None)


def ids() -> Callable[[bytes], None]:
    """Ascending ids: packed alike from lists and arrays, and there and back; bytes that are none are refused."""

    def run(data: bytes) -> None:
        with suppress(ValueError):
            found, position = unpack_ids(data, 0)
            assert position <= len(data)
            assert all(0 < number <= VARINT_MAX for number in (found[0], found[-1]))
        for number in _ascending(data):
            assert unpack_varint(pack_varint(number), 0) == (number, len(pack_varint(number)))
        chosen = _ascending(data)
        if chosen:
            packed = pack_ids(chosen)
            assert packed == pack_ids(np.array(chosen, np.uint32))
            again, position = unpack_ids(packed, 0)
            assert (list(again), position) == (chosen, len(packed))

    return run


def _ascending(data: bytes) -> list[int]:
    """Return ids of which the bytes give the first and the steps; the first byte says how far a step may go."""
    if len(data) < 5:
        return []
    width = (1, 1, 2, 4)[data[0] & 3]
    first = int.from_bytes(data[1:5], "little")
    steps = [
        1 + int.from_bytes(data[at : at + width], "little") * (data[0] & 4 > 0) for at in range(5, len(data), width)
    ]
    chosen = itertools.accumulate(steps[:IDS_MAX], initial=first or 1)
    return list(itertools.takewhile(lambda number: number <= VARINT_MAX, chosen))
