"""Kinds: how one value of a field looks on the wire.

A kind turns a value into its quantised form (an integer for every kind of fixed width; text
or a tuple for the others) and back, so that equality is exact and Python and JavaScript agree.

Three ways in, one meaning:
- `quantise(value)` is strict: a value that does not fit raises `ValueError` with what would be right. For what peers
  send.
- `clamp(value)` never fails on a number: out of range goes to the nearest end, NaN to the default. For what games
  compute.
- `fast_source(expression)` is the same arithmetic as Python source, for the generated capture loop in `entity.py`.

Knows nothing of entities, worlds, messages or sockets.
"""

import math
import reprlib
import struct
from typing import Any

import attrs
import ujson

VARINT_MAX = 2**32 - 1


def pack_varint(number: int) -> bytes:
    """Return unsigned LEB128 of a number below 2^32."""
    if number < 0x80:
        return bytes((number,))
    if number < 0x4000:
        return bytes((number & 0x7F | 0x80, number >> 7))
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def unpack_varint(data: bytes, position: int) -> tuple[int, int]:
    """Return the number at `position` and the position behind it; raise ValueError if it is cut or over 32 bits."""
    number = shift = 0
    for index in range(position, min(position + 5, len(data))):
        byte = data[index]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if number > VARINT_MAX:
                raise ValueError("varint over 32 bits")
            return number, index + 1
        shift += 7
    raise ValueError("varint cut short or longer than 5 bytes")


@attrs.frozen
class Kind:
    """What all wire types share. `default` is a quantised value."""

    default: Any

    name = ""
    #: struct format character of the quantised value, or "" when its width varies
    code = ""

    def schema(self) -> dict[str, Any]:
        return {"kind": self.name}

    def quantise(self, value: Any) -> Any:
        raise NotImplementedError

    def clamp(self, value: Any) -> Any:
        raise NotImplementedError

    def dequantise(self, quantised: Any) -> Any:
        return quantised

    def write(self, quantised: Any) -> bytes:
        return struct.pack("<" + self.code, quantised)

    def read(self, data: bytes, position: int) -> tuple[Any, int]:
        (quantised,) = struct.unpack_from("<" + self.code, data, position)
        return self.check(quantised), position + struct.calcsize("<" + self.code)

    def check(self, quantised: Any) -> Any:
        """Return a value that came off the wire; raise ValueError when it lies outside the declared range."""
        return quantised

    def word(self, quantised: Any) -> int:
        """Return the value as the checksum's 32-bit word."""
        if self.code:
            return int(quantised) & 0xFFFFFFFF
        return fnv1a(self.write(quantised))

    def fast_source(self, expression: str, names: dict[str, Any]) -> tuple[str, str]:
        """Return (source that quantises `expression`, source of a test with {q} that it fits), adding constants to
        `names`."""
        raise NotImplementedError


def fnv1a(data: bytes) -> int:
    """Return the 32-bit FNV-1a hash (http://www.isthe.com/chongo/tech/comp/fnv/)."""
    number = 2166136261
    for byte in data:
        number = ((number ^ byte) * 16777619) & 0xFFFFFFFF
    return number


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_nan(value: Any) -> bool:
    # math.isnan raises for an int that no float can hold
    return bool(value != value)


@attrs.frozen
class Integer(Kind):
    """A whole number of 1, 2 or 4 bytes, possibly in a narrower range."""

    name: str
    code: str
    min: int
    max: int

    def schema(self) -> dict[str, Any]:
        return {"kind": self.name, "min": self.min, "max": self.max}

    def quantise(self, value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not self.min <= value <= self.max:
            raise ValueError(f"must be a whole number from {self.min} to {self.max}, not {shown(value)}")
        return value

    def clamp(self, value: Any) -> int:
        if _is_nan(value):
            return int(self.default)
        return int(min(max(value, self.min), self.max))

    def check(self, quantised: int) -> int:
        if not self.min <= quantised <= self.max:
            raise ValueError(f"must be from {self.min} to {self.max}, not {quantised}")
        return quantised

    def fast_source(self, expression: str, names: dict[str, Any]) -> tuple[str, str]:
        return expression, f"{{q}}.__class__ is int and {self.min} <= {{q}} <= {self.max}"


@attrs.frozen
class Flag(Kind):
    """True or false in one byte."""

    name = "flag"
    code = "B"

    def quantise(self, value: Any) -> int:
        if value is True or value is False:
            return int(value)
        if isinstance(value, int) and value in (0, 1):
            return value
        raise ValueError(f"must be true or false, not {shown(value)}")

    def clamp(self, value: Any) -> int:
        return 1 if value else 0

    def dequantise(self, quantised: int) -> bool:
        return quantised != 0

    def check(self, quantised: int) -> int:
        if quantised > 1:
            raise ValueError(f"must be 0 or 1, not {quantised}")
        return quantised

    def fast_source(self, expression: str, names: dict[str, Any]) -> tuple[str, str]:
        return f"1 if {expression} else 0", ""


_FLOAT = struct.Struct("<f")
_UINT32 = struct.Struct("<I")
FLOAT32_MAX = 3.4028234663852886e38


@attrs.frozen
class Float32(Kind):
    """A number of single precision; quantised to its bit pattern, so that equality is exact."""

    name = "float32"
    code = "I"

    def quantise(self, value: Any) -> int:
        if not _is_number(value) or not abs(value) <= FLOAT32_MAX:
            raise ValueError(f"must be a finite number, not {shown(value)}")
        return int(_UINT32.unpack(_FLOAT.pack(value))[0])

    def clamp(self, value: Any) -> int:
        if _is_nan(value):
            return int(self.default)
        return int(_UINT32.unpack(_FLOAT.pack(min(max(value, -FLOAT32_MAX), FLOAT32_MAX)))[0])

    def dequantise(self, quantised: int) -> float:
        return float(_FLOAT.unpack(_UINT32.pack(quantised))[0])

    def check(self, quantised: int) -> int:
        if quantised & 0x7F800000 == 0x7F800000:
            raise ValueError("must be finite")
        return quantised

    def fast_source(self, expression: str, names: dict[str, Any]) -> tuple[str, str]:
        names["float_pack"], names["bits_unpack"] = _FLOAT.pack, _UINT32.unpack
        return f"bits_unpack(float_pack({expression}))[0]", "{q} & 0x7F800000 != 0x7F800000"


@attrs.frozen
class Fixed(Kind):
    """A number on a grid: min + q * step with 0 <= q < count. The range is half open."""

    min: float
    max: float
    step: float
    inverse: float
    count: int
    code: str

    name = "fixed"

    def schema(self) -> dict[str, Any]:
        return {
            "kind": "fixed",
            "min": self.min,
            "max": self.max,
            "step": self.step,
            "bytes": struct.calcsize(self.code),
        }

    def quantise(self, value: Any) -> int:
        if _is_number(value) and self.min - self.step < value < self.max + self.step:
            quantised = math.floor((value - self.min) * self.inverse + 0.5)
            if 0 <= quantised < self.count:
                return int(quantised)
        raise ValueError(f"must be from {self.min:g} to under {self.max:g}, not {shown(value)}")

    def clamp(self, value: Any) -> int:
        if _is_nan(value):
            return int(self.default)
        # Compared before it is multiplied: the largest numbers would overflow.
        if value <= self.min:
            return 0
        if value >= self.max:
            return self.count - 1
        return int(min(math.floor((value - self.min) * self.inverse + 0.5), self.count - 1))

    def dequantise(self, quantised: int) -> float:
        return self.min + quantised * self.step

    def check(self, quantised: int) -> int:
        if quantised >= self.count:
            raise ValueError(f"must be under {self.max:g}, not {self.dequantise(quantised):g}")
        return quantised

    def fast_source(self, expression: str, names: dict[str, Any]) -> tuple[str, str]:
        # int() is floor here: a negative sum above -1 is the clamped 0 anyway, one below fails the test.
        offset = expression if self.min == 0 else f"({expression} - {self.min!r})"
        return f"int({offset} * {self.inverse!r} + 0.5)", f"0 <= {{q}} < {self.count}"


#: beyond it, a turn is lost in the last bits of a double
ANGLE_MAX = 1e9


@attrs.frozen
class Angle(Kind):
    """An angle in radians that wraps: q * 2 pi / 2^bits."""

    code: str
    step: float
    inverse: float
    bit_mask: int

    name = "angle"

    def schema(self) -> dict[str, Any]:
        return {"kind": "angle", "bytes": struct.calcsize(self.code), "step": self.step}

    def quantise(self, value: Any) -> int:
        if not _is_number(value) or not abs(value) <= ANGLE_MAX:
            raise ValueError(f"must be a finite angle in radians, not {shown(value)}")
        return int(math.floor(value * self.inverse + 0.5) & self.bit_mask)

    def clamp(self, value: Any) -> int:
        if not abs(value) <= ANGLE_MAX:
            return int(self.default)
        return int(math.floor(value * self.inverse + 0.5) & self.bit_mask)

    def dequantise(self, quantised: int) -> float:
        return quantised * self.step

    def fast_source(self, expression: str, names: dict[str, Any]) -> tuple[str, str]:
        # Too large a value goes to floor as NaN, which raises ValueError and so takes the slow way.
        names["floor"], names["nan"] = math.floor, math.nan
        angle = f"angle_{len(names)}"
        names[angle] = None
        test = f"-{ANGLE_MAX!r} <= ({angle} := {expression}) <= {ANGLE_MAX!r}"
        return f"floor({angle} * {self.inverse!r} + 0.5 if {test} else nan) & {self.bit_mask}", ""


@attrs.frozen
class Text(Kind):
    """Text of at most `len_max` code points."""

    len_max: int

    name = "text"

    def schema(self) -> dict[str, Any]:
        return {"kind": "text", "len_max": self.len_max}

    def quantise(self, value: Any) -> str:
        if not isinstance(value, str) or len(value) > self.len_max:
            raise ValueError(f"must be text of at most {self.len_max} characters, not {shown(value)}")
        return self.clamp(value)

    def clamp(self, value: Any) -> str:
        # A lone surrogate cannot be sent as UTF-8.
        return str(value)[: self.len_max].encode("utf-8", "replace").decode("utf-8")

    def write(self, quantised: str) -> bytes:
        data = quantised.encode("utf-8")
        return pack_varint(len(data)) + data

    def read(self, data: bytes, position: int) -> tuple[str, int]:
        length, position = unpack_varint(data, position)
        if position + length > len(data):
            raise ValueError("text cut short")
        return data[position : position + length].decode("utf-8"), position + length

    def fast_source(self, expression: str, names: dict[str, Any]) -> tuple[str, str]:
        names["is_encodable"] = _is_encodable
        fits = f"{{q}}.__class__ is str and len({{q}}) <= {self.len_max}"
        return expression, f"{fits} and ({{q}}.isascii() or is_encodable({{q}}))"


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


@attrs.frozen
class List(Kind):
    """A list of at most `len_max` values of one kind; sent whole when it changes."""

    of: Kind
    len_max: int

    name = "list"

    def schema(self) -> dict[str, Any]:
        return {"kind": "list", "of": self.of.schema(), "len_max": self.len_max}

    def quantise(self, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or len(value) > self.len_max:
            raise ValueError(f"must be a list of at most {self.len_max} values, not {shown(value)}")
        return tuple(self.of.quantise(item) for item in value)

    def clamp(self, value: Any) -> tuple[Any, ...]:
        return tuple(self.of.clamp(item) for item in list(value)[: self.len_max])

    def dequantise(self, quantised: tuple[Any, ...]) -> list[Any]:
        return [self.of.dequantise(item) for item in quantised]

    def write(self, quantised: tuple[Any, ...]) -> bytes:
        return pack_varint(len(quantised)) + b"".join(map(self.of.write, quantised))

    def read(self, data: bytes, position: int) -> tuple[tuple[Any, ...], int]:
        count, position = unpack_varint(data, position)
        if count > self.len_max:
            raise ValueError(f"list of {count}, over {self.len_max}")
        items = []
        for _ in range(count):
            item, position = self.of.read(data, position)
            items.append(item)
        return tuple(items), position

    def fast_source(self, expression: str, names: dict[str, Any]) -> tuple[str, str]:
        return _clamp_source(self, expression, names)


@attrs.frozen
class Map(Kind):
    """Text keys to values of one kind, at most `len_max`; sent whole when it changes."""

    of: Kind
    len_max: int

    name = "map"

    _key = Text(default="", len_max=255)

    def schema(self) -> dict[str, Any]:
        return {"kind": "map", "of": self.of.schema(), "len_max": self.len_max}

    def quantise(self, value: Any) -> tuple[tuple[str, Any], ...]:
        if not isinstance(value, dict) or len(value) > self.len_max:
            raise ValueError(f"must be an object of at most {self.len_max} keys, not {shown(value)}")
        return tuple(sorted({self._key.quantise(key): self.of.quantise(item) for key, item in value.items()}.items()))

    def clamp(self, value: Any) -> tuple[tuple[str, Any], ...]:
        # A dict again: two keys may have become one.
        items = {self._key.clamp(key): self.of.clamp(item) for key, item in dict(value).items()}
        return tuple(sorted(items.items())[: self.len_max])

    def dequantise(self, quantised: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
        return {key: self.of.dequantise(item) for key, item in quantised}

    def write(self, quantised: tuple[tuple[str, Any], ...]) -> bytes:
        rows = (self._key.write(key) + self.of.write(item) for key, item in quantised)
        return pack_varint(len(quantised)) + b"".join(rows)

    def read(self, data: bytes, position: int) -> tuple[tuple[tuple[str, Any], ...], int]:
        count, position = unpack_varint(data, position)
        if count > self.len_max:
            raise ValueError(f"map of {count}, over {self.len_max}")
        items = []
        for _ in range(count):
            key, position = self._key.read(data, position)
            item, position = self.of.read(data, position)
            items.append((key, item))
        return tuple(items), position

    def fast_source(self, expression: str, names: dict[str, Any]) -> tuple[str, str]:
        return _clamp_source(self, expression, names)


@attrs.frozen
class Json(Kind):
    """Any JSON value, as canonical text of at most `bytes_max` bytes; sent whole when it changes."""

    bytes_max: int

    name = "json"

    def schema(self) -> dict[str, Any]:
        return {"kind": "json", "bytes_max": self.bytes_max}

    def quantise(self, value: Any) -> str:
        try:
            text = canonical_json(value)
        except (TypeError, OverflowError, UnicodeError) as error:
            raise ValueError(f"must be a JSON value ({error})") from error
        if len(text.encode("utf-8")) > self.bytes_max:
            raise ValueError(f"must be JSON of at most {self.bytes_max} bytes")
        return text

    # Cutting JSON short would change its meaning, so a value that does not fit is the game's mistake.
    clamp = quantise

    def dequantise(self, quantised: str) -> Any:
        return ujson.loads(quantised)

    def write(self, quantised: str) -> bytes:
        data = quantised.encode("utf-8")
        return pack_varint(len(data)) + data

    def read(self, data: bytes, position: int) -> tuple[str, int]:
        length, position = unpack_varint(data, position)
        if position + length > len(data):
            raise ValueError("json cut short")
        text = data[position : position + length].decode("utf-8")
        ujson.loads(text)
        return text, position + length

    def fast_source(self, expression: str, names: dict[str, Any]) -> tuple[str, str]:
        return _clamp_source(self, expression, names)


def _clamp_source(kind: Kind, expression: str, names: dict[str, Any]) -> tuple[str, str]:
    name = f"clamp_{len(names)}"
    names[name] = kind.clamp
    return f"{name}({expression})", ""


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces; equal values give equal text. NaN and infinities are refused."""
    return ujson.dumps(
        value, sort_keys=True, allow_nan=False, ensure_ascii=False, escape_forward_slashes=False, reject_bytes=True
    )


def shown(value: Any) -> str:
    """Return the value as a short text for an error message, however deeply a peer has nested it."""
    text = _brief.repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


_brief = reprlib.Repr()
_brief.maxstring = _brief.maxother = _brief.maxlong = 40
