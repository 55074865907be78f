"""Times as a histogram of known precision that merges exactly.

Log-linear buckets as in HdrHistogram: each power of two is cut into 128, so a value is off by less than 1/128 (0.8 %),
and below 256 us not at all. Values are whole microseconds, so two halves merged are the whole, bit for bit.

Recording is on a bot's hottest path: it only appends to an array (0.03 us; an index into a bucket takes 0.3). Whatever
has piled up is counted at once, with numpy, before anything is read. Knows nothing of what the times are of.
"""

from array import array
from collections.abc import Callable
from typing import Any

import numpy as np

STEP_BITS = 7
STEPS = 1 << STEP_BITS
#: values from here on (19 hours) count as this
VALUE_MAX_US = (1 << 36) - 1
BUCKETS = STEPS * (36 - STEP_BITS + 1)


class Histogram:
    """How often which time occurred. `record(seconds)` counts one; a negative one counts as 0."""

    __slots__ = ("_pending", "buckets", "max_us", "record", "sum_us")

    def __init__(self) -> None:
        self._pending = array("d")
        self.record: Callable[[float], None] = self._pending.append
        self.buckets = np.zeros(BUCKETS, np.int64)
        self.sum_us = 0
        self.max_us = 0

    def fold(self) -> None:
        """Count what has piled up; whatever reads does so first."""
        if not self._pending:
            return
        values = np.clip(np.asarray(self._pending) * 1e6, 0, VALUE_MAX_US).astype(np.int64)
        del self._pending[:]
        _, bit_lengths = np.frexp(values)
        shifts = np.maximum(bit_lengths - STEP_BITS - 1, 0)
        indices = (shifts << STEP_BITS) + (values >> shifts)
        self.buckets += np.bincount(indices, minlength=BUCKETS)
        self.sum_us += int(values.sum())
        self.max_us = max(self.max_us, int(values.max()))

    @property
    def count(self) -> int:
        """How many times were recorded."""
        self.fold()
        return int(self.buckets.sum())

    @property
    def max_ms(self) -> float:
        """The longest, exactly; 0 when there is none."""
        self.fold()
        return self.max_us / 1000

    @property
    def mean_ms(self) -> float:
        """The mean, exactly; 0 when there is none."""
        count = self.count
        return self.sum_us / count / 1000 if count else 0.0

    def percentile_ms(self, percent: float) -> float:
        """Return the time that `percent` of all are at or below (the upper end of its bucket); 0 when there is none."""
        count = self.count
        if not count:
            return 0.0
        rank = max(percent * count / 100, 1)
        index = int(np.searchsorted(np.cumsum(self.buckets), rank))
        return min(upper_us(index), self.max_us) / 1000

    def merge(self, other: "Histogram") -> None:
        """Add another histogram to this one."""
        self.fold()
        other.fold()
        self.buckets += other.buckets
        self.sum_us += other.sum_us
        self.max_us = max(self.max_us, other.max_us)

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object: buckets that hold something, with their numbers."""
        self.fold()
        (filled,) = np.nonzero(self.buckets)
        counts = self.buckets[filled]
        return {"buckets": filled.tolist(), "counts": counts.tolist(), "sum_us": self.sum_us, "max_us": self.max_us}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Histogram":
        """Return what `as_json` wrote."""
        result = cls()
        result.buckets[np.array(value["buckets"], np.int64)] = value["counts"]
        result.sum_us, result.max_us = value["sum_us"], value["max_us"]
        return result

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.as_json() == other.as_json()

    __hash__ = None  # type: ignore[assignment]  # it changes


def upper_us(index: int) -> int:
    """Return the largest value of a bucket."""
    if index < STEPS:
        return index
    shift = (index >> STEP_BITS) - 1
    return ((index - (shift << STEP_BITS) + 1) << shift) - 1
