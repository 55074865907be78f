"""Inputs: one player's intent for one step, from the wire to the game.

`@input` makes an attrs class of fields of fixed width. `InputType` is its field table with the one function on the
hottest path of the server, which is generated: `decode_binary` turns a frame into an `Input` with one struct call
and one range test. Values are those of the wire grid, so that server, browser and bots step with the same numbers.

    0   1   tag 0x01          5   4   ack: newest tick applied
    1   4   input_seq         9   2   lag: 1/256 ticks          11  ...  the fields

Knows nothing of queues or sessions. A malformed frame raises `ProtocolError`, a value out of range `Refused`.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import attrs

from ..errors import CloseCode, DefinitionError, ErrorCode, ProtocolError, Refused
from .codec import Tag
from .fields import check_annotated
from .kinds import shown
from .schema import Field, wire_fields

ClassT = TypeVar("ClassT", bound=type)

HEAD_FORMAT = "<BIIH"
HEAD_BYTES = struct.calcsize(HEAD_FORMAT)
unpack_head = struct.Struct(HEAD_FORMAT).unpack_from
#: decoded values kept; more begin anew
KNOWN_MAX = 4096
LAG_STEPS = 256
LAG_STEP = 1 / LAG_STEPS
SEQ_MAX = 2**32 - 1


def input_type(cls: ClassT) -> ClassT:
    """Make a class an input (exported to games as `input`): a frozen attrs class of fields of fixed width."""
    check_annotated(cls)
    made: Any = attrs.define(frozen=True, slots=True, auto_attribs=True)(cls)
    fields = wire_fields(made)
    if len(fields) != len(attrs.fields(made)):
        raise DefinitionError(f"{cls.__name__}: every attribute of an input needs a wire type such as int8()")
    for field in fields:
        if not field.kind.code or field.to != "all":
            raise DefinitionError(f"{cls.__name__}.{field.name}: an input's fields have fixed width and no `to`")
    return made  # type: ignore[no-any-return]


class Input(NamedTuple):
    """A numbered input. `ack` is the newest tick its player had applied, `lag` how many ticks behind it the picture
    was. A tuple, because one is made for nearly every message: with `tuple.__new__` in a quarter of the time that an
    object takes."""

    seq: int
    ack: int
    lag: float
    value: Any


class InputType:
    """The field table of an input class, or of the schema's `input` when `cls` is None (a client's side)."""

    def __init__(self, name: str, fields: tuple[Field, ...], cls: type | None) -> None:
        self.name, self.fields, self.cls = name, fields, cls
        self._struct = struct.Struct(HEAD_FORMAT + "".join(field.kind.code for field in fields))
        self._positions = {field.name: position for position, field in enumerate(fields)}
        #: values decoded before, by their bytes: players press few combinations of keys, and a value is frozen
        self.known_values: dict[bytes, Any] = {}
        if cls is not None:
            self.decode_binary: Callable[[bytes], Input] = self._make_decoder(cls)

    @classmethod
    def of(cls, input_class: type) -> "InputType":
        return cls(input_class.__name__, wire_fields(input_class), input_class)

    def schema(self) -> dict[str, Any]:
        fields = [{**field.schema(), "default": field.kind.dequantise(field.kind.default)} for field in self.fields]
        return {"name": self.name, "fields": fields}

    def default(self) -> Any:
        """Return what a seat's input is before its first one."""
        assert self.cls is not None
        return self.cls()

    def decode_json(self, message: Mapping[str, Any], ack: int, lag: float) -> Input:
        """Return an input from a parsed JSON message;

        absent `ack` and `lag` are as given, absent fields have their default.
        """
        values = {}
        for key, value in message.items():
            if key in self._positions:
                values[key] = self._read(self.fields[self._positions[key]], value)
            elif key not in ("type", "seq", "ack", "lag"):
                names = ", ".join(self._positions)
                raise Refused(ErrorCode.BAD_VALUE, f"input has no field {shown(key)}; it has seq, ack, lag, {names}")
        seq, ack, lag = message.get("seq"), message.get("ack", ack), message.get("lag", lag)
        if type(seq) is not int or not 1 <= seq <= SEQ_MAX:
            raise Refused(
                ErrorCode.BAD_VALUE, f"input.seq must be a whole number from 1 to {SEQ_MAX}, not {shown(seq)}"
            )
        if type(ack) is not int or not 0 <= ack <= SEQ_MAX:
            raise Refused(ErrorCode.BAD_VALUE, f"input.ack must be a tick, not {shown(ack)}")
        if type(lag) not in (int, float) or not 0 <= lag < 256:
            raise Refused(ErrorCode.BAD_VALUE, f"input.lag must be from 0 to under 256 ticks, not {shown(lag)}")
        assert self.cls is not None
        return Input(seq, ack, int(lag * LAG_STEPS) * LAG_STEP, self.cls(**values))

    def _read(self, field: Field, value: Any) -> Any:
        try:
            return field.kind.dequantise(field.kind.quantise(value))
        except ValueError as error:
            raise Refused(ErrorCode.BAD_VALUE, f"input.{field.name} {error}") from error

    def encode_binary(self, seq: int, ack: int, lag: float, values: Mapping[str, Any]) -> bytes:
        """Return an input as a client sends it; absent fields have their default."""
        row = [
            field.kind.clamp(values[field.name]) if field.name in values else field.kind.default
            for field in self.fields
        ]
        return self._struct.pack(Tag.INPUT, seq, ack, min(int(lag * LAG_STEPS), 0xFFFF), *row)

    def _make_decoder(self, cls: type) -> Callable[[bytes], Input]:
        names: dict[str, Any] = {
            "unpack": self._struct.unpack,
            "known": self.known_values,
            "Input": Input,
            "cls": cls,
            "struct_error": struct.error,
            "complain": self._complain,
            "wrong_length": self._wrong_length,
        }
        tests, arguments = [], []
        for position, field in enumerate(self.fields):
            names[f"k{position}"] = field.kind
            test = field.kind.fast_source("", names)[1].format(q=f"q{position}")
            if test:
                tests.append(f"({test.removeprefix(f'q{position}.__class__ is int and ')})")
            arguments.append(f"q{position}" if _is_plain(field) else f"k{position}.dequantise(q{position})")
        row = "".join(f", q{position}" for position in range(len(self.fields)))
        flags = " and ".join(f"q{p} <= 1" for p, field in enumerate(self.fields) if field.kind.name == "flag") or "True"
        source = f"""
def decode_binary(data):
    try:
        _, seq, ack, lag{row} = unpack(data)
    except struct_error:
        wrong_length(data)
    if not ({" and ".join(tests) or "True"} and {flags}) or not seq:
        complain(seq{row})
    value = cls({", ".join(arguments)})
    if len(known) >= {KNOWN_MAX}:
        known.clear()
    if len(data) > {HEAD_BYTES}:
        known[bytes(data[{HEAD_BYTES}:])] = value
    return Input(seq, ack, lag * {1 / LAG_STEPS!r}, value)
"""
        exec(compile(source, f"<decode of {self.name}>", "exec"), names)  # noqa: S102 - made from declared names only
        decoder: Callable[[bytes], Input] = names["decode_binary"]
        return decoder

    def _wrong_length(self, data: bytes) -> None:
        reason = f"an input of {len(data)} bytes; {self.name} has {self._struct.size}"
        raise ProtocolError(CloseCode.BAD_MESSAGE, reason)

    def _complain(self, seq: int, *row: Any) -> None:
        if not seq:
            raise Refused(ErrorCode.BAD_VALUE, "input_seq starts at 1, not 0")
        for field, quantised in zip(self.fields, row, strict=True):
            try:
                field.kind.check(quantised)
            except ValueError as error:
                raise Refused(ErrorCode.BAD_VALUE, f"input.{field.name} {error}") from error
        raise AssertionError(f"{self.name}: {row} is refused without a reason")


def _is_plain(field: Field) -> bool:
    return field.kind.name.startswith(("int", "uint"))
