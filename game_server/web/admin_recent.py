"""What grew lately: the difference of two states of histograms and counters that only grow, and the last 15 minutes.

`Recent` tells the values of the last moments of a histogram. `History` keeps a number a second for each figure, in
columns of fixed length that are overwritten in turn: its memory does not grow, however long the server runs. Pure:
knows no hub, no clock and no page.
"""

import math
from array import array
from collections import deque
from collections.abc import Iterable, Mapping
from operator import sub

from ..core.metrics import Histogram, upper_bound

HISTORY_S = 900
#: figures kept; closes by reason are added as they happen, and this bounds them
COLUMNS_MAX = 96


class Recent:
    """What a growing histogram took in during the last `parts` calls."""

    def __init__(self, parts: int) -> None:
        self._before: deque[tuple[array[int], int, int]] = deque([(array("Q"), 0, 0)], maxlen=parts)

    def roll(self, histogram: Histogram) -> Histogram:
        """Return what is new since `parts` calls ago; everything while there were not so many."""
        buckets = histogram.buckets[:]
        then, count, total = self._before[0]
        recent = Histogram()
        recent.buckets = array(buckets.typecode, map(sub, buckets, then)) + buckets[len(then) :]
        recent.count, recent.sum = histogram.count - count, histogram.sum - total
        recent.max = min(histogram.max, _largest(recent.buckets))
        self._before.append((buckets, histogram.count, histogram.sum))
        return recent


class History:
    """The newest `length` samples of many figures, each a float.

    Args:
        names: figures that are there from the first sample on; others may be added by naming them.
        length: samples kept.
    """

    def __init__(self, names: Iterable[str], length: int = HISTORY_S) -> None:
        self.length = length
        self.count = 0
        self._columns: dict[str, array[float]] = {name: self._empty(math.nan) for name in names}

    def _empty(self, value: float) -> "array[float]":
        return array("d", [value]) * self.length

    @property
    def names(self) -> list[str]:
        """All figures, those with a value from the first on first."""
        return list(self._columns)

    def add(self, sample: Mapping[str, float | None]) -> None:
        """Keep a sample; the oldest goes. A figure that is new counts as 0 before, one beyond the bound is left out."""
        slot = self.count % self.length
        for name in sample:
            if name not in self._columns and len(self._columns) < COLUMNS_MAX:
                self._columns[name] = self._empty(0.0)
        for name, column in self._columns.items():
            value = sample.get(name)
            column[slot] = math.nan if value is None else value
        self.count += 1

    def column(self, name: str) -> list[float | None]:
        """Return the samples of a figure, oldest first; None where there was none."""
        column, slot = self._columns[name], self.count % self.length
        ordered = column[slot:] + column[:slot] if self.count > self.length else column[: self.count]
        return [None if value != value else value for value in ordered]


def _largest(buckets: "array[int]") -> int:
    """Return the largest value that these buckets may hold."""
    for index in range(len(buckets) - 1, -1, -1):
        if buckets[index]:
            return upper_bound(index)
    return 0
