"""Kinds by the column: the same to the last bit as value by value."""

import math
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from game_server.core import kinds
from game_server.core.column_kinds import column_kind
from game_server.core.entity import _make_scan
from game_server.core.schema import Field

from .declarations import Spec, flat_specs, quantised
from .twins import live_values


@st.composite
def kinds_and_values(draw: st.DrawFn) -> tuple[kinds.Kind, list[Any]]:
    """A kind with any default, and values in range, near its ends, far outside, or no numbers."""
    kind = draw(flat_specs()).kind
    kind = attrs.evolve(kind, default=draw(quantised(kind)))
    near = live_values(kind)
    if isinstance(kind, kinds.Fixed):
        ends = st.sampled_from([kind.min, kind.max, kind.min - kind.step, kind.max - kind.step / 2])
        near |= st.builds(lambda end, off: end + off * kind.step, ends, st.floats(-1.5, 1.5))
    return kind, draw(st.lists(near | quantised(kind).map(kind.dequantise), max_size=6))


@settings(max_examples=250)
@given(kinds_and_values())
def test_a_column_is_quantised_as_its_values_are(drawn: tuple[kinds.Kind, list[Any]]) -> None:
    """Each value becomes what `clamp` makes of it, and comes back as `dequantise` has it."""
    kind, values = drawn
    column: Any = column_kind(kind)

    with np.errstate(over="ignore", invalid="ignore"):
        became, _ = column.quantise(np.array(values, column.live_dtype))

    expected = [kind.clamp(value) for value in values]
    assert expected == became.tolist()
    assert list(map(repr, map(kind.dequantise, expected))) == list(map(repr, column.dequantise(became).tolist()))


@settings(max_examples=400)
@given(kinds_and_values())
def test_a_column_says_what_was_altered(drawn: tuple[kinds.Kind, list[Any]]) -> None:
    """What did not fit is marked: just what the scan of an object counts."""
    kind, values = drawn
    column: Any = column_kind(kind)
    scan = _make_scan("Thing", (Field("value", kind),))

    with np.errstate(over="ignore", invalid="ignore"):
        _, altered = column.quantise(np.array(values, column.live_dtype))

    expected = [bool(scan({1: SimpleNamespace(value=value)}, {}).clamped) for value in values]
    assert expected == ([False] * len(values) if altered is None else altered.tolist())


@pytest.mark.parametrize("value", [3.0, -0.5, 2.75, 300.0, math.nan, -math.inf])
def test_whole_numbers_in_floats(value: float) -> None:
    """A game that computes with fractions where whole numbers are sent has them cut towards zero, and counted."""
    kind: Any = Spec("uint8", (), {"max": 200, "default": 7}).kind
    column: Any = column_kind(kind)

    with np.errstate(invalid="ignore"):
        became, altered = column.quantise(np.array([1.0, value]))

    assert [1, kind.clamp(value)] == became.tolist()
    assert (value != 3.0) == (altered is not None and altered.tolist() == [False, True])
