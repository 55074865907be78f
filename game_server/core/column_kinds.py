"""Kinds by the column: the arithmetic of `kinds.py` for whole numpy arrays, the same to the last bit.

A `ColumnKind` quantises what a game computed: like `Kind.clamp` for each value, and like the object path it says
which values had to be altered to fit. Everything is brought into range before it is cast to an integer, because a
cast of NaN or of a number out of range gives anything. In range, which is tested by the least and the greatest value,
nothing more is done. Callers silence numpy's warnings about NaN and overflow (`np.errstate`).

Only kinds of fixed width have one. Knows nothing of entities, worlds or messages.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .kinds import ANGLE_MAX, FLOAT32_MAX, Angle, Fixed, Flag, Float32, Integer, Kind

Column = npt.NDArray[Any]
#: which values were altered; None: none was
Altered = npt.NDArray[np.bool_] | None


class ColumnKind:
    """A kind of fixed width, by the column."""

    #: of what the game computes with, unless it says `float` where whole numbers would do
    live_dtype: type[np.generic] = np.float64

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        #: of the quantised values; little-endian, as on the wire
        self.wire_dtype = np.dtype("<" + kind.code)

    def quantise(self, values: Column) -> tuple[Column, Altered]:
        """Return the quantised values, and which had to be altered to fit."""
        raise NotImplementedError

    def dequantise(self, quantised: Column) -> Column:
        """Return what clients see."""
        return quantised

    def _finish(self, fitted: Column, altered: npt.NDArray[np.bool_]) -> tuple[Column, Altered]:
        """Cast what is in range or NaN; the latter becomes the default."""
        unknown = np.isnan(fitted)
        fitted[unknown] = 0
        quantised = fitted.astype(self.wire_dtype)
        quantised[unknown] = self.kind.default
        return quantised, altered if altered.any() else None


class IntegerColumn(ColumnKind):
    """Whole numbers; a fraction is cut towards zero, and counts as altered."""

    live_dtype = np.int64

    def quantise(self, values: Column) -> tuple[Column, Altered]:
        low, high = self.kind.min, self.kind.max
        if not len(values) or (low <= values.min() and values.max() <= high):
            quantised = values.astype(self.wire_dtype)
            if values.dtype == np.int64:
                return quantised, None
            altered = quantised != values
            return quantised, altered if altered.any() else None
        fitted = np.clip(values, low, high)
        quantised, _ = self._finish(fitted, np.zeros(0, np.bool_))
        differs: npt.NDArray[np.bool_] = quantised != values
        return quantised, differs


class FlagColumn(ColumnKind):
    """True or false."""

    live_dtype = np.bool_

    def quantise(self, values: Column) -> tuple[Column, Altered]:
        return values.astype(self.wire_dtype), None

    def dequantise(self, quantised: Column) -> Column:
        return quantised.astype(np.bool_)


class Float32Column(ColumnKind):
    """Single precision, quantised to the bit pattern."""

    def quantise(self, values: Column) -> tuple[Column, Altered]:
        singles = values.astype("<f4")
        fits = np.isfinite(singles)
        if fits.all():
            return singles.view("<u4"), None
        quantised = np.clip(values, -FLOAT32_MAX, FLOAT32_MAX).astype("<f4").view("<u4")
        quantised[np.isnan(values)] = self.kind.default
        return quantised, ~fits

    def dequantise(self, quantised: Column) -> Column:
        return quantised.view("<f4").astype(np.float64)


class FixedColumn(ColumnKind):
    """Numbers on a grid."""

    def quantise(self, values: Column) -> tuple[Column, Altered]:
        kind = self.kind
        steps = (values - kind.min if kind.min else values) * kind.inverse
        steps += 0.5
        if not len(steps) or (steps.min() >= 0 and steps.max() < kind.count):
            return steps.astype(self.wire_dtype), None
        # Above -1 it is cut to 0, as int() does for objects.
        altered = ~((steps > -1) & (steps < kind.count))
        return self._finish(np.clip(steps, 0, kind.count - 1), altered)

    def dequantise(self, quantised: Column) -> Column:
        return self.kind.min + quantised * self.kind.step  # type: ignore[no-any-return]


class AngleColumn(ColumnKind):
    """Radians that wrap."""

    def quantise(self, values: Column) -> tuple[Column, Altered]:
        turns = values * self.kind.inverse
        turns += 0.5
        np.floor(turns, out=turns)
        altered = ~(np.abs(values) <= ANGLE_MAX)
        is_altered = altered.any()
        if is_altered:
            turns[altered] = 0
        quantised = (turns.astype(np.int64) & self.kind.bit_mask).astype(self.wire_dtype)
        if is_altered:
            quantised[altered] = self.kind.default
        return quantised, altered if is_altered else None

    def dequantise(self, quantised: Column) -> Column:
        return quantised * self.kind.step  # type: ignore[no-any-return]


_COLUMN_KINDS: dict[type[Kind], Callable[[Any], ColumnKind]] = {
    Integer: IntegerColumn,
    Flag: FlagColumn,
    Float32: Float32Column,
    Fixed: FixedColumn,
    Angle: AngleColumn,
}


def column_kind(kind: Kind) -> ColumnKind | None:
    """Return a kind by the column, or None when its width varies."""
    make = _COLUMN_KINDS.get(type(kind))
    return make(kind) if make else None
