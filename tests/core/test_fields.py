"""Declarations: widths, defaults, and mistakes that show when the class is made."""

import math
from typing import Any

import attrs
import pytest
from hypothesis import given

from game_server.core import fields
from game_server.core.fields import (
    angle,
    check_annotated,
    fixed,
    int8,
    json_value,
    kind_of,
    list_of,
    map_of,
    text,
    uint8,
)
from game_server.errors import DefinitionError

from .declarations import Spec, fixed_specs, specs


@given(specs())
def test_the_default_is_on_the_wire_s_grid(spec: Spec) -> None:
    """A new instance's value and the quantised default that stands for "not known yet" are the same."""
    declaration = spec.declare()
    made: Any = attrs.make_class("Made", {"x": declaration})()
    kind = kind_of(spec.declare())

    assert kind.default == kind.quantise(made.x)


@given(fixed_specs())
def test_fixed_takes_the_fewest_bytes(spec: Spec) -> None:
    """One byte up to 256 values, two up to 65,536, four beyond."""
    kind: Any = spec.kind

    assert (1 if kind.count <= 2**8 else 2 if kind.count <= 2**16 else 4) == kind.schema()["bytes"]


def test_the_range_of_fixed_is_half_open() -> None:
    """fixed(0, 4096, step=1/16) is 65,536 values in 2 bytes: 0 is one of them, 4096 is not."""
    kind: Any = kind_of(fixed(0, 4096, step=1 / 16))

    assert (65_536, 2) == (kind.count, kind.schema()["bytes"])
    assert 4095.9375 == kind.dequantise(kind.clamp(4096))


@pytest.mark.parametrize(
    ("declaration", "default"),
    [
        (uint8(), 0),
        (uint8(min=3), 3),
        (int8(max=-2), -2),
        (int8(default=5), 5),
        (fixed(-1, 1, step=0.5), 0.0),
        (fixed(2, 4, step=0.5), 2.0),
        (angle(default=math.pi), math.pi),
    ],
)
def test_the_default_is_zero_or_what_is_nearest(declaration: Any, default: float) -> None:
    """Without a default of its own, a number begins at 0, or at the end of its range nearest to it."""
    made: Any = attrs.make_class("Made", {"x": declaration})()

    assert default == made.x


@pytest.mark.parametrize(
    ("declare", "complaint"),
    [
        (lambda: uint8(min=-1), "uint8 holds 0 to 255; a range of -1 to 255 does not fit"),
        (lambda: uint8(min=9, max=3), "a range of 9 to 3 does not fit"),
        (lambda: uint8(default=256), "the default of a uint8 field must be a whole number from 0 to 255, not 256"),
        (lambda: uint8(to="team"), "to must be 'all' or 'owner', not 'team'"),
        (lambda: fixed(1, 1, step=1), "needs finite numbers, min < max and step > 0"),
        (lambda: fixed(0, 1, step=0), "needs finite numbers, min < max and step > 0"),
        (lambda: fixed(0, math.inf, step=1), "needs finite numbers, min < max and step > 0"),
        (lambda: fixed(0, 1, step=math.nan), "needs finite numbers, min < max and step > 0"),
        (lambda: fixed(0, 1, step=0.3), "1 / step must be a whole number, not 3.33"),
        (lambda: fixed(0, 9, step=3), "a step over 1 must be a power of two, not 3"),
        (lambda: fixed(0, 2**33, step=1), "needs 8589934592 values; at most 2\\^32 fit"),
        (lambda: fixed(1e15, 1e15 + 8, step=1 / 16), "so far from 0, a double has no such small steps"),
        (lambda: fixed(0, 4, step=1, default=4), "the default of a fixed field must be from 0 to under 4, not 4"),
        (lambda: angle(bytes=4), "an angle takes 1 or 2 bytes, not 4"),
        (lambda: text(2, default="abc"), "the default of a text field must be text of at most 2 characters"),
        (lambda: json_value(default=math.nan), "the default of a json field must be a JSON value"),
        (lambda: json_value(bytes_max=3, default=[1, 2]), "the default of a json field must be JSON of at most 3"),
        (lambda: list_of(int), "expected a field declaration such as uint8\\(\\), not <class 'int'>"),
        (lambda: map_of(3), "expected a field declaration such as uint8\\(\\), not 3"),
    ],
)
def test_a_wrong_declaration_says_so(declare: Any, complaint: str) -> None:
    """A range, step, default or item that cannot work is refused where it stands, and told why."""
    with pytest.raises(DefinitionError, match=complaint):
        declare()


@pytest.mark.parametrize(
    "declaration", [list_of(uint8()), map_of(uint8()), json_value(default={"a": [1]})], ids=["list", "map", "json"]
)
def test_instances_do_not_share_a_default(declaration: Any) -> None:
    """Changing one instance's list, map or JSON in place, however deep, leaves the next one's as declared."""
    made: Any = attrs.make_class("Made", {"x": declaration})
    before = repr(made().x)
    spoilt = made().x
    if isinstance(spoilt, list):
        spoilt.append(1)
    else:
        spoilt.setdefault("a", []).append(2)

    assert before == repr(made().x)


def test_a_declaration_without_annotation_is_refused() -> None:
    """`x = uint8()` would make attrs take no annotated attribute at all, without a word."""

    class Slip:
        kept: int = 0
        x = uint8()

    with pytest.raises(DefinitionError, match=r"Slip\.x needs an annotation: `x: type = \.\.\.`"):
        check_annotated(Slip)


def test_every_declarer_is_tried_here() -> None:
    """The strategies that the properties draw from know every kind that can be declared."""
    declarers = {
        name
        for name, value in vars(fields).items()
        if callable(value) and getattr(value, "__module__", "") == fields.__name__ and not isinstance(value, type)
        if not name.startswith("_") and name not in ("kind_of", "check_annotated")
    }

    tried = {"uint8", "uint16", "uint32", "int8", "int16", "int32", "fixed", "flag", "float32", "angle"}
    assert tried | {"text", "list_of", "map_of", "json_value"} == declarers
