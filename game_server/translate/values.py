"""What a value in a rule can be, as far as the translator knows before anything runs.

Whole numbers carry the interval in which they must lie. JavaScript's numbers hold each whole number up to 2^53 and then
only some, while Python's hold all: so whole-number arithmetic is accepted only where its result provably stays within
2^53. Real numbers are the same doubles in both languages and need no such care. The sign of a zero is not kept, and
nothing that is accepted can tell it.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Union

import attrs

#: a whole number that comes from a field or a parameter: as wide as any field on the wire
WORD = 2**32
#: what such a field may be assigned: a step adds a little before it is brought back to its wire range
WORD_SLACK = 2**16
EXACT_MAX = 2**53
INT32_MAX = 2**31 - 1


@attrs.frozen
class Whole:
    """A Python int between `low` and `high`."""

    low: float = -WORD
    high: float = WORD


@attrs.frozen
class Real:
    """A Python float."""


@attrs.frozen
class Truth:
    """A Python bool."""


@attrs.frozen
class Nothing:
    """None: what a function returns that returns no value."""


@attrs.frozen
class Tuple:
    """A tuple of so many items, each of its kind."""

    items: tuple["Value", ...]


@attrs.frozen
class Row:
    """A tuple of any length, all items of a kind; None for the item of an empty one."""

    item: Union["Value", None]


@attrs.frozen
class Record:
    """A state or an input: an object with named fields. `fields` are those that hold numbers and flags."""

    name: str
    doc: str = attrs.field(eq=False)
    fields: Mapping[str, "Value"] = attrs.field(eq=False)


Value = Whole | Real | Truth | Nothing | Tuple | Row | Record


def join(one: Value, other: Value) -> Value | None:
    """Return the narrowest value that is either of two, or None when they are of different kinds."""
    if isinstance(one, Whole) and isinstance(other, Whole):
        return Whole(min(one.low, other.low), max(one.high, other.high))
    if isinstance(one, Tuple) and isinstance(other, Tuple) and len(one.items) == len(other.items):
        items = [join(a, b) for a, b in zip(one.items, other.items, strict=True)]
        return None if None in items else Tuple(tuple(item for item in items if item is not None))
    if isinstance(one, Tuple | Row) and isinstance(other, Tuple | Row):
        mine, others = row_of(one), row_of(other)
        if mine is None or others is None:
            return None
        if mine.item is None or others.item is None:
            return mine if others.item is None else others
        item = join(mine.item, others.item)
        return None if item is None else Row(item)
    return one if one == other else None


def row_of(value: Tuple | Row) -> Row | None:
    """Return a tuple as one of any length, or None when its items are of different kinds."""
    if isinstance(value, Row):
        return value
    item: Value | None = None
    for each in value.items:
        item = each if item is None else join(item, each)
        if item is None:
            return None
    return Row(item)


def fits(value: Value, wanted: Value) -> bool:
    """Return whether a value can stand where another kind is wanted; of whole numbers the interval is not looked at."""
    if isinstance(value, Record) and isinstance(wanted, Record):
        mine = value.fields
        return all(name in mine and fits(mine[name], field) for name, field in wanted.fields.items())
    if isinstance(wanted, Row) and isinstance(value, Tuple | Row):
        row = row_of(value)
        return row is not None and (row.item is None or (wanted.item is not None and fits(row.item, wanted.item)))
    if isinstance(wanted, Tuple) and isinstance(value, Tuple):
        same_length = len(value.items) == len(wanted.items)
        return same_length and all(fits(a, b) for a, b in zip(value.items, wanted.items, strict=True))
    return type(value) is type(wanted) and not isinstance(value, Row)


def in_words(value: Value) -> bool:
    """Return whether each whole number in a value is about as wide as a field on the wire, or narrower."""
    if isinstance(value, Whole):
        return value.low >= -WORD - WORD_SLACK and value.high <= WORD + WORD_SLACK
    if isinstance(value, Tuple):
        return all(in_words(item) for item in value.items)
    return not (isinstance(value, Row) and value.item is not None) or in_words(value.item)


def of_constant(constant: Any) -> Value | None:
    """Return what a constant of a module is, or None when it is nothing that a rule can use."""
    if isinstance(constant, bool):
        return Truth()
    if isinstance(constant, int):
        return Whole(int(constant), int(constant)) if abs(constant) <= EXACT_MAX else None
    if isinstance(constant, float):
        return Real() if isfinite(constant) else None
    if type(constant) is not tuple:
        return None
    items = [of_constant(item) for item in constant]
    return None if None in items else Tuple(tuple(item for item in items if item is not None))


def shown(value: Value) -> str:
    """Return a kind as Python writes it in an annotation."""
    if isinstance(value, Tuple):
        return f"tuple[{', '.join(shown(item) for item in value.items) or '()'}]"
    if isinstance(value, Row):
        return f"tuple[{shown(value.item) if value.item is not None else '()'}, ...]"
    if isinstance(value, Record):
        return value.name
    return {Whole: "int", Real: "float", Truth: "bool", Nothing: "None"}[type(value)]
