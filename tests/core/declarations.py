"""Strategies: declarations of every kind of wire field, values for them, and classes made of both.

A `Spec` names a declaration instead of being one, because a declaration can stand in one class only, and so that
hypothesis can show and shrink it.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import attrs
from hypothesis import strategies as st

from game_server.core import fields, kinds
from game_server.core.entity import entity

SIZES = {"uint8": (0, 8), "uint16": (0, 16), "uint32": (0, 32), "int8": (1, 8), "int16": (1, 16), "int32": (1, 32)}
_class_numbers = itertools.count()


@attrs.frozen
class Spec:
    """A declaration by name: `Spec("fixed", (0, 10), {"step": 0.5})`."""

    name: str
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = attrs.field(factory=dict, hash=False)

    def declare(self, **more: Any) -> Any:
        """Make the declaration anew."""
        arguments = (each.declare() if isinstance(each, Spec) else each for each in self.arguments)
        return getattr(fields, self.name)(*arguments, **self.options, **more)

    @property
    def kind(self) -> kinds.Kind:
        """The kind inside."""
        return fields.kind_of(self.declare())


# ---- declarations --------------------------------------------------------------------------------------------


@st.composite
def integer_specs(draw: st.DrawFn) -> Spec:
    """Whole numbers, some in a narrower range."""
    name = draw(st.sampled_from(sorted(SIZES)))
    signed, bits = SIZES[name]
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if draw(st.booleans()):
        return Spec(name)
    least, most = sorted((draw(st.integers(low, high)), draw(st.integers(low, high))))
    return Spec(name, (), {"min": least, "max": most})


@st.composite
def fixed_specs(draw: st.DrawFn) -> Spec:
    """Numbers on a grid: whole fractions and powers of two as steps, ranges on both sides of 0, all three widths."""
    step = draw(st.sampled_from([1.0, 0.5, 1 / 16, 1 / 1024, 0.1, 0.01, 1 / 3, 1 / 60, 2.0, 4.0, 64.0]))
    count = draw(st.sampled_from([1, 2, 200, 256, 257, 4096, 65_536, 65_537, 10**6, 2**32 - 2]))
    low = draw(st.sampled_from([0, 0, -1, -0.5, 1, 0.1, -512, 4096, -1e6]) | st.integers(-1000, 1000))
    return Spec("fixed", (low, low + count * step), {"step": step})


def flat_specs() -> st.SearchStrategy[Spec]:
    """Everything of fixed width."""
    return st.one_of(
        integer_specs(),
        fixed_specs(),
        st.sampled_from([Spec("flag"), Spec("float32"), Spec("angle", (), {"bytes": 1}), Spec("angle")]),
    )


def specs() -> st.SearchStrategy[Spec]:
    """Everything that can be declared."""
    varying = st.builds(Spec, st.just("text"), st.tuples(st.integers(0, 12)))
    items = flat_specs() | varying | st.builds(Spec, st.just("list_of"), st.tuples(flat_specs()))
    options = st.fixed_dictionaries({"len_max": st.integers(0, 5)})
    return st.one_of(
        flat_specs(),
        varying,
        st.builds(Spec, st.sampled_from(["list_of", "map_of"]), st.tuples(items), options),
        st.just(Spec("json_value", (), {"bytes_max": 300})),
    )


# ---- values --------------------------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8"), max_size=8)
#: text as a careless program might have it: lone surrogates included
wild_texts = st.text(max_size=8) | st.text(st.sampled_from("a\ud800\udc00\U0001f600é"), max_size=4)
plain_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
#: anything that is a number in Python
numbers = st.one_of(
    st.integers(-300, 300),
    st.floats(),
    st.floats(-5000, 5000),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([10**400, -(10**400), 1.7e308, -1.7e308, 1e9, 1.0000001e9, -0.0, math.inf, -math.inf, math.nan]),
)
#: anything that a parsed message, or a game's mistake, may hand over
junk = st.recursive(
    st.none() | numbers | wild_texts | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(wild_texts | st.integers(), inner, max_size=3),
    max_leaves=6,
)


def quantised(kind: kinds.Kind) -> st.SearchStrategy[Any]:
    """Everything that a kind can have as its quantised value."""
    match kind:
        case kinds.Integer():
            return st.integers(kind.min, kind.max)
        case kinds.Fixed():
            return st.integers(0, kind.count - 1)
        case kinds.Angle():
            return st.integers(0, kind.bit_mask)
        case kinds.Flag():
            return st.integers(0, 1)
        case kinds.Float32():
            return st.floats(width=32, allow_nan=False, allow_infinity=False).map(kind.quantise)
        case kinds.Text():
            return st.text(st.characters(codec="utf-8"), max_size=kind.len_max)
        case kinds.List():
            return st.lists(quantised(kind.of), max_size=kind.len_max).map(tuple)
        case kinds.Map():
            pairs = st.dictionaries(texts, quantised(kind.of), max_size=kind.len_max)
            return pairs.map(lambda items: tuple(sorted(items.items())))
        case kinds.Json():
            return plain_json.map(kinds.canonical_json).filter(lambda text: len(text.encode()) <= kind.bytes_max)
    raise AssertionError(kind)


def game_values(kind: kinds.Kind) -> st.SearchStrategy[Any]:
    """What a game may assign: of the right type, in range or not."""
    match kind:
        case kinds.Text():
            return wild_texts
        case kinds.List():
            return st.lists(game_values(kind.of), max_size=kind.len_max + 2)
        case kinds.Map():
            return st.dictionaries(wild_texts, game_values(kind.of), max_size=kind.len_max + 2)
        case kinds.Json():
            return quantised(kind).map(kind.dequantise)
    return numbers | quantised(kind).map(kind.dequantise)


# ---- classes -------------------------------------------------------------------------------------------------


@attrs.frozen
class FieldSpec:
    """A field of a class to be made."""

    spec: Spec
    to: str = "all"
    predict: bool = False

    def declare(self) -> Any:
        """Make the declaration anew."""
        predict = {"predict": True} if self.predict else {}
        return self.spec.declare(to=self.to, **predict)


def field_specs(*, owned: bool = True) -> st.SearchStrategy[FieldSpec]:
    """Fields for all, and for the owner only."""
    return st.builds(FieldSpec, specs(), st.sampled_from(["all", "all", "owner"]) if owned else st.just("all"))


def namespace(declared: Sequence[FieldSpec]) -> dict[str, Any]:
    """Return a class body with these fields, called f0, f1, ..."""
    names = [f"f{number}" for number in range(len(declared))]
    return {
        "__annotations__": dict.fromkeys(names, Any),
        **{name: each.declare() for name, each in zip(names, declared, strict=True)},
    }


def make_entity(declared: Sequence[FieldSpec]) -> type:
    """Return an entity class with these fields."""
    return entity(type(f"Thing{next(_class_numbers)}", (), namespace(declared)))


def make_room_state(declared: Sequence[FieldSpec]) -> Any:
    """Return an object with a room's own wire fields."""
    return attrs.define(eq=False)(type("RoomState", (), namespace(declared)))()
