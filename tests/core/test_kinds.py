"""Kinds: quantise, dequantise, clamp, write, read, and the words of the checksum."""

import math
import struct
from typing import Any

import attrs
import pytest
import ujson
from hypothesis import given
from hypothesis import strategies as st

from game_server.core import kinds
from game_server.core.fields import angle, fixed, flag, float32, int8, json_value, kind_of, list_of, map_of, text, uint8
from game_server.core.kinds import canonical_json, fnv1a, pack_varint, unpack_varint
from game_server.core.schema import kind_of_schema

from .declarations import Spec, flat_specs, game_values, junk, numbers, quantised, specs


@given(st.data(), specs())
def test_values_on_the_grid_stay_what_they_are(data: st.DataObject, spec: Spec) -> None:
    """Whatever came over the wire is sent on as the same bits: quantising what was dequantised changes nothing."""
    kind = spec.kind
    q = data.draw(quantised(kind))

    assert q == kind.quantise(kind.dequantise(q))
    assert q == kind.clamp(kind.dequantise(q))


@given(st.data(), specs())
def test_the_grid_survives_json(data: st.DataObject, spec: Spec) -> None:
    """The decimals of the JSON codec name the same quantised value as the bytes of the binary one."""
    kind = spec.kind
    q = data.draw(quantised(kind))

    assert q == kind.quantise(ujson.loads(canonical_json(kind.dequantise(q))))


@given(st.data(), specs())
def test_what_is_written_is_read(data: st.DataObject, spec: Spec) -> None:
    """Reading gives back the value and the place right behind its bytes."""
    kind = spec.kind
    q = data.draw(quantised(kind))
    written = kind.write(q)

    assert (q, 3 + len(written)) == kind.read(b"\0\0\0" + written + b"\0", 3)


@given(flat_specs(), numbers)
def test_clamp_takes_every_number(spec: Spec, value: Any) -> None:
    """Infinite, NaN, or too large for a double: a number a game computes always ends up inside the range."""
    kind = spec.kind

    q = kind.clamp(value)

    assert q == kind.check(q)
    assert math.isfinite(kind.dequantise(q))
    assert struct.calcsize(kind.code) == len(kind.write(q))


@given(flat_specs(), st.integers(-(2**40), 2**40) | st.floats(-1e12, 1e12))
def test_clamp_gives_the_nearest_end(spec: Spec, value: float) -> None:
    """What is out of range becomes the end it lies beyond; what is in range becomes what strict quantising gives."""
    kind = spec.kind
    if isinstance(kind, kinds.Integer | kinds.Fixed):
        lowest, highest = (kind.min, kind.max) if isinstance(kind, kinds.Integer) else (0, kind.count - 1)
        if value < kind.min:
            assert lowest == kind.clamp(value)
        if value >= kind.max:
            assert highest == kind.clamp(value)
    try:
        strict = kind.quantise(value)
    except ValueError:
        return
    assert strict == kind.clamp(value)


@given(flat_specs())
def test_nan_becomes_the_default(spec: Spec) -> None:
    """NaN says nothing, so the field is as if it had not been set."""
    if spec.name != "flag":
        assert spec.kind.default == spec.kind.clamp(math.nan)


@given(specs(), junk)
def test_a_peer_s_value_is_taken_or_refused(spec: Spec, value: Any) -> None:
    """Strict quantising answers any parsed value at all with a value in range or with ValueError."""
    kind = spec.kind
    try:
        q = kind.quantise(value)
    except ValueError:
        return
    assert (q, len(kind.write(q))) == kind.read(kind.write(q), 0)


@given(specs(), st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(spec: Spec, data: bytes) -> None:
    """Bytes that are no value of this kind raise ValueError (or struct.error where they end too soon)."""
    kind = spec.kind
    try:
        q, position = kind.read(data, 0)
    except (ValueError, struct.error):
        return
    assert 0 <= position <= len(data)
    kind.dequantise(q)
    assert 0 <= kind.word(q) < 2**32


@given(specs())
def test_the_schema_describes_a_kind_fully(spec: Spec) -> None:
    """A client that knows only the schema, as JSON, computes with the very same numbers."""
    kind = spec.kind

    rebuilt = kind_of_schema(ujson.loads(canonical_json(kind.schema())))

    assert _plain(kind) == _plain(rebuilt)


def _plain(kind: kinds.Kind) -> Any:
    """Return a kind without its default, which only inputs have in their schema."""
    kind = attrs.evolve(kind, default=None)
    return attrs.evolve(kind, of=_plain(kind.of)) if isinstance(kind, kinds.List | kinds.Map) else kind


@given(st.data(), specs())
def test_the_word_depends_on_the_bytes_alone(data: st.DataObject, spec: Spec) -> None:
    """Numbers stand in the checksum as their 32 bits, everything else as the FNV-1a hash of its wire bytes."""
    kind = spec.kind
    q = data.draw(quantised(kind))

    expected = q % 2**32 if kind.code else fnv1a(kind.write(q))
    assert expected == kind.word(q)


@pytest.mark.parametrize(
    ("declaration", "value", "complaint"),
    [
        (int8(min=-1, max=1), 2, "must be a whole number from -1 to 1, not 2"),
        (int8(), 1.5, "must be a whole number from -128 to 127, not 1.5"),
        (int8(), True, "must be a whole number from -128 to 127, not True"),
        (uint8(), "7", "must be a whole number from 0 to 255, not '7'"),
        (flag(), "yes", "must be true or false, not 'yes'"),
        (flag(), 2, "must be true or false, not 2"),
        (float32(), math.nan, "must be a finite number, not nan"),
        (float32(), 1e39, "must be a finite number, not 1e+39"),
        (fixed(0, 10, step=0.5), 10, "must be from 0 to under 10, not 10"),
        (fixed(0, 10, step=0.5), 10**400, "must be from 0 to under 10, not 1000"),
        (fixed(0, 10, step=0.5), None, "must be from 0 to under 10, not None"),
        (angle(), 2e9, "must be a finite angle in radians, not 2000000000.0"),
        (text(3), "four", "must be text of at most 3 characters, not 'four'"),
        (list_of(uint8(), len_max=1), [1, 2], "must be a list of at most 1 values, not [1, 2]"),
        (list_of(uint8()), [1, 256], "must be a whole number from 0 to 255, not 256"),
        (map_of(uint8()), [1], "must be an object of at most 255 keys, not [1]"),
        (json_value(bytes_max=4), "four", "must be JSON of at most 4 bytes"),
        (json_value(), math.inf, "must be a JSON value (Invalid value when encoding double)"),
    ],
)
def test_a_refusal_says_what_would_be_right(declaration: Any, value: Any, complaint: str) -> None:
    """The message names the range and the value, so that a player's developer can mend the client."""
    with pytest.raises(ValueError, match="must be") as caught:
        kind_of(declaration).quantise(value)

    assert str(caught.value).startswith(complaint)


def test_a_refusal_of_a_deep_value_is_short() -> None:
    """A value nested a thousand deep is refused like any other, and not shown whole."""
    deep = ujson.loads("[" * 1000 + "]" * 1000)

    with pytest.raises(ValueError, match="must be a whole number") as caught:
        kind_of(uint8()).quantise(deep)

    assert len(str(caught.value)) < 100


def test_minus_zero_keeps_its_sign() -> None:
    """A float32 is its bits: -0.0 is not 0.0."""
    kind = kind_of(float32())

    assert 0x80000000 == kind.quantise(-0.0)
    assert -1.0 == math.copysign(1, kind.dequantise(0x80000000))


def test_half_a_step_rounds_up_on_both_sides_of_zero() -> None:
    """The grid is floor(x + 0.5) and not the language's rounding, which differs between Python and JavaScript."""
    kind = kind_of(fixed(-10, 10, step=1))

    assert [8, 9, 10, 11, 12, 13] == [kind.quantise(value) for value in (-2.5, -1.5, -0.5, 0.5, 1.5, 2.5)]


def test_a_full_turn_is_none() -> None:
    """An angle wraps: the value just under 2 pi that rounds to the full circle is 0."""
    kind = kind_of(angle(bytes=1))

    assert [0, 0, 255, 255, 128] == [
        kind.quantise(each) for each in (0, math.tau - 1e-9, -0.02, math.tau - 0.02, math.pi)
    ]


def test_clamped_text_can_be_sent() -> None:
    """Lone surrogates, which UTF-8 cannot express, become question marks; length counts code points."""
    assert "\U0001f600?b" == kind_of(text(3)).clamp("\U0001f600\ud800bc")


def test_keys_of_a_map_are_unique_and_ascend() -> None:
    """Keys stand once each, by code point (past U+FFFF behind U+FF5E), also where clamping made two the same."""
    kind = kind_of(map_of(uint8()))

    keys = ("\U0001f600", "\uff5e", chr(0xD800), chr(0xD801))

    assert ["?", "\uff5e", "\U0001f600"] == [key for key, _ in kind.clamp(dict.fromkeys(keys, 1))]


@given(st.data(), specs().filter(lambda spec: spec.name != "json_value"))
def test_clamp_takes_what_a_game_computes(data: st.DataObject, spec: Spec) -> None:
    """A value of the right type never raises, however far out; what comes of it can be sent and read."""
    kind = spec.kind

    q = kind.clamp(data.draw(game_values(kind)))

    assert (q, len(kind.write(q))) == kind.read(kind.write(q), 0)


@given(st.integers(0, 2**32 - 1))
def test_varints_come_back(number: int) -> None:
    """A number below 2^32 takes 1 to 5 bytes, 7 bits each, and is read as it was."""
    packed = pack_varint(number)

    assert max(1, math.ceil(number.bit_length() / 7)) == len(packed)
    assert (number, len(packed) + 1) == unpack_varint(b"\xff" + packed, 1)


@pytest.mark.parametrize(
    "data", [b"", b"\x80", b"\xff\xff\xff\xff", b"\xff\xff\xff\xff\x10", b"\x80\x80\x80\x80\x80\x00"]
)
def test_bad_varints_are_refused(data: bytes) -> None:
    """Cut short, over 32 bits, or over 5 bytes: ValueError."""
    with pytest.raises(ValueError, match="varint"):
        unpack_varint(data, 0)


@pytest.mark.parametrize(("data", "expected"), [(b"", 0x811C9DC5), (b"a", 0xE40C292C), (b"foobar", 0xBF9CF968)])
def test_fnv1a_is_the_published_one(data: bytes, expected: int) -> None:
    """Test vectors from http://www.isthe.com/chongo/src/fnv/test_fnv.c."""
    assert expected == fnv1a(data)


@given(quantised(kind_of(json_value(bytes_max=1000))))
def test_equal_json_has_one_text(value: str) -> None:
    """Canonical text parses back to a value whose canonical text it is, so that equality of text is equality."""
    assert value == canonical_json(ujson.loads(value))
    assert value == canonical_json(dict(reversed(ujson.loads(value).items()))) if value.startswith("{") else True
